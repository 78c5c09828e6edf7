"""Brings measures of different kinds to one scale: how far beyond the usual each is, and the sum.

Above the ninth decile of the training queries a measure is taken to fall off exponentially (the peaks over a threshold
of Pickands 1975, with shape 0). Its exceedance is then -log of the share of queries that exceed it as far, and the sum
over the measures is Fisher's combination (1932) of those shares. Neither need hold: the calibration queries say what
sum is usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hybrid_router_core._types import AnyArray, FloatArray

__all__ = ["Adjustments", "Side", "Tails"]

_USUAL = 0.9
_FAR = (0.99, 0.998)  # a tail that falls off more slowly must not drown the others
_STEPS = 1024.0  # exceedances are summed in whole steps, so that the sum is the same in any order
_MOST = 1e6
_LEAST_VARIANCE = 0.01


@dataclass(frozen=True)
class Side:
    """Of which measure which side is strange: 1 for large values, -1 for small ones; the scale is at least `floor`."""

    measure: int
    sign: float
    floor: float


@dataclass(frozen=True)
class Tails:
    """The unusual ends of measures.

    Attributes:
        measures: Of each end, the row of its measure; shape (s,).
        slopes: What turns a measure into exceedance: sign / scale, where the scale is how far beyond its start the
            share of the queries falls to 1/e; shape (s, 1), as the next.
        offsets: Exceedance is slope * value - offset.
    """

    measures: AnyArray
    slopes: FloatArray
    offsets: FloatArray

    @classmethod
    def fit(cls, measured: FloatArray, sides: Sequence[Side]) -> Tails:
        """Of the measures, shape (m, n), of queries that nothing was fitted to."""
        ends = np.array([_end(side.sign * measured[side.measure], side.floor) for side in sides])
        signs = np.array([side.sign for side in sides])
        measures = np.array([side.measure for side in sides])
        return cls(measures, (signs / ends[:, 1])[:, None], (ends[:, 0] / ends[:, 1])[:, None])

    def total(self, measured: FloatArray) -> FloatArray:
        """Sum of the exceedances of each query, 0 where nothing is unusual; shape (n,)."""
        beyond = measured[self.measures]
        beyond *= self.slopes
        beyond -= self.offsets
        np.minimum(beyond, _MOST, out=beyond)
        np.maximum(beyond, 0.0, out=beyond)
        beyond *= _STEPS
        np.rint(beyond, out=beyond)
        return np.asarray(beyond.sum(axis=0) / _STEPS)


def _end(values: FloatArray, floor: float) -> tuple[float, float]:
    """Where the unusual starts, and its scale."""
    start, *far = np.quantile(values, [_USUAL, *_FAR]).tolist()
    beyond = values[values > start] - start
    scales = [(value - start) / np.log((1 - _USUAL) / (1 - share)) for value, share in zip(far, _FAR, strict=True)]
    return start, float(max(*scales, beyond.mean() if len(beyond) else 0.0, floor))


@dataclass(frozen=True)
class Adjustments:
    """Makes means over few and over many observations comparable.

    The mean of n is usually centre + drift / sqrt(n), with variance between + within / n.

    Attributes:
        numbers: Rows centre, drift, between, within; one column a kind of observation, shape (4, m, 1).
    """

    numbers: FloatArray

    @classmethod
    def fit(cls, sums: FloatArray, counts: FloatArray) -> Adjustments:
        """By least squares, of observations that no model was fitted to; both of shape (m, n)."""
        found = [_least_squares(*kind) for kind in zip(sums, counts, strict=True)]
        return cls(np.array(found).T[:, :, None])

    def apply(self, sums: FloatArray, counts: FloatArray) -> FloatArray:
        """The means in standard deviations from what is usual for their counts; shape (m, n)."""
        centre, drift, between, within = self.numbers
        inverse = 1 / np.maximum(counts, 1)
        beyond = sums * inverse
        beyond -= centre
        beyond -= drift * np.sqrt(inverse)
        inverse *= within
        inverse += between
        beyond /= np.sqrt(inverse)
        return np.asarray(beyond)


def _least_squares(sums: FloatArray, counts: FloatArray) -> tuple[float, float, float, float]:
    from scipy.optimize import nnls  # type: ignore[import-untyped, unused-ignore]

    inverse = 1 / np.maximum(counts, 1)
    means = sums * inverse
    design = np.stack([np.ones_like(inverse), np.sqrt(inverse)], axis=1)
    (centre, drift), *_ = np.linalg.lstsq(design, means, rcond=None)
    squares = (means - design @ np.array([centre, drift])) ** 2
    squares = np.minimum(squares, np.quantile(squares, _FAR[0]))  # a few strangers must not widen it
    (between, within), _ = nnls(np.stack([np.ones_like(inverse), inverse], axis=1), squares)
    return float(centre), float(drift), max(float(between), _LEAST_VARIANCE), float(within)
