"""The report's figures: against their definitions, and their intervals against a known truth."""

import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from hybrid_router_core import ConfigError, DataError
from hybrid_router_core.evaluation import Outcomes, evaluate_scores
from hybrid_router_core.evaluation.intervals import bounded_intervals


def draw_outcomes(n, seed=0, skill=1.0):
    """Large is right on 85 %, small on 30 to 80 %, rising with the score if there is skill."""
    rng = np.random.default_rng(seed)
    easy = rng.random(n)
    scores = easy if skill else rng.random(n)
    small = (rng.random(n) < 0.3 + 0.5 * easy).astype(float)
    large = (rng.random(n) < 0.85).astype(float)
    return Outcomes(scores, small, large, labels=(small >= large).astype(float))


def with_costs_and_groups(data):
    n = len(data.scores)
    return replace(
        data,
        small_cost=np.full(n, 1.0),
        large_cost=np.full(n, 10.0),
        groups=["even" if i % 2 == 0 else "odd" for i in range(n)],
    )


@pytest.fixture(scope="module")
def report():
    return evaluate_scores(with_costs_and_groups(draw_outcomes(600)), threshold=0.6, resamples=200)


def test_every_interval_holds_its_value(report):
    assert len(report.measures) == 11
    for name, interval in report.measures.items():
        assert interval.low <= interval.value <= interval.high, name
    assert (report.band[0] <= report.band[1]).all()


def test_a_higher_confidence_widens_every_interval(report):
    wide = evaluate_scores(report.outcomes, threshold=0.6, resamples=200, confidence=0.99)
    for name, interval in report.measures.items():
        assert wide.interval(name).low <= interval.low, name
        assert interval.high <= wide.interval(name).high, name


def test_the_seed_decides_the_resamples(report):
    def again(seed):
        return evaluate_scores(report.outcomes, threshold=0.6, resamples=50, seed=seed)

    assert again(3).to_dict() == again(3).to_dict()
    assert again(3).interval("apgr") != again(4).interval("apgr")
    assert again(3).apgr == again(4).apgr


def test_random_scores_have_an_apgr_of_a_half():
    interval = evaluate_scores(draw_outcomes(2000, skill=0.0), threshold=0.5, resamples=200).interval("apgr")
    assert interval.low < 0.5 < interval.high
    skilled = evaluate_scores(draw_outcomes(2000), threshold=0.5, resamples=200).interval("apgr")
    assert skilled.low > 0.5


def test_ninety_five_percent_intervals_cover_the_truth_about_that_often():
    # By construction: 40 % go to small at threshold 0.6, where it is right on 30 + 50 * 0.8 = 70 %.
    truth = {"cost_advantage": 0.4, "quality_drop": 0.4 * (0.85 - 0.7), "pgr": 1 - 0.4 * 0.15 / 0.3}
    runs = 150
    reports = [
        evaluate_scores(draw_outcomes(200, seed), threshold=0.6, resamples=100, seed=seed) for seed in range(runs)
    ]
    for name, value in truth.items():
        covered = np.mean([r.interval(name).low <= value <= r.interval(name).high for r in reports])
        assert 0.88 <= covered <= 0.995, name  # 0.95 less four standard errors of 150 runs


def test_the_calibration_error_of_calibrated_scores_is_not_said_to_be_large():
    def calibrated(seed):
        rng = np.random.default_rng(seed)
        scores = rng.random(400)
        labels = (rng.random(400) < scores).astype(float)
        return Outcomes(scores, labels, np.ones(400), labels)

    found = [evaluate_scores(calibrated(i), threshold=0.5, resamples=100).interval("ece") for i in range(40)]
    assert all(i.low <= i.value <= i.high for i in found)
    # The truth is 0. Percentile intervals start at 0.044 on average and miss the value itself in 20 % of such draws.
    assert np.mean([i.low for i in found]) < 0.02


def test_the_baselines_agree_with_each_other(report):
    rows = report.baselines()
    assert list(rows) == ["router", "all small", "all large", "random", "oracle"]
    assert rows["oracle"]["apgr"] >= rows["router"]["apgr"] >= 0.5 == rows["random"]["apgr"]
    assert rows["oracle"]["quality"] >= rows["router"]["quality"]
    assert rows["router"]["cost_advantage"] == rows["random"]["cost_advantage"] == rows["oracle"]["cost_advantage"]
    assert rows["all small"]["quality"] == pytest.approx(report.outcomes.small.mean())
    assert rows["all large"]["quality"] == pytest.approx(report.outcomes.large.mean())
    routed = np.where(report.outcomes.scores >= 0.6, report.outcomes.small, report.outcomes.large)
    assert rows["router"]["quality"] == pytest.approx(routed.mean())


def test_the_oracle_splits_queries_of_equal_gap():
    small, large = np.zeros(10), np.array([1.0] * 8 + [0.0] * 2)
    data = Outcomes(np.linspace(0, 1, 10), small, large, labels=1 - large)
    oracle = evaluate_scores(data, threshold=0.5, resamples=5).baselines()["oracle"]
    assert oracle["cpt_50"] == pytest.approx(0.4)  # half of the eight queries on which large is better
    assert oracle["cpt_80"] == pytest.approx(0.7)


def test_groups_add_up_to_the_whole(report):
    rows, data = report.group_rows(), report.outcomes
    assert [row.group for row in rows] == ["even", "odd"]
    sizes = np.array([row.n for row in rows])
    assert sizes.sum() == len(data.scores)

    def overall(column):
        return float(np.average([getattr(row, column) for row in rows], weights=sizes))

    assert overall("cost_advantage") == pytest.approx(report.interval("cost_advantage").value)
    assert overall("small") == pytest.approx(data.small.mean())
    assert overall("large") == pytest.approx(data.large.mean())
    assert overall("large") - overall("routed") == pytest.approx(report.quality_drop())


def test_group_names_are_kept_as_they_are():
    names = ["a", "a\0", "b" * 5000]
    data = replace(draw_outcomes(3), groups=names)
    assert [row.group for row in evaluate_scores(data, threshold=0.5, resamples=2).group_rows()] == names


def test_saved_cost_is_the_share_of_the_cost_of_all_large(report):
    share = report.interval("cost_advantage").value
    assert report.interval("saved_cost").value == pytest.approx(share * 0.9)  # small costs a tenth
    assert "saved_cost" not in evaluate_scores(draw_outcomes(20), threshold=0.5, resamples=2).measures


def test_queries_of_unknown_cost_are_left_out_of_the_saving():
    ones = np.ones(4)
    data = Outcomes(np.array([0.9, 0.9, 0.1, 0.1]), ones, ones, ones, np.array([1, np.nan, 1, 1]), np.full(4, 10.0))
    saved = evaluate_scores(data, threshold=0.5, resamples=2).interval("saved_cost").value
    assert saved == pytest.approx(1 - (1 + 10 + 10) / 30)


def test_figures_at_another_share(report):
    assert report.quality_drop(0.0) == pytest.approx(0.0)
    assert report.pgr(1.0) == pytest.approx(0.0)
    at = report.interval("cost_advantage").value
    assert report.quality_drop(at) == pytest.approx(report.quality_drop())
    assert report.pgr(at) == pytest.approx(report.pgr())
    assert report.cpt(0.5) == report.interval("cpt_50").value
    assert f"APGR {report.apgr:.3f}" in str(report)


def test_to_dict_is_strict_json_even_where_figures_are_missing():
    same = np.full(5, 0.5)
    about = {
        "tau": float("nan"),
        "sizes": (128, np.int64(64)),
        "rate": np.float32(0.5),
        3: {"deep": np.array([np.inf])},
    }
    data = Outcomes(same, same, same, np.ones(5), groups=list("aabbc"))
    record = evaluate_scores(data, threshold=0.5, resamples=3, about=about).to_dict()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["baselines"]["random"] == {"cost_advantage": 1.0, "quality": 0.5}
    assert record["measures"]["pgr"] == {"value": None, "low": None, "high": None}
    assert record["about"] == {"tau": None, "sizes": [128, 64], "rate": 0.5, "3": {"deep": [None]}}
    assert record["n"] == 5
    assert [group["n"] for group in record["groups"]] == [2, 2, 1]


def test_training_queries_give_a_warning():
    with pytest.warns(UserWarning, match="3 of the 10 queries were trained on"):
        report = evaluate_scores(draw_outcomes(10), threshold=0.5, resamples=2, seen_in_training=3)
    assert report.to_dict()["seen_in_training"] == 3


@pytest.mark.parametrize("settings", [{"threshold": 1.5}, {"resamples": 0}, {"confidence": 1.0}, {"confidence": 95}])
def test_settings_that_are_not_allowed(settings):
    with pytest.raises(ConfigError, match="allowed"):
        evaluate_scores(draw_outcomes(5), **{"threshold": 0.5, "resamples": 2, **settings})


@pytest.mark.parametrize("change", [{"scores": np.full(5, np.nan)}, {"scores": np.full(5, 1.1)}, {"small": np.ones(4)}])
def test_columns_that_cannot_be_used(change):
    with pytest.raises(DataError):
        evaluate_scores(replace(draw_outcomes(5), **change), threshold=0.5, resamples=2)


def test_no_queries_at_all():
    with pytest.raises(DataError, match="n >= 1"):
        evaluate_scores(draw_outcomes(0), threshold=0.5)


def test_names_and_shares_that_do_not_exist(report):
    with pytest.raises(ConfigError, match="apgr_ten_bins"):
        report.interval("agpr")
    for ask in (report.cpt, report.pgr, report.quality_drop):
        with pytest.raises(ConfigError, match="from 0 to 1"):
            ask(40)


# --- few losses, repeats, groups


@pytest.mark.parametrize(("n", "rate"), [(160, 0.02), (160, 0.05), (500, 0.3)])
def test_the_interval_of_the_drop_holds_the_truth_however_few_lose(n, rate):
    rng, held = np.random.default_rng(13), 0
    for seed in range(100):
        scores = rng.random(n)
        loss = ((scores >= 0.6) & (rng.random(n) < rate)).astype(float)
        report = evaluate_scores(
            Outcomes(scores, 1 - loss, np.ones(n), np.ones(n)), threshold=0.6, resamples=100, seed=seed
        )
        interval = report.interval("quality_drop")
        held += interval.low <= 0.4 * rate <= interval.high
        assert interval.high > 0
    assert held >= 90


def test_without_a_loss_the_interval_is_the_rule_of_three():
    n = 160
    scores, ones = np.linspace(0, 1, n), np.ones(n)
    report = evaluate_scores(Outcomes(scores, ones, ones, ones), threshold=0.5, resamples=2000)
    drop, share = report.interval("quality_drop"), report.interval("cost_advantage")
    assert drop.value == 0.0
    assert drop.high == pytest.approx(1 - 0.025 ** (1 / n), rel=0.1)
    assert drop.low == pytest.approx(-drop.high, rel=0.1)
    assert share.low < 0.5 < share.high
    assert report.interval("relative_quality_drop").high == pytest.approx(100 * drop.high)
    none = evaluate_scores(Outcomes(0.4 * scores, ones, ones, ones), threshold=0.5, resamples=200)
    assert none.interval("cost_advantage").high > 0.01


def test_the_interval_is_exact_for_losses_of_0_and_1():
    n, lost = 200, 6
    x = np.zeros((n, 1))
    x[:lost] = 1
    found = bounded_intervals(x, np.ones(n), np.array([[0.0], [1.0]]), 20_000, 0.95, 0)[:, 0]
    exact = scipy.stats.beta.ppf([0.025, 0.975], [lost, lost + 1], [n - lost + 1, n - lost])
    assert found == pytest.approx(exact, rel=0.03)


def test_rows_of_one_query_are_drawn_together():
    rng = np.random.default_rng(14)
    scores, small = rng.random(100), (rng.random(100) < 0.7).astype(float)
    ones = np.ones(100)
    once = evaluate_scores(Outcomes(scores, small, ones, ones, queries=np.arange(100)), threshold=0.5, resamples=300)
    five = [np.repeat(column, 5) for column in (scores, small, ones, ones)]
    rows = evaluate_scores(Outcomes(*five), threshold=0.5, resamples=300)
    queries = evaluate_scores(Outcomes(*five, queries=np.repeat(np.arange(100), 5)), threshold=0.5, resamples=300)
    assert queries.n_queries == 100

    def width(report, name):
        return report.interval(name).high - report.interval(name).low

    for name in ("quality_drop", "apgr"):
        assert queries.interval(name).value == pytest.approx(rows.interval(name).value)
        assert width(queries, name) == pytest.approx(width(once, name), rel=0.15)
        assert width(rows, name) < 0.65 * width(once, name)


def test_groups_that_lose_alike_are_said():
    rng = np.random.default_rng(15)
    small = np.repeat((rng.random(20) < 0.7).astype(float), 20)
    groups = [str(i // 20) for i in range(400)]
    scores, ones = rng.random(400), np.ones(400)
    with pytest.warns(UserWarning, match=r"these 400 in 20 groups tell as much as about \d+ independent ones"):
        report = evaluate_scores(Outcomes(scores, small, ones, ones, groups=groups), threshold=0.3, resamples=20)
    assert report.design_effect > 3
    assert report.to_dict()["design_effect"] == report.design_effect
