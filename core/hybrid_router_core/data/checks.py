"""What the steps of the router take: a data set, and a list of queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hybrid_router_core.errors import DataError

from .dataset import RoutingDataset

__all__ = ["check_dataset", "check_queries"]


def check_dataset(step: str, data: Any, *, distinct: int = 1) -> None:
    """Raise a DataError that says what to do, unless this is a data set with so many distinct queries."""
    if not isinstance(data, RoutingDataset):
        raise DataError(
            f"{step} takes a RoutingDataset, got {type(data).__name__}; make one with RoutingDataset.read(path), "
            "from_records(rows) or from_frame(frame)"
        )
    found = len(np.unique(data.query_hashes))
    if found < distinct:
        raise DataError(f"{step} needs at least {distinct} distinct queries, got {found}; collect more examples")


def check_queries(queries: Sequence[Any] | None) -> list[str]:
    """The queries as a list; a DataError names the first that is no string."""
    if isinstance(queries, str):
        raise DataError("score takes a list of queries, got one string; use score([query]) or route(query)")
    try:
        texts = list(queries)  # type: ignore[arg-type]
    except TypeError:
        raise DataError(f"score takes a list of queries, got {type(queries).__name__}; use score([query])") from None
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"query {i} is a {type(text).__name__}; allowed: a string")
    return texts
