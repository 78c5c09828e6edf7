"""Is there anything to gain by routing this pair? The figures of a data set, and a verdict in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._tally import SHORT, Mark, Moments, Sample, Tally
from ._types import FloatArray
from ._verdict import LIMITS, Verdict, summary, verdict_on
from .dataset import RoutingDataset
from .evaluation import for_json, oracle_curve
from .labels import deterministic_labels, probabilistic_labels, transformed_labels
from .learning import LearningCurve, learning_curve
from .margin import find_margin
from .metrics import TradeOff
from .text import TEXT_LIMIT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SAMPLE_ROWS", "Finding", "Inspection", "LabelBalance", "Verdict", "inspect_data"]

SAMPLE_ROWS = 100_000
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

FENCE = 3.0  # times the distance of the quartiles: Tukey's "far out"


@dataclass(frozen=True)
class Finding:
    """Rows that deserve a look.

    Attributes:
        what: Says it in words.
        count: Number of rows (or queries, as ``what`` says).
        share: Of those looked at.
        rows: 1-based numbers of the first of them.
    """

    what: str
    count: int
    share: float
    rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class LabelBalance:
    """The labels of one mode: their mean, and the share that is at least one half."""

    mean: float
    small: float


@dataclass(frozen=True, eq=False)
class Inspection:
    """The result of `inspect_data`. Gaps are small minus large; shares are of 1.

    Attributes:
        rows: All rows.
        sampled: Rows behind quantiles, histogram, labels, t*, oracle, duplicates, outliers and learning curve; the
            others of these figures are exact. Equal to ``rows`` unless there were too many.
        sample_share: Share of the queries that were to be in the sample.
        samples: Fewest and most samples of a query, by side.
        mean_small: Mean quality of small.
        mean_large: Mean quality of large.
        gap: Mean, ends of its 95 % interval, deviation, minimum and maximum by name.
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
    curve: LearningCurve | None
    small: FloatArray
    large: FloatArray

    @cached_property
    def oracle_curve(self) -> TradeOff:
        """All operating points of the oracle on the sample."""
        return oracle_curve(self.small, self.large)

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
                "gap": {**self.gap, "quantiles": self.gap_quantiles, "histogram": {"counts": counts, "edges": edges}},
                "small": {"wins": self.wins, "ties": self.ties, "losses": self.losses},
                "labels": {mode: vars(balance) for mode, balance in self.labels.items()},
                "margin": self.margin,
                "margin_objective": float(self.margin_curve[1].max()),
                "oracle": self.oracle,
                "random": {"apgr": 0.5, "cost_advantage_at_no_drop": float(self.gap["mean"] >= 0)},
                "findings": [vars(finding) for finding in self.findings],
                "learning_curve": None if self.curve is None else vars(self.curve),
            }
        )
        return result

    def plot(self) -> Figure:
        """The gap, the oracle, the t* search and the learning curve as one matplotlib figure.

        Raises:
            MissingExtraError: If matplotlib is not installed.
        """
        from .report.data_pictures import overview

        return overview(self)

    def to_html(self, path: str | Path) -> Path:
        """Write one self-contained page with the verdict, the pictures and the figures; returns its path.

        Raises:
            MissingExtraError: If matplotlib is not installed.
        """
        from .report.data_page import write_data_page

        return write_data_page(self, Path(path))

    def __str__(self) -> str:
        return "\n".join(summary(self))

    __repr__ = __str__


def inspect_data(
    data: RoutingDataset | Iterable[RoutingDataset],
    *,
    tau: float = 0.1,
    scorer: str | None = "linear",
    repeats: int = 5,
    seed: int = 0,
    sample_rows: int = SAMPLE_ROWS,
) -> Inspection:
    """Look at a data set before any router is trained on it.

    Args:
        data: A data set, or one in chunks, as `read_data_chunks` gives it.
        tau: Temperature of the probabilistic label with single samples, > 0.
        scorer: Of the routers of the learning curve; None leaves the curve out.
        repeats: Of the learning curve, >= 2.
        seed: Of the learning curve.
        sample_rows: Of more rows than this, a random sample of the queries stands for all where an exact figure would
            need them all at once.

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
    half = 1.96 * tally.gap.deviation / np.sqrt(tally.rows)
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
        findings=tuple(finding for finding in _findings(tally, sample) if finding.count),
        curve=None if scorer is None else learning_curve(rows, scorer=scorer, repeats=repeats, seed=seed),
        small=small,
        large=large,
    )


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


def _findings(tally: Tally, sample: Sample) -> Iterable[Finding]:
    rows = sample.data
    _, place, count = np.unique(rows.query_hashes, return_inverse=True, return_counts=True)
    repeated = count[place] > 1
    first = np.zeros(len(rows), dtype=np.bool_)
    first[np.unique(place, return_index=True)[1]] = True
    winner = np.sign(np.where(np.abs(rows.gap) <= 1e-9 * np.maximum(1.0, np.abs(rows.mean_large)), 0.0, rows.gap))
    low, high = np.full(len(count), np.inf), np.full(len(count), -np.inf)
    np.minimum.at(low, place, winner)
    np.maximum.at(high, place, winner)
    of_sample = "" if len(rows) == tally.rows else f" (in a sample of {len(rows):,})"

    def in_sample(what: str, found: FloatArray | Any) -> Finding:
        numbers = sample.numbers[found][:5].tolist()
        return Finding(what + of_sample, int(found.sum()), float(found.mean()), tuple(numbers))

    def exact(what: str, mark: Mark) -> Finding:
        return Finding(what, mark.count, mark.count / tally.rows, tuple(mark.rows))

    yield in_sample("rows that repeat an earlier query", repeated & ~first)
    yield in_sample("rows of a repeated query whose rows disagree on the winner", repeated & (low < high)[place])
    yield exact("rows in which each model has the same quality in all its samples", tally.identical)
    yield exact(f"queries below {SHORT} characters", tally.short)
    yield exact(f"queries beyond {TEXT_LIMIT:,} characters, of which a router reads head and tail", tally.long)
    sides: tuple[tuple[str, Moments, FloatArray], ...] = (
        ("small", tally.small, rows.mean_small),
        ("large", tally.large, rows.mean_large),
    )
    for side, moments, quality in sides:
        if moments.low == moments.high and tally.rows > 1:
            yield Finding(f"rows: the quality of {side} is {moments.low:g} in every one", tally.rows, 1.0)
        quarter, three = np.quantile(quality, (0.25, 0.75))
        reach = FENCE * (three - quarter)
        if reach > 0:
            far = (quality < quarter - reach) | (quality > three + reach)
            yield in_sample(
                f"rows whose quality of {side} lies far out (below {quarter - reach:.4g} or above {three + reach:.4g})",
                far,
            )
