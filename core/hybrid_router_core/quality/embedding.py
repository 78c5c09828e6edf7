"""Closeness in meaning to an accepted answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.embedders import embed_in_batches, resolve_embedder

from .base import Direction, Need, References

__all__ = ["EmbeddingSimilarity"]


class EmbeddingSimilarity:
    """The cosine between the vectors of the response and of the closest accepted answer.

    A text without a known word has no direction; its similarity is 0.

    Args:
        embedder: What `resolve_embedder` takes: "static", "sentence-transformers:<name or folder>", an object or a
            function.

    Raises:
        ConfigError: The embedder is not known.
    """

    name = "embedding_similarity"
    range = (-1.0, 1.0)
    direction: Direction = "higher"
    needs: frozenset[Need] = frozenset({"references"})
    source = "Reimers and Gurevych 2019, Sentence-BERT, arXiv:1908.10084, section 4"

    def __init__(self, embedder: object = "static") -> None:
        self.embedder = resolve_embedder(embedder)

    def score(
        self,
        queries: Sequence[str],  # noqa: ARG002
        responses: Sequence[str],
        references: References,
    ) -> FloatArray:
        """One cosine a response."""
        texts = list(dict.fromkeys([*responses, *(wanted for accepted in references for wanted in accepted)]))
        if not texts:
            return np.empty(0)
        vectors = embed_in_batches(self.embedder, texts).astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
        row = {text: i for i, text in enumerate(texts)}
        best = [
            max((float(vectors[row[response]] @ vectors[row[wanted]]) for wanted in accepted), default=0.0)
            for response, accepted in zip(responses, references, strict=True)
        ]
        return np.clip(np.array(best, dtype=np.float64), -1.0, 1.0)  # a cosine of floats may be 1.0000000000000002

    def __repr__(self) -> str:
        return f"EmbeddingSimilarity({self.embedder!r})"
