"""Rows that are a weighted sample of the traffic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.calibration import calibrate_threshold
from hybrid_router_core.errors import CalibrationError, ConfigError, DataError
from hybrid_router_core.evaluation.metrics import cost_advantage, pgr, quality_drop

LIMIT, SMALLEST = 0.05, 0.05
PLAN = {"weights": [1.0, 2.0], "smallest_probability": 0.5}


def traffic(rng, n, kind):
    """Scores, small's quality, large's, and the probability with which each query is chosen.

    Small loses where the score is low, and more often on one query in five; these are chosen often, or seldom.
    """
    scores = rng.integers(0, 51, n) / 50
    hard = rng.random(n) < 0.2
    small = 1.0 - (rng.random(n) < np.where(hard, 0.9, 0.3) * (1 - scores))
    large = 1.0 - 0.3 * (rng.random(n) < 0.15)
    if kind == "hard ones seldom":
        chances = np.where(hard, SMALLEST, 0.2)
    elif kind == "hard ones often":
        chances = np.where(hard, 0.5, SMALLEST)
    else:  # by the score, as where calls to large are seldom asked twice
        chances = np.clip(0.3 * scores, SMALLEST, 1)
    return scores, small, large, chances


def sample(rng, rows, kind):
    columns = traffic(rng, 40 * rows, kind)
    chosen = np.flatnonzero(rng.random(40 * rows) < columns[3])[:rows]
    scores, small, large, chances = (column[chosen] for column in columns)
    return scores, small, large, 1 / chances


def true_drops():
    """The drop over the traffic at each of the 51 scores as the threshold; the plan does not matter."""
    scores, small, large, _ = traffic(np.random.default_rng(0), 2_000_000, "by score")
    lost = np.bincount(np.rint(50 * scores).astype(int), large - small, minlength=51) / len(scores)
    return np.cumsum(lost[::-1])[::-1]


DROPS = true_drops()


def drop_at(threshold):
    first = int(np.ceil(50 * threshold - 1e-9))
    return DROPS[first] if first < 51 else 0.0


@pytest.mark.parametrize("kind", ["hard ones seldom", "hard ones often", "by score"])
def test_the_limit_holds_for_the_traffic(kind):
    draws, broken, shares = 300, 0, []
    for seed in range(draws):
        scores, small, large, weights = sample(np.random.default_rng([1, seed]), 400, kind)
        try:
            record = calibrate_threshold(
                scores,
                small,
                large,
                max_quality_drop=LIMIT,
                seed=seed,
                weights=weights,
                smallest_probability=SMALLEST,
            )
        except CalibrationError:
            shares.append(0.0)
            continue
        broken += drop_at(record.threshold) > LIMIT
        shares.append(record.cost_advantage)
    assert broken <= np.quantile(np.random.default_rng(0).binomial(draws, 0.05, 100_000), 0.999)
    assert np.mean(shares) > 0.25  # of 0.6 that could be had


def test_weights_that_are_left_out_break_it():
    draws, broken = 100, 0
    for seed in range(draws):
        scores, small, large, _ = sample(np.random.default_rng([1, seed]), 400, "hard ones seldom")
        try:
            record = calibrate_threshold(scores, small, large, max_quality_drop=LIMIT, seed=seed)
        except CalibrationError:
            continue
        broken += drop_at(record.threshold) > LIMIT
    assert broken > 0.1 * draws


def test_a_kind_that_is_chosen_too_seldom_to_be_seen_is_allowed_for():
    """Six in a hundred queries lose, and are chosen 100 times less often: hardly any of 500 rows shows one."""
    certified = {0.01: 0, 1.0: 0}
    for seed in range(40):
        rng = np.random.default_rng([2, seed])
        rare = rng.random(500) < 0.06 / 100 / 0.9406
        weights = np.where(rare, 100.0, 1.0)
        for smallest in certified:
            if weights.max() * smallest > 1:
                continue
            try:
                calibrate_threshold(
                    np.full(500, 0.6),
                    1.0 - rare,
                    np.ones(500),
                    max_quality_drop=LIMIT,
                    weights=weights,
                    smallest_probability=smallest,
                    seed=seed,
                )
            except CalibrationError:
                continue
            certified[smallest] += 1
    assert certified[0.01] <= 2
    assert certified[1.0] > 20  # what comes of a smallest probability that is read off the rows


def record_or_error(*arrays, **named):
    try:
        return calibrate_threshold(*arrays, **named).model_dump()
    except (CalibrationError, ConfigError) as error:
        return {"error": str(error)}


qualities = st.lists(st.floats(0, 1), min_size=30, max_size=30)


@given(qualities, qualities, st.integers(0, 5))
@settings(deadline=None, max_examples=40)
def test_equal_weights_change_nothing(small, large, seed):
    scores = np.random.default_rng(seed).random(30)
    for target in ({"max_quality_drop": 0.6}, {"max_quality_drop": "70%"}, {"cost_advantage": 0.4}, {"pgr": 0.5}):
        plain = record_or_error(scores, small, large, seed=seed, **target)
        even = record_or_error(scores, small, large, seed=seed, weights=np.ones(30), smallest_probability=1.0, **target)
        assert {**even, "smallest_probability": None} == {"smallest_probability": None, **plain}


def test_the_record_tells_of_the_traffic():
    scores, small, large, weights = sample(np.random.default_rng(3), 2000, "hard ones seldom")
    plan = {"weights": weights, "smallest_probability": SMALLEST}
    record = calibrate_threshold(scores, small, large, max_quality_drop=LIMIT, **plan)
    to_small = scores >= record.threshold
    assert record.smallest_probability == SMALLEST
    assert record.cost_advantage == pytest.approx(cost_advantage(to_small, weights))
    assert record.quality_drop == pytest.approx(quality_drop(small, large, to_small, weights))
    assert record.pgr == pytest.approx(pgr(small, large, to_small, weights))
    for share in (0.3, 0.6):
        found = calibrate_threshold(scores, small, large, cost_advantage=share, **plan)
        assert found.cost_advantage == pytest.approx(share, abs=0.02)
    assert calibrate_threshold(scores, small, large, pgr=0.8, **plan).pgr >= 0.8 - 1e-9


def test_a_row_that_stands_for_k_is_about_as_k_rows():
    """The figures are the same; the certificate is not, since one row is one draw."""
    scores, small, large, weights = sample(np.random.default_rng(4), 300, "hard ones often")
    counts = np.rint(weights).astype(int)
    thin = calibrate_threshold(
        scores, small, large, cost_advantage=0.5, weights=counts, smallest_probability=1 / counts.max()
    )
    thick = calibrate_threshold(*(np.repeat(column, counts) for column in (scores, small, large)), cost_advantage=0.5)
    assert thin.threshold == thick.threshold
    assert thin.quality_drop == pytest.approx(thick.quality_drop)


def test_a_repeated_query_is_one_draw_with_the_mean_weight():
    once = calibrate_threshold([0.2, 0.8], [0, 1], [1, 1], cost_advantage=0.6, weights=[2, 3], smallest_probability=0.1)
    twice = calibrate_threshold(
        [0.2, 0.8, 0.8],
        [0, 1, 1],
        [1, 1, 1],
        cost_advantage=0.6,
        weights=[2, 1, 5],
        smallest_probability=0.1,
        queries=["a", "b", "b"],
    )
    assert (once.cost_advantage, once.quality_drop) == (twice.cost_advantage, twice.quality_drop) == (0.6, 0.0)


def test_what_is_said_where_weights_leave_too_little():
    with pytest.raises(CalibrationError, match=r"at least \d{4} unless"):
        calibrate_threshold(
            np.full(200, 0.6),
            np.ones(200),
            np.ones(200),
            max_quality_drop=LIMIT,
            weights=np.ones(200),
            smallest_probability=0.05,
        )


@pytest.mark.parametrize(
    ("plan", "error", "message"),
    [
        ({"weights": [1, 2]}, ConfigError, r"needs smallest_probability=.*stands for 0\.5"),
        ({"smallest_probability": 0.5}, ConfigError, r"goes with weights="),
        ({**PLAN, "smallest_probability": 0}, ConfigError, "smallest_probability is 0"),
        ({**PLAN, "smallest_probability": 2}, ConfigError, "smallest_probability is 2"),
        ({**PLAN, "weights": [1, float("nan")]}, DataError, r"weights\[1\] is nan"),
        ({**PLAN, "weights": [1, float("inf")]}, DataError, r"weights\[1\] is inf"),
        ({**PLAN, "weights": [1, 0]}, DataError, r"weights\[1\] is 0; allowed: from 1 to .* = 2"),
        ({**PLAN, "weights": [1, -3]}, DataError, r"weights\[1\] is -3"),
        ({**PLAN, "weights": [1, 2.1]}, DataError, r"weights\[1\] is 2\.1"),
        ({**PLAN, "weights": [1, 2, 2]}, DataError, r"3 entries and there are 2 rows"),
        ({**PLAN, "weights": ["a", "b"]}, DataError, r"weights holds something that is not a number"),
        ({**PLAN, "weights": 2.0}, DataError, r"weights has shape \(\)"),
        ({**PLAN, "across": "groups", "groups": ["a", "b"]}, ConfigError, "does not go with across"),
    ],
)
def test_weights_are_checked(plan, error, message):
    with pytest.raises(error, match=message):
        calibrate_threshold([0.1, 0.9], [0, 1], [1, 1], max_quality_drop=0.3, **plan)


def test_a_router_takes_them():
    rng = np.random.default_rng(5)
    rows = [
        {"query": f"{'Add' if i % 2 else 'Prove'} number {i}", "small_quality": float(i % 2), "large_quality": 1.0}
        for i in range(600)
    ]
    data = RoutingDataset.from_records(rows)
    train, calibration = data.take(np.arange(200)), data.take(np.arange(200, 600))
    router = HybridRouter(scorer="linear").fit(train)
    weights = rng.choice([1.0, 2.0], 400)
    record = router.calibrate(calibration, max_quality_drop=0.1, weights=weights, smallest_probability=0.5).calibration
    assert record.smallest_probability == 0.5
    assert record.cost_advantage == pytest.approx(
        cost_advantage(router.score(calibration) >= router.threshold, weights), abs=0.05
    )
    plain = router.calibrate(calibration, max_quality_drop=0.1).calibration
    even = router.calibrate(calibration, max_quality_drop=0.1, weights=np.ones(400), smallest_probability=1).calibration
    assert even.model_copy(update={"smallest_probability": None}) == plain
    both = data.take(np.arange(100, 600))  # what was trained on is left out with its weights
    with pytest.warns(UserWarning, match="left out"):
        mixed = router.calibrate(
            both, max_quality_drop=0.1, weights=np.r_[np.ones(100), weights], smallest_probability=0.5
        )
    assert mixed.calibration.threshold == record.threshold
    with pytest.raises(DataError, match="400 rows"):
        router.calibrate(calibration, max_quality_drop=0.1, weights=weights[:5], smallest_probability=0.5)
    with pytest.raises(ConfigError, match="across"):
        router.calibrate(calibration, max_quality_drop=0.1, across="groups", weights=weights, smallest_probability=0.5)
