"""The decision on a response, in ``additional_kwargs["hybrid_router"]``.

Responses are copied: a child may keep the one it returned in a cache. The message inside is left alone, since its
``additional_kwargs`` would travel into the next request.
"""

from __future__ import annotations

from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse

KEY = "hybrid_router"
INNER = "inner"


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
