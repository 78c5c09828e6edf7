"""One call on the model that was chosen, and the record of the decision that travels with its answer."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import Runnable, RunnableConfig

from hybrid_router_core import RoutingDecision

__all__ = ["PREFIX", "Call", "Routes", "record_of", "routing_decision", "stamp"]

PREFIX = "hybrid_router_"
_KEYS = tuple((field.name, PREFIX + field.name) for field in fields(RoutingDecision))


@dataclass(frozen=True)
class Routes:
    """What answers a call. Without a small one, ``missing`` says why, and everything goes to large."""

    small: Runnable[LanguageModelInput, Any] | None
    large: Runnable[LanguageModelInput, Any]
    missing: str = ""


@dataclass(frozen=True)
class Call:
    """A call for which the decision has been made.

    Attributes:
        routes: The models to call.
        decision: Which of them, and why.
        base: The caller's config with the router's own tags, metadata and callbacks, still without the decision.
        may_fall_back: Whether the large model answers when the small one raises.
    """

    routes: Routes
    decision: RoutingDecision
    base: RunnableConfig
    may_fall_back: bool = False

    @property
    def route(self) -> Runnable[LanguageModelInput, Any]:
        """The chosen model."""
        small = self.routes.small
        return small if self.decision.model == "small" and small is not None else self.routes.large

    @cached_property
    def record(self) -> dict[str, Any]:
        """The decision as flat metadata."""
        return record_of(self.decision)

    @property
    def config(self) -> RunnableConfig:
        """The config for the chosen model, with the decision in its metadata and its tags."""
        return {
            **self.base,
            "metadata": {**self.base.get("metadata", {}), **self.record},
            "tags": [*self.base.get("tags", []), f"hybrid_router:{self.decision.model}"],
        }

    def fallback(self, error: Exception) -> Call | None:
        """The call that follows when this one raised; None if the error is to reach the caller."""
        if not self.may_fall_back or self.decision.model == "large":
            return None
        first = self.decision
        decision = RoutingDecision("large", first.score, first.threshold, "fallback", type(error).__name__)
        base: RunnableConfig = {**self.base}
        base.pop("run_id", None)  # the small model's run has it
        return Call(self.routes, decision, base)


def record_of(decision: RoutingDecision) -> dict[str, Any]:
    """The decision as flat ``hybrid_router_*`` keys of plain values; what there is none of is left out."""
    # Not by to_dict, whose deep copy of five plain values costs as much as the rest of the routing.
    pairs = ((key, getattr(decision, name)) for name, key in _KEYS)
    return {key: value for key, value in pairs if value is not None and value != ""}


def routing_decision(message: BaseMessage) -> RoutingDecision | None:
    """Read back which model wrote a message, and why; None if no router had a part in it.

    Args:
        message: An answer of `RunnableHybridRouter` or of an agent with `HybridRouterMiddleware`; of a stream, the sum
            of its chunks or the first of them.
    """
    metadata = message.response_metadata
    if f"{PREFIX}model" not in metadata:
        return None
    record = {key.removeprefix(PREFIX): value for key, value in metadata.items() if key.startswith(PREFIX)}
    return RoutingDecision.from_dict(record)


def stamp(output: Any, record: dict[str, Any]) -> tuple[Any, bool]:
    """Put the record into the message that the output is or holds; says whether there was one.

    The message is copied: it may belong to a cache that other routers and other callers read.
    """
    if isinstance(output, BaseMessage):
        return output.model_copy(update={"response_metadata": {**output.response_metadata, **record}}), True
    if isinstance(output, dict) and isinstance(output.get("raw"), BaseMessage):  # with_structured_output(include_raw)
        copy = output.copy() if type(output) is dict else type(output)(output)
        copy["raw"] = stamp(output["raw"], record)[0]
        return copy, True
    if isinstance(output, LLMResult):
        generations = [[_stamped_generation(each, record) for each in row] for row in output.generations]
        return output.model_copy(update={"generations": generations}), True
    return output, False


def _stamped_generation(generation: Any, record: dict[str, Any]) -> Any:
    if not isinstance(generation, ChatGeneration):
        return generation
    return generation.model_copy(update={"message": stamp(generation.message, record)[0]})
