"""Thresholds from targets: properties, errors, and a simulation of the guarantee."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_router_core import _bounds
from hybrid_router_core import calibration as c
from hybrid_router_core.decision import goes_to_small
from hybrid_router_core.errors import CalibrationError, ConfigError, DataError
from hybrid_router_core.metrics import pgr, quality_drop

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
    threshold = c.threshold_for_cost_advantage(scores, target)
    assert 0 <= threshold <= 1
    others = [share(scores, t) for t in [*values, 1.0, 0.0]]
    best = min(abs(other - target) for other in others)
    assert abs(share(scores, threshold) - target) == pytest.approx(best, abs=1e-12)


@given(st.lists(score, min_size=1, max_size=40), unit, unit)
def test_higher_share_never_gives_a_higher_threshold(values: list[float], one: float, two: float) -> None:
    low, high = sorted((one, two))
    assert c.threshold_for_cost_advantage(values, high) <= c.threshold_for_cost_advantage(values, low)


@given(st.lists(score, min_size=1, max_size=40))
def test_operating_points_count_as_the_decision_does(values: list[float]) -> None:
    scores = np.array(values)
    points, counts = c._operating_points(scores)
    assert [int(goes_to_small(scores, float(t)).sum()) for t in points] == counts.tolist()
    assert np.all(np.diff(points) <= 0)
    assert {share(scores, t) for t in [*values, 1.0, 0.0]} == set((counts / len(values)).tolist())


def test_share_extremes_and_ties() -> None:
    scores = [0.2, 0.2, 0.2, 0.8]
    assert c.threshold_for_cost_advantage(scores, 0) == 1.0
    assert c.threshold_for_cost_advantage(scores, 1) == 0.0
    assert c.threshold_for_cost_advantage(scores, 0.25) == 0.5
    assert c.threshold_for_cost_advantage(scores, 0.625) == 0.5  # 25 % and 100 % are as near: fewer to small
    assert c.threshold_for_cost_advantage([1.0, 0.0], 0) == 0.5  # the score of 1 cannot be kept from small


def test_threshold_survives_noise_in_the_scores_and_json() -> None:
    scores = np.linspace(0.01, 0.99, 99)
    threshold = c.threshold_for_cost_advantage(scores, 0.4)
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
        threshold = c.threshold_for_pgr(scores, small, large, target)
    except CalibrationError:
        assert 1.0 in scores
        return
    to_small = goes_to_small(scores, threshold)
    assert pgr(small, large, to_small) >= target - 1e-9
    for other in np.unique(scores[scores < threshold]):
        assert pgr(small, large, goes_to_small(scores, float(other))) < target + 1e-9


def test_pgr_extremes() -> None:
    scores, small, large = [0.1, 0.5, 0.9], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]
    assert c.threshold_for_pgr(scores, small, large, 0) == 0.0
    assert c.threshold_for_pgr(scores, small, large, 0.5) == pytest.approx(0.3)
    assert c.threshold_for_pgr(scores, small, large, 1) == pytest.approx(0.7)  # small is as good there


def test_pgr_undefined_or_out_of_reach() -> None:
    with pytest.raises(CalibrationError, match=r"pgr=0\.5 is undefined .* every query to small"):
        c.threshold_for_pgr([0.1, 0.9], [1.0, 1.0], [1.0, 0.0], 0.5)
    with pytest.raises(CalibrationError, match=r"pgr=0\.5 is undefined"):
        c.threshold_for_pgr([0.1], [0.3], [0.1 + 0.2], 0.5)  # better by rounding only
    with pytest.raises(CalibrationError, match=r"pgr=0\.9.*best that can be had is 0\.5.*50\.0%"):
        c.threshold_for_pgr([0.5, 1.0], [0.0, 0.0], [1.0, 1.0], 0.9)


# --- the quality drop: single cases


def test_small_as_good_as_large_goes_all_the_way() -> None:
    scores = np.linspace(0, 1, 500)
    same = np.full(500, 0.7)
    assert c.threshold_for_quality_drop(scores, same, same, 0.02) == 0.0


def test_no_loss_at_all_can_be_certified_where_small_is_better() -> None:
    # The chain from all-large cannot begin at max_drop = 0; the other starts can.
    scores = np.linspace(0, 1, 500)
    large = np.full(500, 0.5)
    small = np.where(scores > 0.6, 0.8, 0.0)  # large is better by 0.18 on the whole
    threshold = c.threshold_for_quality_drop(scores, small, large, 0.0)
    assert 0 < threshold < 0.75
    assert quality_drop(small, large, goes_to_small(scores, threshold)) < 0


def test_drop_as_large_as_the_range_allows_everything() -> None:
    assert c.threshold_for_quality_drop([0.5], [0.0], [1.0], 1.0) == 0.0
    assert c.threshold_for_quality_drop([0.5], [0.0], [1.0], 5.0, quality_range=(0, 5)) == 0.0


def test_units_of_quality_do_not_matter() -> None:
    scores, small, large = BINARY.draw(np.random.default_rng(1))
    plain = c.threshold_for_quality_drop(scores, small, large, 0.05)
    percent = c.threshold_for_quality_drop(scores, 128 * small - 64, 128 * large - 64, 6.4, quality_range=(-64, 64))
    assert percent == plain
    wide = c.threshold_for_quality_drop(scores, small, large, 0.05, quality_range=(0, 3))
    assert share(scores, wide) <= share(scores, plain)  # a wider range is less informative


def test_order_of_rows_is_seeded() -> None:
    scores, small, large = BINARY.draw(np.random.default_rng(2))
    found = [c.threshold_for_quality_drop(scores, small, large, 0.05, seed=seed) for seed in (0, 0, 1, 2, 3)]
    assert found[0] == found[1]
    assert np.ptp([share(scores, threshold) for threshold in found]) < 0.15


@settings(max_examples=50, deadline=None)
@given(calibration_data(), st.floats(0, 0.5), st.floats(0.01, 0.999))
def test_never_a_silent_all_large(
    data: tuple[np.ndarray, np.ndarray, np.ndarray], max_drop: float, confidence: float
) -> None:
    scores, small, large = data
    try:
        threshold = c.threshold_for_quality_drop(scores, small, large, max_drop, confidence)
    except CalibrationError:
        return
    assert 0 <= threshold <= 1
    assert share(scores, threshold) > 0


def test_infeasible_says_the_best_and_the_rows() -> None:
    scores, small, large = BINARY.draw(np.random.default_rng(3))
    with pytest.raises(
        CalibrationError, match=r"max_quality_drop=0\.001 .*500 rows.*about max_quality_drop=(\S+)\."
    ) as e:
        c.threshold_for_quality_drop(scores, small, large, 0.001)
    message = str(e.value)
    best = float(re.findall(r"about max_quality_drop=([\d.]+)\.", message)[0])
    assert 0.001 < best < 0.03
    rows = int(re.findall(r"at least (\d+) unless", message)[0])
    assert 3100 < rows < 3400  # 3.1 / 0.001, and a little for caution at the start
    # The advice holds.
    assert share(scores, c.threshold_for_quality_drop(scores, small, large, best * 1.1)) > 0
    same = np.ones(rows)
    assert c.threshold_for_quality_drop(np.linspace(0, 1, rows), same, same, 0.001) < 1


def test_infeasible_without_any_best() -> None:
    with pytest.raises(CalibrationError, match=r"No drop below the quality range of 1 .* more rows"):
        c.threshold_for_quality_drop([0.5], [0.0], [1.0], 0.01)


def test_many_rows_use_rows_held_aside() -> None:
    n = _bounds.MAX_FULL + 1
    rng = np.random.default_rng(4)
    scores = rng.random(n)
    large = (rng.random(n) < 0.9).astype(float)
    small = (rng.random(n) < 0.9 * scores).astype(float)  # drop(t) = 0.45 (1 - t)²
    threshold = c.threshold_for_quality_drop(scores, small, large, 0.05)
    oracle = 1 - np.sqrt(0.05 / 0.45)
    assert oracle < threshold < oracle + 0.05


# --- the quality drop: the guarantee, by simulation

ROWS, DRAWS, CONFIDENCE = 500, 1000, 0.95
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
        threshold = _bounds.certified_threshold(scores, losses, case.max_drop, CONFIDENCE, seed)
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
    for _ in range(2000):
        losses = rng.choice([1.0, 0.0, -1.0], size=100, p=[0.2, 0.65, 0.15])
        rejected += int(_bounds.star_rejects(np.ones(100), losses, one, 0.05 * one, 0.1 * one)[0])
    assert 0.02 * 2000 < rejected < 0.1 * 2000 + 3.1 * np.sqrt(2000 * 0.09)


# --- the record


def test_record_of_each_target() -> None:
    scores, small, large = BINARY.draw(np.random.default_rng(8))
    share_to_small = c.calibrate_threshold(scores, small, large, cost_advantage=0.4)
    assert share_to_small.threshold == c.threshold_for_cost_advantage(scores, 0.4)
    assert share_to_small.cost_advantage == pytest.approx(0.4, abs=0.02)
    assert (share_to_small.confidence, share_to_small.quality_drop_bound, share_to_small.seed) == (None, None, None)

    gap = c.calibrate_threshold(scores, small, large, pgr=0.8)
    assert gap.pgr is not None
    assert gap.pgr >= 0.8 - 1e-9

    drop = c.calibrate_threshold(scores, small, large, max_quality_drop=0.05, confidence=0.9, seed=3)
    assert drop.threshold == c.threshold_for_quality_drop(scores, small, large, 0.05, 0.9, seed=3)
    assert (drop.target, drop.target_value, drop.confidence, drop.n) == ("max_quality_drop", 0.05, 0.9, ROWS)
    assert drop.quality_drop_bound == 0.05
    assert drop.quality_drop < 0.05
    assert drop.quality_range == (0.0, 1.0)
    assert "2110.01052" in drop.method


def test_record_goes_through_json_and_is_frozen() -> None:
    record = c.calibrate_threshold([0.3, 0.7], [1, 1], [0, 1], cost_advantage=0.5)
    assert record.pgr is None  # large is not better
    assert c.calibrate_threshold([0.5], [0.3], [0.1 + 0.2], cost_advantage=1).pgr is None  # nor here, but for rounding
    assert c.Calibration.model_validate_json(record.model_dump_json()) == record
    with pytest.raises(ValueError, match="frozen"):
        record.threshold = 0.1  # type: ignore[misc]
    with pytest.raises(ValueError, match="threshold"):
        c.Calibration.model_validate({**record.model_dump(), "threshold": 1.5})


# --- errors


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({}, r"0 calibration targets given \(none\); give exactly one of cost_advantage="),
        ({"pgr": 0.5, "cost_advantage": 0.4}, r"2 calibration targets given \(cost_advantage=0\.4, pgr=0\.5\)"),
        ({"cost_advantage": 1.1}, r"cost_advantage is 1\.1; allowed: a number from 0 to 1"),
        ({"cost_advantage": True}, r"cost_advantage is True"),
        ({"pgr": 90}, r"pgr is 90; allowed: a number from 0 to 1"),
        ({"max_quality_drop": -0.1}, r"max_quality_drop is -0\.1; allowed: a number of at least 0"),
        ({"max_quality_drop": float("nan")}, r"max_quality_drop is nan"),
        ({"max_quality_drop": float("inf")}, r"max_quality_drop is inf"),
        ({"max_quality_drop": "2%"}, r"max_quality_drop is '2%'"),
        ({"max_quality_drop": 0.1, "confidence": 1.0}, r"confidence is 1; .* excluded"),
        ({"max_quality_drop": 0.1, "confidence": 95}, r"confidence is 95; allowed: a number from 0 to 1"),
        (
            {"max_quality_drop": 0.1, "quality_range": (1, 0)},
            r"quality_range is \(1, 0\); allowed: \(lowest, highest\)",
        ),
        ({"max_quality_drop": 0.1, "quality_range": 1}, r"quality_range is 1; allowed"),
    ],
)
def test_settings_are_checked(targets: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        c.calibrate_threshold([0.1, 0.9], [0, 1], [1, 1], **targets)  # type: ignore[arg-type]


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
        c.calibrate_threshold(scores, small, [1, 1], max_quality_drop=0.1)


def test_quality_range_is_asked_for_and_held() -> None:
    with pytest.raises(ConfigError, match=r"go from -3 to 1, outside the default quality_range .* give quality_range="):
        c.threshold_for_quality_drop([0.1, 0.9], [-3, 1], [1, 1], 0.1)
    with pytest.raises(DataError, match=r"go from -3 to 1, outside quality_range=\(-2, 1\)"):
        c.threshold_for_quality_drop([0.1, 0.9], [-3, 1], [1, 1], 0.1, quality_range=(-2, 1))
