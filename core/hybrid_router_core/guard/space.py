"""How far a query lies from the training queries in the space of the features.

Two distances: to the subspace that the training queries fill (their first principal axes), and in it to the nearest of
a few hundred prototypes (Lloyd 1982), which stand for the queries where they lie densely.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hybrid_router_core._types import AnyArray, Float32Array, FloatArray

__all__ = ["FeatureSpace"]

_AXES, _PROTOTYPES, _ROUNDS = 32, 128, 8
_ROWS_A_PROTOTYPE = 4
_MOST_NUMBERS = 32_000  # in `axes`: bounds the file where an embedding has thousands of dimensions
# Everything is kept and multiplied as whole numbers in float64, which holds their sums without rounding: a query has
# the same distances alone and in any batch, whatever order the processor adds in.
_STEP = 64.0  # of a feature
_LARGEST = 100_000.0  # steps that are told apart; no sum of them reaches 2 ** 53
_AXIS_STEP = 1024


@dataclass(frozen=True)
class FeatureSpace:
    """Where the training queries lie.

    Attributes:
        mean: Of the features, shape (d,).
        axes: Orthonormal columns in steps of 1/1024, shape (d, k).
        prototypes: In steps of 1/64, shape (m, k).
    """

    mean: Float32Array
    axes: FloatArray
    prototypes: FloatArray
    _columns: FloatArray = field(init=False, repr=False, compare=False)
    _lengths: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_columns", np.ascontiguousarray(-2 * self.prototypes.T))
        object.__setattr__(self, "_lengths", _squares(self.prototypes))

    @classmethod
    def fit(cls, features: Float32Array, seed: int) -> FeatureSpace:
        """Learn from one row a query, at least one."""
        from sklearn.utils.extmath import randomized_svd  # type: ignore[import-untyped, unused-ignore]

        rows, width = features.shape
        mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
        kept = min(_AXES, _MOST_NUMBERS // max(width, 1), rows - 1, width)
        whole = _whole(features, mean)
        axes = np.zeros((width, 0))
        if kept > 0:
            _, _, vectors = randomized_svd(whole, kept, n_iter=4, random_state=seed)
            axes = np.rint(vectors.T * _AXIS_STEP)
        inside = np.rint(whole @ axes / _AXIS_STEP)
        return cls(mean, axes, _prototypes(inside, seed))

    @classmethod
    def from_state(cls, mean: AnyArray, axes: AnyArray, prototypes: AnyArray) -> FeatureSpace:
        """The space of these arrays."""
        if mean.ndim != 1 or axes.ndim != 2 or prototypes.ndim != 2 or not len(prototypes):
            raise ValueError(f"means {mean.shape}, axes {axes.shape} and prototypes {prototypes.shape} make no space")
        if axes.shape != (len(mean), prototypes.shape[1]):
            raise ValueError(f"axes {axes.shape} fit neither means {mean.shape} nor prototypes {prototypes.shape}")
        return cls(mean.astype(np.float32), axes.astype(np.float64), prototypes.astype(np.float64))

    def distances(self, features: Float32Array) -> FloatArray:
        """To the subspace, and in it to the nearest prototype; shape (2, n), in steps of 1/64."""
        whole = _whole(features, self.mean)
        inside = np.rint(whole @ self.axes / _AXIS_STEP)
        squares = np.empty((2, len(whole)))
        within = _squares(inside)
        np.subtract(_squares(whole), within, out=squares[0])
        nearest = inside @ self._columns
        nearest += self._lengths
        np.add(nearest.min(axis=1), within, out=squares[1])
        np.maximum(squares, 0, out=squares)
        return np.sqrt(squares, out=squares)

    def state(self) -> dict[str, AnyArray]:
        """Arrays that `from_state` reads."""
        small: NDArray[np.int16] = self.axes.astype(np.int16)
        return {"mean": self.mean, "axes": small, "prototypes": self.prototypes.astype(np.int32)}


def _whole(features: Float32Array, mean: Float32Array) -> FloatArray:
    """The centred features in whole steps."""
    steps: FloatArray = np.multiply(features - mean, _STEP, dtype=np.float64)
    np.minimum(steps, _LARGEST, out=steps)
    np.maximum(steps, -_LARGEST, out=steps)
    return np.rint(steps, out=steps)


def _squares(rows: FloatArray) -> FloatArray:
    if len(rows) == 1:  # a query on its own: a third of the time
        return np.asarray((rows @ rows.T)[0])
    return np.asarray(np.einsum("ij,ij->i", rows, rows))


def _prototypes(points: FloatArray, seed: int) -> FloatArray:
    """Centres of clusters; one that loses all its points stays where it was."""
    wanted = min(_PROTOTYPES, max(len(points) // _ROWS_A_PROTOTYPE, 1))
    centres = points[np.random.default_rng(seed).permutation(len(points))[:wanted]].copy()
    for _ in range(_ROUNDS):
        nearest = (_squares(centres) - 2 * (points @ centres.T)).argmin(axis=1)
        order = np.argsort(nearest, kind="stable")
        present, starts = np.unique(nearest[order], return_index=True)
        sums = np.add.reduceat(points[order], starts, axis=0)
        centres[present] = np.rint(sums / np.bincount(nearest)[present][:, None])
    return centres
