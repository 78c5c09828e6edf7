"""Measures against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hybrid_router_core.evaluation import TradeOff, expected_calibration_error
from hybrid_router_core.evaluation.metrics import (
    auroc,
    cost_advantage,
    pgr,
    quality_drop,
    relative_quality_drop,
    reliability_bins,
)
from hybrid_router_core.routing import goes_to_small

SMALL = np.array([0.0, 1.0, 1.0, 0.0])
LARGE = np.array([1.0, 1.0, 0.5, 1.0])
SCORES = np.array([0.1, 0.6, 0.9, 0.4])


@st.composite
def outcomes(draw, ties=True):
    n = draw(st.integers(1, 15))
    grid = st.integers(0, 4 if ties else 10**6).map(lambda i: i / (4 if ties else 10**6))
    scores = draw(hnp.arrays(np.float64, n, elements=grid, unique=not ties))
    quality = hnp.arrays(np.float64, n, elements=st.integers(0, 5).map(lambda i: i / 5))
    return scores, draw(quality), draw(quality)


def test_a_case_worked_by_hand():
    to_small = goes_to_small(SCORES, 0.5)  # queries 1 and 2
    assert cost_advantage(to_small) == 0.5
    assert quality_drop(SMALL, LARGE, to_small) == pytest.approx(-0.125)  # small is better by 0.5 on query 2
    assert relative_quality_drop(SMALL, LARGE, to_small) == pytest.approx(-100 * 0.125 / 0.875)
    assert pgr(SMALL, LARGE, to_small) == pytest.approx((1.0 - 0.5) / (0.875 - 0.5))


def test_the_ends_of_the_curve_are_all_small_and_all_large():
    curve = TradeOff(SCORES, SMALL, LARGE)
    np.testing.assert_allclose(curve.share_to_large, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(curve.quality, [0.5, 0.75, 1.0, 1.0, 0.875])
    assert curve.pgr[0] == 0.0
    assert curve.pgr[-1] == 1.0
    assert curve.cpt(1.0) == 0.5
    assert curve.quality_at(0.5) == 1.0


def test_apgr_is_the_exact_area_over_all_operating_points():
    quality_gain = (np.array([0.5, 0.75, 1.0, 1.0, 0.875]) - 0.5) / 0.375
    expected = ((quality_gain[1:] + quality_gain[:-1]) / 2 * 0.25).sum()
    assert TradeOff(SCORES, SMALL, LARGE).apgr() == pytest.approx(expected)


@given(outcomes())
def test_every_operating_point_is_what_its_threshold_does(data):
    scores, small, large = data
    curve = TradeOff(scores, small, large)
    for i, threshold in enumerate(curve.thresholds):
        to_small = goes_to_small(scores, threshold)
        assert curve.share_to_large[i] == pytest.approx(1 - cost_advantage(to_small))
        assert curve.quality[i] == pytest.approx(large.mean() - quality_drop(small, large, to_small))
    assert len(curve.quality) == len(np.unique(scores)) + 1


@given(outcomes(ties=False))
def test_ties_count_as_the_mean_over_their_orders(data):
    _, small, large = data
    if np.isclose(small.mean(), large.mean()):
        return
    tied = TradeOff(np.full(len(small), 0.5), small, large)
    assert tied.apgr() == pytest.approx(0.5)


@given(outcomes(), st.randoms())
def test_the_order_of_the_queries_does_not_matter(data, random):
    order = list(range(len(data[0])))
    random.shuffle(order)
    shuffled = TradeOff(*(column[order] for column in data))
    np.testing.assert_allclose(shuffled.quality, TradeOff(*data).quality)
    np.testing.assert_allclose(shuffled.apgr(), TradeOff(*data).apgr(), atol=1e-9)


@given(outcomes(ties=False))
def test_no_router_beats_the_oracle(data):
    scores, small, large = data
    if large.mean() <= small.mean() + 1e-9:
        return
    assert TradeOff(scores, small, large).apgr() <= TradeOff(small - large, small, large).apgr() + 1e-9


@given(outcomes(), st.data())
def test_weights_are_repetitions(data, draw):
    scores, small, large = data
    times = draw.draw(hnp.arrays(np.int64, len(scores), elements=st.integers(1, 3)))
    repeated = [np.repeat(column, times) for column in data]
    weights = times.astype(np.float64)
    weighted = TradeOff(scores, small, large, weights)
    np.testing.assert_allclose(weighted.quality, TradeOff(*repeated).quality, atol=1e-12)
    np.testing.assert_allclose(weighted.apgr(), TradeOff(*repeated).apgr(), atol=1e-12)
    labels = (small >= large).astype(float)
    again = np.repeat(labels, times)
    np.testing.assert_allclose(auroc(scores, labels, weights), auroc(repeated[0], again))
    np.testing.assert_allclose(
        expected_calibration_error(scores, labels, weights=weights), expected_calibration_error(repeated[0], again)
    )


def test_ten_bins_agree_with_the_exact_area_on_a_straight_curve():
    n = 1000
    curve = TradeOff(np.random.default_rng(0).permutation(n) / n, np.zeros(n), np.ones(n))
    assert curve.apgr() == pytest.approx(0.5)
    assert curve.apgr_ten_bins() == pytest.approx(0.5)


def test_models_of_the_same_quality_have_no_gap_to_recover():
    curve = TradeOff(SCORES, SMALL, SMALL)
    assert np.isnan(curve.apgr())
    assert np.isnan(curve.cpt(0.5))
    assert np.isnan(pgr(SMALL, SMALL, SCORES > 0.5))
    rounding = SMALL + np.array([0.1, 0.2, -0.3, 0.0])  # adds up to 5.6e-17 instead of 0
    assert np.isnan(TradeOff(SCORES, SMALL, rounding).apgr())


@given(outcomes())
def test_auroc_is_the_share_of_pairs_in_the_right_order(data):
    scores, small, large = data
    labels = (small >= large).astype(float)
    wins = [(a > b) + 0.5 * (a == b) for a in scores[labels == 1] for b in scores[labels == 0]]
    np.testing.assert_allclose(auroc(scores, labels), np.mean(wins) if wins else np.nan)


def test_calibration_error_by_hand():
    scores = np.array([0.05, 0.15, 0.15, 0.95, 1.0])
    labels = np.array([0.0, 1.0, 0.0, 1.0, 1.0])
    mean_score, mean_label, count = reliability_bins(scores, labels)
    np.testing.assert_allclose(mean_score, [0.05, 0.15, 0.975])
    np.testing.assert_allclose(mean_label, [0.0, 0.5, 1.0])
    np.testing.assert_allclose(count, [1, 2, 2])
    assert expected_calibration_error(scores, labels) == pytest.approx((0.05 + 2 * 0.35 + 2 * 0.025) / 5)


def test_a_perfectly_calibrated_score_has_no_error():
    scores = np.repeat([0.25, 0.75], 4)
    labels = np.array([1, 0, 0, 0, 1, 1, 1, 0.0])
    assert expected_calibration_error(scores, labels) == pytest.approx(0.0)
