"""A decided call: how it is started, what its answer is marked with, and what follows if the model fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from hybrid_router_core import RoutingDecision
from hybrid_router_core.errors import HybridRouterError

from ._request import Request
from ._tagging import has_token, tagged


@dataclass(frozen=True)
class Plan:
    """A call, and the model that gets it.

    Attributes:
        decision: Which model, and why.
        start: Calls the model: its answer, awaitable or stream.
        record: The decision with the model's name, for the answer's tag.
        answered: To be called when the model has answered, or given its first token.
        instead: From the error of a failed model to the plan for the other one; None if there is none.
    """

    decision: RoutingDecision
    start: Callable[[], Any]
    record: dict[str, Any]
    answered: Callable[[], None]
    instead: Callable[[Exception], Plan] | None = None

    def tag(self, answer: Any) -> Any:
        """The answer, or a part of a stream, with the record of the decision."""
        return tagged(answer, self.record)

    def take(self, answer: Any) -> Any:
        """A whole answer, tagged."""
        self.answered()
        return self.tag(answer)

    def is_begun_by(self, part: Any) -> bool:
        """Whether, with this part of a stream, it is too late to begin anew."""
        return self.instead is None or has_token(part)

    def after(self, error: Exception) -> Plan:
        """The plan after a failure; raises the error if it is the caller's mistake, or nothing can take its place."""
        if self.instead is None or isinstance(error, HybridRouterError):
            raise error
        return self.instead(error)


class Plans(Protocol):
    """What makes plans."""

    def _plan(self, request: Request) -> Plan: ...

    async def _aplan(self, request: Request) -> Plan: ...
