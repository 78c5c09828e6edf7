"""The figures of a data set, before any verdict."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hybrid_router_core._types import FloatArray
from hybrid_router_core.evaluation import TradeOff, oracle_curve

from .findings import Finding
from .learning_curve import LearningCurve
from .signal import Signal

__all__ = ["Figures", "LabelBalance"]


@dataclass(frozen=True)
class LabelBalance:
    """The labels of one mode: their mean, and the share that is at least one half."""

    mean: float
    small: float


@dataclass(frozen=True, eq=False)
class Figures:
    """What `inspect_data` found; `Inspection` judges and draws it. Gaps are small minus large; shares are of 1.

    Attributes:
        rows: All rows.
        sampled: Rows behind quantiles, histogram, labels, t*, oracle, duplicates, outliers and learning curve; the
            others of these figures are exact. Equal to ``rows`` unless there were too many.
        sample_share: Share of the queries that were to be in the sample.
        samples: Fewest and most samples of a query, by side.
        mean_small: Mean quality of small.
        mean_large: Mean quality of large.
        gap: Mean, ends of its 95 % interval, deviation, minimum and maximum by name. The interval counts repeats of a
            query once, and is longer by the square root of the design effect.
        design_effect: By how much the variance of the mean gap grows since queries of one group have gaps that are
            alike; 1 where groups do not matter, None without groups.
        gap_quantiles: Quantile -> gap.
        wins: Share of the queries on which small is better.
        ties: Share on which both are equally good.
        losses: Share on which large is better.
        labels: Mode -> balance of its labels.
        margin: t*, in units of quality.
        margin_curve: Candidates and objective of the search for t*, shape (2, c).
        oracle: APGR of a router that knows every gap, its best cost advantage at no drop in quality, and its headroom:
            its best mean quality minus that of the better model, which several noisy samples flatter;
            ``repeatable_headroom`` chooses by half of the samples and measures by the other half, which is rather too
            little (None with one sample).
        findings: Duplicates and suspicious rows, without those that were not found.
        signal: Whether the text of a query says anything about the gap; None if the rows are too few to ask, or alike.
        curve: The learning curve, or None if it was not asked for or there is nothing to learn.
        small: Mean qualities of the sample, shape (sampled,).
        large: The same of large.
    """

    rows: int
    sampled: int
    sample_share: float
    samples: dict[str, tuple[int, int]]
    mean_small: float
    mean_large: float
    gap: dict[str, float]
    gap_quantiles: dict[float, float]
    wins: float
    ties: float
    losses: float
    labels: dict[str, LabelBalance]
    margin: float
    margin_curve: FloatArray
    oracle: dict[str, float | None]
    findings: tuple[Finding, ...]
    design_effect: float | None
    signal: Signal | None
    curve: LearningCurve | None
    small: FloatArray
    large: FloatArray

    @cached_property
    def oracle_curve(self) -> TradeOff:
        """All operating points of the oracle on the sample."""
        return oracle_curve(self.small, self.large)
