"""Thresholds from targets: a share of queries for small, a PGR, or a guaranteed limit on the quality drop.

``scores`` are the router's, shape (n,), in [0, 1], high means small; ``small_quality`` and ``large_quality`` are the
mean quality of each model per query, shape (n,). The rows must be ones the scorer has not seen. A query goes to small
iff score >= threshold. Only the quality-drop target says something about queries beyond the calibration data.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from hybrid_router_core._types import FloatArray, IntArray
from hybrid_router_core.errors import CalibrationError
from hybrid_router_core.evaluation import check_groups, metrics
from hybrid_router_core.routing import goes_to_small

from . import bounds
from .across import threshold_across
from .checks import a_confidence, checked_arrays, checked_range, checked_scores, number
from .infeasible import infeasible
from .limit import Limit
from .sampling import Sampling

__all__ = ["operating_points", "threshold_for_cost_advantage", "threshold_for_pgr", "threshold_for_quality_drop"]


def threshold_for_cost_advantage(scores: ArrayLike, share: float, weights: FloatArray | None = None) -> float:
    """Threshold that sends the share nearest to ``share`` of these queries to small; if tied, the smaller one.

    Queries with the same score move together. A share of 0 gives the threshold 1 and a share of 1 the threshold 0;
    other thresholds lie midway between two neighbouring scores, where rounding of scores changes no decision. Scores of
    exactly 1 go to small at every threshold. With weights, shape (n,), a query counts as its weight.

    Raises:
        ConfigError: If ``share`` is not in [0, 1].
        DataError: If the scores are unusable.
    """
    share = number("cost_advantage", share, 0.0, 1.0, "It is the share of the queries that go to small.")
    values = checked_scores(scores)
    points, counts = operating_points(values)
    at_small = _sums(np.ones(len(values)) if weights is None else weights, values)[counts]
    return float(points[np.argmin(np.abs(at_small - share * at_small[-1]))])


def threshold_for_pgr(
    scores: ArrayLike,
    small_quality: ArrayLike,
    large_quality: ArrayLike,
    pgr: float,
    weights: FloatArray | None = None,
) -> float:
    """The cheapest threshold (most queries to small) with a PGR of at least ``pgr`` on these queries.

    With weights, shape (n,), a query counts as its weight.

    Raises:
        CalibrationError: If large is not better on average (there is no gap to recover), or no threshold does it.
        ConfigError: If ``pgr`` is not in [0, 1].
        DataError: If the arrays are unusable.
    """
    pgr = number("pgr", pgr, 0.0, 1.0, "0 is the quality of all-small, 1 that of all-large.")
    values, small, large = checked_arrays(scores, small_quality, large_quality)
    gap = metrics.recoverable(small, large, weights)
    if not gap > 0:  # NaN where there is nothing but rounding
        raise CalibrationError(
            f"pgr={pgr:g} is undefined on the calibration data: the mean quality of large is "
            f"{metrics.mean(large, weights):.4g}, not above small's {metrics.mean(small, weights):.4g}. The best is to "
            "send every query to small (cost_advantage=1), or use a max_quality_drop target."
        )
    points, counts = operating_points(values)
    each = np.ones(len(values)) if weights is None else weights
    at_small = _sums(each, values)[counts]
    recovered = 1.0 - _sums(each * (large - small), values)[counts] / at_small[-1] / gap
    reached = np.flatnonzero(recovered >= pgr - 1e-12)  # the sums above are only exact up to rounding
    if len(reached) == 0:
        best = int(np.argmax(recovered))
        raise CalibrationError(
            f"no threshold reaches pgr={pgr:g} on the calibration data; the best that can be had is "
            f"{recovered[best]:.4g}, at threshold {points[best]:.4g} with {at_small[best] / at_small[-1]:.1%} of the "
            "queries at small. Ask for less, or train a scorer with fewer scores of exactly 1."
        )
    return float(points[reached[-1]])


def threshold_for_quality_drop(
    scores: ArrayLike,
    small_quality: ArrayLike,
    large_quality: ArrayLike,
    max_drop: float | str,
    confidence: float = 0.95,
    quality_range: tuple[float, float] | None = None,
    *,
    groups: Sequence[str] | None = None,
    sampling: Sampling | None = None,
    seed: int = 0,
) -> float:
    """The cheapest threshold certified to lose at most ``max_drop`` of mean quality against all-large.

    If the rows are independent draws from the queries to come, then over such draws the drop at the returned threshold
    is at most ``max_drop`` with probability ``confidence`` or more (Learn-then-Test, arXiv:2110.01052, Theorem 1; see
    `bounds`). This holds for one target chosen beforehand, not for the best of several targets or seeds.

    Args:
        scores: Shape (n,), in [0, 1].
        small_quality: Shape (n,).
        large_quality: Shape (n,).
        max_drop: In units of quality, at least 0; or "2%" for a share of all-large's mean quality.
        confidence: In (0, 1).
        quality_range: Lowest and highest quality that can ever occur, known beforehand and not read off the data. None
            means (0, 1) and needs all qualities to lie there.
        groups: A name per row: then the limit is to hold for groups that are not among these; see `across`. Not with
            ``sampling``.
        sampling: How the rows were drawn, where some queries had a better chance than others.
        seed: Of the order in which the rows are tested; another order can give a slightly different threshold.

    Raises:
        CalibrationError: If no threshold that sends a query to small can be certified.
        ConfigError: If a setting is out of its range, or ``quality_range`` is needed.
        DataError: If the arrays are unusable or leave ``quality_range``.
    """
    values, small, large = checked_arrays(scores, small_quality, large_quality)
    limit = Limit.of(max_drop)
    confidence = a_confidence(confidence)
    low, high = checked_range(quality_range, small, large)
    losses, allowed = limit.losses(values, small, large, low, high)
    if sampling is not None:
        losses = sampling.weigh(losses)
    place = None if groups is None else check_groups(groups)
    found = bounds.certified_threshold(losses, allowed, confidence, seed)
    if place is not None and found is not None:
        across = threshold_across(losses, place, allowed, confidence, seed)
        found = None if across is None else max(found, across)
    if found is None or not bool(np.any(goes_to_small(values, found))):
        raise CalibrationError(infeasible(losses, limit, high - low, confidence, seed, place))
    return found


def _sums(of: FloatArray, scores: FloatArray) -> FloatArray:
    """Of the k queries with the highest scores, for k = 0, ..., n."""
    return np.concatenate([[0.0], np.cumsum(of[np.argsort(-scores, kind="stable")])])


def operating_points(scores: FloatArray) -> tuple[FloatArray, IntArray]:
    """Every choice there is: thresholds, descending from 1, and the number of queries each sends to small."""
    distinct, sizes = np.unique(scores, return_counts=True)
    points = np.concatenate([[1.0], bounds.gaps(scores)[::-1], [0.0]])
    counts = np.concatenate([[0], np.cumsum(sizes[::-1])]).astype(np.int64)
    # No threshold in [0, 1] keeps a score of exactly 1 from small.
    return (points[1:], counts[1:]) if distinct[-1] == 1.0 else (points, counts)
