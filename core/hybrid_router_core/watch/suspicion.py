"""When to begin anew: the losses of late look worse than those before them.

A cumulative sum (Page 1954) against the mean of the past, not against the limit. It guarantees nothing and need not: it
only chooses when a test begins, and chooses before the data of that test are seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .gains import Gains, Step
from .saved import Amount, Count

__all__ = ["Suspicion"]

_RISES = (1.0, 1.6)  # that are looked for, in units of `Gains.scale`
_ENOUGH = 8.0  # a false one every few thousand labels
_MORE = 1.0  # after each one in a horizon: losses that come in clusters raise many
_FIRST = 100  # labels without which there is no past to compare with
_MEMORY = 3000


@dataclass
class Suspicion:
    """State of the sums.

    Attributes:
        mean: Of the gains so far.
        sums: One a rise, at least 0.
        raised: How often one was large enough in this horizon.
    """

    mean: float = 0.0
    sums: list[Amount] = field(default_factory=lambda: [0.0] * len(_RISES))
    raised: Count = 0

    def see(self, step: Step, gains: Gains) -> bool:
        """Take a step in; True if a test shall begin with the next one."""
        gain = step.gain
        if gains.labels >= _FIRST and gains.square > 0:
            for k, rise in enumerate(_RISES):
                shift = rise * gains.scale
                rate = shift / gains.square  # of before: what widens the spread makes suspicious too
                self.sums[k] = max(0.0, self.sums[k] + rate * (gain - self.mean - shift / 2))
        self.mean += (gain - self.mean) / min(gains.labels + 1, _MEMORY)
        if max(self.sums) < _ENOUGH + _MORE * self.raised:
            return False
        self.sums = [0.0] * len(_RISES)
        self.raised += 1
        return True
