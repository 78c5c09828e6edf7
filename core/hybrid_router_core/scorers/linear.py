"""Ridge regression on the quality gap, with a calibrated curve on top: the strong simple baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hybrid_router_core._types import AnyArray, Float32Array, FloatArray
from hybrid_router_core.errors import NotFittedError

from .base import Progress, Targets
from .hparam import check_number, read_settings
from .platt import fit_platt, sigmoid

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["LinearScorer", "LinearSettings"]

_ALPHAS = np.logspace(0, 6, 13)


@dataclass(frozen=True)
class LinearSettings:
    """Checked on creation.

    Attributes:
        alpha: L2 penalty; None chooses it by generalised cross-validation (Golub, Heath & Wahba 1979).
    """

    alpha: float | None = None

    def __post_init__(self) -> None:
        if self.alpha is not None:
            check_number("alpha", self.alpha, 0, float("inf"), open_high=True)


class LinearScorer:
    """The gap as a weighted sum of the features."""

    kind: ClassVar[str] = "linear"

    def __init__(self, hparam: Mapping[str, Any] | None = None) -> None:
        self.settings = read_settings(self.kind, LinearSettings, hparam)
        self._weights: FloatArray | None = None
        self._curve = (1.0, 0.0)

    def fit(self, features: Float32Array, targets: Targets, *, seed: int = 0, progress: Progress | None = None) -> Self:
        """Learn from one row of features a query. Nothing is random."""
        del seed, progress
        gap = targets.gap
        center, offset = features.mean(axis=0, dtype=np.float64), float(gap.mean())
        centered = features - center
        # The eigenvectors of the small Gram matrix give the fit for every penalty at once.
        values, axes = np.linalg.eigh(centered.T @ centered)
        values = np.maximum(values, 0)
        rotated = centered @ axes
        projected = rotated.T @ (gap - offset)
        candidates = _ALPHAS if self.settings.alpha is None else np.array([max(self.settings.alpha, 1e-6)])
        best, lowest, unseen = candidates[0], np.inf, np.zeros_like(gap)
        for alpha in candidates:
            fitted = rotated @ (projected / (values + alpha))
            freedom = min(1 + float((values / (values + alpha)).sum()), len(gap) - 0.5)
            score = float(((gap - offset - fitted) ** 2).sum()) / (len(gap) - freedom) ** 2
            if score < lowest * (1 - 1e-9):
                lowest, best = score, alpha
                leverage = 1 / len(gap) + (rotated**2) @ (1 / (values + alpha))
                # What the fit would say of a row that it had not seen.
                unseen = gap - (gap - offset - fitted) / np.maximum(1 - leverage, 1e-3)
        weights = axes @ (projected / (values + best))
        self._weights = weights
        slope, intercept = fit_platt(unseen, targets.label)
        self._curve = slope, intercept + slope * (offset - float(center @ weights))
        return self

    def predict(self, features: Float32Array) -> FloatArray:
        """The estimated label of each row, in [0, 1]."""
        if self._weights is None:
            raise NotFittedError("the scorer is not fitted yet; call fit(features, targets)")
        slope, intercept = self._curve
        return sigmoid(slope * (features @ self._weights) + intercept)

    def state(self) -> dict[str, AnyArray]:
        """Arrays that `from_state` reads."""
        if self._weights is None:
            raise NotFittedError("the scorer is not fitted yet; call fit(features, targets)")
        return {"weights": self._weights, "curve": np.array(self._curve)}

    @classmethod
    def from_state(cls, state: Mapping[str, AnyArray]) -> Self:
        """The fitted scorer whose `state` this is."""
        scorer = cls()
        if state["weights"].ndim != 1:
            raise ValueError(f"weights of shape {state['weights'].shape}, expected a vector")
        scorer._weights = state["weights"].astype(np.float64)
        slope, intercept = state["curve"]
        scorer._curve = float(slope), float(intercept)
        return scorer
