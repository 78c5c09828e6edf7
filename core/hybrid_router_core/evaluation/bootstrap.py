"""Every measure of a router on known outcomes, with intervals by the bootstrap over queries."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hybrid_router_core._types import AnyArray, BoolArray, FloatArray
from hybrid_router_core.data import Draws, RoutingDataset
from hybrid_router_core.errors import ConfigError, DataError
from hybrid_router_core.routing import goes_to_small

from . import metrics
from .grouping import Across, check_groups
from .intervals import bounded_intervals, extremes
from .metrics import TradeOff

__all__ = ["CURVE_GRID", "Interval", "Outcomes", "bootstrap", "check_outcomes"]

CURVE_GRID = np.linspace(0.0, 1.0, 101)
RESAMPLES_A_TASK = 25


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured value with the ends of its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What is known of n held-out queries; all arrays have shape (n,).

    Attributes:
        scores: The router's scores, in [0, 1].
        small: Mean quality of small.
        large: Mean quality of large.
        labels: The labels that the scores estimate, in [0, 1].
        small_cost: Cost of small's answer, or None.
        large_cost: Cost of large's answer, or None.
        groups: A name per query, or None.
        queries: One value a row that is equal for the rows of one query, or None: rows of one query are one draw.
        across: "groups": the rows of one group are one draw.
        strangers: Which the guard sends to large whatever their score, or None without a guard.
    """

    scores: FloatArray
    small: FloatArray
    large: FloatArray
    labels: FloatArray
    small_cost: FloatArray | None = None
    large_cost: FloatArray | None = None
    groups: Sequence[str] | None = None
    queries: AnyArray | None = None
    across: Across | None = None
    strangers: BoolArray | None = None

    @classmethod
    def of(
        cls,
        data: RoutingDataset,
        *,
        scores: FloatArray,
        labels: FloatArray,
        across: Across | None = None,
        strangers: BoolArray | None = None,
    ) -> Outcomes:
        """The outcomes of a data set with the router's scores and labels of its queries."""
        of_both = data.mean_small, data.mean_large, labels, data.small_cost, data.large_cost
        return cls(scores, *of_both, data.groups, data.query_hashes, across, strangers)

    @property
    def ranks(self) -> FloatArray:
        """By which the queries go to small, the highest first: the scores, and below all of them -1 for a stranger."""
        return self.scores if self.strangers is None else np.where(self.strangers, -1.0, self.scores)

    @property
    def draws(self) -> Draws:
        """Which rows are one independent draw."""
        if self.across is not None:
            return Draws.of(check_groups(self.groups))
        return self.by_query

    @property
    def by_query(self) -> Draws:
        """Which rows are of one query."""
        return Draws.of(np.arange(len(self.scores)) if self.queries is None else self.queries)

    @property
    def losses(self) -> FloatArray:
        """What each query loses if it goes to small."""
        return self.large - self.small


def check_outcomes(data: Outcomes) -> None:
    """Raise a DataError unless there is one value per query, n >= 1, and the scores lie in [0, 1]."""
    n = len(data.scores)
    columns = (data.small, data.large, data.labels, data.small_cost, data.large_cost)
    others = (data.groups, data.queries, data.strangers)
    lengths = {len(column) for column in (*columns, *others) if column is not None}
    if n == 0 or lengths != {n}:
        raise DataError(f"{n} scores beside columns of length {sorted(lengths)}; allowed: one value per query, n >= 1")
    if not ((data.scores >= 0) & (data.scores <= 1)).all():
        raise DataError("scores must be numbers in [0, 1]")
    if data.across not in (None, "groups"):
        raise ConfigError(f"across is {data.across!r}; allowed: 'groups', for intervals of a mean over other groups")


def bootstrap(
    outcomes: Outcomes, threshold: float, resamples: int, confidence: float, seed: int
) -> tuple[dict[str, Interval], FloatArray]:
    """Each measure by name with its interval, and the band of the quality at `CURVE_GRID`, shape (2, 101).

    Percentile intervals, but for the lower end of ``ece`` and for what a few losses decide (`_with_rare`). Drawn are
    whole queries, all their rows together. The resamples go through joblib.
    """
    ordered = _sorted_by_rank(outcomes)  # once, so that no resample has to sort
    draws, curves = _all_resamples(ordered, threshold, resamples, seed)
    values, _ = _measure(ordered, threshold, None)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = _quantiles(draws, tails)
    measures = {
        name: _interval_of_error(value, float(b)) if name == "ece" else Interval(value, float(a), float(b))
        for (name, value), a, b in zip(values.items(), low, high, strict=True)
    }
    measures |= _with_rare(measures, ordered, threshold, resamples, confidence, seed)
    return measures, np.asarray(np.quantile(curves, tails, axis=0))


def _all_resamples(ordered: Outcomes, threshold: float, resamples: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Every measure of each resample, shape (resamples, measures), and its quality at `CURVE_GRID`."""
    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    pieces = (range(i, min(i + RESAMPLES_A_TASK, resamples)) for i in range(0, resamples, RESAMPLES_A_TASK))
    done = Parallel()(delayed(_resample)(ordered, threshold, piece, seed) for piece in pieces)
    draws, curves = zip(*done, strict=True)
    return np.concatenate(draws), np.concatenate(curves)


def _resample(ordered: Outcomes, threshold: float, numbers: range, seed: int) -> tuple[FloatArray, FloatArray]:
    """The resamples with these numbers; each has a seed of its own, so that it does not matter who does which."""
    queries = ordered.draws
    n = len(queries)
    draws, curves = [], []
    for number in numbers:
        drawn = np.random.default_rng([seed, number]).integers(n, size=n)
        weights = np.bincount(drawn, minlength=n).astype(np.float64)[queries.place]
        values, curve = _measure(ordered, threshold, weights)
        draws.append(list(values.values()))
        curves.append(curve.quality_at(CURVE_GRID))
    return np.asarray(draws), np.asarray(curves)


def _measure(data: Outcomes, threshold: float, weights: FloatArray | None) -> tuple[dict[str, float], TradeOff]:
    to_small = goes_to_small(data.ranks, threshold)
    curve = TradeOff(data.ranks, data.small, data.large, weights)
    at_threshold: list[Callable[..., float]] = [metrics.quality_drop, metrics.relative_quality_drop, metrics.pgr]
    values = {
        "cost_advantage": metrics.cost_advantage(to_small, weights),
        **{f.__name__: f(data.small, data.large, to_small, weights) for f in at_threshold},
        "apgr": curve.apgr(),
        "apgr_ten_bins": curve.apgr_ten_bins(),
        "cpt_50": curve.cpt(0.5),
        "cpt_80": curve.cpt(0.8),
        "auroc": metrics.auroc(data.scores, data.labels, weights),
        "ece": metrics.expected_calibration_error(data.scores, data.labels, weights=weights),
    }
    if data.small_cost is not None and data.large_cost is not None:
        spent = np.where(to_small, data.small_cost, data.large_cost)
        known = np.isfinite(spent) & np.isfinite(data.large_cost)
        weight = known * (np.ones(len(known)) if weights is None else weights)
        everything = float(np.where(known, data.large_cost, 0.0) @ weight)
        routed = float(np.where(known, spent, 0.0) @ weight)
        values["saved_cost"] = 1.0 - routed / everything if everything > 0 else float("nan")
    return values, curve


def _sorted_by_rank(data: Outcomes) -> Outcomes:
    order = np.argsort(data.ranks, kind="stable")
    return Outcomes(
        scores=data.scores[order],
        small=data.small[order],
        large=data.large[order],
        labels=data.labels[order],
        small_cost=None if data.small_cost is None else data.small_cost[order],
        large_cost=None if data.large_cost is None else data.large_cost[order],
        groups=None if data.groups is None else [data.groups[i] for i in order.tolist()],
        queries=None if data.queries is None else data.queries[order],
        across=data.across,
        strangers=None if data.strangers is None else data.strangers[order],
    )


def _with_rare(
    measures: dict[str, Interval], data: Outcomes, threshold: float, resamples: int, confidence: float, seed: int
) -> dict[str, Interval]:
    """The share to small and the quality drop, in its three units, with intervals that allow for what was not seen."""
    draws, to_small = data.draws, goes_to_small(data.ranks, threshold).astype(np.float64)
    sums = np.stack([draws.sum(to_small), draws.sum(to_small * data.losses)], axis=1)
    counts = draws.sum(np.ones(len(to_small)))
    if data.across is None:
        worst = extremes(data.small, data.large)
        ends = np.array([[0.0, -worst], [1.0, worst]])
    else:
        means = sums / counts[:, None]
        ends = np.stack([means.min(axis=0), means.max(axis=0)])
    low, high = bounded_intervals(sums, counts, ends, resamples, confidence, seed)
    found = {"cost_advantage": (low[0], high[0]), "quality_drop": (low[1], high[1])}
    drop, gap = measures["quality_drop"].value, metrics.recoverable(data.small, data.large)
    for name, factor, unit in (("relative_quality_drop", 100.0, float(np.mean(data.large))), ("pgr", -1.0, float(gap))):
        value = measures[name]
        if np.isfinite(value.value) and abs(unit) > 0:  # the mean that divides varies too: hence both
            per_unit = factor / unit
            ends_of = [value.value + (end - drop) * per_unit for end in (low[1], high[1])]
            found[name] = (min(value.low, *ends_of), max(value.high, *ends_of))
    return {
        name: Interval(measures[name].value, float(min(a, measures[name].value)), float(max(b, measures[name].value)))
        for name, (a, b) in found.items()
    }


def _quantiles(draws: FloatArray, tails: list[float]) -> FloatArray:
    """Quantiles of each column; NaN draws (a measure undefined on a resample) are left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column of NaN alone gives NaN, which is what is meant
        return np.asarray(np.nanquantile(draws, tails, axis=0))


def _interval_of_error(value: float, high: float) -> Interval:
    """The interval of a measure >= 0 that noise raises, from its upper percentile; it always holds the value."""
    return Interval(value, min(value, max(0.0, 2 * value - high)), max(value, high))
