"""What was found so far, as records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Drifted", "Verdict", "Watched"]

Verdict: TypeAlias = Literal["holds", "unsure", "broken"]


@dataclass(frozen=True)
class Watched:
    """What a `Watch` has found so far.

    Attributes:
        state: "broken", "holds", or "unsure".
        labels: Labelled calls, all to small.
        calls: All calls.
        calls_since_label: Calls since the last label; many of them say that no labels come any more.
        cost_advantage: Share of the calls that went to small; None without calls.
        quality_drop: Estimate of late (about 3,000 labels), in units of quality; None without labels.
        against: Evidence that the limit is broken: 1 is enough, and far below it is normal.
        broken_at: Labels when it was found broken; None if it was not.
        when: `at` of that label, if it was given.
    """

    state: Verdict
    labels: int
    calls: int
    calls_since_label: int
    cost_advantage: float | None
    quality_drop: float | None
    against: float
    broken_at: int | None
    when: float | None


@dataclass(frozen=True)
class Drifted:
    """What a `Drift` has found so far.

    Attributes:
        state: "drifted", or "steady" as long as nothing speaks against it.
        calls: Number of queries seen.
        against: Evidence of a drift: 1 is enough, and far below it is normal; that of then, if it was found.
        features: The names of the features, those with the most of it first.
        drifted_at: Calls when it was found; None if it was not.
        when: `at` of that call, if it was given.
    """

    state: Literal["steady", "drifted"]
    calls: int
    against: float
    features: tuple[str, ...]
    drifted_at: int | None
    when: float | None
