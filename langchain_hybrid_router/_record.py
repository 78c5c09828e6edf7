"""The record of a decision: how it travels with an answer, and how it is read back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from hybrid_router_core import DataError, RoutingDecision

from ._chunk import PREFIX, carrying

__all__ = ["RunStamp", "before_others", "record_of", "routing_decision", "stamp"]

_KEYS = tuple((field.name, PREFIX + field.name) for field in fields(RoutingDecision))


def record_of(decision: RoutingDecision) -> dict[str, Any]:
    """The decision as flat ``hybrid_router_*`` keys of plain values; what there is none of is left out."""
    # Not by to_dict, whose deep copy of five plain values costs as much as the rest of the routing.
    pairs = ((key, getattr(decision, name)) for name, key in _KEYS)
    return {key: value for key, value in pairs if value is not None and value != ""}


def routing_decision(message: BaseMessage) -> RoutingDecision | None:
    """Read back which model wrote a message, and why; None if no router had a part in it, or the record is damaged.

    Args:
        message: An answer of `RunnableHybridRouter` or of an agent with `HybridRouterMiddleware`; of a stream, the sum
            of its chunks or the first of them. A sum of several answers has the record of the last.
    """
    if not isinstance(message, BaseMessage):
        raise DataError(
            f"routing_decision takes a message, got a {type(message).__name__}; such as state['messages'][-1]"
        )
    metadata = message.response_metadata
    if f"{PREFIX}model" not in metadata:
        return None
    try:
        return RoutingDecision.from_dict({name: metadata[key] for name, key in _KEYS if key in metadata})
    except (DataError, TypeError):  # histories pass through databases and many hands
        return None


def stamp(output: Any, record: dict[str, Any]) -> tuple[Any, bool]:
    """Put the record into the message that the output is or holds; says whether there was one.

    The message is copied: it may belong to a cache that other routers and other callers read.
    """
    if isinstance(output, AIMessageChunk):
        return carrying(output, record), True
    if isinstance(output, BaseMessage):
        return output.model_copy(update={"response_metadata": {**output.response_metadata, **record}}), True
    if isinstance(output, dict) and isinstance(output.get("raw"), BaseMessage):  # with_structured_output(include_raw)
        copy = output.copy() if type(output) is dict else type(output)(output)
        copy["raw"] = stamp(output["raw"], record)[0]
        return copy, True
    if isinstance(output, LLMResult):
        return output.model_copy(update={"generations": _stamped(output, record)}), True
    return output, False


def _stamped(result: LLMResult, record: dict[str, Any]) -> list[list[Any]]:
    return [[_stamped_generation(each, record) for each in row] for row in result.generations]


def _stamped_generation(generation: Any, record: dict[str, Any]) -> Any:
    if not isinstance(generation, ChatGeneration):
        return generation
    return generation.model_copy(update={"message": stamp(generation.message, record)[0]})


class RunStamp(BaseCallbackHandler):
    """Puts the record on the message with which a model's run ends, which listeners, tracers and histories keep.

    The message that the model returns is another object, and it may be a cache's, so neither stands for the other.
    """

    run_inline = True  # before the handlers that read the result
    ignore_chat_model = ignore_chain = ignore_agent = ignore_retriever = ignore_retry = ignore_custom_event = True

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record
        self._last: tuple[Any, Any] = (None, None)

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:  # noqa: ARG002
        """The handlers that follow are given the same result."""
        if not (response.generations and response.generations[0]):
            return
        given = getattr(response.generations[0][0], "message", None)
        response.generations = stamped = _stamped(response, self.record)
        if len(stamped) == len(stamped[0]) == 1 and isinstance(stamped[0][0], ChatGeneration):
            self._last = given, stamped[0][0].message

    def stamp(self, output: Any) -> Any:
        """What the model returned, with the record; the message that was stamped already is not copied again."""
        message, stamped = self._last
        return stamped if message is not None and message is output else stamp(output, self.record)[0]


def before_others(handler: BaseCallbackHandler, callbacks: Any) -> Any:
    """The callbacks of a config with one more, which is called first."""
    if not isinstance(callbacks, BaseCallbackManager):
        return [handler, *(callbacks or [])]
    manager = callbacks.copy()
    manager.handlers.insert(0, handler)
    manager.inheritable_handlers.insert(0, handler)
    return manager
