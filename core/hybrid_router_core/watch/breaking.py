"""The test that the limit is broken, and how its error is spent."""

from __future__ import annotations

from dataclasses import dataclass, field

from .evidence import Background, Campaign, begin
from .gains import Gains, Step
from .saved import Amount, Count
from .suspicion import Suspicion

__all__ = ["Breaking"]

# Parts of the error of one horizon. A limit that is broken from the first call on is found with the first part, a rise
# against the past with the last, and what rises too slowly to be suspicious with the other.
_HEAD, _EVEN, _RESERVE = 0.1, 0.15, 0.75
_PART = 0.75  # of what is left of the reserve goes to the next suspicion
_EFFECTS = (0.4, 1.0)


@dataclass
class Breaking:
    """Bettors against "the mean drop of every call is at most the limit".

    The chance that `reached` becomes true within the first k horizons is at most k times the error, if that holds.

    Attributes:
        error: Of one horizon, in (0, 1).
        horizon: In labels.
        reserve: What can still be spent on suspicions in this horizon, a part of the error.
        reached: Whether the wealth reached 1, once and for all.
    """

    error: Amount
    horizon: Count
    reserve: Amount = _RESERVE
    suspicion: Suspicion = field(default_factory=Suspicion)
    background: Background = field(default_factory=lambda: Background(1, list(_EFFECTS)))
    campaigns: list[Campaign] = field(default_factory=list)
    reached: bool = False

    @property
    def wealth(self) -> float:
        """Of all bettors; 1 is enough."""
        return self.background.total() + sum(campaign.wealth for campaign in self.campaigns)

    def settle(self, step: Step, gains: Gains) -> None:
        """Bet on a step; `gains` knows the steps before it, one at least."""
        if self.reached:
            return
        if gains.labels == 1:
            self.campaigns = begin(_HEAD * self.error, gains)
        if gains.labels % self.horizon == 0:
            self.reserve, self.suspicion.raised = _RESERVE, 0
        self.background.stake(_EVEN * self.error / self.horizon)
        self.background.settle(step, gains)
        for campaign in self.campaigns:
            campaign.settle(step, gains)
        self.reached = self.wealth >= 1.0
        self.campaigns = [campaign for campaign in self.campaigns if not campaign.over]
        if self.suspicion.see(step, gains):
            self.campaigns += begin(_PART * self.reserve * self.error, gains)
            self.reserve *= 1 - _PART
