"""The learned numbers of the reading, and where they are kept; `scripts/train_conversation.py` makes them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid_router_core._types import AnyArray

from .gate import Gate

__all__ = ["Weights", "shipped_weights"]

_FILE = Path(__file__).with_name("weights.safetensors")


@dataclass(frozen=True, eq=False)  # so that they can be a key
class Weights:
    """What was learned.

    Attributes:
        gate: How far a turn stands alone.
        topic: Of a phrase's numbers and the constant: whether the turn refers to it.
        mix: Of the readings of a turn that refers to something, shape (readings, numbers); see `reading`.
        history: Of the earlier turns of one that names nothing that is known, shape (numbers,).
    """

    gate: Gate
    topic: list[float]
    mix: list[list[float]]
    history: list[float]

    def arrays(self) -> dict[str, AnyArray]:
        """What `of` reads."""
        return {
            "gate.grams": self.gate.grams,
            "gate.scale": self.gate.scale,
            "gate.dense": self.gate.dense,
            "topic": np.array(self.topic),
            "mix": np.array(self.mix),
            "history": np.array(self.history),
        }

    @classmethod
    def of(cls, arrays: dict[str, AnyArray]) -> Weights:
        """The weights whose `arrays` these are."""
        return cls(
            Gate(arrays["gate.grams"], arrays["gate.scale"], arrays["gate.dense"]),
            arrays["topic"].tolist(),
            arrays["mix"].tolist(),
            arrays["history"].tolist(),
        )


@functools.cache
def shipped_weights() -> Weights:
    """Those of the wheel, read once."""
    from safetensors.numpy import load_file

    return Weights.of(load_file(_FILE))
