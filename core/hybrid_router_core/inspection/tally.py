"""Figures of a data set of any length, a chunk at a time: exact sums, and a sample of whole queries for the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hybrid_router_core._types import AnyArray, BoolArray, FloatArray, IntArray
from hybrid_router_core.data import RoutingDataset
from hybrid_router_core.embedders import TEXT_LIMIT, bound_text
from hybrid_router_core.errors import DataError
from hybrid_router_core.labels import TOLERANCE

__all__ = ["SHORT", "Mark", "Moments", "Sample", "Tally"]

SHORT = 3  # characters; a query below is hardly one
PLACES = 5  # rows that are named of each kind
_Part: TypeAlias = tuple[list[str], FloatArray, FloatArray, NDArray[np.uint64], IntArray, list[str | None]]
CHARACTERS = 100_000_000  # of the sampled queries: bounds the memory where they are long


@dataclass
class Moments:
    """Number, mean, spread and ends of values that come in pieces."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0  # sum of the squared distances from the mean
    low: float = np.inf
    high: float = -np.inf

    def add(self, values: FloatArray) -> None:
        """Take in a piece; merging means and not sums keeps the digits of a small spread about a large mean."""
        n, mean = len(values), float(values.mean())
        shift, total = mean - self.mean, self.n + n
        self.squares += float(((values - mean) ** 2).sum()) + shift**2 * self.n * n / total
        self.mean += shift * n / total
        self.n = total
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))

    def add_one(self, value: float) -> None:
        """Take in one value (Welford 1962)."""
        self.n += 1
        shift = value - self.mean
        self.mean += shift / self.n
        self.squares += shift * (value - self.mean)
        self.low, self.high = min(self.low, value), max(self.high, value)

    @property
    def deviation(self) -> float:
        """Standard deviation; 0 for one value."""
        return float(np.sqrt(self.squares / (self.n - 1))) if self.n > 1 else 0.0


@dataclass
class Mark:
    """How many rows show something, and the 1-based numbers of the first of them."""

    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, found: BoolArray, start: int) -> None:
        """Take in the rows of a chunk that begins after ``start`` rows."""
        self.count += int(found.sum())
        if len(self.rows) < PLACES:
            self.rows += (np.flatnonzero(found)[: PLACES - len(self.rows)] + start + 1).tolist()


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of whole queries: of each query all rows are in it, or none.

    Attributes:
        data: The rows; of a long query its head and tail, which is all that a router reads.
        numbers: Their 1-based places in the whole, shape (n,).
        share: The share of all queries that were to be in it; 1 if these are all rows.
    """

    data: RoutingDataset
    numbers: IntArray
    share: float


class Tally:
    """Takes in chunks. Memory: the sample, and nothing that grows with the rows.

    A row is in the sample if the hash of its query is below a limit, which is halved whenever the sample is full. So
    it is a random sample of the queries, the same in any order of the rows, and repeated queries stay together.

    Args:
        limit: Most rows of the sample.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.rows = 0
        self.gap, self.small, self.large, self.best = Moments(), Moments(), Moments(), Moments()
        self.repeatable = (Moments(), Moments(), Moments(), Moments())
        self.wins = self.ties = 0
        self.samples: dict[str, tuple[int, int]] = {}
        self.short, self.long, self.identical = Mark(), Mark(), Mark()
        self._halvings = 0
        self._parts: list[_Part] = []
        self._kept = self._characters = 0

    def add(self, data: RoutingDataset) -> None:
        """Take in the next rows."""
        small, large = data.mean_small, data.mean_large
        gap = small - large
        tie = np.abs(gap) <= TOLERANCE * np.maximum(1.0, np.abs(large))
        self.wins += int(((gap > 0) & ~tie).sum())
        self.ties += int(tie.sum())
        for moments, values in (
            (self.gap, gap),
            (self.small, small),
            (self.large, large),
            (self.best, np.maximum(small, large)),
        ):
            moments.add(values)
        for side, quality in (("small", data.small_quality), ("large", data.large_quality)):
            counts = np.isfinite(quality).sum(axis=1)
            low, high = self.samples.get(side, (1 << 62, 0))
            self.samples[side] = min(low, int(counts.min())), max(high, int(counts.max()))
        self._add_repeatable(data)
        lengths = np.fromiter(map(len, data.queries), dtype=np.int64, count=len(data))
        self.short.add(lengths < SHORT, self.rows)
        self.long.add(lengths > TEXT_LIMIT, self.rows)
        self.identical.add(_flat(data.small_quality) & _flat(data.large_quality), self.rows)
        self._keep(data, lengths)
        self.rows += len(data)

    def sample(self) -> Sample:
        """The sample so far, in the order of the rows.

        Raises:
            DataError: If no rows were taken in.
        """
        if not self.rows:
            raise DataError("inspect needs at least one row")
        self._join()
        queries, small, large, _, numbers, groups = self._parts[0]
        share = 0.5**self._halvings
        known = [group for group in groups if group is not None]
        return Sample(
            RoutingDataset(queries, small, large, groups=known if len(known) == len(queries) else None), numbers, share
        )

    def _add_repeatable(self, data: RoutingDataset) -> None:
        """Quality when the even samples choose the model and the odd ones say how good it is; without luck.

        First with ties to small, then with ties to large; then of each model alone.
        """
        halves = [(q[:, ::2], q[:, 1::2]) for q in (data.small_quality, data.large_quality)]
        if any(odd.shape[1] == 0 for _, odd in halves):
            return
        full = np.logical_and.reduce([np.isfinite(half).any(axis=1) for pair in halves for half in pair])
        if full.any():
            (small, small_again), (large, large_again) = (
                tuple(np.nanmean(half[full], axis=1) for half in pair) for pair in halves
            )
            for moments, values in zip(
                self.repeatable,
                (
                    np.where(small >= large, small_again, large_again),
                    np.where(small > large, small_again, large_again),
                    small_again,
                    large_again,
                ),
                strict=True,
            ):
                moments.add(values)

    def _keep(self, data: RoutingDataset, lengths: IntArray) -> None:
        hashes = data.query_hashes
        rows = np.flatnonzero(self._wanted(hashes))
        queries = [bound_text(data.texts[i]) for i in rows.tolist()]
        numbers = np.asarray(rows + self.rows + 1, dtype=np.int64)
        names: list[str | None] = [None] * len(data) if data.groups is None else list(data.groups)
        groups = [names[i] for i in rows.tolist()]
        self._parts.append((queries, data.small_quality[rows], data.large_quality[rows], hashes[rows], numbers, groups))
        self._kept += len(rows)
        self._characters += int(np.minimum(lengths[rows], TEXT_LIMIT).sum())
        while (self._kept > self.limit or self._characters > CHARACTERS) and self._halvings < 63:
            self._join()
            queries, small, large, hashes, numbers, groups = self._parts[0]
            self._halvings += 1
            rows = np.flatnonzero(self._wanted(hashes))
            if not len(rows):  # a few queries, each repeated very often; something must be left to look at
                rows = np.arange(max(1, self.limit // 2))[: len(hashes)]
            queries = [queries[i] for i in rows.tolist()]
            groups = [groups[i] for i in rows.tolist()]
            self._parts = [(queries, small[rows], large[rows], hashes[rows], numbers[rows], groups)]
            self._kept, self._characters = len(rows), sum(map(len, queries))

    def _wanted(self, hashes: NDArray[np.uint64]) -> BoolArray:
        return np.asarray(hashes <= np.uint64((1 << (64 - self._halvings)) - 1))

    def _join(self) -> None:
        if len(self._parts) > 1:
            queries, small, large, hashes, numbers, groups = zip(*self._parts, strict=True)
            every, grouped = list(chain.from_iterable(queries)), list(chain.from_iterable(groups))
            matrices = _stacked(small), _stacked(large)
            self._parts = [(every, *matrices, np.concatenate(hashes), np.concatenate(numbers), grouped)]


def _flat(quality: FloatArray) -> BoolArray:
    """Rows with several samples that are all the same."""
    several = np.isfinite(quality).sum(axis=1) > 1
    return np.asarray(several & (np.nanmax(quality, axis=1) == np.nanmin(quality, axis=1)))


def _stacked(parts: tuple[AnyArray, ...]) -> FloatArray:
    """Matrices under each other, those with fewer samples filled up with NaN."""
    stacked = np.full((sum(map(len, parts)), max(part.shape[1] for part in parts)), np.nan)
    row = 0
    for part in parts:
        stacked[row : row + len(part), : part.shape[1]] = part
        row += len(part)
    return stacked
