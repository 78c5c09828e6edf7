"""The test for a signal: how often it says yes, where there is one and where there is none."""

import numpy as np
import pytest

from hybrid_router_core import RoutingDataset
from hybrid_router_core.inspection import inspect_data, signal_of
from hybrid_router_core.inspection.signal import FEWEST, MOST

WORDS = ["river", "stone", "cloud", "paper", "engine", "garden", "silver", "window", "market", "doctor", "winter"]
EASY, HARD = "What is the {} of a {} near the {}?", "Prove step by step that 3x^2 + 7 = {} implies {} <= {}."


def queries(n, rng, share=0.5):
    hard = rng.random(n) < share
    words = rng.choice(WORDS, (n, 3))
    return [f"{(HARD if h else EASY).format(*w)} ({i})" for i, (h, w) in enumerate(zip(hard, words, strict=True))], hard


def share_of_yes(small_of, draws, n=150, hard_share=0.5):
    """Of data sets in which small is right with these chances by row, given which queries are hard."""
    yes = 0
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        texts, hard = queries(n, rng, hard_share)
        yes += (
            signal_of(RoutingDataset(texts, small_of(hard, rng), np.zeros(n)), seed=seed, permutations=99).p_value
            <= 0.05
        )
    return yes / draws


def test_a_signal_is_found():
    assert share_of_yes(lambda hard, rng: rng.random(len(hard)) < np.where(hard, 0.3, 0.6), 40) > 0.8


# Of 200 draws at 5 %, more than 9.5 % come about once in a thousand.
@pytest.mark.parametrize(
    ("small_of", "hard_share"),
    [
        (lambda hard, rng: rng.random(len(hard)) < 0.4, 0.5),
        (lambda hard, rng: rng.normal(0, 1, len(hard)), 0.5),
        (lambda hard, rng: np.where(hard, rng.choice([-1.0, 1.0], len(hard)), 0.0), 0.1),  # only the spread
    ],
    ids=["right or wrong", "graded", "spread"],
)
def test_false_alarms_are_as_rare_as_said(small_of, hard_share):
    assert share_of_yes(small_of, 200, hard_share=hard_share) <= 0.095


def test_repeats_are_one_draw():
    """Rows of one query share its luck: counted one by one, they look like a signal."""
    yes = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        texts, _ = queries(40, rng)
        small = np.repeat(rng.random(40) < 0.5, 5).astype(float)
        found = signal_of(RoutingDataset([t for t in texts for _ in range(5)], small, np.zeros(200)), permutations=99)
        assert found.queries == 40
        yes += found.p_value <= 0.05
    assert yes <= 12


def test_too_few_alike_and_too_many():
    rng = np.random.default_rng(0)
    texts, hard = queries(MOST + 300, rng)
    few = RoutingDataset(texts[: FEWEST - 1], rng.random(FEWEST - 1), np.zeros(FEWEST - 1))
    assert signal_of(few) is None
    assert signal_of(RoutingDataset(texts[:100], np.ones(100), np.zeros(100))) is None
    many = signal_of(RoutingDataset(texts, hard, np.zeros(len(texts))), permutations=49)
    assert (many.queries, many.p_value) == (MOST, 1 / 50)
    one_text = RoutingDataset(["the same words"] * 50, rng.random(50), np.zeros(50))
    assert signal_of(one_text) is None
    for odd in (["a", "b"], ["?" * (i % 2 + 1) + " " * i for i in range(60)]):
        rows = [f"{text}{i:c}" for i, text in enumerate(odd * (60 // len(odd)), 0x4E00)]
        found = signal_of(RoutingDataset(rows, rng.random(60), np.zeros(60)))
        assert 0 < found.p_value <= 1


def test_the_interval_of_the_gap_counts_repeats_once():
    rng = np.random.default_rng(0)
    texts, _ = queries(100, rng)
    small = (rng.random(100) < 0.5).astype(float)
    once = inspect_data(RoutingDataset(texts, small, np.zeros(100)), scorer=None).gap
    often = inspect_data(RoutingDataset(texts * 9, np.tile(small, 9), np.zeros(900)), scorer=None).gap
    assert often["mean"] == pytest.approx(once["mean"])
    assert often["high"] - often["low"] == pytest.approx(once["high"] - once["low"], rel=0.01)


def test_where_small_leads_everywhere_there_is_nothing_to_raise():
    """The gap depends on the text, and its sign does not: a router could only lose."""
    yes = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        texts, hard = queries(300, rng)
        small, large = rng.random(300) < np.where(hard, 0.85, 0.90), rng.random(300) < np.where(hard, 0.45, 0.85)
        found = inspect_data(RoutingDataset(texts, small, large), scorer=None, seed=seed)
        yes += found.verdict.answer == "yes"
    assert yes <= 5  # of 40 at 5 %, more than 5 come about once in thirty


def test_where_each_model_leads_somewhere_quality_can_be_raised():
    rng = np.random.default_rng(0)
    texts, hard = queries(300, rng)
    small, large = rng.random(300) < np.where(hard, 0.3, 0.9), rng.random(300) < np.where(hard, 0.9, 0.3)
    found = inspect_data(RoutingDataset(texts, small, large), scorer=None)
    assert (found.verdict.answer, found.verdict.headline) == ("yes", "a router can raise quality above either model")


def test_a_few_queries_asked_often_tell_too_little():
    data = RoutingDataset(["one", "two"] * 60, np.tile([0.0, 1.0], 60), np.ones(120))
    verdict = inspect_data(data, scorer=None).verdict
    assert verdict.answer == "perhaps"
    assert "too few different queries" in verdict.headline


def test_groups_that_are_alike_widen_the_interval_and_are_told():
    """20 groups of 20 rows with a gap of their own: counted one by one, the interval misses the mean of all groups."""
    missed = told = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        texts, _ = queries(400, rng)
        gap = np.repeat(rng.normal(0, 0.3, 20), 20) + rng.normal(0, 0.3, 400)
        data = RoutingDataset(texts, gap, np.zeros(400), groups=[f"g{i // 20}" for i in range(400)])
        found = inspect_data(data, scorer=None, permutations=19)
        missed += not found.gap["low"] <= 0 <= found.gap["high"]
        told += any("queries of one group are alike" in reason for reason in found.verdict.reasons)
    assert missed <= 6  # of 40 at 5 %, and a normal interval of 20 groups
    assert told >= 38
