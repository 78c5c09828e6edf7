"""One step of an agent's turn: which model it is asked of, and what follows if that one cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain.agents.middleware.types import ExtendedModelResponse, ModelCallResult, ModelRequest
from langchain.agents.structured_output import ProviderStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langgraph.errors import GraphBubbleUp
from langgraph.types import Command

from hybrid_router_core import DataError, RoutingDecision

from ._call import fallen
from ._chosen import CannotBindError, TurnCall, chosen
from ._messages import in_loop
from ._record import routing_decision
from ._routes import Routes, cannot
from ._translate import translated
from .router import RunnableHybridRouter

__all__ = ["Step", "first_step", "kept", "written"]


_MARK = "written"  # a key and no type: an update may be stored before it is applied, as plain data


def written(decision: RoutingDecision) -> dict[str, Any]:
    """A record that the middleware itself writes into its agent's state."""
    return {**decision.to_dict(), _MARK: True}


def kept(old: dict[str, Any], new: dict[str, Any] | None) -> dict[str, Any]:
    """The reducer of the record: subagents come back with records of their own, which are none of this agent's."""
    if new is None or _MARK not in new:
        return old
    return {name: value for name, value in new.items() if name != _MARK}


@dataclass(frozen=True)
class Step:
    """A call of the turn's model.

    Attributes:
        router: The middleware's.
        original: The request as it came.
        request: The request to the chosen model.
        call: Which of them, and why; None if that is decided when the router is called.
    """

    router: RunnableHybridRouter
    original: ModelRequest[Any]
    request: ModelRequest[Any]
    call: TurnCall | None = None

    def after(self, error: Exception) -> Step | None:
        """The step on the other model; None if the error is to reach the caller."""
        if self.call is None or self.call.moved or isinstance(error, GraphBubbleUp):  # an interrupt is no failure
            return None
        decision = self.call.decision
        if isinstance(error, CannotBindError):
            refusal = error.__cause__ if isinstance(error.__cause__, Exception) else error
            return _step(self.router, self.original, cannot(decision.model, "tools", refusal), moved=True)
        # Only the model's own failure: another middleware's would follow with large as well
        if self.call.may_fall_back and "failed" in self.call.notes:
            return _step(self.router, self.original, fallen(decision, error), moved=True)
        return None

    def result(self, response: Any) -> ModelCallResult[Any]:
        """The response; if the turn has moved to the other model, with the decision that it stays with."""
        messages = [response] if isinstance(response, AIMessage) else response.result
        found = [routing_decision(each) for each in messages if isinstance(each, AIMessage)]
        decision = found[-1] if found else None
        moved = self.call is not None and self.call.moved
        if decision is None or not (moved or decision.reason in ("fallback", "unavailable", "price")):
            return response  # type: ignore[no-any-return]
        return ExtendedModelResponse(response, Command(update={"hybrid_router": written(decision)}))


def first_step(router: RunnableHybridRouter, request: ModelRequest[Any]) -> Step:
    """The step on the model of the turn, unless that one cannot take the call, or is being left alone."""
    record: Any = request.state.get("hybrid_router")
    try:
        pinned = RoutingDecision.from_dict(record or {})
    except DataError:  # resumed from a checkpoint of before this middleware was added
        return Step(router, request, request.override(model=router))
    if pinned.reason == "override":
        return _step(router, request, pinned)
    messages, arguments, rules = _messages(request), _arguments(request), router._ruling
    decision = rules.placed(messages, arguments)
    if decision is None:
        # What a prompt costs is known here first, with its tools and system text; the turn stays with what follows
        routes = Routes(router.small, router.large)
        decision = pinned if in_loop(messages) else rules.priced(routes, pinned, messages, arguments)
    if isinstance(getattr(router, decision.model), BaseChatModel):  # else the router that is asked sees to it
        decision = rules.asked_for(decision)
    return _step(router, request, decision)


def _messages(request: ModelRequest[Any]) -> list[BaseMessage]:
    return [*([request.system_message] if request.system_message else []), *request.messages]


def _arguments(request: ModelRequest[Any]) -> dict[str, Any]:
    arguments = {**request.model_settings, "tools": list(request.tools)}
    wanted: Any = request.response_format
    if wanted is not None:
        schema = getattr(wanted, "schema", wanted)
        if isinstance(wanted, ProviderStrategy):
            arguments["response_format"] = schema
        else:  # the agent makes a tool of it
            arguments["tools"].append(schema)
    return arguments


def _step(
    router: RunnableHybridRouter, request: ModelRequest[Any], decision: RoutingDecision, *, moved: bool = False
) -> Step:
    model = getattr(router, decision.model)
    if not isinstance(model, BaseChatModel):  # bindings, retries and models made when they are called: by the router
        return Step(router, request, request.override(model=router._with(pinned=decision)))
    health = router._ruling.health if router.fallback else None
    instead = moved and decision.reason == "fallback"
    routes = Routes(router.small, router.large)
    messages = _messages(request)
    told = router._ruling.listener(routes, messages, ensure_config(), _arguments(request), kept=True)
    call = TurnCall(routes, decision, RunnableConfig(), health, instead, told, moved=moved)
    return Step(router, request, translated(request, model).override(model=chosen(model, call)), call)
