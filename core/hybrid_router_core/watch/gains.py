"""What calls say about the quality drop: gains whose mean is drop − limit, whichever calls were labelled.

A call to large gains −limit, known without a label. One to small gains c − limit, and with a label (l − c) / p more,
where l is its loss, p the probability with which it was chosen for a label, and c any number fixed before the call. The
mean over the choice of labels is l − limit in any case (the doubly robust estimate; for betting Waudby-Smith et al.
2022, arXiv:2210.10768). c is the loss at which the limit is just reached, so that at the limit the calls without a
label say nothing and the labels vary least.

Losses, limit and gains are in units of the width of the quality range. Calls are counted and taken in at the next
label: between two labels neither c nor a bet changes, so nothing is lost by it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .saved import Amount, Count

__all__ = ["Gains", "Step"]

_MEMORY = 3000  # labels over which averages are taken, about
_SHORT = 100  # the same, for what a change does to the spread of the gains
_PRIOR = 4  # labels that a guess of the spread is worth
_LARGEST_CENTER = 0.5
_SMALLEST_SCALE = 0.01
_SAFE = 0.9  # of what would ruin a bettor at the worst label there can be
_MOST_LOG_GROWTH = 100.0  # of one step; less than there was is always allowed


@dataclass(frozen=True)
class Step:
    """A label and the calls since the last one.

    Attributes:
        label: Gain of the labelled call.
        unlabelled: Calls to small before it.
        each: Gain of each of these.
        large: Calls to large before it, each with the gain −limit.
        limit: In units of the quality range.
    """

    label: float
    unlabelled: int
    each: float
    large: int
    limit: float

    def growth(self, bet: float) -> float:
        """The factor on the wealth of one who stakes `bet` per unit of gain; a negative bet is one on no break."""
        log = (
            math.log1p(bet * self.label)
            + self.unlabelled * math.log1p(bet * self.each)
            + self.large * math.log1p(-bet * self.limit)
        )
        return math.exp(min(log, _MOST_LOG_GROWTH))

    @property
    def calls(self) -> int:
        """Number of calls, the labelled one too."""
        return 1 + self.unlabelled + self.large

    @property
    def gain(self) -> float:
        """Sum over the calls."""
        return self.label + self.unlabelled * self.each - self.large * self.limit


@dataclass
class Gains:
    """Counts of calls and moments of the gains; all of it is known before the label that it is used for.

    Attributes:
        limit: In units of the quality range, in [0, 1).
        smallest: Smallest probability of a label, in (0, 1].
        labels, small, large: Calls told so far: labelled ones, all to small, all to large.
        unlabelled, large_since: Calls since the last label.
        weight, calls, to_small: Decaying counts of labels and of calls at the last label.
        total: Decaying sum of the gains.
        square, recent: Mean square of the gain of a step, over many labels and over few.
    """

    limit: Amount
    smallest: Amount
    labels: Count = 0
    small: Count = 0
    large: Count = 0
    unlabelled: Count = 0
    large_since: Count = 0
    weight: Amount = 0.0
    calls: Amount = 0.0
    to_small: Amount = 0.0
    total: float = 0.0
    square: Amount = 0.0
    recent: Amount = 0.0

    @property
    def center(self) -> float:
        """The c above."""
        return min(self.limit * self.calls / self.to_small, _LARGEST_CENTER) if self.to_small else self.limit

    @property
    def calls_per_label(self) -> float:
        """About how many calls one step has."""
        return self.calls / self.weight if self.weight else 0.0

    @property
    def drop(self) -> float | None:
        """Estimate of the mean loss of a call, over `_MEMORY` labels or so; None before the first."""
        return self.limit + self.total / self.calls if self.calls else None

    @property
    def scale(self) -> float:
        """Gain of a step if the drop is off by the limit, or by a hundredth where the limit is smaller; 0 at first."""
        return max(self.limit, _SMALLEST_SCALE) * self.calls_per_label

    @property
    def variance(self) -> float:
        """Mean square of the gain of a step; the larger one, as a bet that is too large costs more."""
        return max(self.square, self.recent, 1e-12)

    @property
    def most_up(self) -> float:
        """Largest bet on a break: the worst that can come is a label where small is better by the whole range."""
        return _SAFE / ((1 + self.center) / self.smallest - self.center + self.limit)

    @property
    def most_down(self) -> float:
        """Largest bet on no break."""
        return _SAFE / ((1 - self.center) / self.smallest + self.center - self.limit)

    def step(self, loss: float, probability: float) -> Step:
        """That of a label; `learn` from it when all bets on it are settled."""
        center = self.center
        each = center - self.limit
        return Step((loss - center) / probability + each, self.unlabelled, each, self.large_since, self.limit)

    def learn(self, step: Step, probability: float) -> None:
        """Take the step in."""
        self.labels += 1
        self.small += 1
        self.unlabelled = self.large_since = 0
        keep = 1 - 1 / _MEMORY
        self.weight = self.weight * keep + 1
        self.calls = self.calls * keep + step.calls
        self.to_small = self.to_small * keep + 1 + step.unlabelled
        if self.labels == 1:  # the guess: as many losses as the limit allows, and two for each gain
            self.square = self.recent = min(max(3 * self.center, 0.02), 1.0) / probability**2
        self.total = self.total * keep + step.gain
        square = step.gain**2
        self.square += (square - self.square) / (min(self.labels, _MEMORY) + _PRIOR)
        self.recent += (square - self.recent) / (min(self.labels, _SHORT) + _PRIOR)
