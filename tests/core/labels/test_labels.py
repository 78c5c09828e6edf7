"""The quality gap and the three labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hybrid_router_core.errors import ConfigError, DataError
from hybrid_router_core.labels import deterministic_labels, probabilistic_labels, transformed_labels
from hybrid_router_core.labels.builders import quality_gap

QUALITY = st.integers(-20, 20).map(lambda q: q / 20)


@st.composite
def samples(draw, k_small=st.integers(1, 4), k_large=st.integers(1, 4)):
    n = draw(st.integers(1, 12))
    return tuple(draw(hnp.arrays(np.float64, (n, draw(k)), elements=QUALITY)) for k in (k_small, k_large))


def literal_share(qs, ql, margin):
    """The definition, pair by pair."""
    return np.array([np.mean([s >= b - margin - 1e-9 for s in row_s for b in row_l]) for row_s, row_l in zip(qs, ql)])


def test_gap_is_mean_small_minus_mean_large():
    gap = quality_gap([[0.2, 0.4], [1.0, 1.0]], [[0.5], [0.25]])
    np.testing.assert_allclose(gap, [-0.2, 0.75])


def test_a_vector_is_one_sample_per_query():
    np.testing.assert_array_equal(deterministic_labels([0.5, 0.2], [0.5, 0.3]), [1.0, 0.0])


def test_rounding_does_not_decide_a_comparison():
    assert transformed_labels([0.85], [0.90], margin=0.05)[0] == 1.0
    assert transformed_labels([0.1], [0.3], margin=0.2)[0] == 1.0  # 0.3 - 0.2 is 0.09999999999999998 in floats,
    assert transformed_labels([0.3], [0.4], margin=0.1)[0] == 1.0  # 0.4 - 0.1 is 0.30000000000000004
    assert deterministic_labels([0.3], [0.1 + 0.2])[0] == 1.0


def test_a_real_shortfall_is_not_rounded_away():
    assert transformed_labels([0.85], [0.90], margin=0.0499)[0] == 0.0
    assert deterministic_labels([0.3], [0.300001])[0] == 0.0


def test_single_samples_give_the_sigmoid_of_the_gap():
    labels = probabilistic_labels([0.0, 0.5, 1.0], [0.1, 0.5, 0.0], tau=0.1)
    np.testing.assert_allclose(labels, 1 / (1 + np.exp([1.0, 0.0, -10.0])))


def test_extreme_gaps_do_not_overflow():
    np.testing.assert_allclose(probabilistic_labels([-1e6, 1e6], [0.0, 0.0]), [0.0, 1.0])


def test_each_row_counts_its_own_samples():
    small = [[0.9, np.nan], [0.1, 0.9]]
    large = [[0.5, 0.8], [0.5, np.nan]]
    np.testing.assert_array_equal(transformed_labels(small, large, 0.0), [1.0, 0.5])
    np.testing.assert_allclose(quality_gap(small, large), [0.25, 0.0])


def test_a_row_with_one_sample_of_each_is_squashed_even_beside_rows_with_more():
    labels = probabilistic_labels([[0.0, np.nan], [0.1, 0.9]], [[0.1], [0.5]], tau=0.1)
    np.testing.assert_allclose(labels, [1 / (1 + np.e), 0.5])


@given(samples(), QUALITY.map(abs))
def test_the_transformed_label_is_the_share_of_good_pairs(data, margin):
    np.testing.assert_allclose(transformed_labels(*data, margin), literal_share(*data, margin))


@given(samples(k_small=st.integers(2, 4)))
def test_without_margin_the_transformed_label_is_the_probabilistic_one(data):
    np.testing.assert_array_equal(transformed_labels(*data, 0.0), probabilistic_labels(*data))


@given(samples(), QUALITY.map(abs), QUALITY.map(abs))
def test_a_wider_margin_never_lowers_a_label(data, a, b):
    low, high = sorted((a, b))
    assert (transformed_labels(*data, low) <= transformed_labels(*data, high)).all()


@given(samples(), st.integers(-5, 5))
def test_labels_do_not_depend_on_the_zero_of_the_quality_scale(data, shift):
    qs, ql = data
    np.testing.assert_array_equal(transformed_labels(qs, ql, 0.1), transformed_labels(qs + shift, ql + shift, 0.1))


@given(samples())
def test_labels_lie_between_0_and_1(data):
    for labels in (deterministic_labels(*data), probabilistic_labels(*data), transformed_labels(*data, 0.3)):
        assert labels.shape == (len(data[0]),)
        assert ((labels >= 0) & (labels <= 1)).all()


@pytest.mark.parametrize(
    ("small", "large", "message"),
    [
        ([1.0, 2.0], [1.0], "small has 2 queries and large has 1"),
        ([np.inf], [1.0], "small quality of query 0 is infinite"),
        ([1.0, np.nan], [1.0, 1.0], "small quality of query 1 is NaN"),
        ([1.0], [[]], r"large quality has shape \(1, 0\)"),
        ([[[1.0]]], [1.0], r"small quality has shape \(1, 1, 1\)"),
        (["good"], [1.0], "not an array of numbers"),
    ],
)
def test_bad_arrays_are_named(small, large, message):
    with pytest.raises(DataError, match=message):
        quality_gap(small, large)


@pytest.mark.parametrize("tau", [0.0, -1.0, np.nan, np.inf])
def test_tau_must_be_positive(tau):
    with pytest.raises(ConfigError, match="tau is"):
        probabilistic_labels([1.0], [1.0], tau=tau)


@pytest.mark.parametrize("margin", [-0.1, np.nan, np.inf])
def test_a_margin_is_never_negative(margin):
    with pytest.raises(ConfigError, match="margin is"):
        transformed_labels([1.0], [1.0], margin=margin)
