"""Measures of routing, as pure functions on arrays.

``small`` and ``large`` are the mean quality of each model per query, shape (n,); ``scores`` the router's, in [0, 1],
high means small; ``to_small`` a boolean array. Sources: cost advantage and quality drop, Ding et al. 2024
(arXiv:2404.14618), section 2; PGR, APGR and CPT, Ong et al. 2024, "RouteLLM" (arXiv:2406.18665), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hybrid_router_core._types import BoolArray, FloatArray, IntArray

__all__ = [
    "TradeOff",
    "auroc",
    "cost_advantage",
    "expected_calibration_error",
    "pgr",
    "quality_drop",
    "relative_quality_drop",
    "reliability_bins",
]


def mean(values: FloatArray | BoolArray, weights: FloatArray | None = None) -> float:
    """Mean over the queries, weighted if weights (n,) are given, as in a bootstrap resample."""
    return float(np.mean(values) if weights is None else np.average(values, weights=weights))


def cost_advantage(to_small: BoolArray, weights: FloatArray | None = None) -> float:
    """Share of the queries that go to small, in [0, 1]."""
    return mean(to_small, weights)


def quality_drop(small: FloatArray, large: FloatArray, to_small: BoolArray, weights: FloatArray | None = None) -> float:
    """Mean quality of all-large minus that of the routed answers, in units of quality; < 0 if routing gains."""
    return mean(np.where(to_small, large - small, 0.0), weights)


def relative_quality_drop(
    small: FloatArray, large: FloatArray, to_small: BoolArray, weights: FloatArray | None = None
) -> float:
    """The quality drop in percent of the mean quality of all-large; NaN if that is zero."""
    level = abs(mean(large, weights))
    return 100.0 * quality_drop(small, large, to_small, weights) / level if level > 0 else float("nan")


def pgr(small: FloatArray, large: FloatArray, to_small: BoolArray, weights: FloatArray | None = None) -> float:
    """Performance gap recovered: 0 is all-small, 1 is all-large; NaN if both models have the same mean quality."""
    return 1.0 - quality_drop(small, large, to_small, weights) / recoverable(small, large, weights)


def recoverable(small: FloatArray, large: FloatArray, weights: FloatArray | None = None) -> float:
    """Mean quality of large minus that of small; NaN if they are equal up to rounding: there is no gap to recover."""
    gap = mean(large - small, weights)
    rounding = 1e-12 * max(1.0, float(np.abs(large).max()), float(np.abs(small).max()))
    return gap if abs(gap) > rounding else float("nan")


@dataclass(frozen=True, eq=False)
class TradeOff:
    """All operating points of a router on a set of queries, from all-small to all-large.

    Queries with the same score move together, so there is one point per distinct score and one more (n + 1 without
    ties). Between two points lies the expectation of breaking the ties at random, a straight line.

    Args:
        scores: The router's scores, shape (n,).
        small: Mean quality of small, shape (n,).
        large: Mean quality of large, shape (n,).
        weights: Optional weights of the queries, shape (n,), as in a bootstrap resample.
    """

    scores: FloatArray
    small: FloatArray
    large: FloatArray
    weights: FloatArray | None = None

    @cached_property
    def _order(self) -> IntArray:
        return np.argsort(self.scores, kind="stable")

    @cached_property
    def _ends(self) -> IntArray:
        """Number of queries at large at each operating point, shape (m,)."""
        ordered = self.scores[self._order]
        return np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1, [len(ordered)]]).astype(np.int64)

    @cached_property
    def thresholds(self) -> FloatArray:
        """The threshold of each operating point but the last, at which nothing goes to small; shape (m - 1,)."""
        return self.scores[self._order][self._ends[:-1]]

    @cached_property
    def _weight(self) -> FloatArray:
        return np.ones(len(self.scores)) if self.weights is None else self.weights

    def _moved(self, values: FloatArray) -> FloatArray:
        """Sum of the values over the queries that are at large, at each operating point."""
        sums = np.cumsum((self._weight * values)[self._order])
        return np.asarray(np.concatenate([[0.0], sums])[self._ends])

    @cached_property
    def share_to_large(self) -> FloatArray:
        """Share of the queries at large, ascending from 0 to 1; shape (m,)."""
        share = self._moved(np.ones(len(self.scores)))
        return np.asarray(share / share[-1])

    @cached_property
    def quality(self) -> FloatArray:
        """Mean quality of the routed answers at each operating point, shape (m,)."""
        gained = self._moved(self.large - self.small) / self._weight.sum()
        return np.asarray(mean(self.small, self.weights) + gained)

    @cached_property
    def pgr(self) -> FloatArray:
        """Performance gap recovered at each operating point, shape (m,); NaN where the two means are equal."""
        gap = recoverable(self.small, self.large, self.weights)
        return np.asarray((self.quality - self.quality[0]) / gap)

    def apgr(self) -> float:
        """Exact area under PGR over the share sent to large; a random router has 0.5."""
        return _area(self.share_to_large, self.pgr)

    def apgr_ten_bins(self) -> float:
        """The same area as RouteLLM's code takes it: by trapezoids between shares of 0, 10, ..., 100 percent."""
        grid = np.linspace(0.0, 1.0, 11)
        return _area(grid, np.interp(grid, self.share_to_large, self.pgr))

    def cpt(self, level: float) -> float:
        """Call-performance threshold: the smallest share to large with PGR >= level; NaN if none reaches it."""
        reached = np.flatnonzero(self.pgr >= level - 1e-12)
        return float(self.share_to_large[reached[0]]) if reached.size else float("nan")

    def quality_at(self, cost_advantage: FloatArray | float) -> FloatArray:
        """Mean quality of the routed answers when that share of the queries goes to small."""
        return np.asarray(np.interp(1.0 - np.asarray(cost_advantage), self.share_to_large, self.quality))


def _area(x: FloatArray, y: FloatArray) -> float:
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2.0))


def auroc(scores: FloatArray, labels: FloatArray, weights: FloatArray | None = None) -> float:
    """Chance that a query with label 1 scores higher than one with label 0, ties half; NaN if one class is absent.

    A label between 0 and 1 counts with its weight on both sides.
    """
    weight = np.ones(len(scores)) if weights is None else weights
    _, place = np.unique(scores, return_inverse=True)
    positive = np.bincount(place, weights=weight * labels)
    negative = np.bincount(place, weights=weight * (1.0 - labels))
    below = np.cumsum(negative) - negative
    total = positive.sum() * negative.sum()
    return float((positive * (below + 0.5 * negative)).sum() / total) if total > 0 else float("nan")


def reliability_bins(
    scores: FloatArray, labels: FloatArray, bins: int = 10, weights: FloatArray | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean score, mean label and weight of each occupied bin of equal width over [0, 1]."""
    weight = np.ones(len(scores)) if weights is None else weights
    place = np.minimum((scores * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, weights=weight, minlength=bins)
    used = count > 0
    mean_score = np.bincount(place, weights=weight * scores, minlength=bins)[used] / count[used]
    mean_label = np.bincount(place, weights=weight * labels, minlength=bins)[used] / count[used]
    return mean_score, mean_label, np.asarray(count[used], dtype=np.float64)


def expected_calibration_error(
    scores: FloatArray, labels: FloatArray, bins: int = 10, weights: FloatArray | None = None
) -> float:
    """Mean |mean label - mean score| over bins of equal width, weighted by their counts (Guo et al. 2017, eq. 3)."""
    mean_score, mean_label, count = reliability_bins(scores, labels, bins, weights)
    return float(np.average(np.abs(mean_label - mean_score), weights=count))
