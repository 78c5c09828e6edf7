"""Which rows are one independent draw: the rows of one query, however often it was asked, answered or judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hybrid_router_core._types import FloatArray, IntArray

__all__ = ["Draws"]


@dataclass(frozen=True, eq=False)
class Draws:
    """The distinct queries among n rows, in the order of their first rows.

    Attributes:
        first: Index of the first row of each draw, ascending, shape (draws,).
        place: The draw of each row, shape (n,).
    """

    first: IntArray
    place: IntArray

    @classmethod
    def of(cls, queries: ArrayLike) -> Draws:
        """From one value a row that is equal for the rows of one query, such as `RoutingDataset.query_hashes`."""
        _, first, place = np.unique(np.asarray(queries), return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return cls(first[order], rank[place])

    def __len__(self) -> int:
        return len(self.first)

    def mean(self, values: FloatArray) -> FloatArray:
        """The mean over the rows of each draw, shape (draws,); the values themselves where no query is repeated."""
        if len(self) == len(self.place):
            return values
        return self.sum(values) / np.bincount(self.place, minlength=len(self))

    def sum(self, values: FloatArray) -> FloatArray:
        """The sum over the rows of each draw, shape (draws,)."""
        return np.bincount(self.place, weights=values, minlength=len(self)).astype(np.float64)
