"""Brings measures of different kinds to one scale: how far beyond the usual each is, and the sum.

Above the ninth decile of the training queries a measure is taken to fall off exponentially (the peaks over a threshold
of Pickands 1975, with shape 0). Its exceedance is then -log of the share of queries that exceed it as far, and the sum
over the measures is Fisher's combination (1932) of those shares. Neither need hold: the calibration queries say what
sum is usual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_router_core._types import FloatArray

__all__ = ["Adjustment", "Tail"]

_USUAL = 0.9
_FAR = (0.99, 0.998)  # a tail that falls off more slowly must not drown the others
_STEPS = 1024.0  # exceedances are rounded to this part, so that their sum is the same in any order
_MOST = 1e6


@dataclass(frozen=True)
class Tail:
    """One side of a measure.

    Attributes:
        sign: 1 if large values are strange, -1 if small ones are.
        start: Where the unusual starts, times the sign.
        scale: How far beyond it the share of the queries falls to 1/e; above 0.
    """

    sign: float
    start: float
    scale: float

    @classmethod
    def fit(cls, values: FloatArray, sign: float, floor: float) -> Tail:
        """Of the values of queries that the measure was not fitted to; the scale is at least `floor`."""
        values = sign * values
        start, *far = np.quantile(values, [_USUAL, *_FAR]).tolist()
        beyond = values[values > start] - start
        scales = [
            (far_out - start) / np.log((1 - _USUAL) / (1 - share)) for far_out, share in zip(far, _FAR, strict=True)
        ]
        return cls(sign, start, float(max(*scales, beyond.mean() if len(beyond) else 0.0, floor)))

    def exceedance(self, values: FloatArray) -> FloatArray:
        """0 up to the start, then the distance in scales, in steps of 1/1024; shape (n,)."""
        beyond = (self.sign * values - self.start) * (_STEPS / self.scale)
        return np.asarray(np.rint(np.minimum(np.maximum(beyond, 0.0), _MOST * _STEPS)) / _STEPS)


@dataclass(frozen=True)
class Adjustment:
    """Makes means over few and over many observations comparable.

    The mean of n is usually centre + drift / sqrt(n), with variance between + within / n.
    """

    centre: float
    drift: float
    between: float
    within: float

    @classmethod
    def fit(cls, means: FloatArray, counts: FloatArray) -> Adjustment:
        """By least squares, of values that no model was fitted to."""
        from scipy.optimize import nnls  # type: ignore[import-untyped, unused-ignore]

        inverse = 1 / np.maximum(counts, 1)
        design = np.stack([np.ones_like(inverse), np.sqrt(inverse)], axis=1)
        (centre, drift), *_ = np.linalg.lstsq(design, means, rcond=None)
        squares = (means - design @ np.array([centre, drift])) ** 2
        squares = np.minimum(squares, np.quantile(squares, _FAR[0]))  # a few strangers must not widen it
        (between, within), _ = nnls(np.stack([np.ones_like(inverse), inverse], axis=1), squares)
        return cls(float(centre), float(drift), max(float(between), 1e-4), float(within))

    def apply(self, means: FloatArray, counts: FloatArray) -> FloatArray:
        """In standard deviations from what is usual for the count; shape (n,)."""
        inverse = 1 / np.maximum(counts, 1)
        spread = np.sqrt(self.between + self.within * inverse)
        return np.asarray((means - self.centre - self.drift * np.sqrt(inverse)) / spread)
