"""What a scorer is, and what it learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

import numpy as np

from hybrid_router_core._types import AnyArray, Float32Array, FloatArray
from hybrid_router_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Progress", "Scorer", "Targets", "check_seed"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the steps done and the most there can be; training may stop early."""


@dataclass(frozen=True)
class Targets:
    """What is known about each training query; arrays of shape (n,).

    Attributes:
        label: How surely small is good enough, in [0, 1].
        small_quality: Mean quality of the small model's samples.
        large_quality: Mean quality of the large model's samples.
    """

    label: FloatArray
    small_quality: FloatArray
    large_quality: FloatArray

    def __post_init__(self) -> None:
        shapes = {self.label.shape, self.small_quality.shape, self.large_quality.shape}
        if len(shapes) > 1 or self.label.ndim != 1 or not self.label.size:
            raise DataError(f"targets of shapes {sorted(shapes)}; give three vectors of one length, at least 1")
        if not all(np.isfinite(x).all() for x in (self.label, self.small_quality, self.large_quality)):
            raise DataError("targets with NaN or infinity; every label and quality must be finite")
        if self.label.min() < 0 or self.label.max() > 1:
            raise DataError(f"labels from {self.label.min()} to {self.label.max()}; labels lie in [0, 1]")

    @property
    def gap(self) -> FloatArray:
        """small_quality - large_quality."""
        return self.small_quality - self.large_quality

    def figures(self) -> dict[str, float]:
        """What an artifact keeps of its training: the number of queries and the means."""
        return {
            "n_queries": float(len(self.label)),
            "mean_label": float(self.label.mean()),
            "mean_small_quality": float(self.small_quality.mean()),
            "mean_large_quality": float(self.large_quality.mean()),
        }


def check_seed(seed: Any) -> None:
    """Raise a ConfigError, unless this is an integer >= 0."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"seed is {seed!r}; allowed: an integer >= 0")


class Scorer(Protocol):
    """Learns to score queries from their features; a high score means small. `predict` needs numpy alone."""

    kind: ClassVar[str]

    def __init__(self, hparam: Mapping[str, Any] | None = None) -> None: ...

    def fit(self, features: Float32Array, targets: Targets, *, seed: int = 0, progress: Progress | None = None) -> Self:
        """Learn from one row of features a query; the same seed and data give the same state."""
        ...

    def predict(self, features: Float32Array) -> FloatArray:
        """The estimated label of each row, in [0, 1]."""
        ...

    def state(self) -> dict[str, AnyArray]:
        """Arrays that `from_state` reads."""
        ...

    @classmethod
    def from_state(cls, state: Mapping[str, AnyArray]) -> Self:
        """The fitted scorer whose `state` this is."""
        ...
