"""The figures of a router on held-out data: the trade-off curve, its baselines, and every measure with an interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid_router_core._types import BoolArray, FloatArray
from hybrid_router_core.errors import ConfigError
from hybrid_router_core.routing import goes_to_small

from . import metrics
from .bootstrap import Interval, Outcomes
from .metrics import TradeOff

__all__ = ["Figures", "GroupRow", "for_json", "oracle_curve"]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group of the data at the router's threshold; qualities are means per query."""

    group: str
    n: int
    cost_advantage: float
    small: float
    large: float
    routed: float


@dataclass(frozen=True, eq=False)
class Figures:
    """What was measured of a router; `Report` can draw it.

    Attributes:
        outcomes: The scores, qualities and labels behind the figures.
        threshold: The router's threshold.
        measures: Every measure by name, with its interval: ``cost_advantage``, ``quality_drop``,
            ``relative_quality_drop`` and ``pgr`` at the threshold; ``apgr``, ``apgr_ten_bins``, ``cpt_50``, ``cpt_80``,
            ``auroc`` and ``ece`` over all thresholds; ``saved_cost`` (share of all-large's cost) where costs are known.
        confidence: Of the intervals and the band.
        band: Low and high end of the quality at each share to small of `CURVE_GRID`, shape (2, 101).
        about: Settings of the router, for the page.
        margin_curve: Candidates and objective of the search for t*, shape (2, c), if there was one.
        seen_in_training: How many of the queries the scorer was trained on; not 0 means that the figures flatter.
        n_queries: Number of distinct queries, which are the independent draws behind the intervals, unless these are
            about other groups (`outcomes.across`).
        design_effect: By how much the variance of the mean loss grows since queries of one group lose alike; None
            without groups.
    """

    outcomes: Outcomes
    threshold: float
    measures: dict[str, Interval]
    confidence: float
    band: FloatArray
    about: dict[str, Any]
    margin_curve: FloatArray | None = None
    seen_in_training: int = 0
    n_queries: int | None = None
    design_effect: float | None = None

    @property
    def strangers(self) -> float | None:
        """Share of the queries that the guard sends to large whatever their score; None without a guard."""
        away = self.outcomes.strangers
        return None if away is None else float(np.mean(away))

    @property
    def apgr(self) -> float:
        """Average performance gap recovered, the exact area; 0.5 is a random router."""
        return self.measures["apgr"].value

    @property
    def curve(self) -> TradeOff:
        """All operating points."""
        return TradeOff(self.outcomes.ranks, self.outcomes.small, self.outcomes.large)

    @property
    def oracle(self) -> TradeOff:
        """The operating points of a router that knows the gap of every query; it splits equal gaps where it likes."""
        return oracle_curve(self.outcomes.small, self.outcomes.large)

    @property
    def to_small(self) -> BoolArray:
        """Which queries go to small at the router's threshold."""
        return goes_to_small(self.outcomes.ranks, self.threshold)

    def interval(self, measure: str) -> Interval:
        """The value and interval of a measure.

        Raises:
            ConfigError: If there is no measure of that name.
        """
        if measure not in self.measures:
            raise ConfigError(f"no measure {measure!r}; there are: {', '.join(self.measures)}")
        return self.measures[measure]

    def cpt(self, level: float) -> float:
        """Share of the queries that must go to large for a PGR of ``level`` (0 to 1); NaN if none reaches it."""
        return self.curve.cpt(_share("level", level))

    def pgr(self, cost_advantage: float | None = None) -> float:
        """Performance gap recovered at that share to small, or at the router's threshold."""
        if cost_advantage is None:
            return self.measures["pgr"].value
        return 1.0 - self.quality_drop(cost_advantage) / metrics.recoverable(self.outcomes.small, self.outcomes.large)

    def quality_drop(self, cost_advantage: float | None = None) -> float:
        """Quality lost against all-large, in units of quality, at that share to small or at the router's threshold."""
        if cost_advantage is None:
            return self.measures["quality_drop"].value
        routed = self.curve.quality_at(_share("cost_advantage", cost_advantage))
        return float(np.mean(self.outcomes.large) - routed)

    def baselines(self) -> dict[str, dict[str, float]]:
        """The router beside all-small, all-large, random and the oracle, at the same cost advantage and over all."""
        share = self.measures["cost_advantage"].value
        small, large = metrics.mean(self.outcomes.small), metrics.mean(self.outcomes.large)
        return {
            "router": _summary(share, float(large - self.measures["quality_drop"].value), self.curve),
            "all small": {"cost_advantage": 1.0, "quality": small},
            "all large": {"cost_advantage": 0.0, "quality": large},
            "random": {
                "cost_advantage": share,
                "quality": share * small + (1.0 - share) * large,
                **({"apgr": 0.5, "cpt_50": 0.5, "cpt_80": 0.8} if np.isfinite(self.apgr) else {}),
            },
            "oracle": _summary(share, float(self.oracle.quality_at(share)), self.oracle),
        }

    def group_rows(self) -> list[GroupRow]:
        """One row per group in the order of their names; empty if the data have no groups."""
        data = self.outcomes
        if data.groups is None:
            return []
        names, place = np.unique(np.asarray(data.groups, dtype=object), return_inverse=True)
        count = np.bincount(place)
        routed = np.where(self.to_small, data.small, data.large)
        columns = [np.bincount(place, weights=v) / count for v in (self.to_small, data.small, data.large, routed)]
        return [
            GroupRow(str(name), int(n), *(float(column[i]) for column in columns))
            for i, (name, n) in enumerate(zip(names, count, strict=True))
        ]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain values, fit for JSON (NaN as None)."""
        return {
            "n": len(self.outcomes.scores),
            "n_queries": self.n_queries,
            "across": self.outcomes.across,
            "design_effect": self.design_effect,
            "strangers": self.strangers,
            "threshold": self.threshold,
            "confidence": self.confidence,
            "seen_in_training": self.seen_in_training,
            "measures": {
                name: {"value": _plain(i.value), "low": _plain(i.low), "high": _plain(i.high)}
                for name, i in self.measures.items()
            },
            "baselines": {k: {m: _plain(v) for m, v in row.items()} for k, row in self.baselines().items()},
            "groups": [
                {name: getattr(row, name) for name in GroupRow.__dataclass_fields__} for row in self.group_rows()
            ],
            "about": for_json(self.about),
        }

    def __str__(self) -> str:
        value = {name: interval.value for name, interval in self.measures.items()}
        apgr = self.measures["apgr"]
        return (
            f"n = {len(self.outcomes.scores)}; at threshold {self.threshold:.3f}: "
            f"{value['cost_advantage']:.1%} to small, "
            f"quality drop {value['quality_drop']:.4f} ({value['relative_quality_drop']:.2f} %), "
            f"PGR {value['pgr']:.3f}; APGR {apgr.value:.3f} [{apgr.low:.3f}, {apgr.high:.3f}] (random 0.500)"
        )

    __repr__ = __str__


def oracle_curve(small: FloatArray, large: FloatArray) -> TradeOff:
    """The operating points of a router that knows the gap of every query; it splits equal gaps where it likes."""
    gap = small - large
    rank = np.empty(len(gap))
    rank[np.argsort(gap, kind="stable")] = np.arange(len(gap))
    return TradeOff(rank, small, large)


def _summary(share: float, quality: float, curve: TradeOff) -> dict[str, float]:
    return {
        "cost_advantage": share,
        "quality": quality,
        "apgr": curve.apgr(),
        "cpt_50": curve.cpt(0.5),
        "cpt_80": curve.cpt(0.8),
    }


def _share(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ConfigError(f"{name} is {value!r}; allowed: a share from 0 to 1")
    return float(value)


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def for_json(value: Any) -> Any:
    """Settings as plain values: NaN as None, arrays as lists, what JSON does not know as text."""
    if isinstance(value, Mapping):
        return {str(key): for_json(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return for_json(value.tolist())
    if isinstance(value, (list, tuple)):
        return [for_json(item) for item in value]
    if isinstance(value, float):
        return _plain(value)
    return value if value is None or isinstance(value, (str, int)) else str(value)
