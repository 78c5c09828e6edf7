"""Conversations that stay with a model: known from the records in their messages, so no state is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from hybrid_router_core import RoutingDecision

from ._record import routing_decision

__all__ = ["Sticky", "moved", "stuck"]

Sticky = bool | Literal["up"]


def stuck(sticky: Sticky, messages: Sequence[BaseMessage]) -> RoutingDecision | None:
    """The decision that earlier answers of the conversation make."""
    if not sticky:
        return None
    for message in messages:
        earlier = routing_decision(message)
        if earlier is not None and (sticky is True or earlier.model == "large"):
            return RoutingDecision(earlier.model, reason="sticky")
    return None


def moved(messages: Sequence[BaseMessage]) -> RoutingDecision | None:
    """The decision that this turn stays with since small has failed in it; None if it has not."""
    for message in reversed(messages):
        if not isinstance(message, (AIMessage, ToolMessage)):
            return None
        earlier = routing_decision(message)
        if earlier is not None and earlier.model == "large" and earlier.reason in ("fallback", "unavailable"):
            return earlier
    return None
