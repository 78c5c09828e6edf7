"""Fingerprints of embedders whose weights cannot be hashed: what they make of a few fixed texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from hybrid_router_core._types import Float32Array, FloatArray

from .base import checked_vectors
from .text import bound_text

__all__ = ["ProbedEmbedder", "fingerprints_match"]

# Changing these texts or the numbers below makes every saved probe fingerprint a mismatch.
_PROBE_TEXTS = (
    "What is photosynthesis?",
    "def add(a, b): return a + b",
    "Solve 3x + 5 = 20 and explain each step.",
    "Übersetze: the quick brown fox jumps over the lazy dog.",
)
_NUMBERS_PER_TEXT = 8
# Relative root mean square. Half precision on another machine stays near 0.005, another model is at 1 or more.
_TOLERANCE = 0.02


class ProbedEmbedder(ABC):
    """Base of the embedders around foreign code: bounds what goes in, checks what comes out."""

    name: str

    @abstractmethod
    def _vectors(self, texts: list[str]) -> Any:
        """Call the foreign code; never with an empty list."""

    def encode(self, texts: Sequence[str]) -> Float32Array:
        """One row a text, in order."""
        if len(texts) == 0:
            return self.encode(_PROBE_TEXTS[:1])[:0]  # the foreign code alone knows the number of columns
        bounded = [bound_text(text) for text in texts]
        return checked_vectors(self, self._vectors(bounded), len(bounded))

    def fingerprint(self) -> str:
        """What the model makes of a few fixed texts; compare with `fingerprints_match`."""
        return _probe_fingerprint(self.encode(_PROBE_TEXTS))


def _probe_fingerprint(vectors: Float32Array) -> str:
    """Return "probe:<dimensions>:<numbers>" for the vectors of the probe texts."""
    dimensions = vectors.shape[1]
    # Waves of several lengths over all coordinates: a fixed projection that no zero or shared coordinate can hide from.
    waves = np.cos(np.outer(np.arange(1, dimensions + 1), np.arange(1, _NUMBERS_PER_TEXT + 1)))
    numbers = (vectors.astype(np.float64) @ waves).ravel()
    return f"probe:{dimensions}:{','.join(f'{number:.6g}' for number in numbers)}"


def fingerprints_match(saved: str, found: str) -> bool:
    """Whether two fingerprints name the same model; numbers of a probe may differ by float jitter."""
    if saved == found:
        return True
    a, b = _parse(saved), _parse(found)
    if a is None or b is None or a[0] != b[0] or a[1].shape != b[1].shape:
        return False
    return bool(np.linalg.norm(a[1] - b[1]) <= _TOLERANCE * np.linalg.norm(a[1]))


def _parse(fingerprint: str) -> tuple[str, FloatArray] | None:
    """Dimensions and numbers of a probe; None for any other text, which then matches only itself."""
    kind, _, rest = fingerprint.partition(":")
    dimensions, _, numbers = rest.partition(":")
    if kind != "probe":
        return None
    try:
        return dimensions, np.array([float(number) for number in numbers.split(",")])
    except ValueError:
        return None
