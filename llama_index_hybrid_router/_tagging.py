"""The decision on a response, in ``additional_kwargs["hybrid_router"]``.

Responses are copied: a child may keep the one it returned in a cache. The message inside is left alone, since its
``additional_kwargs`` would travel into the next request.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse, TextBlock
from llama_index.core.bridge.pydantic import BaseModel

from hybrid_router_core import RoutingDecision

KEY = "hybrid_router"
INNER = "inner"
FIELDS = tuple(field.name for field in fields(RoutingDecision))


def record_of(decision: RoutingDecision, model_name: str) -> dict[str, Any]:
    """The decision as plain values, with the name of the model."""
    # not by its to_dict, whose deep copy of five plain values costs more than the rest of the record
    return {**{name: getattr(decision, name) for name in FIELDS}, "model_name": model_name}


def tagged(response: Any, record: dict[str, Any]) -> Any:
    """A copy of the response with the record; what is no response (a token, a structured object) as it is."""
    if not isinstance(response, (ChatResponse, CompletionResponse)):
        return response
    inner = response.additional_kwargs.get(KEY)  # the child is a router as well, and its record is kept
    record = record if inner is None else {**record, INNER: inner}
    return response.model_copy(update={"additional_kwargs": {**response.additional_kwargs, KEY: record}})


def untagged(response: ChatResponse) -> tuple[str | None, ChatResponse]:
    """The model named by the tag, and the response as that model returned it."""
    kwargs = dict(response.additional_kwargs)
    record = kwargs.pop(KEY, None)
    if not isinstance(record, dict):
        return None, response
    if INNER in record:
        kwargs[KEY] = record[INNER]
    return record.get("model"), response.model_copy(update={"additional_kwargs": kwargs})


def has_token(part: Any) -> bool:
    """Whether a part of a stream holds any of the answer; the first chunk of many servers holds a role and no more."""
    if isinstance(part, CompletionResponse):
        return bool(part.text or part.delta or _marks(part.additional_kwargs))
    if isinstance(part, ChatResponse):
        message = part.message
        said = any(not isinstance(block, TextBlock) or block.text for block in message.blocks)
        return bool(said or part.delta or _marks(part.additional_kwargs) or any(message.additional_kwargs.values()))
    if isinstance(part, BaseModel):  # an object that fills up; before its first value all fields are empty
        return any(value not in (None, "", [], {}) for value in part.__dict__.values())
    return bool(part)


def _marks(additional: dict[str, Any]) -> bool:
    return any(value for name, value in additional.items() if name != KEY)
