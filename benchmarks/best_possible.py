"""What no test of the limit can beat, and what one that knows all but the time does: for bench_watch.py.

A test of "mean ≤ limit" must not err under any distribution with that mean, so its worst enemy is the one nearest to
the truth. Of all e-values that are valid there, the one that grows fastest is their likelihood ratio, which is what the
best constant bet earns (Honda and Takemura 2010; arXiv:2010.09686): 1 + bet · (loss − mean there), with a bet of
λ / p for a label of probability p. Its mean logarithm is the information that a label has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from common import FloatArray
from live_calls import LIMIT, World
from scipy.optimize import brentq, minimize_scalar

_RUNS = 20_000
_HORIZON = 10_000
_LONGEST = 12_000
_NEVER = -60.0  # logarithm of a ratio of 0


@dataclass(frozen=True, eq=False)
class Best:
    """Likelihood ratios of one label.

    Attributes:
        ratios: Their logarithms, shape (k,).
        truth, enemy: Probabilities of these, shape (k,).
    """

    ratios: FloatArray
    truth: FloatArray
    enemy: FloatArray

    @classmethod
    def of(cls, world: World, drop: float) -> Best:
        """For a drop above the limit."""
        values, truth = world.losses(drop)
        chances = world.chances
        limit, mean = LIMIT / world.share, drop / world.share

        def bet(at: float) -> float:  # that earns most against a mean of `at`
            lost = minimize_scalar(
                lambda size: -float(truth @ np.log1p(size * (values - at))),
                bounds=(0, (1 - 1e-9) / (1 + at)),
                method="bounded",
                options={"xatol": 1e-9},
            )
            return float(lost.x)

        grid = np.linspace(-0.2, mean, 600)
        bets = np.array([bet(at) for at in grid])  # falling

        def means(scale: float) -> FloatArray:
            return np.interp(-scale / chances, -bets, grid)

        scale = brentq(lambda size: float(means(size).mean()) - limit, 1e-6, chances.max() * bets[0])
        labelled = chances / chances.sum()
        ratios = np.stack([np.log1p(bet(at) * (values - at)) for at in means(scale)])
        both = labelled[:, None] * truth
        kept = both.ravel() > 1e-12
        ratios, both = ratios.ravel()[kept], both.ravel()[kept] / both.ravel()[kept].sum()
        enemy = both * np.exp(-ratios)
        # Where the bet is as large as it may be, the enemy has what is left at a loss of -1, which the truth never has.
        left = max(1 - float(enemy.sum()), 0.0)
        enemy = np.append(enemy, left) / (enemy.sum() + left)
        return cls(np.append(ratios, _NEVER), np.append(both, 0.0), enemy)

    @property
    def information(self) -> float:
        """Of one label, in nats."""
        return float(self.truth @ self.ratios)

    def power(self, n: int, rng: np.random.Generator) -> float:
        """How often the most powerful 5 % test of n labels finds it, if it is told when the rise came (Neyman-Pearson).

        What is found within n labels by a test that looks at every one is a 5 % test of n labels too, so none does
        better.
        """
        cut = np.quantile(rng.multinomial(n, self.enemy, _RUNS) @ self.ratios, 0.95)
        return float(np.mean(rng.multinomial(n, self.truth, _RUNS) @ self.ratios > cut))

    def fewest(self, rng: np.random.Generator) -> int:
        """Labels with which `power` is 90 %."""
        low, high = 1, _LONGEST
        while high - low > max(1, low // 100):
            middle = (low + high) // 2
            low, high = (low, middle) if self.power(middle, rng) >= 0.9 else (middle, high)
        return high

    def without_the_time(self, rng: np.random.Generator, runs: int = 1000) -> FloatArray:
        """Labels until a cumulative sum of the true ratios finds it, with 5 % false alarms in 10,000; shape (runs,).

        The fastest there is for its rate of false alarms where the past says nothing of the rise (Moustakides 1986).
        """
        level, total = np.zeros(runs), np.zeros(runs)
        for _ in range(_HORIZON):
            total = np.maximum(total, 0) + rng.choice(self.ratios, runs, p=self.enemy)
            level = np.maximum(level, total)
        limit = np.quantile(level, 0.95)
        found, total = np.full(runs, np.inf), np.zeros(runs)
        for n in range(1, _LONGEST):
            total = np.maximum(total, 0) + rng.choice(self.ratios, runs, p=self.truth)
            found = np.where((total >= limit) & ~np.isfinite(found), n, found)
            if np.isfinite(found).all():
                break
        return found
