"""The test behind a certified threshold: is the mean loss above a limit? By betting on the rows in several orders.

A bettor starts with 1 and stakes a part of the wealth on each row: it is multiplied by 1 + bet · (limit − loss). If the
mean loss is at the limit or above, no factor has a mean above 1, whatever the bet, as long as the bet is fixed before
its row is seen. So the final wealth is an e-value: its mean is at most 1 (Waudby-Smith and Ramdas 2023,
arXiv:2010.09686).

Another order of the rows gives another wealth; with one order that luck moved the certified share by 0.05. So several
random orders are bet on. Their e-values are exchangeable, hence the chance that the mean of the first k of them ever
reaches 1 / level is at most level (Ramdas and Manole 2023, arXiv:2304.02611, Theorem 1.1). The hypothesis is rejected
if one of these means does.

What is bet matters for power only. The wealth shall end at a fixed prize with the highest chance there is. That is the
payoff of a digital option on the sum of the gains, and the bet is what replicates it in the limit of many small gains
(to aim at the goal is the idea of Voráček and Orabona 2025, arXiv:2505.22422). An option depends on the sum and hardly
on the order, so the orders agree, and their mean loses little.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from hybrid_router_core._types import BoolArray, FloatArray, IntArray

from .losses import Losses

__all__ = ["ALL_IN", "METHOD", "orders_of", "prize_bet", "rejects"]

METHOD = "Learn-then-Test, fixed sequence (arXiv:2110.01052), betting in several orders (arXiv:2010.09686, 2304.02611)"
ALL_IN = 0.99

_PRIZE = 1.25  # in units of 1 / level: above 1, since the mean over the orders falls short of the prize
_FIRST = 2  # means of fewer orders are not looked at: luck again
# Largest stake as a part of what would ruin; raised to ALL_IN where only a row of zeros could pass.
_CAP = 0.75
_PRIOR_ROWS = 4
_NORMAL = NormalDist()
_BETS = 250  # of one order, at least: more rows are bet on several at a time


def orders_of(n: int, seed: int) -> IntArray:
    """The orders in which n rows are bet on, shape (orders, n): fewer where many rows leave less to luck."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(n) for _ in range(min(12, max(4, 6000 // n)))])


def rejects(
    losses: Losses, thresholds: FloatArray, max_drop: FloatArray, level: FloatArray, orders: IntArray
) -> BoolArray:
    """Test that the limit is broken, at a level, for many thresholds at once.

    Args:
        losses: Of n draws.
        thresholds: Descending, shape (m,).
        max_drop: The limit in units of `losses.units`, in [0, 1), shape (m,).
        level: Chance of a false rejection, in (0, 1), shape (m,).
        orders: Random orders of the rows, shape (k, n).

    Returns:
        True where the hypothesis is rejected, that is where the threshold is safe; shape (m,).
    """
    n = len(losses)
    loss, unit = losses.values[orders], losses.units[orders]
    first = np.searchsorted(-thresholds, -losses.scores, side="left")[
        orders
    ]  # columns from here on send the row to small
    column = np.arange(len(thresholds))
    allowed = max_drop * losses.most
    ruin = 1.0 - allowed  # what the worst row costs per unit staked; of a share too, since all of it is lost at most
    zeros_need = np.expm1(np.log(_PRIZE / level) / (n * losses.smallest)) * ruin / np.maximum(allowed, 1e-9)
    cap = np.clip(1.25 * zeros_need, _CAP, ALL_IN) / ruin
    wealth = np.tile(np.log(level / _PRIZE), (len(orders), 1))  # logarithm, in units of the prize
    # Second moment of the gains about max_drop, with a few made-up rows in front (as in arXiv:2010.09686, eq. 26) such
    # as lie at the edge: two losses of 1 for each gain of 1. A guess too small would stake too much at the start.
    prior = _PRIOR_ROWS * np.clip(3.0 * allowed, 1.0 / n, 1.0)
    moment = np.tile(prior, (len(orders), 1))
    squares = None if losses.sizes is None else _mean_squares(losses.sizes[orders])
    grid, ratio = _hedge()
    step = max(1, n // _BETS)  # the bet of a few rows is fixed before the first of them, and so fixed beforehand
    for t in range(0, n, step):
        rows = slice(t, t + step)
        spread = np.sqrt(moment * ((n - t) / (t + _PRIOR_ROWS)))  # standard deviation of the gains still to come
        bet = np.minimum(np.interp(wealth, grid, ratio) / spread, cap)
        spare = max_drop * unit[:, rows, None]
        gain = np.where(column >= first[:, rows, None], spare - loss[:, rows, None], spare)
        wealth += np.log1p(bet[:, None, :] * gain).sum(axis=1)
        moment += (gain * gain).sum(axis=1)
        if squares is not None and t + step < n:  # the made-up rows shall be of the size of those seen so far
            moment += prior * (squares[:, t + step] - squares[:, t])[:, None]
    means = np.cumsum(np.exp(wealth) * _PRIZE, axis=0) / np.arange(1, len(orders) + 1)[:, None]
    return np.asarray((means[_FIRST - 1 :] >= 1.0).any(axis=0))


def _mean_squares(sizes: FloatArray) -> FloatArray:
    """Mean square of the sizes before each row, with a first one of 1; shape (k, n)."""
    sums = np.cumsum(np.hstack([np.ones((len(sizes), 1)), sizes[:, :-1] ** 2]), axis=1)
    return np.asarray(sums / np.arange(1, sizes.shape[1] + 1))


def prize_bet(wealth: float) -> float:
    """What to bet for one unit of spread of the gains to come: phi(d) / Phi(d) with d = Phi^-1(exp(wealth)).

    Args:
        wealth: Logarithm, in units of the prize; 0 is bet from 0 on.
    """
    if wealth >= 0:
        return 0.0
    chance = math.exp(max(wealth, -300.0))
    return _NORMAL.pdf(_NORMAL.inv_cdf(chance)) / chance


@lru_cache(maxsize=1)
def _hedge() -> tuple[FloatArray, FloatArray]:
    """`prize_bet` on a grid of wealth."""
    grid = np.concatenate([np.linspace(-40.0, -3.0, 200)[:-1], np.linspace(-3.0, 0.0, 400)])
    return grid, np.array([prize_bet(wealth) for wealth in grid.tolist()])
