"""Embedding many texts: batches through joblib, with a progress bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from hybrid_router_core._bars import progress_bar
from hybrid_router_core._types import Float32Array
from hybrid_router_core.errors import ConfigError, DataError

from .base import Embedder

__all__ = ["embed_in_batches"]


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
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size!r}: use 1 or more.")
    if len(texts) <= batch_size and not progress:
        return embedder.encode(texts)

    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    batches = [texts[start : start + batch_size] for start in range(0, len(texts), batch_size)]
    # Some backends can only return a list; the bar needs the results one by one.
    parallel = Parallel(n_jobs=n_jobs, return_as="generator" if progress else "list")
    results: Iterable[Float32Array] = parallel(delayed(embedder.encode)(batch) for batch in batches)
    parts: list[Float32Array] = []
    with progress_bar("Embedding", progress) as show:
        for part in results:
            parts.append(part)
            show(len(parts), len(batches))
    columns = sorted({part.shape[1] for part in parts})
    if len(columns) > 1:
        raise DataError(f"{embedder!r} returned {columns} columns in different batches. Return one number of columns.")
    return np.concatenate(parts) if parts else embedder.encode(texts)
