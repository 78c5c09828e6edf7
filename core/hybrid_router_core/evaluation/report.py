"""The result of an evaluation, and how it is made from scores and outcomes."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError
from hybrid_router_core.routing import check_threshold, goes_to_small

from .bootstrap import Outcomes, bootstrap, check_outcomes
from .figures import Figures
from .grouping import design_effect, grouping_note

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Report", "evaluate_scores"]


class Report(Figures):
    """The result of `HybridRouter.evaluate`: the attributes and measures of `Figures`, as text, picture and page."""

    def plot(self) -> Figure:
        """The trade-off curve, the score histogram, the reliability diagram and the t* curve as one matplotlib figure.

        Raises:
            MissingExtraError: If matplotlib is not installed.
        """
        from .pictures import overview

        return overview(self)

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page with all pictures and tables; returns its path.

        Raises:
            MissingExtraError: If matplotlib is not installed.
        """
        from .page import write_page

        return write_page(self, Path(path))


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
    """Measure scores against known outcomes; intervals by the bootstrap over queries, or whole groups.

    The resamples go through joblib: one process, unless `joblib.parallel_config` chooses a backend. The result is the
    same on any.

    They are percentile intervals, but for two kinds. The share to small and the quality drop have ends that allow for
    what was not seen (`intervals`). And the lower end of ``ece``: noise only ever raises that measure, in each
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
    numbers = isinstance(resamples, Integral) and isinstance(confidence, Real)
    if not numbers or resamples < 1 or not 0 < confidence < 1:
        raise ConfigError(f"resamples={resamples!r}, confidence={confidence!r}; allowed: >= 1, and between 0 and 1")
    check_outcomes(outcomes)
    if seen_in_training:
        warnings.warn(
            f"{seen_in_training} of the {len(outcomes.scores)} queries were trained on, so the figures flatter the "
            "router. Evaluate on a part that fit has not seen, as data.split gives it.",
            stacklevel=3,
        )
    draws = outcomes.by_query
    effect = None
    if outcomes.groups is not None:
        lost = draws.mean(np.where(goes_to_small(outcomes.ranks, threshold), outcomes.losses, 0.0))
        effect = design_effect(lost, [outcomes.groups[i] for i in draws.first], seed)
        note = grouping_note(effect, len(draws), len(set(outcomes.groups)), "Each interval")
        if note and outcomes.across is None:
            warnings.warn(note, stacklevel=3)
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
        n_queries=len(draws),
        design_effect=effect,
    )
