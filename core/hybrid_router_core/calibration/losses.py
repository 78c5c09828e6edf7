"""What a limit on the quality drop is tested on: what each independent draw loses at small, and what it is allowed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_router_core._types import FloatArray, IntArray

__all__ = ["Losses"]


@dataclass(frozen=True, eq=False)
class Losses:
    """n draws; the arrays have shape (n,).

    A limit d holds at threshold t if the mean of `values` over the draws that go to small, the others counting 0, is
    at most d times the mean of `units`.

    Attributes:
        scores: In [0, 1].
        values: large − small in units of the quality range, at most 1.
        units: What a limit of 1 allows: 1 for a limit in units of the quality range, large's quality in these units
            for one that is a share of it.
        most: The largest value that `units` can have.
        sizes: What the draws count where they do not count alike, in (0, 1]; `values` and `units` have it as a factor.
        smallest: The smallest that a size can be.
    """

    scores: FloatArray
    values: FloatArray
    units: FloatArray
    most: float = 1.0
    sizes: FloatArray | None = None
    smallest: float = 1.0

    @classmethod
    def plain(cls, scores: FloatArray, values: FloatArray) -> Losses:
        """Those under a limit in units of the quality range."""
        return cls(scores, values, np.ones(len(scores)))

    def take(self, rows: IntArray) -> Losses:
        """Those of these rows."""
        sizes = None if self.sizes is None else self.sizes[rows]
        return Losses(self.scores[rows], self.values[rows], self.units[rows], self.most, sizes, self.smallest)

    def __len__(self) -> int:
        return len(self.scores)
