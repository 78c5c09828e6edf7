"""Rows that are a weighted sample of the traffic: some queries had a better chance to be in it than others.

A row that was chosen with probability p stands for w = 1 / p rows. The mean of w · (loss − limit) over the rows that
there are has the sign of drop − limit over the traffic, so the test of `betting` bets on these gains instead. It needs
a most that one row can lose, known beforehand: a weight of 1 / (smallest probability), to which all are scaled. The
largest weight among the rows will not do, since a kind of query that is chosen seldom and loses much may be missing
among them (off-policy betting: Waudby-Smith et al. 2022, arXiv:2210.10768).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hybrid_router_core._types import FloatArray
from hybrid_router_core.data import Draws
from hybrid_router_core.errors import ConfigError, DataError
from hybrid_router_core.evaluation import Across

from .checks import number, vector
from .losses import Losses

__all__ = ["Sampling"]


@dataclass(frozen=True, eq=False)
class Sampling:
    """How n rows were drawn.

    Attributes:
        weights: Inverse probabilities, from 1 to 1 / smallest, shape (n,).
        smallest: Smallest probability with which a query could be in the sample, in (0, 1].
    """

    weights: FloatArray
    smallest: float

    @classmethod
    def of(cls, weights: ArrayLike | None, smallest: float | None, rows: int, across: Across | None) -> Sampling | None:
        """That of so many rows; None without weights.

        Raises:
            ConfigError: If only one of both is given, the probability is not in (0, 1], or the limit is for new groups.
            DataError: If the weights are unusable.
        """
        if weights is None and smallest is None:
            return None
        if across is not None:
            raise ConfigError(
                "weights= does not go with across='groups': how often whole groups were chosen does not follow from it"
            )
        if weights is None:
            raise ConfigError("smallest_probability goes with weights=: one weight a row, 1 / its probability")
        values = vector("weights", weights)
        if len(values) != rows:
            raise DataError(f"weights has {len(values)} entries and there are {rows} rows; give one for each")
        if smallest is None:
            raise ConfigError(
                "weights= needs smallest_probability=, the smallest with which a query could be chosen for these rows: "
                f"the largest weight here stands for {1 / values.max():.4g}, but what is chosen more seldom may be "
                "missing here"
            )
        smallest = number("smallest_probability", smallest, 0.0, 1.0, "It is that of a query to be in the sample.")
        if smallest == 0:
            raise ConfigError("smallest_probability is 0; allowed: above 0. What is never chosen cannot be known")
        bad = np.flatnonzero((values < 1 - 1e-9) | (values * smallest > 1 + 1e-9))
        if len(bad):
            raise DataError(
                f"weights[{bad[0]}] is {values[bad[0]]:g}; allowed: from 1 to 1 / smallest_probability = "
                f"{1 / smallest:g}. A weight is 1 / the probability with which the row was chosen"
            )
        return cls(np.clip(values, 1.0, 1 / smallest), smallest)

    @property
    def even(self) -> bool:
        """Whether all rows had the same chance."""
        return bool((self.weights == self.weights[0]).all())

    def of_draws(self, draws: Draws) -> Sampling:
        """That of distinct queries, each with the mean weight of its rows."""
        return Sampling(draws.mean(self.weights), self.smallest)

    def weigh(self, losses: Losses) -> Losses:
        """What the draws lose and are allowed, in parts of what one of the largest weight could."""
        sizes = self.weights * self.smallest
        return Losses(losses.scores, losses.values * sizes, losses.units * sizes, losses.most, sizes, self.smallest)
