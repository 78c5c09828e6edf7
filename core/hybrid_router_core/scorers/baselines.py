"""Scorers that learn nothing: what every learned one must beat."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from hybrid_router_core._types import AnyArray, Float32Array, FloatArray

from .base import Progress, Targets
from .hparam import NoSettings, check_choice, read_settings

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ConstantScorer", "ConstantSettings", "RandomScorer"]


@dataclass(frozen=True)
class ConstantSettings:
    """Checked on creation.

    Attributes:
        model: The model that answers everything.
    """

    model: Literal["small", "large"] = "small"

    def __post_init__(self) -> None:
        check_choice("model", self.model, ("small", "large"))


class ConstantScorer:
    """Score 1 (always small) or 0 (always large)."""

    kind: ClassVar[str] = "constant"

    def __init__(self, hparam: Mapping[str, Any] | None = None) -> None:
        self.settings = read_settings(self.kind, ConstantSettings, hparam)
        self._score = float(self.settings.model == "small")

    def fit(self, features: Float32Array, targets: Targets, *, seed: int = 0, progress: Progress | None = None) -> Self:
        """Do nothing."""
        del features, targets, seed, progress
        return self

    def predict(self, features: Float32Array) -> FloatArray:
        """The same score for each row."""
        return np.full(len(features), self._score)

    def state(self) -> dict[str, AnyArray]:
        """Arrays that `from_state` reads."""
        return {"score": np.array([self._score])}

    @classmethod
    def from_state(cls, state: Mapping[str, AnyArray]) -> Self:
        """The scorer whose `state` this is."""
        return cls({"model": "small" if float(state["score"][0]) == 1.0 else "large"})


class RandomScorer:
    """A score in [0, 1) that depends on the seed and the features alone: the same query always goes the same way."""

    kind: ClassVar[str] = "random"

    def __init__(self, hparam: Mapping[str, Any] | None = None) -> None:
        self.settings = read_settings(self.kind, NoSettings, hparam)
        self._seed = 0

    def fit(self, features: Float32Array, targets: Targets, *, seed: int = 0, progress: Progress | None = None) -> Self:
        """Remember the seed."""
        del features, targets, progress
        self._seed = seed
        return self

    def predict(self, features: Float32Array) -> FloatArray:
        """A hash of each row."""
        key = self._seed.to_bytes(16, "little", signed=True)
        rows = np.ascontiguousarray(np.round(features, 3) + 0.0, dtype=np.float32)  # + 0.0: no negative zero
        hashes = (hashlib.blake2b(row.tobytes(), digest_size=8, key=key).digest() for row in rows)
        return np.array([int.from_bytes(h, "little") >> 11 for h in hashes], dtype=np.float64) / 2**53

    def state(self) -> dict[str, AnyArray]:
        """Arrays that `from_state` reads."""
        return {"seed": np.array([self._seed])}

    @classmethod
    def from_state(cls, state: Mapping[str, AnyArray]) -> Self:
        """The scorer whose `state` this is."""
        scorer = cls()
        scorer._seed = int(state["seed"][0])
        return scorer
