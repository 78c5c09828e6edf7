"""Samples of many rows, flat while they come and a matrix at the end, so that a million rows stay small."""

from __future__ import annotations

from array import array
from math import nan

import numpy as np

from hybrid_router_core._types import FloatArray

__all__ = ["Samples"]


class Samples:
    """Rows of one or more numbers, flat until the end."""

    def __init__(self) -> None:
        self.values = array("d")
        self.counts: array[int] | None = None  # only once a row has other than one sample

    def add(self, row: float | list[float], rows_before: int) -> None:
        """Append the samples of a row, behind so many rows."""
        if isinstance(row, float):
            self.values.append(row)
            if self.counts is not None:
                self.counts.append(1)
            return
        if self.counts is None and len(row) != 1:
            self.counts = array("q", [1]) * rows_before
        self.values.extend(row)
        if self.counts is not None:
            self.counts.append(len(row))

    def matrix(self) -> FloatArray:
        """One row a row, shape (n, most samples), filled up with NaN."""
        values = np.frombuffer(self.values, dtype=np.float64)
        if self.counts is None:
            return values.reshape(-1, 1)
        counts = np.frombuffer(self.counts, dtype=np.int64)
        matrix = np.full((len(counts), int(counts.max())), nan)
        matrix[np.arange(matrix.shape[1]) < counts[:, None]] = values
        return matrix
