"""Simulated live calls with a known drop, the watch on them, and the test that most would write: for bench_watch.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from common import FloatArray

from hybrid_router_core.watch import Watch

LIMIT = 0.05
WINDOW = 200
_CHANCES = np.geomspace(0.02, 0.2, 8)


class Labels(NamedTuple):
    """n labels of calls to small, in order; all of shape (n,).

    Attributes:
        large: Calls to large before each.
        between: Calls to small without a label before each.
        loss: large − small.
        chance: Probability of the label.
    """

    large: np.ndarray
    between: np.ndarray
    loss: FloatArray
    chance: FloatArray


@dataclass(frozen=True)
class World:
    """Live traffic.

    Attributes:
        name: For the table.
        share: Of the calls that goes to small.
        graded: Whether losses are graded, with a deviation of 0.15, or right or wrong: −1, 0, 1.
        uneven: Whether labels have a probability from 0.02 to 0.2 each (log-uniform), or all 0.1.
        better: Chance that small is right and large wrong, at small; as measured on MMLU and on mixed tasks.
    """

    name: str
    share: float = 0.4
    graded: bool = False
    uneven: bool = False
    better: float = 0.06

    @property
    def chances(self) -> FloatArray:
        """Probabilities of labels, equally frequent among calls to small."""
        return _CHANCES if self.uneven else np.array([0.1])

    def losses(self, drop: float) -> tuple[FloatArray, FloatArray]:
        """What calls to small lose, and with which probabilities, so that a call loses `drop` in the mean."""
        mean = drop / self.share
        if not self.graded:
            return np.array([-1.0, 0.0, 1.0]), np.array([self.better, 1 - 2 * self.better - mean, mean + self.better])
        grid = np.linspace(-1, 1, 401)
        density = np.exp(-((grid - mean) ** 2) / (2 * 0.15**2))
        return grid, density / density.sum()

    def draw(self, rng: np.random.Generator, n: int, drop: float) -> Labels:
        """Of so many labels."""
        chances = self.chances
        kinds = rng.choice(len(chances), n, p=chances / chances.sum())  # a label comes from a call that got one
        between = rng.geometric(chances.mean(), n) - 1
        values, weights = self.losses(drop)
        loss = rng.choice(values, n, p=weights)
        return Labels(rng.negative_binomial(between + 1, self.share), between, loss, chances[kinds])

    def watch(self) -> Watch:
        """A new watch."""
        return Watch(LIMIT, smallest_probability=float(self.chances.min()))


def tell(watch: Watch, labels: Labels) -> Iterator[str]:
    """The state after each label."""
    for large, between, loss, chance in zip(*(column.tolist() for column in labels), strict=True):
        watch.to_large(large)
        watch.to_small(between)
        yield watch.label(max(-loss, 0.0), max(loss, 0.0), chance)


def found_after(watch: Watch, labels: Labels) -> float:
    """Labels until it is broken; infinity if it is not."""
    return next((n for n, state in enumerate(tell(watch, labels), start=1) if state == "broken"), np.inf)


def z_test(share: float, before: Labels | None, labels: Labels) -> float:
    """Labels until a z-test on the last 200, one-sided at 5 % and looked at after each, says "broken".

    It is told the share of calls to small.
    """
    loss, weight = labels.loss, 1 / labels.chance
    if before is not None:
        loss = np.concatenate([before.loss[-WINDOW + 1 :], loss])
        weight = np.concatenate([1 / before.chance[-WINDOW + 1 :], weight])
    windows = np.lib.stride_tricks.sliding_window_view
    losses, weights = windows(loss, WINDOW), windows(weight, WINDOW)
    total = weights.sum(axis=1)
    mean = (weights * losses).sum(axis=1) / total
    error = np.sqrt((weights**2 * (losses - mean[:, None]) ** 2).sum(axis=1)) / total
    alarms = np.flatnonzero(share * mean - LIMIT > 1.645 * share * error)
    first = 1 if before is not None else WINDOW
    return float(alarms[0] + first) if len(alarms) else np.inf
