"""A call before its decision, and the copy of the router that serves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hybrid_router_core import RoutingDecision
from hybrid_router_core.conversation import Reading
from hybrid_router_core.routing import ModelName

from ._override import Override
from ._request import Request
from ._sticky import Place

__all__ = ["Asked", "Part", "Routed"]


class Asked(NamedTuple):
    """A call before its decision.

    Attributes:
        reading: What is to be scored.
        threshold: By which.
        settled: The decision, if it is settled already.
        reported: Whether it was reported already.
        place: The conversation that the call is a part of; None if nobody needs to know.
    """

    reading: Reading = Reading()
    threshold: float | None = None
    settled: RoutingDecision | None = None
    reported: bool = False
    place: Place | None = None

    @property
    def scored(self) -> str | None:
        """The question that was scored, as the user put it; None if none was."""
        if self.settled is not None or not self.reading.texts:
            return None
        return self.reading.turns[-1] if self.reading.turns else self.reading.texts[0]

    @property
    def turn(self) -> int | None:
        """A hash that all steps of a turn have in common; None if there is no question."""
        return hash((self.reading.texts, self.reading.turns[-1:])) if self.reading.texts else None


class Routed(NamedTuple):
    """A call that was decided.

    Attributes:
        request: The call.
        asked: What it was decided on.
        told: Who is told which model has answered.
    """

    request: Request
    asked: Asked
    told: Callable[[ModelName], None] | None = None


class Part(NamedTuple):
    """What distinguishes a copy of the router that serves one call.

    Attributes:
        fixed: It renders a prompt, or runs tools, for the model of this decision.
        spare: Then, whether the large model stands in for a failing small one.
        began: Then, filled once the tools that the model named may have run.
        pinned: What the caller fixed.
        question: The one that the prompt around the call was about.
        witness: Who is told the record.
    """

    fixed: RoutingDecision | None = None
    spare: bool = False
    began: list[bool] | None = None
    pinned: Override = Override()
    question: str | None = None
    witness: Callable[[dict[str, Any]], None] | None = None
