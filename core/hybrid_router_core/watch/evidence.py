"""Evidence that grows with each label: wealth of bettors who begin at many times (an e-detector).

A bettor begins with a stake and bets on gains whose mean is not positive under the hypothesis; so the mean of the
wealth never exceeds the stake. All of the wealth together, at whatever label one stops, has a mean of at most the
stakes that were given out until then; hence it reaches 1 by label n with a probability of at most the stakes until n
(Shin, Ramdas and Rinaldo 2022, "E-detectors", arXiv:2203.03532; optional stopping and Markov's inequality). Stakes may
depend on what was seen before. So a stake is a part of the error that one allows, and it can be spent evenly (someone
begins at each label) and where a change is suspected.

What is bet decides about power only. Who begins at each label bets a constant fraction: what grows fastest if the drop
is off by a certain effect. Who begins with a larger stake bets for a prize, as `calibration.betting` does, at a
horizon by which that effect should be seen: more of them have it by then, and hardly any has more than it takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hybrid_router_core.calibration import prize_bet

from .gains import Gains, Step
from .saved import Amount, Count

__all__ = ["Background", "Campaign", "begin"]

_PRIZE = 1.1
_HORIZON = 18.0  # (2.8 + 1.3)² or so: the squares of the quantiles of the level of a stake and of 90 % power
_FEWEST = 20
_MOST = 100_000
_EFFECTS = ((0.45, 0.5), (0.9, 0.5))  # of a campaign, in units of `Gains.scale`, and their parts of the stake
_RUINED = 1e-9


@dataclass
class Background:
    """Bettors that begin at each label, for several effects.

    Attributes:
        sign: 1 if they bet on gains above 0, -1 if below.
        effects: In units of `Gains.scale`.
        wealth: Of all that bet on an effect, one a effect.
    """

    sign: int
    effects: list[Amount]
    wealth: list[Amount] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wealth = self.wealth or [0.0] * len(self.effects)

    def stake(self, amount: float) -> None:
        """Let bettors begin, with a stake in all."""
        self.wealth = [wealth + amount / len(self.wealth) for wealth in self.wealth]

    def settle(self, step: Step, gains: Gains) -> None:
        """Bet on a step that is not seen when the bets are fixed, by `gains`."""
        most = gains.most_up if self.sign > 0 else gains.most_down
        for k, effect in enumerate(self.effects):
            shift = effect * gains.scale
            bet = min(shift / (gains.variance + shift * shift), most)
            self.wealth[k] *= step.growth(self.sign * bet)

    def total(self) -> float:
        """Of all."""
        return sum(self.wealth)

    def keep_below(self, most: float) -> None:
        """Give away what is above: evidence of long ago that would hide what is new."""
        total = self.total()
        if total > most:
            self.wealth = [wealth * most / total for wealth in self.wealth]


@dataclass
class Campaign:
    """A bettor for a prize, on gains above 0.

    Attributes:
        wealth: So far.
        left: Labels until the horizon.
    """

    wealth: Amount
    left: Count

    def settle(self, step: Step, gains: Gains) -> None:
        """Bet on a step."""
        if self.over:
            return
        spread = math.sqrt(gains.variance * self.left)
        bet = min(prize_bet(math.log(self.wealth / _PRIZE)) / spread, gains.most_up)
        self.wealth *= step.growth(bet)
        self.left -= 1

    @property
    def over(self) -> bool:
        """Whether the horizon is reached, or nothing is left."""
        return self.left == 0 or self.wealth < _RUINED


def begin(stake: float, gains: Gains) -> list[Campaign]:
    """Campaigns that share a stake."""
    found = []
    for effect, part in _EFFECTS:
        horizon = _HORIZON * gains.variance / (effect * gains.scale) ** 2
        found.append(Campaign(stake * part, int(min(max(horizon, _FEWEST), _MOST))))
    return found
