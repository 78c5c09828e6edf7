"""The exact search for t*."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hybrid_router_core.errors import ConfigError
from hybrid_router_core.labels import deterministic_labels, find_margin, transformed_labels
from hybrid_router_core.labels import margin as margin_module

QUALITY = st.integers(0, 12).map(lambda q: q / 12)
WORKED = ([0.85, 0.60, 0.95], [0.90, 0.85, 0.95])


@st.composite
def samples(draw):
    """Samples of 1 to 3 per query and model, their number differing between queries."""
    n = draw(st.integers(1, 9))
    sides = []
    for k in (draw(st.integers(1, 3)), draw(st.integers(1, 3))):
        side = draw(hnp.arrays(np.float64, (n, k), elements=QUALITY))
        missing = draw(hnp.arrays(np.bool_, (n, k)))
        missing[:, 0] = False
        side[missing] = np.nan
        sides.append(side)
    return tuple(sides)


def literal_objective(qs, ql, t):
    """Equation of section 3.3, over all unordered pairs of queries."""
    labels = transformed_labels(qs, ql, t)
    a, b = np.triu_indices(len(labels), k=1)
    return np.abs(labels[a] - labels[b]).mean() if len(a) else 0.0


def test_the_worked_example():
    search = find_margin(*WORKED, candidates=(0.1, 0.2, 0.3))
    np.testing.assert_allclose(search.objective, [2 / 3, 2 / 3, 0.0])
    assert search.margin == 0.1


def test_without_a_grid_the_smallest_of_the_best_margins_is_found():
    search = find_margin(*WORKED)
    assert search.margin == 0.0
    np.testing.assert_allclose(search.candidates, [0.0, 0.05, 0.25])


@given(samples())
def test_the_objective_is_the_literal_mean_over_pairs(data):
    search = find_margin(*data)
    expected = [literal_objective(*data, t) for t in search.candidates]
    np.testing.assert_allclose(search.objective, expected, atol=1e-12)


@given(samples())
def test_no_margin_on_a_fine_grid_is_better_than_the_exact_search(data):
    best = find_margin(*data)
    grid = find_margin(*data, candidates=np.linspace(0, 1.2, 241))
    assert best.objective.max() >= grid.objective.max() - 1e-12


@given(samples())
def test_ties_go_to_the_smallest_margin(data):
    search = find_margin(*data)
    below = search.candidates < search.margin
    assert (search.objective[below] < search.objective.max() - 1e-12).all()


@given(samples(), st.randoms())
def test_the_order_of_the_queries_does_not_matter(data, random):
    order = list(range(len(data[0])))
    random.shuffle(order)
    assert find_margin(*data).margin == find_margin(data[0][order], data[1][order]).margin


def test_the_transformed_label_is_balanced_where_the_deterministic_one_is_not():
    rng = np.random.default_rng(0)
    large = rng.normal(1.0, 0.3, size=(400, 5))
    small = rng.normal(0.0, 0.3, size=(400, 5))
    margin = find_margin(small, large).margin
    assert deterministic_labels(small, large).mean() < 0.02
    assert 0.4 < transformed_labels(small, large, margin).mean() < 0.6


def test_one_query_has_nothing_to_be_told_apart_from():
    assert find_margin([0.2], [0.9]).margin == 0.0


def test_a_million_gaps_take_less_than_two_seconds():
    small, large = np.random.default_rng(0).normal(size=(2, 1_000_000))
    started = time.perf_counter()
    search = find_margin(small, large + 1.0)
    assert time.perf_counter() - started < 2.0
    share = deterministic_labels(small + search.margin, large + 1.0).mean()
    assert abs(share - 0.5) < 1e-5  # with single samples the best margin halves the queries


@settings(deadline=None)
@given(st.integers(2, 50))
def test_beyond_the_cap_the_candidates_are_thinned_evenly(most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(margin_module, "MAX_EVALUATIONS", most)
        small, large = np.random.default_rng(1).normal(size=(2, 300))
        search = find_margin(small, large)
    everything = find_margin(small, large)
    assert len(search.candidates) == most
    assert np.isin(search.candidates, everything.candidates).all()
    assert search.candidates[0] == 0.0
    assert search.candidates[-1] == everything.candidates[-1]


@pytest.mark.parametrize("candidates", [[], [-0.1, 0.2], [np.nan], [np.inf]])
def test_bad_candidates_are_refused(candidates):
    with pytest.raises(ConfigError, match="candidates are"):
        find_margin(*WORKED, candidates=candidates)
