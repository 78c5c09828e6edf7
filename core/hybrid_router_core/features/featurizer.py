"""Turns queries into what a scorer reads: the embedding, the form of the text, and a learned vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hybrid_router_core._types import AnyArray, Float32Array
from hybrid_router_core.embedders import Embedder, StaticEmbedder, TokenIds, bound_text, tokens_in_batches
from hybrid_router_core.errors import NotFittedError

from .gloss import gloss
from .lexical import LexicalTable
from .surface import surface_features
from .tidy import tidy

__all__ = ["Features", "Featurizer"]

# Root mean square lengths over the training queries; surface features have deviation 1, together about 12. Their
# weight matters most of the three, and less of the embedding carries better to subjects that were not trained on.
_EMBEDDING_LENGTH, _LEXICAL_LENGTH = 5.0, 10.0
_VERSIONS = (
    1,
    2,
)  # of what the features mean; 1 read every language as English, and chance spaces and capitals as form
_SURFACE_LIMIT = 4.0  # in standard deviations: a query unlike all others must not have a feature of any size


class Features(NamedTuple):
    """What was read of n texts.

    Attributes:
        rows: Shape (n, columns).
        tokens: Ids by the bundled tokenizer, of the text or its glosses.
    """

    rows: Float32Array
    tokens: TokenIds


class Featurizer:
    """Learns scales and a vocabulary from the training queries; `transform` then needs numpy and a tokenizer.

    Args:
        embedder: Makes the embedding part. With the static one, the token ids are computed once for all parts.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._static = StaticEmbedder()
        self._lexical: LexicalTable | None = None
        self._mean: Float32Array = np.zeros(0, dtype=np.float32)
        self._scale: Float32Array = np.zeros(0, dtype=np.float32)
        self._version = _VERSIONS[-1]

    def fit(self, texts: Sequence[str], embeddings: Float32Array | None = None) -> Featurizer:
        """Learn from texts, whose embeddings may be given if they are known; returns self."""
        self.fit_transform(texts, embeddings)
        return self

    def fit_transform(
        self, texts: Sequence[str], embeddings: Float32Array | None = None, *, progress: bool = False
    ) -> Float32Array:
        """`fit` and `transform` of the same texts, in little more than half the time."""
        return self.fit_read(texts, embeddings, progress=progress).rows

    def fit_read(
        self, texts: Sequence[str], embeddings: Float32Array | None = None, *, progress: bool = False
    ) -> Features:
        """As `fit_transform`, with the tokens."""
        read = self._read(texts)
        tokens = tokens_in_batches(read, progress=progress)
        vectors = self._embed(texts, tokens) if embeddings is None else embeddings
        self._lexical = LexicalTable.fit(tokens, self._static.vocabulary_size())
        lexical = self._lexical.transform(tokens)
        surface = self._surface(read, tokens)
        blocks = [_block(vectors, _EMBEDDING_LENGTH), _block(lexical, _LEXICAL_LENGTH)]
        deviation = surface.std(axis=0)
        varied = deviation > 1e-6
        scale = np.where(varied, 1 / np.where(varied, deviation, 1), 0)
        self._mean = np.concatenate([*(mean for mean, _ in blocks), surface.mean(axis=0)]).astype(np.float32)
        self._scale = np.concatenate([*(factor for _, factor in blocks), scale]).astype(np.float32)
        return Features(self._scaled([vectors, lexical, surface]), tokens)

    def transform(self, texts: Sequence[str], embeddings: Float32Array | None = None) -> Float32Array:
        """One row of features a text."""
        return self.read(texts, embeddings).rows

    def read(self, texts: Sequence[str], embeddings: Float32Array | None = None) -> Features:
        """As `transform`, with the tokens."""
        if self._lexical is None:
            raise NotFittedError("the features are not fitted yet; call fit(texts), or HybridRouter.load(folder)")
        read = self._read(texts)
        tokens = self._static.token_ids(read)
        vectors = self._embed(texts, tokens) if embeddings is None else embeddings
        lexical = self._lexical.transform(tokens)
        return Features(self._scaled([vectors, lexical, self._surface(read, tokens)]), tokens)

    def state(self) -> dict[str, AnyArray]:
        """Arrays that `from_state` reads."""
        if self._lexical is None:
            raise NotFittedError("the features are not fitted yet; call fit(texts)")
        lexical = {f"lexical.{name}": array for name, array in self._lexical.state().items()}
        return {"mean": self._mean, "scale": self._scale, "surface_version": np.array([self._version]), **lexical}

    @classmethod
    def from_state(cls, embedder: Embedder, state: Mapping[str, AnyArray]) -> Featurizer:
        """The fitted featurizer whose `state` this is."""
        version = int(state["surface_version"][0])
        if version not in _VERSIONS:
            raise ValueError(f"version {version} of the surface features, this library has {_VERSIONS}; train again")
        features = cls(embedder)
        features._version = version
        features._lexical = LexicalTable.from_state({k[8:]: v for k, v in state.items() if k.startswith("lexical.")})
        features._mean = state["mean"].astype(np.float32)
        features._scale = state["scale"].astype(np.float32)
        if features._mean.ndim != 1 or features._mean.shape != features._scale.shape:
            raise ValueError(f"means {features._mean.shape} and scales {features._scale.shape} of the features differ")
        return features

    def _read(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts as the bundled vocabulary and the surface features see them: in English, if need be by glosses."""
        return texts if self._version == 1 else [gloss(bound_text(text)) for text in texts]

    def _surface(self, read: Sequence[str], tokens: TokenIds) -> Float32Array:
        return surface_features(read if self._version == 1 else [tidy(text) for text in read], tokens)

    def _embed(self, texts: Sequence[str], tokens: TokenIds) -> Float32Array:
        encode_tokens = getattr(self.embedder, "encode_tokens", None)
        return self.embedder.encode(texts) if encode_tokens is None else encode_tokens(tokens)

    def _scaled(self, parts: list[Float32Array]) -> Float32Array:
        features = np.concatenate(parts, axis=1, dtype=np.float32)
        features -= self._mean
        features *= self._scale
        surface = features[:, -parts[-1].shape[1] :]
        np.minimum(surface, _SURFACE_LIMIT, out=surface)
        np.maximum(surface, -_SURFACE_LIMIT, out=surface)
        return features


def _block(vectors: Float32Array, length: float) -> tuple[AnyArray, AnyArray]:
    """Mean of the rows, and one factor that gives the centred rows this length."""
    mean = vectors.mean(axis=0)
    spread = float(np.sqrt(((vectors - mean) ** 2).sum(axis=1).mean())) if vectors.size else 0.0
    return mean, np.full(mean.shape, length / spread if spread > 1e-6 else 0.0)
