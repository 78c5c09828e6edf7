"""What an embedder is, and the one check of what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from hybrid_router_core._types import Float32Array
from hybrid_router_core.errors import DataError

__all__ = ["Embedder", "checked_vectors"]


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors of one length. Picklable, so that any joblib backend can carry it."""

    @property
    def name(self) -> str:
        """The specification that makes it again: "static", "sentence-transformers:<model>" or "custom"."""
        ...

    def encode(self, texts: Sequence[str]) -> Float32Array:
        """One row a text, in order: shape (number of texts, dimensions)."""
        ...

    def fingerprint(self) -> str:
        """Identifies the model behind the vectors; compare with `fingerprints_match`."""
        ...


def checked_vectors(embedder: Embedder, result: Any, count: int) -> Float32Array:
    """Return what foreign code made of `count` texts as float32 of shape (count, d), or raise a DataError."""
    try:
        array = np.asarray(result)
    except (TypeError, ValueError, RuntimeError) as error:  # rows of several lengths, a tensor on a GPU
        raise DataError(
            f"{embedder!r} returned a {type(result).__name__} that is no array ({error}). "
            f"Return numbers of shape ({count}, dimensions)."
        ) from error
    if array.dtype.kind not in "fiub":
        raise DataError(
            f"{embedder!r} returned shape {array.shape} of type {array.dtype}. "
            f"Return numbers of shape ({count}, dimensions)."
        )
    with np.errstate(over="ignore"):  # too large for float32 becomes infinity, which is refused below
        vectors = array.astype(np.float32, copy=False)
    if vectors.ndim != 2 or vectors.shape[0] != count or vectors.shape[1] == 0:
        raise DataError(
            f"{embedder!r} returned shape {vectors.shape} for {count} texts. Return shape ({count}, dimensions)."
        )
    if not np.isfinite(vectors).all():
        bad = int((~np.isfinite(vectors).all(axis=1)).sum())
        raise DataError(
            f"{embedder!r} returned NaN or infinity in {bad} of {count} rows of shape {vectors.shape}. "
            "Every number must be finite in float32."
        )
    return vectors
