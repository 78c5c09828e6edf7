"""Which part a row is in: by a hash, whole queries or whole groups together."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from hybrid_router_core._types import FloatArray, IntArray
from hybrid_router_core.errors import ConfigError, DataError

from .hashes import query_hashes

__all__ = ["rows_of_parts"]

_LARGE = 0.25  # of the smallest part: a larger group would leave it few others
_UNEVEN = 0.5  # of the rows that a part should have


def rows_of_parts(
    groups: list[str] | None, hashes: NDArray[np.uint64], fractions: Sequence[float], seed: int, by: str
) -> list[IntArray]:
    """The rows of each part, ascending; see `RoutingDataset.split`, whose errors these are."""
    shares = np.asarray(fractions)
    if shares.ndim != 1 or shares.dtype.kind not in "iuf" or not (shares > 0).all() or not 0 < shares.sum() < 1 + 1e-9:
        raise ConfigError(f"fractions={fractions!r}; numbers above 0 with a sum of at most 1 are needed")
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise ConfigError(f"seed={seed!r}; an integer is needed")
    if by not in ("query", "group"):
        raise ConfigError(f"by={by!r}; allowed are 'query', 'group'")
    if by == "group" and groups is None:
        raise DataError('split(by="group"): the data set has no groups; add a column "group", or use by="query"')
    whole = groups if by == "group" else None
    part = _parts_by_query(hashes, seed, shares) if whole is None else _parts_by_group(whole, hashes, seed, shares)
    rows = [np.flatnonzero(part == place) for place in range(len(shares))]
    _check_sizes(list(map(len, rows)), shares, hashes, whole)
    return rows


def _check_sizes(found: list[int], shares: FloatArray, hashes: NDArray[np.uint64], groups: list[str] | None) -> None:
    """An error for an empty part; a warning where whole groups make a part much smaller than it should be."""
    rows = len(hashes)
    if 0 in found:
        empty = found.index(0)
        held, remedy = f"{rows} rows", "Give more rows, a larger fraction or another seed"
        if groups is not None:
            names, group = np.unique(np.asarray(groups, dtype=object), return_inverse=True)
            apart = len(np.unique(_joined(group, np.unique(hashes, return_inverse=True)[1])))
            held += f" in {len(names)} groups"
            remedy = 'Give rows of more groups, another seed, fewer parts, or by="query"'
            if apart < len(names):
                held += f", of which queries that are in several leave {apart} that can be told apart"
                remedy += "; or leave such queries out"
        raise DataError(
            f"split: part {empty + 1} of {len(found)} (fraction {shares[empty]:g}) would be empty; the data set has "
            f"{held}. {remedy}"
        )
    if groups is not None and (np.array(found) < _UNEVEN * shares * rows).any():
        name, most = Counter(groups).most_common(1)[0]
        warnings.warn(
            f"split: whole groups make the parts uneven, {', '.join(map(str, found))} rows; the largest group, "
            f"{name!r}, has {most} of {rows}, and groups that share a query stay together",
            stacklevel=4,
        )


def _parts_by_query(hashes: NDArray[np.uint64], seed: int, shares: FloatArray) -> IntArray:
    """The part of each row, when the queries lie end to end in an order by seed and hash and are cut by the shares.

    What lies beyond the last share has the number of shares.
    """
    queries, bundle = np.unique(hashes, return_inverse=True)
    return _cut(_places(bundle, _uniform(queries, seed)), shares)


def _parts_by_group(groups: list[str], hashes: NDArray[np.uint64], seed: int, shares: FloatArray) -> IntArray:
    """The same with whole groups by their names; groups that share a query stay together.

    Large ones go to the largest part before the others are laid out, the first of them always, the next ones as far as
    there is room.
    """
    names, group = np.unique(np.asarray(groups, dtype=object), return_inverse=True)
    order = _uniform(query_hashes(names), seed)
    bundle = _joined(group, np.unique(hashes, return_inverse=True)[1])
    # A bundle of groups stands where its first group does, which does not depend on the order of the rows.
    first = np.full(len(names), np.inf)
    np.minimum.at(first, bundle, order[group])
    size, rows = np.bincount(bundle, minlength=len(names)), len(groups)
    largest, moved = int(np.argmax(shares)), np.zeros(len(names), dtype=bool)
    room = shares[largest] * rows
    for one in np.lexsort((first, -size)):
        if size[one] > _LARGE * shares.min() * rows and (size[one] <= room or not moved.any()):
            moved[one], room = True, room - size[one]
    laid = ~moved[bundle]
    left = shares * rows
    left[largest] = max(room, 0.0)
    part = np.full(rows, largest, dtype=np.int64)
    part[laid] = _cut(_places(bundle[laid], first), left / max(int(laid.sum()), left.sum(), 1))
    return part


def _cut(place: FloatArray, shares: FloatArray) -> IntArray:
    edges = np.cumsum(shares)
    if edges[-1] > 1 - 1e-9:
        edges[-1] = np.inf  # 0.7 + 0.2 + 0.1 is less than 1
    return np.asarray(np.searchsorted(edges, place, side="right"), dtype=np.int64)


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
