"""The guard's p-values: right in theory and in simulation, and clear errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_router_core.errors import CalibrationError, ConfigError
from hybrid_router_core.guard import DEFAULT_LEVEL, Guard, fewest_rows

NO_EDGE = float("-inf")


def test_the_p_value_is_the_share_that_is_as_strange():
    guard = Guard.calibrated(0.1, np.array([9.0, 3.0, 1.0, 2.0, 4.0, 8.0, 7.0, 5.0, 6.0]), NO_EDGE)
    assert guard.p_values(np.array([0.0, 2.0, 2.5, 10.0])).tolist() == [1.0, 0.9, 0.8, 0.1]
    assert guard.strangers(np.array([0.0, 2.0, 8.5, 9.0, 10.0])).tolist() == [False, False, False, False, True]


@given(
    st.lists(st.integers(0, 30), min_size=49, max_size=300),
    st.sampled_from([0.02, 1 / 30, 0.05, 1 / 12, 0.1]),
    st.integers(0, 2**32 - 1),
)
def test_a_stranger_is_what_has_a_p_value_up_to_the_level(reference, level, seed):
    guard = Guard.calibrated(level, np.array(reference, dtype=float), NO_EDGE)
    strangeness = np.random.default_rng(seed).integers(-1, 33, 50).astype(float)
    assert (guard.strangers(strangeness) == (guard.p_values(strangeness) <= level + 1e-9)).all()


@pytest.mark.parametrize("rows", [49, 50, 99, 137, 1000])
@pytest.mark.parametrize("ties", [False, True])
def test_p_values_of_queries_like_the_reference_are_not_below_a_level_more_often_than_it_says(rows, ties):
    rng = np.random.default_rng(rows)
    values = []
    for _ in range(400):
        drawn = rng.gamma(1.5, size=rows + 50)
        drawn = np.round(drawn) if ties else drawn  # many of the same strangeness, as of 0
        values.append(Guard.calibrated(0.02, drawn[:rows], NO_EDGE).p_values(drawn[rows:]))
    values = np.concatenate(values)
    for level in (0.02, 0.05, 0.1, 0.5):
        # 20,000 p-values, those of one reference dependent: the deviation of their share is below this
        deviation = np.sqrt(level / rows / 400 + level / 20_000)
        assert (values <= level + 1e-9).mean() <= level + 4 * deviation


def test_without_ties_the_level_is_used_to_the_full():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        drawn = rng.normal(size=499 + 200)
        shares.append(Guard.calibrated(0.02, drawn[:499], NO_EDGE).strangers(drawn[499:]).mean())
    assert np.mean(shares) == pytest.approx(0.02, abs=0.002)


def test_nothing_up_to_the_edge_is_a_stranger():
    reference = np.arange(100.0)
    strangeness = np.arange(200.0)
    free, bound = (Guard.calibrated(0.02, reference, edge).strangers(strangeness) for edge in (NO_EDGE, 150.0))
    assert free.sum() == 200 - 99
    assert (bound == (strangeness > 150)).all()
    assert Guard.calibrated(0.02, reference, 150.0).p_values(strangeness)[120] == pytest.approx(1 / 101)


@pytest.mark.parametrize(("level", "rows"), [(0.02, 49), (0.05, 19), (0.03, 33), (0.1, 9), (1 / 17, 16)])
def test_the_fewest_rows(level, rows):
    assert fewest_rows(level) == rows
    assert Guard.calibrated(level, np.arange(float(rows)), NO_EDGE).strangers(np.array([float(rows)])).all()
    with pytest.raises(
        CalibrationError, match=f"needs {rows} calibration queries that were not trained on, there are {rows - 1}"
    ):
        Guard.calibrated(level, np.arange(float(rows - 1)), NO_EDGE)


def test_too_few_rows_name_the_number_and_a_level_that_will_do():
    with pytest.raises(CalibrationError, match=r"Calibrate on 19 more, use guard=0\.033, or turn the guard off"):
        Guard.calibrated(DEFAULT_LEVEL, np.zeros(30), NO_EDGE)
    assert fewest_rows(0.033) <= 30
    with pytest.raises(CalibrationError, match="Calibrate on 49 more, or turn"):
        Guard.calibrated(DEFAULT_LEVEL, np.zeros(0), NO_EDGE)


@pytest.mark.parametrize(
    "level", [0, -0.1, 5e-324, 9e-7, 0.101, 1, float("nan"), float("inf"), "0.02", None, True, [0.02]]
)
def test_a_level_that_is_not_allowed(level):
    with pytest.raises(ConfigError, match=r"guard=.*from 0\.000001 to 0\.1"):
        Guard.calibrated(level, np.zeros(100), NO_EDGE)
    with pytest.raises(ConfigError):
        fewest_rows(level)


def test_the_state_holds_all():
    guard = Guard.calibrated(0.02, np.random.default_rng(0).gamma(2, size=77), 1.25)
    again = Guard.from_state(guard.state())
    assert (again.level, again.edge, again.cutoff) == (guard.level, guard.edge, guard.cutoff)
    assert (again.reference == guard.reference).all()


@pytest.mark.parametrize(
    "broken",
    [
        {"reference": np.zeros((7, 7))},
        {"reference": np.arange(100.0)[::-1].copy()},
        {"reference": np.full(100, np.nan)},
        {"limits": np.array([0.02])},
        {"limits": np.array([0.02, np.nan])},
    ],
)
def test_a_damaged_state_is_refused(broken):
    state = Guard.calibrated(0.02, np.arange(100.0), 1.0).state()
    with pytest.raises(ValueError, match=r".+"):
        Guard.from_state({**state, **broken})
