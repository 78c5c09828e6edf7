"""Any model of the sentence-transformers library, by name or folder. Needs the extra of the same name."""

from __future__ import annotations

import functools
import threading
from typing import Any

from hybrid_router_core.errors import ConfigError, MissingExtraError

from .probe import ProbedEmbedder

__all__ = ["SentenceTransformerEmbedder"]


class SentenceTransformerEmbedder(ProbedEmbedder):
    """Vectors as the model gives them. The model loads with the first text, once a process."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.name = f"sentence-transformers:{model}"

    def _vectors(self, texts: list[str]) -> Any:
        return _model(self.model).encode(texts, show_progress_bar=False, convert_to_numpy=True)

    def __repr__(self) -> str:
        return f"SentenceTransformerEmbedder({self.model!r})"


_loading = threading.Lock()


def _model(name: str) -> Any:
    with _loading:  # two threads with a first text each must not both load the model
        return _load(name)


@functools.cache
def _load(name: str) -> Any:
    """Kept by the process, not by the embedder, so that a pickled embedder is small and a worker loads once."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtraError("sentence-transformers", "sentence-transformers") from error
    try:
        return SentenceTransformer(name)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"sentence-transformers cannot load {name!r} ({error}). Use the name of a model on the hub or its folder."
        ) from error
