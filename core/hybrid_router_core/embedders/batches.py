"""Embedding many texts: batches through joblib, with a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from hybrid_router_core._bars import progress_bar
from hybrid_router_core._types import Float32Array
from hybrid_router_core.errors import ConfigError, DataError

from .base import Embedder
from .static import StaticEmbedder, TokenIds

__all__ = ["embed_in_batches", "tokens_in_batches"]

T = TypeVar("T")


def embed_in_batches(
    embedder: Embedder,
    texts: Sequence[str],
    *,
    batch_size: int = 256,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Float32Array:
    """Encode the texts batch by batch, in order.

    Args:
        embedder: What encodes a batch.
        texts: The texts.
        batch_size: Texts a call.
        n_jobs: Workers, as in joblib. None is this process alone, unless `joblib.parallel_config` says otherwise,
            which also chooses the backend.
        progress: Show a bar on stderr.

    Raises:
        ConfigError: If `batch_size` is below 1.
        DataError: If the batches differ in their number of columns.
    """
    if len(texts) <= batch_size and not progress:
        return embedder.encode(texts)
    parts = _in_batches(embedder.encode, texts, batch_size, n_jobs, "Embedding" if progress else None)
    columns = sorted({part.shape[1] for part in parts})
    if len(columns) > 1:
        raise DataError(f"{embedder!r} returned {columns} columns in different batches. Return one number of columns.")
    return np.concatenate(parts) if parts else embedder.encode(texts)


def tokens_in_batches(texts: Sequence[str], *, progress: bool = False) -> TokenIds:
    """Token ids of the texts by the bundled tokenizer, batch by batch as `embed_in_batches` goes."""
    return TokenIds.joined(_in_batches(StaticEmbedder().token_ids, texts, 1024, None, "Reading" if progress else None))


def _in_batches(
    function: Callable[[Sequence[str]], T], texts: Sequence[str], size: int, n_jobs: int | None, bar: str | None
) -> list[T]:
    if size < 1:
        raise ConfigError(f"batch_size={size!r}: use 1 or more.")
    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    batches = [texts[start : start + size] for start in range(0, len(texts), size)]
    # Some backends can only return a list; the bar needs the results one by one.
    parallel = Parallel(n_jobs=n_jobs, return_as="generator" if bar else "list")
    parts: list[T] = []
    with progress_bar(bar or "", bar is not None) as show:
        for part in parallel(delayed(function)(batch) for batch in batches):
            parts.append(part)
            show(len(parts), len(batches))
    return parts
