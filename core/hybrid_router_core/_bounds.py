"""Certified thresholds: Learn-then-Test with a betting test for bounded losses.

The loss of a query at threshold t is large − small if the query goes to small, else 0; its mean over the population is
the quality drop. A threshold is certified when a test rejects "drop(t) > max_drop".

Sources: Angelopoulos et al. 2021 (arXiv:2110.01052), Theorem 1 and fixed-sequence testing with several starts;
Waudby-Smith and Ramdas 2023 (arXiv:2010.09686), section 4, for tests by betting; Voráček and Orabona 2025
(arXiv:2505.22422) for the size of the bets.

Why the guarantee holds:
1. One test. Under "drop(t) ≥ max_drop" every factor of the wealth has a mean ≤ 1, whatever the bet, as long as the bet
   is fixed before its row is seen. So the wealth is a nonnegative supermartingale and reaches 1 / level with
   probability ≤ level (Ville). Which bets are made matters for power only.
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

import numpy as np

from ._types import BoolArray, FloatArray

__all__ = ["MAX_FULL", "METHOD", "certified_threshold", "fewest_rows", "gaps", "smallest_drop", "star_rejects"]

METHOD = "Learn-then-Test, fixed sequence (arXiv:2110.01052) with STaR betting (arXiv:2505.22422)"
MAX_FULL = 10_000  # with more rows, held-aside rows give the steps
MAX_STEPS = 500

# The starts are numbers chosen beforehand, never quantiles of the data. A tenth of the error buys them all.
_STARTS = np.array([1.0, 0.75, 0.5, 0.25, 0.0])
_SHARES_OF_ERROR = np.array([0.9, 0.025, 0.025, 0.025, 0.025])
# Largest stake as a part of what would ruin; raised to _ALL_IN where only a row of zeros could pass.
_CAP, _ALL_IN = 0.75, 0.99
_PRIOR_ROWS = 4


def star_rejects(
    scores: FloatArray, losses: FloatArray, thresholds: FloatArray, max_drop: FloatArray, level: FloatArray
) -> BoolArray:
    """Test "drop(threshold) > max_drop" at a level, for many thresholds at once.

    Args:
        scores: In the order of betting, shape (n,); the rows are independent draws.
        losses: large − small in units of the quality range, at most 1, shape (n,).
        thresholds: Descending, shape (m,).
        max_drop: In units of the quality range, in [0, 1), shape (m,).
        level: Chance of a false rejection, in (0, 1), shape (m,).

    Returns:
        True where the hypothesis is rejected, that is where the threshold is safe; shape (m,).
    """
    n = len(scores)
    first = np.searchsorted(-thresholds, -scores, side="left")  # columns first[i]: send row i to small
    goal = -np.log(level)
    ruin = 1.0 - max_drop  # a loss of 1 costs this much per unit staked
    zeros_need = np.expm1(goal / n) * ruin / np.maximum(max_drop, 1e-9)
    cap = np.clip(1.25 * zeros_need, _CAP, _ALL_IN) / ruin
    wealth = np.zeros(len(thresholds))  # logarithm
    # Second moment of the gains about max_drop, with a few made-up rows in front (as in arXiv:2010.09686, eq. 26) such
    # as lie at the edge: two losses of 1 for each gain of 1. A guess too small would stake too much at the start.
    moment = _PRIOR_ROWS * np.clip(3.0 * max_drop, 1.0 / n, 1.0)
    for t, (column, loss) in enumerate(zip(first.tolist(), losses.tolist(), strict=True)):
        need = np.maximum(goal - wealth, 0.0)  # nothing is staked any more once the goal is reached
        bet = np.minimum(np.sqrt(need * (2.0 * (t + _PRIOR_ROWS) / (n - t)) / moment), cap)
        gain = max_drop.copy()
        gain[column:] -= loss
        wealth += np.log1p(bet * gain)
        moment += gain * gain
    return np.asarray(wealth >= goal)


def gaps(scores: FloatArray) -> FloatArray:
    """A threshold between each two neighbouring distinct scores, midway, so that rounding of scores decides nothing."""
    distinct = np.unique(scores)
    middle = distinct[:-1] + np.diff(distinct) / 2
    return np.where(middle > distinct[:-1], middle, distinct[1:])  # adjacent floats have no number between them


def _steps(scores: FloatArray) -> FloatArray:
    """One threshold in every gap and the starts, 1 and 0 among them; descending."""
    return np.unique(np.concatenate([gaps(scores), _STARTS]))[::-1]


def _deal(scores: FloatArray, losses: FloatArray, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Shuffle the rows (a file may be sorted; the order of betting must not depend on that) and choose the steps."""
    order = np.random.default_rng(seed).permutation(len(scores))
    scores, losses = scores[order], losses[order]
    if len(scores) <= MAX_FULL:
        return scores, losses, _steps(scores)
    return scores[MAX_STEPS:], losses[MAX_STEPS:], _steps(scores[:MAX_STEPS])


def _run(passed: BoolArray, start: int) -> int:
    """Index of the last step that a chain from ``start`` certifies; -1 if its first test fails."""
    failed = np.flatnonzero(~passed[start:])
    end = start + int(failed[0]) if len(failed) else len(passed)
    return end - 1 if end > start else -1


def certified_threshold(
    scores: FloatArray, losses: FloatArray, max_drop: float, confidence: float, seed: int
) -> float | None:
    """The lowest threshold certified to have drop ≤ max_drop; None if not even all-large is.

    ``losses`` and ``max_drop`` are in units of the quality range, ``losses`` ≤ 1 and 0 ≤ ``max_drop`` < 1.
    """
    scores, losses, steps = _deal(scores, losses, seed)
    begin = np.searchsorted(-steps, -_STARTS)
    levels = (1.0 - confidence) * _SHARES_OF_ERROR

    def test(columns: FloatArray, level: FloatArray) -> BoolArray:
        return star_rejects(scores, losses, columns, np.full(len(columns), max_drop), level)

    # First the main chain together with the first step of the others, which seldom get further.
    columns = np.concatenate([steps, _STARTS[1:]])
    level = np.concatenate([np.full(len(steps), levels[0]), levels[1:]])
    order = np.argsort(-columns, kind="stable")
    passed = np.empty(len(columns), dtype=np.bool_)
    passed[order] = test(columns[order], level[order])
    best = _run(passed[: len(steps)], 0)
    useful = np.flatnonzero(passed[len(steps) :] & (begin[1:] > best)) + 1
    if len(useful):
        # They share one level, so one pass serves them all.
        chain = np.zeros(len(steps), dtype=np.bool_)
        low = int(begin[useful[0]])
        chain[low:] = test(steps[low:], np.full(len(steps) - low, levels[1]))
        best = max(best, *(_run(chain, int(begin[i])) for i in useful))
    return float(steps[best]) if best >= 0 else None


def smallest_drop(scores: FloatArray, losses: FloatArray, above: float, confidence: float, seed: int) -> float | None:
    """About the smallest max_drop in (above, 1) at which some query can go to small; None if there is none.

    Found on a geometric grid of 64 values, for error messages.
    """
    n = len(scores)
    scores, losses, steps = _deal(scores, losses, seed)
    sends = np.flatnonzero(steps <= scores.max())
    prefix = steps[: int(sends[0]) + 1]
    starts = _STARTS[1:][_STARTS[1:] <= scores.max()]
    lowest, highest = max(above, 0.5 / n), 0.999
    if lowest >= highest:
        return None
    drops = np.geomspace(lowest, highest, 64)[1:]
    columns = np.concatenate([prefix, starts])
    level = (1.0 - confidence) * np.concatenate(
        [np.full(len(prefix), _SHARES_OF_ERROR[0]), np.full(len(starts), _SHARES_OF_ERROR[1])]
    )
    order = np.argsort(-columns, kind="stable")
    table = star_rejects(
        scores,
        losses,
        np.repeat(columns[order], len(drops)),
        np.tile(drops, len(columns)),
        np.repeat(level[order], len(drops)),
    ).reshape(len(columns), len(drops))
    passed = np.empty_like(table)
    passed[order] = table
    feasible = passed[: len(prefix)].all(axis=0) | passed[len(prefix) :].any(axis=0)
    return float(drops[feasible.argmax()]) if feasible.any() else None


def fewest_rows(max_drop: float, confidence: float) -> int | None:
    """Rows that the main chain needs even if small is never worse (the rule of three); None where too many to name."""
    if max_drop < 1e-9:
        return None
    goal = -np.log((1.0 - confidence) * _SHARES_OF_ERROR[0])
    return int(np.ceil(1.05 * goal / np.log1p(_ALL_IN * max_drop / (1.0 - max_drop))))  # not all-in from the first row
