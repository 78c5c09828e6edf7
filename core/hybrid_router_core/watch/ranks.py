"""Where a value stands among those before it: conformal p-values, uniform and independent as long as nothing changes.

Vovk, Gammerman and Shafer 2005, "Algorithmic Learning in a Random World", theorem 8.2: if the values are exchangeable,
the ranks, with ties broken at random, are independent and uniform. Values are told apart by bins, which a part of the
reference fixes that is not counted afterwards; so the counts are all there is to keep.
"""

from __future__ import annotations

import numpy as np

from hybrid_router_core._types import FloatArray, IntArray

__all__ = ["Ranks", "noise"]

_POINTS = np.linspace(0, 1, 17)[1:-1]
_MASK = (1 << 64) - 1


def noise(seed: int, number: int) -> float:
    """A number in (0, 1) that looks random, the same for the same seed and number (SplitMix64, Steele et al. 2014)."""
    mixed = (seed * 0xD1342543DE82EF95 + (number + 1) * 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((mixed ^ (mixed >> 31)) + 0.5) / 2.0**64


class Ranks:
    """Counts of the values of d features in bins.

    Attributes:
        edges: Ascending, each value of them a bin of its own and one between each two; infinity fills up; shape (d, k).
        counts: Of the values so far, shape (d, 2k + 1).
    """

    def __init__(self, edges: FloatArray, counts: IntArray) -> None:
        self.edges, self.counts = edges, counts
        self._bins = np.arange(counts.shape[1])

    @classmethod
    def of(cls, reference: FloatArray) -> Ranks:
        """From a reference of shape (n, d): every third row fixes the edges, the others are counted."""
        fixing = np.arange(len(reference)) % 3 == 0
        edges = np.full((reference.shape[1], len(_POINTS)), np.inf)
        for row, column in zip(edges, reference[fixing].T, strict=True):
            found = np.unique(np.quantile(column, _POINTS, method="inverted_cdf"))
            row[: len(found)] = found
        ranks = cls(edges, np.zeros((len(edges), 2 * len(_POINTS) + 1), dtype=np.int64))
        for values in reference[~fixing]:
            ranks.counts[np.arange(len(edges)), ranks._places(values)] += 1
        return ranks

    @classmethod
    def of_lists(cls, edges: list[list[float]], counts: list[list[int]]) -> Ranks:
        """Those whose `lists` these are.

        Raises:
            ValueError: If they are not.
        """
        table = np.array(counts, dtype=np.int64).reshape(len(edges), 2 * len(_POINTS) + 1)
        filled = np.full((len(edges), len(_POINTS)), np.inf)
        for row, found in zip(filled, edges, strict=True):
            row[: len(found)] = found
        return cls(filled, table)

    def lists(self) -> tuple[list[list[float]], list[list[int]]]:
        """The edges and the counts as lists."""
        return [row[np.isfinite(row)].tolist() for row in self.edges], self.counts.tolist()

    def add(self, values: FloatArray, tie: float) -> FloatArray:
        """Count values, shape (d,), and say where they stand, in (0, 1), shape (d,); `tie` in (0, 1) is random."""
        places = self._places(values)
        rows = np.arange(len(places))
        self.counts[rows, places] += 1
        below = np.where(self._bins < places[:, None], self.counts, 0).sum(axis=1)
        return np.asarray((below + tie * self.counts[rows, places]) / self.counts.sum(axis=1))

    def _places(self, values: FloatArray) -> IntArray:
        column = values[:, None]
        return np.asarray((self.edges < column).sum(axis=1) + (self.edges <= column).sum(axis=1))
