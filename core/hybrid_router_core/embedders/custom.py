"""Embedders of the user's own: functions, and objects of other libraries by the methods they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .probe import ProbedEmbedder

__all__ = ["CustomEmbedder", "embedding_function"]

# LangChain, LlamaIndex, then sentence-transformers and its like. Methods come before `__call__`, which on a LlamaIndex
# embedding or a torch module takes something else than texts.
_METHODS = ("embed_documents", "get_text_embedding_batch", "encode")


class CustomEmbedder(ProbedEmbedder):
    """Wraps a function from a list of texts to an array with one row a text.

    A saved router cannot make it again: pass the same embedder when loading.
    """

    name = "custom"

    def __init__(self, function: Callable[[list[str]], Any]) -> None:
        self.function = function

    def _vectors(self, texts: list[str]) -> Any:
        return self.function(texts)

    def __repr__(self) -> str:
        return f"CustomEmbedder({getattr(self.function, '__qualname__', type(self.function).__name__)})"


def embedding_function(thing: object) -> Callable[[list[str]], Any] | None:
    """The method by which the object embeds a list of texts, the object itself if callable, else None."""
    for method in _METHODS:
        function = getattr(thing, method, None)
        if callable(function):
            return function  # type: ignore[no-any-return]  # its result is checked at every call
    return thing if callable(thing) else None
