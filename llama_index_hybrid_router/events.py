"""What the routers report: an instrumentation event, and the decisions made inside a ``with`` block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, TypeAlias

from llama_index.core.bridge.pydantic import ConfigDict
from llama_index_instrumentation import get_dispatcher
from llama_index_instrumentation.base import BaseEvent
from llama_index_instrumentation.event_handlers import NullEventHandler

from hybrid_router_core import RoutingDecision

__all__ = ["HybridRoutingEvent", "capture_decisions"]

EventPolicy: TypeAlias = Literal["full", "no_query", "off"]

dispatcher = get_dispatcher(__name__)
_collectors: ContextVar[tuple[list[RoutingDecision], ...]] = ContextVar("hybrid_router_collectors", default=())


class HybridRoutingEvent(BaseEvent):
    """A decision, in flat values that any tracing backend can store.

    Attributes:
        route: ``"small"`` or ``"large"``.
        model_name: The name of that model, or of the choice of a selector.
        score: See `RoutingDecision`; so are threshold, reason and detail.
        latency_ms: How long the decision took.
        query: The text that was scored; None if none was, or with ``events="no_query"``.
    """

    model_config = ConfigDict(protected_namespaces=())

    route: str
    model_name: str
    score: float | None
    threshold: float | None
    reason: str
    detail: str
    latency_ms: float
    query: str | None

    @classmethod
    def class_name(cls) -> str:
        """The name in exported traces."""
        return "HybridRoutingEvent"


@contextmanager
def capture_decisions() -> Iterator[list[RoutingDecision]]:
    """Collect the decisions of all routers called inside the block, in order; blocks may nest.

    It is the way to see them behind a query engine or an agent, which drop a response's ``additional_kwargs``. A
    streamed answer must be consumed inside the block, since some engines call the model at the first token.

    >>> with capture_decisions() as decisions:
    ...     pass
    >>> decisions
    []
    """
    decisions: list[RoutingDecision] = []
    token = _collectors.set((*_collectors.get(), decisions))
    try:
        yield decisions
    finally:
        _collectors.reset(token)


def announce(
    decision: RoutingDecision, *, model_name: str, query: str | None, latency_ms: float, policy: EventPolicy = "full"
) -> None:
    """Hand a decision to the open `capture_decisions` blocks and to the instrumentation."""
    for decisions in _collectors.get():
        decisions.append(decision)
    if policy == "off" or not _is_heard():
        return
    dispatcher.event(
        HybridRoutingEvent(
            route=decision.model,
            model_name=model_name,
            score=decision.score,
            threshold=decision.threshold,
            reason=decision.reason,
            detail=decision.detail,
            latency_ms=latency_ms,
            query=query if policy == "full" else None,
        )
    )


def _is_heard() -> bool:
    """Whether anybody listens: making an event costs more than the rest of a decision."""
    heard = dispatcher
    while all(type(handler) is NullEventHandler for handler in heard.event_handlers):
        if not heard.propagate:
            return False
        heard = heard.parent
    return True
