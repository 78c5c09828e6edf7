"""What earlier answers of a conversation say: their records, and the key by which LangChain and LangGraph know it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import RunnableConfig

from hybrid_router_core import RoutingDecision
from hybrid_router_core.routing import ModelName

from ._messages import in_loop
from ._record import routing_decision

__all__ = ["begun", "conversation_key", "moved", "recorded"]

_KEYS = ("thread_id", "session_id", "conversation_id")
_TOOLS = "tools"  # the node in which agents call their tools


def recorded(messages: Sequence[BaseMessage]) -> list[ModelName]:
    """The models of the answers that have a record, oldest first."""
    return [earlier.model for message in messages if (earlier := routing_decision(message)) is not None]


def moved(messages: Sequence[BaseMessage]) -> RoutingDecision | None:
    """The decision that this turn stays with since small has failed in it; None if it has not."""
    steps = _steps(messages)
    return next((each for each in steps if each.model == "large" and each.reason in ("fallback", "unavailable")), None)


def begun(messages: Sequence[BaseMessage]) -> RoutingDecision | None:
    """The decision of the step before in this turn's loop of tools; None if there is none."""
    return next(_steps(messages), None) if in_loop(messages) else None


def _steps(messages: Sequence[BaseMessage]) -> Iterator[RoutingDecision]:
    """The decisions of this turn's steps, the last one first."""
    for message in reversed(messages):
        if not isinstance(message, (AIMessage, ToolMessage)):
            return
        earlier = routing_decision(message)
        if earlier is not None:
            yield earlier


def conversation_key(config: RunnableConfig) -> str | None:
    """The key of the conversation; None if the framework gives none, or a subagent runs within another's thread.

    The nodes of a graph share its thread, be they agents or calls of a model, so that their names are part of the key;
    and where ids are told apart by user, so is the user.
    """
    given: dict[str, Any] = config.get("configurable") or {}
    names = [f"{key}={given[key]}" for key in _KEYS if given.get(key) not in (None, "")]
    if not names:
        return None
    user = [f"user_id={given['user_id']}"] if given.get("user_id") not in (None, "") else []
    nodes = [part.partition(":")[0] for part in str(given.get("checkpoint_ns") or "").split("|")]
    if _TOOLS in nodes:  # parallel subagents stand in one place
        return None
    return "\x1f".join([*user, *names, *nodes[:-1], *filter(None, [_of_agent(nodes[-1])])])


def _of_agent(node: str) -> str:
    """The name of a node; those of an agent have none of their own, for they all serve its one conversation."""
    return "" if node in ("model", "agent") or node.endswith(".before_agent") else node
