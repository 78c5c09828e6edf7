"""What earlier answers of a conversation say: their records, and the key by which LangChain and LangGraph know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import RunnableConfig

from hybrid_router_core import RoutingDecision
from hybrid_router_core.routing import ModelName

from ._record import routing_decision

__all__ = ["conversation_key", "moved", "recorded"]

_KEYS = ("thread_id", "session_id", "conversation_id")


def recorded(messages: Sequence[BaseMessage]) -> list[ModelName]:
    """The models of the answers that have a record, oldest first."""
    return [earlier.model for message in messages if (earlier := routing_decision(message)) is not None]


def moved(messages: Sequence[BaseMessage]) -> RoutingDecision | None:
    """The decision that this turn stays with since small has failed in it; None if it has not."""
    for message in reversed(messages):
        if not isinstance(message, (AIMessage, ToolMessage)):
            return None
        earlier = routing_decision(message)
        if earlier is not None and earlier.model == "large" and earlier.reason in ("fallback", "unavailable"):
            return earlier
    return None


def conversation_key(config: RunnableConfig) -> str | None:
    """The key of the conversation; None if the framework gives none, or a subagent runs within another's thread.

    Agents share the thread of the graph that they are nodes of, so that their names are part of the key.
    """
    given: dict[str, Any] = config.get("configurable") or {}
    name = next((str(given[key]) for key in _KEYS if given.get(key) is not None), None)
    if name is None:
        return None
    nodes = [part.partition(":")[0] for part in str(given.get("checkpoint_ns") or "").split("|")]
    if "tools" in nodes:  # parallel subagents stand in one place
        return None
    return "\x1f".join([name, *nodes[:-1]])
