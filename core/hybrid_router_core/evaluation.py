"""What a router does on held-out data: the trade-off curve, its baselines, and every measure with an interval."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import metrics
from ._types import BoolArray, FloatArray
from .bootstrap import Interval, Outcomes, bootstrap, check_outcomes
from .decision import check_threshold, goes_to_small
from .errors import ConfigError
from .metrics import TradeOff

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["GroupRow", "Interval", "Outcomes", "Report", "evaluate_scores", "for_json", "oracle_curve"]


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
class Report:
    """The result of `HybridRouter.evaluate`.

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
    """

    outcomes: Outcomes
    threshold: float
    measures: dict[str, Interval]
    confidence: float
    band: FloatArray
    about: dict[str, Any]
    margin_curve: FloatArray | None = None
    seen_in_training: int = 0

    @property
    def apgr(self) -> float:
        """Average performance gap recovered, the exact area; 0.5 is a random router."""
        return self.measures["apgr"].value

    @property
    def curve(self) -> TradeOff:
        """All operating points."""
        return TradeOff(self.outcomes.scores, self.outcomes.small, self.outcomes.large)

    @property
    def oracle(self) -> TradeOff:
        """The operating points of a router that knows the gap of every query; it splits equal gaps where it likes."""
        return oracle_curve(self.outcomes.small, self.outcomes.large)

    @property
    def to_small(self) -> BoolArray:
        """Which queries go to small at the router's threshold."""
        return goes_to_small(self.outcomes.scores, self.threshold)

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

    def plot(self) -> Figure:
        """The trade-off curve, the score histogram, the reliability diagram and the t* curve as one matplotlib figure.

        Raises:
            MissingExtraError: If matplotlib is not installed.
        """
        from .report.pictures import overview

        return overview(self)

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page with all pictures and tables; returns its path.

        Raises:
            MissingExtraError: If matplotlib is not installed.
        """
        from .report.page import write_page

        return write_page(self, Path(path))

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


def evaluate_scores(
    outcomes: Outcomes,
    *,
    threshold: float,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    about: dict[str, Any] | None = None,
    margin_curve: FloatArray | None = None,
    seen_in_training: int = 0,
) -> Report:
    """Measure scores against known outcomes; intervals by the bootstrap over queries.

    The resamples go through joblib: one process, unless `joblib.parallel_config` chooses a backend. The result is the
    same on any.

    They are percentile intervals, but for the lower end of ``ece``: noise only ever raises that measure, in each
    resample once more, so the end is reversed (twice the value minus the upper percentile). It is still too high near
    0: of perfectly calibrated scores about 60 % of the 95 % intervals hold the 0, where percentiles never do.

    Args:
        outcomes: The held-out queries.
        threshold: small iff score >= threshold, in [0, 1].
        resamples: Bootstrap resamples, >= 1.
        confidence: Of the intervals, in (0, 1).
        seed: Of the resampling.
        about: Settings to show in the report.
        margin_curve: The objective of the search for t*, to show in the report.
        seen_in_training: Number of the queries that the scorer was trained on.

    Raises:
        DataError: If there are no queries, the arrays differ in length, or the scores lie outside [0, 1].
        ConfigError: If threshold, resamples or confidence have values that are not allowed.
    """
    check_threshold(threshold)
    if resamples < 1 or not 0 < confidence < 1:
        raise ConfigError(f"resamples={resamples!r}, confidence={confidence!r}; allowed: >= 1, and between 0 and 1")
    check_outcomes(outcomes)
    if seen_in_training:
        warnings.warn(
            f"{seen_in_training} of the {len(outcomes.scores)} queries were trained on, so the figures flatter the "
            "router. Evaluate on a part that fit has not seen, as data.split gives it.",
            stacklevel=3,
        )
    measures, band = bootstrap(outcomes, threshold, resamples, confidence, seed)
    return Report(
        outcomes=outcomes,
        threshold=threshold,
        measures=measures,
        confidence=confidence,
        band=band,
        about=about or {},
        margin_curve=margin_curve,
        seen_in_training=seen_in_training,
    )


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
