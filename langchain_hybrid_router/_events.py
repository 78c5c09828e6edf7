"""Version 3 of LangChain's event streams, which are objects that a model fills and not iterators of messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["stamp_events", "start", "start_async"]


def stamp_events(stream: Any, record: dict[str, Any]) -> Any:
    """Let the stream put the record among the response metadata of the message that it assembles."""
    dispatch = stream.dispatch

    def dispatch_with_record(event: Mapping[str, Any]) -> None:
        if event.get("event") == "message-finish":
            event = {**event, "metadata": {**(event.get("metadata") or {}), **record}}
        dispatch(event)

    stream.dispatch = dispatch_with_record
    return stream


def start(stream: Any) -> Any:
    """Wait for the first event, so that an error before it can be seen; the stream replays it to its readers."""
    next(iter(stream), None)
    return stream


async def start_async(stream: Any) -> Any:
    """As `start`."""
    async for _ in stream:
        break
    return stream
