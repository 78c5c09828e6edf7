"""Conversations that stay with a model: how one is known again, and what is remembered of it.

LlamaIndex's messages carry no record of who answered. A conversation is known again by what the user said in it, which
holds in every process and for whoever sends the history along; where its beginning has fallen out of a memory, by that
memory. Only calls that hold the conversation count: a condense step, a selector or a query engine's prompt does not.
"""

from __future__ import annotations

from collections.abc import Callable

from hybrid_router_core import RoutingDecision
from hybrid_router_core.conversation import Reading
from hybrid_router_core.live import Prefix, PriceRule, Stay
from hybrid_router_core.routing import ModelName

from . import _tracker
from ._conversation import Conversation
from ._memories import Key, Talking, key_of

__all__ = ["Place", "listener"]


class Place:
    """Where a call stands: a conversation, and the agent that speaks in it.

    Args:
        stay: The rule, and what is remembered.
        conversation: What the call holds; None if it is no part of one.
        track: Whether the spans may be asked for the memory and the agent.
    """

    def __init__(self, stay: Stay, conversation: Conversation | None, *, track: bool) -> None:
        self._stay = stay
        self._reading = Reading() if conversation is None else conversation.reading
        talking = (_tracker.tracker.talking() if track and self._reading.turns else None) or Talking()
        found = key_of(talking.memory)
        self._key = None if found is None else "\x1f".join([found.text, talking.agent])
        self._turns = _marked(self._reading, found, talking.agent)

    def decision(self) -> RoutingDecision | None:
        """The decision that earlier answers make; None if they make none."""
        if not self._turns or self._begins:
            return None
        arm = self._known()
        return None if arm is None else self._stay.decision(None, [arm], lambda: self._reading)

    def answered(self, arm: ModelName) -> None:
        """Remember which model has answered."""
        if not self._turns:
            return
        self._stay.answered(None, self._turns, arm)
        # A memory that was emptied begins another conversation, of which words alone are known until its second turn
        if self._key is not None and not self._begins:
            arm = self._stay.known(None, self._turns) or arm
            Stay("follow_up", self._stay.arms).answered(self._key, (), arm)

    @property
    def _begins(self) -> bool:
        return self._reading.is_first and not self._reading.why_none

    def _known(self) -> ModelName | None:
        by_words = self._stay.known(None, self._turns[:-1])
        return by_words or (None if self._key is None else self._stay.known(self._key, ()))


def listener(place: Place | None, price: PriceRule | None, prompt: Prefix | None) -> Callable[[ModelName], None] | None:
    """Who is told which model has answered a call; None if nobody wants to know."""
    if place is None and prompt is None:
        return None

    def told(model: ModelName) -> None:
        if place is not None:
            place.answered(model)
        if price is not None and prompt is not None:
            price.sent(model, prompt)

    return told


def _marked(reading: Reading, key: Key | None, agent: str) -> tuple[str, ...]:
    """The turns, such that the words of one named conversation or agent are not those of another."""
    marks = [mark for mark in (key.text if key is not None and key.is_name else "", agent) if mark]
    return tuple("\x1f".join([*marks, turn]) for turn in reading.turns) if marks else reading.turns
