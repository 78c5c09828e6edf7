"""Where a row lies between 0 and 1, so that parts are cut there: by a hash, whole queries or whole groups together."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from hybrid_router_core._types import FloatArray, IntArray

from .hashes import query_hashes

__all__ = ["places_by_group", "places_by_query"]


def places_by_query(hashes: NDArray[np.uint64], seed: int) -> FloatArray:
    """The place of each row in [0, 1), when the queries lie end to end in an order by seed and hash."""
    queries, bundle = np.unique(hashes, return_inverse=True)
    return _places(bundle, _uniform(queries, seed))


def places_by_group(groups: list[str], hashes: NDArray[np.uint64], seed: int) -> FloatArray:
    """The same with whole groups by their names; groups that share a query stay together."""
    names, group = np.unique(np.asarray(groups, dtype=object), return_inverse=True)
    order = _uniform(query_hashes(names), seed)
    bundle = _joined(group, np.unique(hashes, return_inverse=True)[1])
    # A bundle of groups stands where its first group does, which does not depend on the order of the rows.
    first = np.full(len(names), np.inf)
    np.minimum.at(first, bundle, order[group])
    return _places(bundle, first)


def _uniform(hashes: NDArray[np.uint64], seed: int) -> FloatArray:
    """Numbers in [0, 1) that a seed and a hash decide: SplitMix64's mixing of the two."""
    key = int.from_bytes(blake2b(f"split:{int(seed)}".encode()).digest()[:8], "little")
    x = hashes ^ np.uint64(key)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return np.asarray((x >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def _places(bundle: IntArray, order: FloatArray) -> FloatArray:
    """For each row the place in [0, 1) of the middle of its bundle, when the bundles lie end to end in their order."""
    size = np.bincount(bundle, minlength=len(order))
    rank = np.argsort(order, kind="stable")
    middle = np.empty(len(order))
    middle[rank] = (np.cumsum(size[rank]) - size[rank] / 2) / max(len(bundle), 1)
    return np.asarray(middle[bundle])


def _joined(group: IntArray, query: IntArray) -> IntArray:
    """For each row the number of its bundle: the groups that are linked by shared queries."""
    label = np.arange(group.max(initial=-1) + 1)
    while True:
        lowest = np.full(query.max(initial=-1) + 1, len(label))
        np.minimum.at(lowest, query, label[group])
        new = label.copy()
        np.minimum.at(new, group, lowest[query])
        new = new[new]  # halves the length of chains
        if (new == label).all():
            return np.asarray(label[group])
        label = new
