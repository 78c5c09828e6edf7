"""Intervals of a mean that do not shrink to nothing where nothing was seen.

Percentiles of the bootstrap hold only what the data hold: with no loss among 160 queries they say "0 to 0", while a
loss rate of 2 % is likely to leave such data. Here each end is found with one made-up draw in the data, at the largest
value that could occur for the upper end and at the smallest for the lower one, under weights that are uniform over all
ways to share 1 among the draws (the Bayesian bootstrap of Rubin 1981, with the bound of Gaffke 2005). For values of 0
or 1 whose ends are 0 and 1 that is the exact interval of Clopper and Pearson, and with no loss seen the upper end is
the rule of three, up to the luck of the resamples. A quality drop may be negative too, so that its lower end is further
down. For other values the validity is conjectured; it was found to hold in simulation, here too.

Where whole groups are the draws, one that loses everything is no sensible guess, and a dozen groups would say nothing
against it: the made-up group is then as extreme as the most extreme one that was seen. In simulation the intervals of
95 % hold in 91 to 98 % of the draws for 13 groups and more (8 groups: 83 to 90 %; percentiles: 78 to 95 %), unless a
kind of group that loses much is so rare that none was seen.
"""

from __future__ import annotations

import numpy as np

from hybrid_router_core._types import FloatArray

__all__ = ["bounded_intervals", "extremes"]

_CHUNK = 2_000_000  # weights at a time: bounds the memory


def bounded_intervals(
    sums: FloatArray, counts: FloatArray, ends: FloatArray, resamples: int, confidence: float, seed: int
) -> FloatArray:
    """The interval of each of m means over rows that come in n independent draws.

    Args:
        sums: Over the rows of each draw, shape (n, m).
        counts: Rows of each draw, shape (n,).
        ends: Smallest and largest value of a row that could occur, shape (2, m).
        resamples: Weights that are drawn, >= 1.
        confidence: Of the interval, in (0, 1).
        seed: Of the weights.

    Returns:
        Lower and upper ends, shape (2, m).
    """
    n = len(counts)
    size = counts.mean()  # of the made-up draw
    rng = np.random.default_rng([seed, n])
    lows, highs = [], []
    step = max(1, _CHUNK // n)
    for begin in range(0, resamples, step):
        weights = rng.standard_exponential((min(step, resamples - begin), n + 1))
        made_up = weights[:, -1:] * size
        total, rows = weights[:, :-1] @ sums, weights[:, :-1] @ counts + made_up[:, 0]
        lows.append((total + made_up * ends[0]) / rows[:, None])
        highs.append((total + made_up * ends[1]) / rows[:, None])
    tail = (1 - confidence) / 2
    return np.stack(
        [np.quantile(np.concatenate(lows), tail, axis=0), np.quantile(np.concatenate(highs), 1 - tail, axis=0)]
    )


def extremes(small: FloatArray, large: FloatArray) -> float:
    """The largest loss that could occur: 1 if all qualities lie in [0, 1], else what they span."""
    low, high = min(small.min(), large.min()), max(small.max(), large.max())
    return 1.0 if low >= 0 and high <= 1 else float(high - low)
