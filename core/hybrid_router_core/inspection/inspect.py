"""Is there anything to gain by routing this pair? A data set -> its figures, judged and drawn."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.data import Draws, RoutingDataset
from hybrid_router_core.evaluation import Across, design_effect, for_json, oracle_curve
from hybrid_router_core.labels import (
    deterministic_labels,
    find_margin,
    probabilistic_labels,
    transformed_labels,
)

from .figures import Figures, LabelBalance
from .findings import find
from .learning_curve import learning_curve
from .signal import PERMUTATIONS, signal_of
from .tally import Tally
from .verdict import LIMITS, Verdict, summary, verdict_on

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SAMPLE_ROWS", "Inspection", "inspect_data"]

SAMPLE_ROWS = 100_000
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class Inspection(Figures):
    """The result of `inspect_data`: the attributes of `Figures`, a verdict, and all of it as text, picture and page."""

    @cached_property
    def verdict(self) -> Verdict:
        """Whether there is anything to gain; the reasons name the limits they use."""
        return verdict_on(self)

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain values, fit for JSON (NaN as None)."""
        verdict = self.verdict
        counts, edges = np.histogram(self.small - self.large, bins=40)
        result: dict[str, Any] = for_json(
            {
                "verdict": {
                    "answer": verdict.answer,
                    "headline": verdict.headline,
                    "reasons": verdict.reasons,
                    "limits": LIMITS,
                },
                "rows": self.rows,
                "sampled": self.sampled,
                "sample_share": self.sample_share,
                "samples": self.samples,
                "quality": {"small": self.mean_small, "large": self.mean_large},
                "design_effect": self.design_effect,
                "gap": {**self.gap, "quantiles": self.gap_quantiles, "histogram": {"counts": counts, "edges": edges}},
                "small": {"wins": self.wins, "ties": self.ties, "losses": self.losses},
                "labels": {mode: vars(balance) for mode, balance in self.labels.items()},
                "margin": self.margin,
                "margin_objective": float(self.margin_curve[1].max()),
                "oracle": self.oracle,
                "random": {"apgr": 0.5, "cost_advantage_at_no_drop": float(self.gap["mean"] >= 0)},
                "findings": [vars(finding) for finding in self.findings],
                "signal": None if self.signal is None else vars(self.signal),
                "learning_curve": None if self.curve is None else vars(self.curve),
            }
        )
        return result

    def plot(self) -> Figure:
        """The gap, the oracle, the t* search and the learning curve as one matplotlib figure.

        Raises:
            MissingExtraError: If matplotlib is not installed.
        """
        from .pictures import overview

        return overview(self)

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page with the verdict, the pictures and the figures; returns its path.

        Raises:
            MissingExtraError: If matplotlib is not installed.
        """
        from .page import write_data_page

        return write_data_page(self, Path(path))

    def __str__(self) -> str:
        return "\n".join(summary(self, self.verdict))

    __repr__ = __str__


def inspect_data(
    data: RoutingDataset | Iterable[RoutingDataset],
    *,
    tau: float = 0.1,
    scorer: str | None = "linear",
    repeats: int = 5,
    seed: int = 0,
    sample_rows: int = SAMPLE_ROWS,
    permutations: int = PERMUTATIONS,
    across: Across | None = None,
) -> Inspection:
    """Look at a data set before any router is trained on it.

    Args:
        data: A data set, or one in chunks, as `read_data_chunks` gives it.
        tau: Temperature of the probabilistic label with single samples, > 0.
        scorer: Of the routers of the learning curve; None leaves the curve out.
        repeats: Of the learning curve, >= 2.
        seed: Of the learning curve and of the test for a signal.
        sample_rows: Of more rows than this, a random sample of the queries stands for all where an exact figure would
            need them all at once.
        permutations: Of the test for a signal.
        across: "groups": the learning curve is measured on groups that the routers have not seen.

    Raises:
        DataError: If there are no rows, or bad ones.
    """
    tally = Tally(sample_rows)
    for chunk in (data,) if isinstance(data, RoutingDataset) else data:
        tally.add(chunk)
    sample = tally.sample()
    rows = sample.data
    small, large = rows.mean_small, rows.mean_large
    search = find_margin(rows.small_quality, rows.large_quality)
    keep = np.unique(np.linspace(0, len(search.candidates) - 1, min(len(search.candidates), 400)).astype(np.intp))
    keep = np.unique(np.append(keep, np.searchsorted(search.candidates, search.margin)))
    labels = {
        "deterministic": deterministic_labels(rows.small_quality, rows.large_quality),
        "probabilistic": probabilistic_labels(rows.small_quality, rows.large_quality, tau),
        "transformed": transformed_labels(rows.small_quality, rows.large_quality, search.margin),
    }
    draws = Draws.of(rows.query_hashes)
    effect = None
    if rows.groups is not None:
        effect = design_effect(draws.mean(rows.gap), [rows.groups[i] for i in draws.first.tolist()], seed)
    half = 1.96 * tally.gap.deviation / np.sqrt(tally.rows) * _repeats_factor(rows, draws) * np.sqrt(effect or 1.0)
    mean = tally.gap.mean
    return Inspection(
        rows=tally.rows,
        sampled=len(rows),
        sample_share=sample.share,
        samples=tally.samples,
        mean_small=tally.small.mean,
        mean_large=tally.large.mean,
        gap={
            "mean": mean,
            "low": mean - half,
            "high": mean + half,
            "deviation": tally.gap.deviation,
            "minimum": tally.gap.low,
            "maximum": tally.gap.high,
        },
        gap_quantiles=dict(zip(QUANTILES, np.quantile(small - large, QUANTILES).tolist(), strict=True)),
        wins=tally.wins / tally.rows,
        ties=tally.ties / tally.rows,
        losses=(tally.rows - tally.wins - tally.ties) / tally.rows,
        labels={mode: LabelBalance(float(y.mean()), float((y >= 0.5).mean())) for mode, y in labels.items()},
        margin=search.margin,
        margin_curve=np.stack([search.candidates[keep], search.objective[keep]]),
        oracle=_oracle(tally, small, large),
        findings=tuple(finding for finding in find(tally, sample) if finding.count),
        design_effect=effect,
        signal=signal_of(rows, seed=seed, permutations=permutations),
        curve=None
        if scorer is None
        else learning_curve(rows, scorer=scorer, repeats=repeats, seed=seed, across=across),
        small=small,
        large=large,
    )


def _repeats_factor(rows: RoutingDataset, draws: Draws) -> float:
    """By how much repeated queries, which are one draw, widen the interval of the mean gap; 1 without repeats."""
    off = rows.gap - rows.gap.mean()
    alone = float((off**2).sum())
    return float(np.sqrt((draws.sum(off) ** 2).sum() / alone)) if alone > 0 and len(draws) < len(rows) else 1.0


def _oracle(tally: Tally, small: FloatArray, large: FloatArray) -> dict[str, float | None]:
    curve = oracle_curve(small, large)
    to_small, to_large, small_again, large_again = tally.repeatable
    chosen, alone = max(to_small.mean, to_large.mean), max(small_again.mean, large_again.mean)
    kept = curve.quality >= curve.quality[-1] - 1e-9 * max(1.0, abs(curve.quality[-1]))
    return {
        "apgr": curve.apgr(),
        "cost_advantage_at_no_drop": float(1.0 - curve.share_to_large[kept].min()),
        "headroom": tally.best.mean - max(tally.small.mean, tally.large.mean),
        "repeatable_headroom": chosen - alone if to_small.n else None,
    }
