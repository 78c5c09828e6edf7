"""The test that the limit is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from .evidence import Background
from .gains import Gains, Step
from .saved import Amount, Count

__all__ = ["Holding"]

_HEAD, _EVEN = 0.5, 0.5  # parts of the error of one horizon: for the first calls, and for a drop that falls later
_EFFECTS = (0.25, 0.6, 1.0)
_MOST = 100.0  # wealth that is kept, so that a limit that holds no longer is not long taken to hold


@dataclass
class Holding:
    """Bettors against "the mean drop of every call is at least the limit".

    If that is so from the first call on, the chance that it ever `holds` within the first k horizons is at most k times
    the error.

    Attributes:
        error: Of one horizon, in (0, 1).
        horizon: In labels.
    """

    error: Amount
    horizon: Count
    background: Background = field(default_factory=lambda: Background(-1, list(_EFFECTS)))

    @property
    def holds(self) -> bool:
        """Whether the evidence is there, now."""
        return self.background.total() >= 1.0

    def settle(self, step: Step, gains: Gains) -> None:
        """Bet on a step; `gains` knows the steps before it, one at least."""
        if gains.labels == 1:
            self.background.stake(_HEAD * self.error)
        self.background.stake(_EVEN * self.error / self.horizon)
        self.background.settle(step, gains)
        self.background.keep_below(_MOST)
