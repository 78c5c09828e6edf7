"""A decided call, and what starts it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llama_index.core.llms.function_calling import FunctionCallingLLM

from hybrid_router_core import RoutingDecision

from ._request import Request
from ._tagging import KEY, tagged

if TYPE_CHECKING:
    from ._base import RoutingLLM


@dataclass(frozen=True)
class Plan:
    """A call, and the model that gets it."""

    router: RoutingLLM
    request: Request
    decision: RoutingDecision
    has_fallback: bool = False

    def start(self) -> Any:
        """Call the model: its answer, awaitable or stream."""
        args, kwargs = self.request.arguments()
        name = self.request.name
        if self.router._formats(self.request):
            front = self.router._fronting(self.decision)
            return getattr(FunctionCallingLLM, name)(front, *args, **kwargs)
        child = self.router._child(self.decision)
        override = self.request.override
        if override is not None and override.query is not None and isinstance(child, type(self.router)):
            kwargs[KEY] = {"query": override.query}  # a router within this one is asked about the same question
        return getattr(child, name)(*args, **kwargs)

    def tag(self, answer: Any) -> Any:
        """The answer, or a part of a stream, with the record of the decision."""
        return tagged(answer, self._record)

    @cached_property
    def _record(self) -> dict[str, Any]:
        return {**self.decision.to_dict(), "model_name": self.router._child(self.decision).metadata.model_name}

    def fallback(self, error: Exception) -> Plan:
        """The plan for the large model, after the small one has failed."""
        first = self.decision
        decision = RoutingDecision(
            model="large",
            score=first.score,
            threshold=first.threshold,
            reason="fallback",
            detail=type(error).__name__,  # its message may quote the query
        )
        self.router._report(decision)
        return Plan(self.router, self.request, decision)
