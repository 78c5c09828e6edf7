"""Mean quality gap of the most similar training queries, with a calibrated curve on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from hybrid_router_core._types import AnyArray, Float32Array, FloatArray
from hybrid_router_core.errors import NotFittedError

from .base import Progress, Targets
from .hparam import check_choice, check_count, read_settings
from .platt import fit_platt, sigmoid

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["KnnScorer", "KnnSettings"]

_DISTANCES = 4_000_000  # at a time: bounds the memory of a batch


@dataclass(frozen=True)
class KnnSettings:
    """Checked on creation.

    Attributes:
        n_neighbors: Training queries that are looked at, at most a quarter of them.
        weights: "uniform", or "distance" for neighbours that count by 1 / distance.
    """

    n_neighbors: int = 100
    weights: Literal["uniform", "distance"] = "uniform"

    def __post_init__(self) -> None:
        check_count("n_neighbors", self.n_neighbors)
        check_choice("weights", self.weights, ("uniform", "distance"))


class KnnScorer:
    """Keeps the training rows and looks up the nearest by Euclidean distance."""

    kind: ClassVar[str] = "knn"

    def __init__(self, hparam: Mapping[str, Any] | None = None) -> None:
        self.settings = read_settings(self.kind, KnnSettings, hparam)
        self._rows: Float32Array | None = None
        self._squares: Float32Array = np.zeros(0, dtype=np.float32)
        self._gaps: FloatArray = np.zeros(0)
        self._curve = (1.0, 0.0)
        self._neighbors, self._by_distance = 0, False

    def fit(self, features: Float32Array, targets: Targets, *, seed: int = 0, progress: Progress | None = None) -> Self:
        """Keep one row of features a query. Nothing is random."""
        del seed, progress
        neighbors = min(self.settings.n_neighbors, max(len(features) // 4, 1))
        self._keep(features, targets.gap, neighbors, self.settings.weights == "distance")
        self._curve = fit_platt(self._mean_gap(self._rows, skip_self=len(features) > 1), targets.label)
        return self

    def predict(self, features: Float32Array) -> FloatArray:
        """The estimated label of each row, in [0, 1]."""
        slope, intercept = self._curve
        return sigmoid(slope * self._mean_gap(features) + intercept)

    def state(self) -> dict[str, AnyArray]:
        """Arrays that `from_state` reads."""
        if self._rows is None:
            raise NotFittedError("the scorer is not fitted yet; call fit(features, targets)")
        settings = np.array([self._neighbors, int(self._by_distance)])
        return {"rows": self._rows, "gaps": self._gaps, "curve": np.array(self._curve), "settings": settings}

    @classmethod
    def from_state(cls, state: Mapping[str, AnyArray]) -> Self:
        """The fitted scorer whose `state` this is."""
        rows, gaps = state["rows"], state["gaps"]
        neighbors, by_distance = (int(value) for value in state["settings"])
        if rows.ndim != 2 or gaps.shape != rows.shape[:1] or not 1 <= neighbors <= len(rows):
            raise ValueError(f"rows {rows.shape}, gaps {gaps.shape} and {neighbors} neighbours do not fit")
        scorer = cls()
        scorer._keep(rows, gaps, neighbors, bool(by_distance))
        slope, intercept = state["curve"]
        scorer._curve = float(slope), float(intercept)
        return scorer

    def _keep(self, rows: Float32Array, gaps: FloatArray, neighbors: int, by_distance: bool) -> None:
        self._rows = rows.astype(np.float32, copy=True)
        self._squares = np.einsum("ij,ij->i", self._rows, self._rows)
        self._gaps = gaps.astype(np.float64)
        self._neighbors, self._by_distance = neighbors, by_distance

    def _mean_gap(self, features: Float32Array | None, *, skip_self: bool = False) -> FloatArray:
        if self._rows is None or features is None:
            raise NotFittedError("the scorer is not fitted yet; call fit(features, targets)")
        out = np.empty(len(features))
        chunk = max(_DISTANCES // len(self._rows), 1)
        for start in range(0, len(features), chunk):
            rows = features[start : start + chunk]
            # The square of the row itself is the same for all neighbours and only matters for their weights.
            distances = self._squares - 2 * (rows @ self._rows.T)
            if skip_self:
                distances[np.arange(len(rows)), start + np.arange(len(rows))] = np.inf
            nearest = np.argpartition(distances, self._neighbors - 1, axis=1)[:, : self._neighbors]
            gaps = self._gaps[nearest]
            if self._by_distance:
                squares = np.take_along_axis(distances, nearest, axis=1) + np.einsum("ij,ij->i", rows, rows)[:, None]
                weights = 1 / (np.sqrt(np.maximum(squares, 0)) + 1e-3)
                out[start : start + chunk] = (gaps * weights).sum(axis=1) / weights.sum(axis=1)
            else:
                out[start : start + chunk] = gaps.mean(axis=1)
        return out
