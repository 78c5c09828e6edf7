"""Certified thresholds: Learn-then-Test, from all-large downwards as far as a test allows.

The loss of a query at threshold t is large − small if the query goes to small, else 0; its mean over the population is
the quality drop. A threshold is certified when a test rejects "drop(t) > max_drop" (`betting`).

Source: Angelopoulos et al. 2021 (arXiv:2110.01052), Theorem 1 and fixed-sequence testing with several starts.

Why the guarantee holds:
1. One test errs with probability ≤ its level, since the rows are independent draws (`betting` says why).
2. One chain. The hypotheses are *all* thresholds from the start downwards, a sequence that no data can change; a chain
   stops at its first failure. It errs only by rejecting its first true hypothesis, which the population fixes, so with
   probability ≤ its level. No monotonicity of the drop is needed: with negative losses there is none.
3. The scores of the data may serve as the steps, because the test gives the same answer for all thresholds between two
   neighbouring scores: checking one threshold per gap checks them all.
4. Many rows. Beyond ``MAX_FULL`` rows that costs too much; then a few rows drawn by lot give the steps and take no part
   in the tests. Given those rows the sequence is fixed, and the others are still independent draws.
5. Several chains. Their levels add up to 1 − confidence (Bonferroni). The main chain starts at all-large. It cannot
   begin where max_drop is so small that even losses of zero prove nothing (below about 3 / n), although small may be
   clearly better; the other starts are for that.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybrid_router_core._types import BoolArray, FloatArray

from .betting import ALL_IN, orders_of, rejects
from .losses import Losses

__all__ = ["MAX_FULL", "certified_threshold", "fewest_rows", "gaps", "last_passed", "smallest_drop", "steps_of"]

MAX_FULL = 5_000  # with more rows, held-aside rows give the steps
MAX_STEPS = 400
BLOCK = 128  # steps that are tested at once: a chain ends somewhere, and what lies below needs no test

# The starts are numbers chosen beforehand, never quantiles of the data. A twentieth of the error buys them all.
_STARTS = np.array([1.0, 0.75, 0.5, 0.25, 0.0])
_SHARES_OF_ERROR = np.array([0.95, 0.0125, 0.0125, 0.0125, 0.0125])


def gaps(scores: FloatArray) -> FloatArray:
    """A threshold between each two neighbouring distinct scores, midway, so that rounding of scores decides nothing."""
    distinct = np.unique(scores)
    middle = distinct[:-1] + np.diff(distinct) / 2
    return np.where(middle > distinct[:-1], middle, distinct[1:])  # adjacent floats have no number between them


def steps_of(scores: FloatArray) -> FloatArray:
    """One threshold in every gap and the starts, 1 and 0 among them; descending."""
    return np.unique(np.concatenate([gaps(scores), _STARTS]))[::-1]


def _deal(losses: Losses, seed: int) -> tuple[Losses, FloatArray]:
    """The rows that are tested, and the steps."""
    n = len(losses)
    if n <= MAX_FULL:
        return losses, steps_of(losses.scores)
    order = np.random.default_rng(seed).permutation(n)
    aside, rest = order[:MAX_STEPS], order[MAX_STEPS:]
    return losses.take(rest), steps_of(losses.scores[aside])


def last_passed(steps: int, start: int, passes: Callable[[slice], BoolArray]) -> int:
    """Index of the last of the steps that a chain from ``start`` certifies; start - 1 if its first test fails."""
    for low in range(start, steps, BLOCK):
        ok = passes(slice(low, min(low + BLOCK, steps)))
        if not ok.all():
            return low + int(np.argmin(ok)) - 1
    return steps - 1


def certified_threshold(losses: Losses, max_drop: float, confidence: float, seed: int) -> float | None:
    """The lowest threshold certified to keep the limit, in units of `losses.units` and in [0, 1); None if none is."""
    losses, steps = _deal(losses, seed)
    orders = orders_of(len(losses), seed)
    begin = np.searchsorted(-steps, -_STARTS)
    levels = (1.0 - confidence) * _SHARES_OF_ERROR

    def passed_until(start: int, level: float) -> int:
        def passes(part: slice) -> BoolArray:
            block = steps[part]
            return rejects(losses, block, np.full(len(block), max_drop), np.full(len(block), level), orders)

        return last_passed(len(steps), start, passes)

    best = passed_until(0, levels[0])
    for start, level in zip(begin[1:].tolist(), levels[1:].tolist(), strict=True):
        if start > best and (last := passed_until(start, level)) >= start:
            best = last
    return float(steps[best]) if best >= 0 else None


def smallest_drop(losses: Losses, above: float, confidence: float, seed: int) -> float | None:
    """About the smallest max_drop in (above, 1) at which some query can go to small; None if there is none.

    Found on a geometric grid of 64 values, for error messages.
    """
    n = len(losses)
    losses, steps = _deal(losses, seed)
    scores = losses.scores
    sends = np.flatnonzero(steps <= scores.max())
    prefix = steps[: int(sends[0]) + 1]
    starts = _STARTS[1:][_STARTS[1:] <= scores.max()]
    lowest, highest = max(above, 0.5 / n), 0.999 / losses.most
    if lowest >= highest:
        return None
    drops = np.geomspace(lowest, highest, 64)[1:]
    columns = np.concatenate([prefix, starts])
    level = (1.0 - confidence) * np.concatenate(
        [np.full(len(prefix), _SHARES_OF_ERROR[0]), np.full(len(starts), _SHARES_OF_ERROR[1])]
    )
    order = np.argsort(-columns, kind="stable")
    table = rejects(
        losses,
        np.repeat(columns[order], len(drops)),
        np.tile(drops, len(columns)),
        np.repeat(level[order], len(drops)),
        orders_of(len(losses), seed),
    ).reshape(len(columns), len(drops))
    passed = np.empty_like(table)
    passed[order] = table
    feasible = passed[: len(prefix)].all(axis=0) | passed[len(prefix) :].any(axis=0)
    return float(drops[feasible.argmax()]) if feasible.any() else None


def fewest_rows(max_drop: float, confidence: float, size: float = 1.0) -> int | None:
    """Rows that the main chain needs even if small is never worse (the rule of three); None where too many to name.

    Args:
        max_drop: The limit, in [0, 1).
        confidence: In (0, 1).
        size: Mean of `Losses.sizes`.
    """
    if max_drop < 1e-9:
        return None
    goal = -np.log((1.0 - confidence) * _SHARES_OF_ERROR[0])
    return int(
        np.ceil(1.05 / size * goal / np.log1p(ALL_IN * max_drop / (1.0 - max_drop)))
    )  # not all-in from the first row
