"""Thresholds from targets: properties, errors, and a simulation of the guarantee."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_router_core.calibration import Calibration, calibrate_on, calibrate_threshold, targets
from hybrid_router_core.calibration import bounds as _bounds
from hybrid_router_core.calibration.betting import orders_of, rejects
from hybrid_router_core.calibration.losses import Losses
from hybrid_router_core.data import RoutingDataset
from hybrid_router_core.errors import CalibrationError, ConfigError, DataError
from hybrid_router_core.evaluation.metrics import pgr, quality_drop
from hybrid_router_core.routing import goes_to_small

unit = st.floats(0, 1, allow_subnormal=False)
# Few distinct values on one side, to get ties and both ends; any float on the other, neighbours included.
score = st.one_of(st.sampled_from([0.0, 0.25, 0.5, float(np.nextafter(0.5, 1)), 0.75, 1.0]), unit)


@st.composite
def calibration_data(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = draw(st.integers(1, 40))
    return tuple(np.array(draw(st.lists(values, min_size=n, max_size=n))) for values in (score, unit, unit))


def share(scores: np.ndarray, threshold: float) -> float:
    return float(goes_to_small(scores, threshold).mean())


# --- a share of the queries


@given(st.lists(score, min_size=1, max_size=40), unit)
def test_share_is_the_nearest_there_is(values: list[float], target: float) -> None:
    scores = np.array(values)
    threshold = targets.threshold_for_cost_advantage(scores, target)
    assert 0 <= threshold <= 1
    others = [share(scores, t) for t in [*values, 1.0, 0.0]]
    best = min(abs(other - target) for other in others)
    assert abs(share(scores, threshold) - target) == pytest.approx(best, abs=1e-12)


@given(st.lists(score, min_size=1, max_size=40), unit, unit)
def test_higher_share_never_gives_a_higher_threshold(values: list[float], one: float, two: float) -> None:
    low, high = sorted((one, two))
    assert targets.threshold_for_cost_advantage(values, high) <= targets.threshold_for_cost_advantage(values, low)


@given(st.lists(score, min_size=1, max_size=40))
def test_operating_points_count_as_the_decision_does(values: list[float]) -> None:
    scores = np.array(values)
    points, counts = targets.operating_points(scores)
    assert [int(goes_to_small(scores, float(t)).sum()) for t in points] == counts.tolist()
    assert np.all(np.diff(points) <= 0)
    assert {share(scores, t) for t in [*values, 1.0, 0.0]} == set((counts / len(values)).tolist())


def test_share_extremes_and_ties() -> None:
    scores = [0.2, 0.2, 0.2, 0.8]
    assert targets.threshold_for_cost_advantage(scores, 0) == 1.0
    assert targets.threshold_for_cost_advantage(scores, 1) == 0.0
    assert targets.threshold_for_cost_advantage(scores, 0.25) == 0.5
    assert targets.threshold_for_cost_advantage(scores, 0.625) == 0.5  # 25 % and 100 % are as near: fewer to small
    assert targets.threshold_for_cost_advantage([1.0, 0.0], 0) == 0.5  # the score of 1 cannot be kept from small


def test_threshold_survives_noise_in_the_scores_and_json() -> None:
    scores = np.linspace(0.01, 0.99, 99)
    threshold = targets.threshold_for_cost_advantage(scores, 0.4)
    again = json.loads(json.dumps(threshold))
    assert again == threshold
    assert share(scores.astype(np.float32).astype(np.float64), again) == share(scores, threshold)


# --- PGR


@given(calibration_data(), unit)
def test_pgr_is_reached_at_the_lowest_cost(data: tuple[np.ndarray, np.ndarray, np.ndarray], target: float) -> None:
    scores, small, large = data
    if large.mean() - small.mean() < 1e-6:
        return
    try:
        threshold = targets.threshold_for_pgr(scores, small, large, target)
    except CalibrationError:
        assert 1.0 in scores
        return
    to_small = goes_to_small(scores, threshold)
    assert pgr(small, large, to_small) >= target - 1e-9
    for other in np.unique(scores[scores < threshold]):
        assert pgr(small, large, goes_to_small(scores, float(other))) < target + 1e-9


def test_pgr_extremes() -> None:
    scores, small, large = [0.1, 0.5, 0.9], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]
    assert targets.threshold_for_pgr(scores, small, large, 0) == 0.0
    assert targets.threshold_for_pgr(scores, small, large, 0.5) == pytest.approx(0.3)
    assert targets.threshold_for_pgr(scores, small, large, 1) == pytest.approx(0.7)  # small is as good there


def test_pgr_undefined_or_out_of_reach() -> None:
    with pytest.raises(CalibrationError, match=r"pgr=0\.5 is undefined .* every query to small"):
        targets.threshold_for_pgr([0.1, 0.9], [1.0, 1.0], [1.0, 0.0], 0.5)
    with pytest.raises(CalibrationError, match=r"pgr=0\.5 is undefined"):
        targets.threshold_for_pgr([0.1], [0.3], [0.1 + 0.2], 0.5)  # better by rounding only
    with pytest.raises(CalibrationError, match=r"pgr=0\.9.*best that can be had is 0\.5.*50\.0%"):
        targets.threshold_for_pgr([0.5, 1.0], [0.0, 0.0], [1.0, 1.0], 0.9)


# --- the quality drop: single cases


def test_small_as_good_as_large_goes_all_the_way() -> None:
    scores = np.linspace(0, 1, 500)
    same = np.full(500, 0.7)
    assert targets.threshold_for_quality_drop(scores, same, same, 0.02) == 0.0


def test_no_loss_at_all_can_be_certified_where_small_is_better() -> None:
    # The chain from all-large cannot begin at max_drop = 0; the other starts can.
    scores = np.linspace(0, 1, 500)
    large = np.full(500, 0.5)
    small = np.where(scores > 0.6, 0.8, 0.0)  # large is better by 0.18 on the whole
    threshold = targets.threshold_for_quality_drop(scores, small, large, 0.0)
    assert 0 < threshold < 0.75
    assert quality_drop(small, large, goes_to_small(scores, threshold)) < 0


@pytest.mark.parametrize(("limit", "ends"), [(1.0, (0, 1)), (2, (0, 1)), (5.0, (0, 5))])
def test_a_drop_as_large_as_the_range_limits_nothing_and_is_refused(limit, ends) -> None:
    with pytest.raises(ConfigError, match=f"limits nothing.*less than {ends[1]}, or a text such as '2%' for a share"):
        targets.threshold_for_quality_drop([0.5], [0.0], [1.0], limit, quality_range=ends)


def test_units_of_quality_do_not_matter() -> None:
    scores, small, large = BINARY.draw(np.random.default_rng(1))
    plain = targets.threshold_for_quality_drop(scores, small, large, 0.05)
    percent = targets.threshold_for_quality_drop(
        scores, 128 * small - 64, 128 * large - 64, 6.4, quality_range=(-64, 64)
    )
    assert percent == plain
    wide = targets.threshold_for_quality_drop(scores, small, large, 0.05, quality_range=(0, 3))
    assert share(scores, wide) <= share(scores, plain)  # a wider range is less informative


def test_order_of_rows_is_seeded() -> None:
    scores, small, large = BINARY.draw(np.random.default_rng(2))
    found = [targets.threshold_for_quality_drop(scores, small, large, 0.05, seed=seed) for seed in (0, 0, *range(20))]
    assert found[0] == found[1]
    assert np.std([share(scores, threshold) for threshold in found]) <= 0.02


@settings(max_examples=50, deadline=None)
@given(calibration_data(), st.floats(0, 0.5), st.floats(0.01, 0.999))
def test_never_a_silent_all_large(
    data: tuple[np.ndarray, np.ndarray, np.ndarray], max_drop: float, confidence: float
) -> None:
    scores, small, large = data
    try:
        threshold = targets.threshold_for_quality_drop(scores, small, large, max_drop, confidence)
    except CalibrationError:
        return
    assert 0 <= threshold <= 1
    assert share(scores, threshold) > 0


def test_infeasible_says_the_best_and_the_rows() -> None:
    scores, small, large = BINARY.draw(np.random.default_rng(3))
    with pytest.raises(
        CalibrationError, match=r"max_quality_drop=0\.001 .*500 rows.*about max_quality_drop=(\S+)\."
    ) as e:
        targets.threshold_for_quality_drop(scores, small, large, 0.001)
    message = str(e.value)
    best = float(re.findall(r"about max_quality_drop=([\d.]+)\.", message)[0])
    assert 0.001 < best < 0.03
    rows = int(re.findall(r"at least (\d+) unless", message)[0])
    assert 3100 < rows < 3400  # 3.1 / 0.001, and a little for caution at the start
    # The advice holds.
    assert share(scores, targets.threshold_for_quality_drop(scores, small, large, best * 1.1)) > 0
    same = np.ones(rows)
    assert targets.threshold_for_quality_drop(np.linspace(0, 1, rows), same, same, 0.001) < 1


def test_infeasible_without_any_best() -> None:
    with pytest.raises(CalibrationError, match=r"No drop below the quality range of 1 .* more rows"):
        targets.threshold_for_quality_drop([0.5], [0.0], [1.0], 0.01)


def test_many_rows_use_rows_held_aside() -> None:
    n = _bounds.MAX_FULL + 1
    rng = np.random.default_rng(4)
    scores = rng.random(n)
    large = (rng.random(n) < 0.9).astype(float)
    small = (rng.random(n) < 0.9 * scores).astype(float)  # drop(t) = 0.45 (1 - t)²
    threshold = targets.threshold_for_quality_drop(scores, small, large, 0.05)
    oracle = 1 - np.sqrt(0.05 / 0.45)
    assert oracle < threshold < oracle + 0.05


# --- the quality drop: the guarantee, by simulation

ROWS, DRAWS, CONFIDENCE = 500, 300, 0.95
LEVELS = np.arange(51) / 50
Draw = Callable[[np.random.Generator, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class World:
    """A joint distribution with scores on 51 levels, so that the true drop is a finite sum."""

    name: str
    answers: Draw  # level index per row -> qualities of small and large
    loss: np.ndarray  # true mean of large - small at each level
    max_drop: float
    power: float  # least mean share to small, as a part of the oracle's
    weights: np.ndarray

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        level = rng.choice(len(LEVELS), size=ROWS, p=self.weights)
        return LEVELS[level], *self.answers(rng, level)

    def drop(self, threshold: float) -> float:
        return float((self.weights * self.loss)[goes_to_small(LEVELS, threshold)].sum())

    def share(self, threshold: float) -> float:
        return float(self.weights[goes_to_small(LEVELS, threshold)].sum())

    def oracle_share(self) -> float:
        """Of the thresholds that a walk down from all-large can reach without crossing a violation."""
        shares = [0.0]
        for threshold in LEVELS[::-1]:
            if self.drop(threshold) > self.max_drop:
                break
            shares.append(self.share(threshold))
        return max(shares)


def binary(small: np.ndarray, large: np.ndarray) -> Draw:
    def answers(rng: np.random.Generator, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return tuple((rng.random(len(level)) < p[level]).astype(float) for p in (small, large))

    return answers


def graded(loss: np.ndarray) -> Draw:
    def answers(rng: np.random.Generator, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        large = rng.uniform(0.4, 0.8, len(level))
        return large - loss[level] + rng.uniform(-0.1, 0.1, len(level)), large

    return answers


def world(name: str, small: np.ndarray, large: np.ndarray, max_drop: float, power: float, weights: np.ndarray) -> World:
    return World(name, binary(small, large), large - small, max_drop, power, weights / weights.sum())


HILL = LEVELS * (1 - LEVELS) + 0.01
FLAT = np.ones(51)
CLIFF = np.where(LEVELS == 0.8, 0.3, 0.0) + np.where(LEVELS == 0.4, 0.7, 0.0)
SLOPE = 0.25 * (1 - LEVELS)
BINARY = world("binary", 0.2 + 0.7 * LEVELS, 0.9 * FLAT, 0.05, 0.4, HILL)
WORLDS = [
    BINARY,
    world("uninformative", 0.7 * FLAT, 0.78 * FLAT, 0.05, 0.3, HILL),
    # At 0.4 the drop is a hair above what is allowed, and there all depends on one test.
    world("cliff at the edge", np.where(LEVELS < 0.6, 1 - 0.0501 / 0.7, 1.0), FLAT, 0.05, 0.99, CLIFF),
    # Small is better at the top and worse below, so that the drop first falls; the edge lies at the last step.
    world("small better at the top", 0.4 + 0.5 * LEVELS, 0.65 * FLAT + 0.0201, 0.02, 0.4, FLAT),
    World("graded", graded(SLOPE), SLOPE, 0.05, 0.7, FLAT / 51),
]


@pytest.mark.parametrize("case", WORLDS, ids=lambda case: case.name)
def test_guarantee_holds_and_is_not_idle(case: World) -> None:
    rng = np.random.default_rng(5)
    violations, shares = 0, []
    for seed in range(DRAWS):
        scores, small, large = case.draw(rng)
        losses = large - small
        threshold = _bounds.certified_threshold(Losses.plain(scores, losses), case.max_drop, CONFIDENCE, seed)
        if threshold is None:
            shares.append(0.0)
            continue
        violations += case.drop(threshold) > case.max_drop
        shares.append(case.share(threshold))
    # 99.9 % quantile of the binomial with the allowed rate.
    allowed = np.quantile(np.random.default_rng(6).binomial(DRAWS, 1 - CONFIDENCE, 200_000), 0.999)
    assert violations <= allowed
    assert np.mean(shares) >= case.power * case.oracle_share()


def test_one_test_keeps_its_level_at_the_edge() -> None:
    # Thousands of independent data sets with a true drop of exactly max_drop, and losses of both signs.
    rng = np.random.default_rng(7)
    rejected = 0
    one = np.ones(1)
    for seed in range(2000):
        losses = rng.choice([1.0, 0.0, -1.0], size=100, p=[0.2, 0.65, 0.15])
        rejected += int(
            rejects(Losses.plain(np.ones(100), losses), one, 0.05 * one, 0.1 * one, orders_of(100, seed))[0]
        )
    assert 0.02 * 2000 < rejected < 0.1 * 2000 + 3.1 * np.sqrt(2000 * 0.09)


# --- rows that are no independent draws


def broken(copies: int, queries: np.ndarray | None, draws: int = 200) -> float:
    """How often a limit of 0.05 is certified for 60 distinct queries in several rows each, whose true drop is 0.065."""
    rng = np.random.default_rng(0)
    certified = 0
    for seed in range(draws):
        small = np.repeat(1.0 - (rng.random(60) < 0.065), copies)
        scores, ones = np.full(len(small), 0.6), np.ones(len(small))
        try:
            calibrate_threshold(scores, small, ones, max_quality_drop=0.05, queries=queries, seed=seed)
        except CalibrationError:
            continue
        certified += 1
    return certified / draws


@pytest.mark.parametrize("copies", [1, 5, 10])
def test_rows_of_one_query_are_one_draw(copies: int) -> None:
    assert broken(copies, np.repeat(np.arange(60), copies), draws=60) <= 0.05
    if copies == 10:
        assert broken(copies, None, draws=60) > 0.1  # what the limit comes to where rows are taken for draws


def test_the_record_counts_queries_and_takes_their_means() -> None:
    scores, small, large = BINARY.draw(np.random.default_rng(9))
    plain = calibrate_threshold(scores, small, large, max_quality_drop=0.05)
    twice = [np.repeat(column, 2) for column in (scores, small, large)]
    record = calibrate_threshold(*twice, max_quality_drop=0.05, queries=np.repeat(np.arange(ROWS), 2))
    assert (record.n, record.n_queries, plain.n, plain.n_queries) == (2 * ROWS, ROWS, ROWS, ROWS)
    assert (record.threshold, record.quality_drop) == (plain.threshold, plain.quality_drop)
    mixed = calibrate_threshold([0.2, 0.8, 0.8], [0, 0, 1], [1, 1, 1], cost_advantage=0.5, queries=["a", "b", "b"])
    assert (mixed.n_queries, mixed.cost_advantage, mixed.quality_drop) == (2, 0.5, 0.25)
    with pytest.raises(DataError, match="one entry for each of the 3 rows"):
        calibrate_threshold([0.2, 0.8, 0.8], [0, 0, 1], [1, 1, 1], cost_advantage=0.5, queries=["a", "b"])


def rows(groups: int, of_each: int, rng: np.random.Generator, spread: bool) -> tuple[RoutingDataset, np.ndarray]:
    """Queries in groups, each with a loss rate of its own (or all with the same), and their scores."""
    rate = (
        np.repeat(rng.beta(0.3, 0.3 * (1 / 0.05 - 1), groups), of_each) if spread else np.full(groups * of_each, 0.05)
    )
    lost = (rng.random(len(rate)) < rate).astype(float)
    records = [
        {"query": f"query {i}", "small_quality": 1 - x, "large_quality": 1.0, "group": str(i // of_each)}
        for i, x in enumerate(lost)
    ]
    return RoutingDataset.from_records(records), np.full(len(rate), 0.6)


def warned(spread: bool, groups: int, of_each: int, draws: int) -> float:
    """How often a calibration warns of groups."""
    found, certified, rng = 0, 0, np.random.default_rng(11)
    for seed in range(draws):
        data, scores = rows(groups, of_each, rng, spread)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            unseen = np.zeros(len(data), dtype=bool)
            try:
                record = calibrate_on(data, scores, unseen, seed=seed, max_quality_drop=0.2)
            except CalibrationError:
                continue
        assert (record.design_effect > 1.25) == bool(caught)
        found += bool(caught)
        certified += 1
    return found / certified


def test_groups_that_lose_alike_are_said_and_others_are_not() -> None:
    assert warned(spread=True, groups=20, of_each=20, draws=40) >= 0.75
    assert warned(spread=False, groups=20, of_each=20, draws=100) <= 0.08
    assert warned(spread=False, groups=100, of_each=3, draws=60) <= 0.08


def test_what_was_trained_on_is_left_out_and_counted() -> None:
    data, scores = rows(20, 20, np.random.default_rng(12), spread=False)
    seen = np.arange(len(data)) < 2
    with pytest.warns(UserWarning, match="2 of the 400 calibration rows were left out"):
        record = calibrate_on(data, scores, seen, seed=0, cost_advantage=1.0)
    assert (record.n, record.left_out) == (398, 2)
    with pytest.raises(DataError, match="29 distinct ones are left; 30 are needed"):
        calibrate_on(data, scores, np.arange(len(data)) >= 29, seed=0, cost_advantage=1.0)


# --- the record


def test_record_of_each_target() -> None:
    scores, small, large = BINARY.draw(np.random.default_rng(8))
    share_to_small = calibrate_threshold(scores, small, large, cost_advantage=0.4)
    assert share_to_small.threshold == targets.threshold_for_cost_advantage(scores, 0.4)
    assert share_to_small.cost_advantage == pytest.approx(0.4, abs=0.02)
    assert (share_to_small.confidence, share_to_small.quality_drop_bound, share_to_small.seed) == (None, None, None)

    gap = calibrate_threshold(scores, small, large, pgr=0.8)
    assert gap.pgr is not None
    assert gap.pgr >= 0.8 - 1e-9

    drop = calibrate_threshold(scores, small, large, max_quality_drop=0.05, confidence=0.9, seed=3)
    assert drop.threshold == targets.threshold_for_quality_drop(scores, small, large, 0.05, 0.9, seed=3)
    assert (drop.target, drop.target_value, drop.confidence, drop.n) == ("max_quality_drop", 0.05, 0.9, ROWS)
    assert drop.quality_drop_bound == 0.05
    assert drop.quality_drop < 0.05
    assert drop.quality_range == (0.0, 1.0)
    assert "2110.01052" in drop.method


def test_record_goes_through_json_and_is_frozen() -> None:
    record = calibrate_threshold([0.3, 0.7], [1, 1], [0, 1], cost_advantage=0.5)
    assert record.pgr is None  # large is not better
    assert calibrate_threshold([0.5], [0.3], [0.1 + 0.2], cost_advantage=1).pgr is None  # nor here, but for rounding
    assert Calibration.model_validate_json(record.model_dump_json()) == record
    with pytest.raises(ValueError, match="frozen"):
        record.threshold = 0.1  # type: ignore[misc]
    with pytest.raises(ValueError, match="threshold"):
        Calibration.model_validate({**record.model_dump(), "threshold": 1.5})


# --- errors


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"0 calibration targets given \(none\); give exactly one of cost_advantage="),
        ({"pgr": 0.5, "cost_advantage": 0.4}, r"2 calibration targets given \(cost_advantage=0\.4, pgr=0\.5\)"),
        ({"cost_advantage": 1.1}, r"cost_advantage is 1\.1; allowed: a number from 0 to 1"),
        ({"cost_advantage": True}, r"cost_advantage is True"),
        ({"pgr": 90}, r"pgr is 90; allowed: a number from 0 to 1"),
        ({"max_quality_drop": -0.1}, r"max_quality_drop is -0\.1; allowed: a number of at least 0"),
        ({"max_quality_drop": float("nan")}, r"max_quality_drop is nan"),
        ({"max_quality_drop": float("inf")}, r"max_quality_drop is inf"),
        (
            {"max_quality_drop": "2"},
            r"max_quality_drop is '2'; allowed: a number of at least 0 .*, or a text from '0%'",
        ),
        ({"max_quality_drop": "-1%"}, r"max_quality_drop is '-1%'"),
        ({"max_quality_drop": "two%"}, r"max_quality_drop is 'two%'"),
        ({"max_quality_drop": "nan%"}, r"max_quality_drop is 'nan%'"),
        ({"max_quality_drop": 0.1, "across": "rows"}, r"across is 'rows'; allowed: 'groups'"),
        ({"pgr": 0.5, "across": "groups"}, r"across='groups' goes with max_quality_drop= alone"),
        ({"max_quality_drop": 0.1, "confidence": 1.0}, r"confidence is 1; .* excluded"),
        ({"max_quality_drop": 0.1, "confidence": 95}, r"confidence is 95; allowed: a number from 0 to 1"),
        (
            {"max_quality_drop": 0.1, "quality_range": (1, 0)},
            r"quality_range is \(1, 0\); allowed: \(lowest, highest\)",
        ),
        ({"max_quality_drop": 0.1, "quality_range": 1}, r"quality_range is 1; allowed"),
    ],
)
def test_settings_are_checked(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        calibrate_threshold([0.1, 0.9], [0, 1], [1, 1], **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scores", "small", "message"),
    [
        ([0.1], [0, 1], r"lengths \(1, 2, 2\); they must be equal"),
        ([], [0, 1], r"scores has shape \(0,\); allowed: \(n,\) with n >= 1"),
        ([[0.1, 0.2]], [0, 1], r"scores has shape \(1, 2\)"),
        ([0.1, 1.2], [0, 1], r"scores\[1\] is 1\.2; allowed: from 0 to 1"),
        ([0.1, 0.2], [0, float("nan")], r"small_quality\[1\] is nan; allowed: finite numbers"),
        ([0.1, 0.2], ["good", "bad"], r"small_quality holds something that is not a number"),
    ],
)
def test_arrays_are_checked(scores: list[float], small: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        calibrate_threshold(scores, small, [1, 1], max_quality_drop=0.1)


def test_quality_range_is_asked_for_and_held() -> None:
    with pytest.raises(ConfigError, match=r"go from -3 to 1, outside the default quality_range .* give quality_range="):
        targets.threshold_for_quality_drop([0.1, 0.9], [-3, 1], [1, 1], 0.1)
    with pytest.raises(DataError, match=r"go from -3 to 1, outside quality_range=\(-2, 1\)"):
        targets.threshold_for_quality_drop([0.1, 0.9], [-3, 1], [1, 1], 0.1, quality_range=(-2, 1))
