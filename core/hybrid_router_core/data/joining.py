"""Two data sets, one behind the other."""

from __future__ import annotations

import numpy as np

from hybrid_router_core._types import FloatArray

from .dataset import RoutingDataset

__all__ = ["joined"]


def joined(first: RoutingDataset, second: RoutingDataset) -> RoutingDataset:
    """The queries of both with their qualities, groups and turns; without costs and ids."""
    turns = None
    if first.turns is not None or second.turns is not None:
        turns = [*_turns(first), *_turns(second)]
    groups = None if first.groups is None or second.groups is None else first.groups + second.groups
    return RoutingDataset(
        first.queries + second.queries,
        _stacked(first.small_quality, second.small_quality),
        _stacked(first.large_quality, second.large_quality),
        groups,
        turns=turns,
    )


def _turns(data: RoutingDataset) -> list[tuple[str, ...]]:
    return [(query,) for query in data.queries] if data.turns is None else data.turns


def _stacked(*samples: FloatArray) -> FloatArray:
    """Rows with fewer samples are filled up with NaN."""
    most = max(part.shape[1] for part in samples)
    return np.concatenate([np.pad(p, ((0, 0), (0, most - p.shape[1])), constant_values=np.nan) for p in samples])
