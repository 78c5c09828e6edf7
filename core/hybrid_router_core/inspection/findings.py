"""Rows that deserve a look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.embedders import TEXT_LIMIT

from .tally import SHORT, Mark, Moments, Sample, Tally

__all__ = ["Finding", "find"]

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


def find(tally: Tally, sample: Sample) -> Iterable[Finding]:
    """Repeats, disagreements, odd lengths, constant and far-out qualities; some of the findings may count 0."""
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
