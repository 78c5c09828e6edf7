"""A vocabulary learned from the user's own queries: latent semantic analysis over the bundled tokenizer's ids.

Deerwester et al. 1990: singular vectors of the TF-IDF matrix. Kept as one vector a token, so that the vector of a new
query is a mean of rows, as with the static table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_router_core._types import AnyArray, Float32Array
from hybrid_router_core.embedders import TokenIds

__all__ = ["LexicalTable"]

_MOST_TEXTS = 50_000  # more teach hardly anything new about words, and the matrix must fit into memory
_CHUNK = 512


@dataclass(frozen=True)
class LexicalTable:
    """Token vectors learned from texts.

    Attributes:
        rows: Of each token id, its row in `vectors`; 0 where the token was not learned.
        vectors: Shape (learned tokens + 1, dimensions); row 0 is zero.
    """

    rows: NDArray[np.int32]
    vectors: Float32Array

    @classmethod
    def fit(cls, tokens: TokenIds, vocabulary_size: int, *, dimensions: int = 96, min_texts: int = 2) -> LexicalTable:
        """Learn the vectors of all tokens that occur in at least `min_texts` of the texts."""
        from scipy.sparse import csr_matrix, diags  # type: ignore[import-untyped, unused-ignore]
        from sklearn.utils.extmath import randomized_svd  # type: ignore[import-untyped, unused-ignore]

        offsets = tokens.offsets[: _MOST_TEXTS + 1]
        count = len(offsets) - 1
        found = _distinct(tokens.flat[: offsets[-1]], offsets, vocabulary_size)
        ones = np.ones(len(found.flat), dtype=np.float32)
        present = csr_matrix((ones, found.flat, found.offsets), shape=(count, vocabulary_size))
        texts_with = np.bincount(found.flat, minlength=vocabulary_size)
        learned = np.flatnonzero(texts_with >= min_texts)
        weights = (np.log((1 + count) / (1 + texts_with[learned])) + 1).astype(np.float32)
        matrix = present[:, learned] @ diags(weights)
        norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        matrix = diags(1 / np.maximum(norms, 1e-9)) @ matrix
        wanted = min(dimensions, min(matrix.shape) - 1)
        rows = np.zeros(vocabulary_size, dtype=np.int32)
        if wanted < 1:
            return cls(rows, np.zeros((1, 0), dtype=np.float32))
        _, _, axes = randomized_svd(matrix.astype(np.float32), wanted, n_iter=2, random_state=0)
        rows[learned] = np.arange(1, len(learned) + 1)
        vectors = np.zeros((len(learned) + 1, wanted), dtype=np.float32)
        vectors[1:] = axes.T * weights[:, None]
        vectors /= max(float(np.abs(vectors).max()), 1e-9)
        # Rounded here and not when saved, so that a loaded router scores as the one that was fitted.
        return cls(rows, vectors.astype(np.float16).astype(np.float32))

    def transform(self, tokens: TokenIds) -> Float32Array:
        """Sum of the rows of each text's distinct tokens, at length one; zeros for a text without learned tokens."""
        count = len(tokens.offsets) - 1
        out = np.zeros((count, self.vectors.shape[1]), dtype=np.float32)
        if self.vectors.shape[1] == 0:
            return out
        for start in range(0, count, _CHUNK):
            offsets = tokens.offsets[start : start + _CHUNK + 1]
            found = _distinct(tokens.flat[offsets[0] : offsets[-1]], offsets, len(self.rows))
            offsets = found.offsets
            filled = np.flatnonzero(offsets[1:] > offsets[:-1])  # reduceat gives an empty text its neighbour's row
            if filled.size:
                gathered = self.vectors[self.rows[found.flat]]
                out[start + filled] = np.add.reduceat(gathered, offsets[filled], axis=0)
        out /= np.maximum(np.sqrt(np.einsum("ij,ij->i", out, out)), 1e-9)[:, None]
        return out

    def state(self) -> dict[str, AnyArray]:
        """Arrays that `from_state` reads."""
        return {"rows": self.rows, "vectors": self.vectors.astype(np.float16)}

    @classmethod
    def from_state(cls, state: dict[str, AnyArray]) -> LexicalTable:
        """The table whose `state` this is."""
        rows, vectors = state["rows"], state["vectors"]
        if rows.ndim != 1 or vectors.ndim != 2 or rows.min(initial=0) < 0 or rows.max(initial=0) >= len(vectors):
            raise ValueError(f"the vocabulary's rows {rows.shape} do not fit its vectors {vectors.shape}")
        return cls(rows.astype(np.int32), vectors.astype(np.float32))


def _distinct(flat: AnyArray, offsets: AnyArray, vocabulary_size: int) -> TokenIds:
    """Each token once a text, sorted: whether a word occurs says more than how often."""
    count = len(offsets) - 1
    if count == 1:
        once = np.unique(flat)
        return TokenIds(once, np.array([0, len(once)]))
    keys = np.unique(np.repeat(np.arange(count) * vocabulary_size, np.diff(offsets)) + flat)
    bounds = np.searchsorted(keys, np.arange(count + 1) * vocabulary_size)
    return TokenIds(keys % vocabulary_size, bounds)
