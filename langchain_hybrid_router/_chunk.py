"""Chunks that carry a record of a decision, and can be added up all the same.

LangChain joins the metadata of chunks by joining strings and refusing two different floats, so the sum of two answers
would say "largelarge" or raise. A chunk with a record takes records out before it adds, and puts the last one back.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessageChunk

__all__ = ["PREFIX", "carrying", "of_class"]

PREFIX = "hybrid_router_"


class _RoutedChunk(AIMessageChunk):
    """An AIMessageChunk in every other respect: its class, its JSON and its pickle are those of LangChain's."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # LangChain makes the message and the sum of a chunk by this
        return AIMessageChunk

    @classmethod
    def lc_id(cls) -> list[str]:
        return AIMessageChunk.lc_id()

    def __add__(self, other: Any) -> Any:
        return _sum(self, other)

    def __radd__(self, other: Any) -> Any:
        return _sum(other, self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        plain = self.model_copy()
        of_class(plain, AIMessageChunk)
        return plain.__reduce_ex__(protocol)


def carrying(chunk: AIMessageChunk, record: dict[str, Any]) -> AIMessageChunk:
    """A copy of the chunk with the record among its response metadata."""
    copy = chunk.model_copy(update={"response_metadata": {**chunk.response_metadata, **record}})
    if type(copy) is AIMessageChunk:
        of_class(copy, _RoutedChunk)
    return copy


def of_class(instance: Any, kind: type) -> None:
    """Make the instance one of another class of the same form, whatever it says that its class is."""
    object.__dict__["__class__"].__set__(instance, kind)


def _sum(left: Any, right: Any) -> Any:
    rights = list(right) if isinstance(right, (list, tuple)) else [right]
    if not all(isinstance(each, AIMessageChunk) for each in [left, *rights]):
        return AIMessageChunk.__add__(left, right) if isinstance(left, AIMessageChunk) else NotImplemented
    record: dict[str, Any] = {}
    plain = []
    for chunk in [left, *rights]:
        rest = {key: value for key, value in chunk.response_metadata.items() if not key.startswith(PREFIX)}
        if len(rest) < len(chunk.response_metadata):
            record = {key: value for key, value in chunk.response_metadata.items() if key.startswith(PREFIX)}
            chunk = chunk.model_copy(update={"response_metadata": rest})
        plain.append(chunk)
    total: Any = AIMessageChunk.__add__(plain[0], plain[1:])
    return carrying(total, record) if record else total
