"""Networks of one shape, computed together: every array has the network as its first axis."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from hybrid_router_core._types import AnyArray, Float32Array

__all__ = ["Networks", "activate", "slope"]


@dataclass
class Networks:
    """Weights of shape (networks, inputs, outputs) and biases of shape (networks, 1, outputs), one of each a layer."""

    weights: list[Float32Array]
    biases: list[Float32Array]
    activation: str

    @classmethod
    def random(
        cls, count: int, sizes: tuple[int, ...], activation: str, start: Float32Array, rng: np.random.Generator
    ) -> Networks:
        """He (relu) or Glorot-like random weights; the last layer starts near the constant logits `start`."""
        gain = 2.0 if activation == "relu" else 1.0
        weights = [
            rng.standard_normal((count, a, b), dtype=np.float32) * np.float32(np.sqrt(gain / a))
            for a, b in itertools.pairwise(sizes)
        ]
        weights[-1] *= np.float32(0.3)
        biases = [np.zeros((count, 1, b), dtype=np.float32) for b in sizes[1:]]
        biases[-1] += start
        return cls(weights, biases, activation)

    @property
    def parameters(self) -> list[Float32Array]:
        """Weights, then biases."""
        return [*self.weights, *self.biases]

    def take(self, which: AnyArray | list[int]) -> Networks:
        """A copy of some of the networks."""
        return Networks([w[which] for w in self.weights], [b[which] for b in self.biases], self.activation)

    def logits(self, features: Float32Array) -> Float32Array:
        """Outputs before the sigmoid, (networks, rows, outputs), for features of shape (rows, inputs)."""
        hidden: Float32Array = features[None] if features.ndim == 2 else features
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = _product(hidden, weight)
            hidden += bias
            if layer < last:
                activate(self.activation, hidden)
        return hidden


# Multiplications in one product up to which OpenBLAS starts no threads.
_ONE_THREAD = 2**18


def _product(hidden: Float32Array, weight: Float32Array) -> Float32Array:
    """The product for each network, (networks, rows, outputs), in blocks of rows that are too small for threads.

    A scoring takes a fraction of a millisecond, in a process that has other work: threads of BLAS that wait for a core
    would cost several times what they save.
    """
    rows, inputs = hidden.shape[1:]
    count, _, outputs = weight.shape
    block = max(1, _ONE_THREAD // (inputs * outputs))
    whole = rows - rows % block
    if rows <= block or not whole:
        return np.asarray(np.matmul(hidden, weight))
    out: Float32Array = np.empty((count, rows, outputs), dtype=np.float32)
    blocks = hidden[:, :whole].reshape(len(hidden), -1, block, inputs)
    out[:, :whole] = np.matmul(blocks, weight[:, None]).reshape(count, whole, outputs)
    np.matmul(hidden[:, whole:], weight, out=out[:, whole:])
    return out


def activate(name: str, x: Float32Array) -> None:
    """Apply the activation in place."""
    if name == "relu":
        np.maximum(x, 0, out=x)
    elif name == "tanh":
        np.tanh(x, out=x)
    elif name == "logistic":
        x *= np.float32(0.5)
        np.tanh(x, out=x)
        x += 1
        x *= np.float32(0.5)


def slope(name: str, activated: Float32Array) -> AnyArray | bool:
    """The activation's derivative, from its value."""
    if name == "relu":
        return activated > 0
    if name == "tanh":
        return np.asarray(1 - activated * activated)
    if name == "logistic":
        return np.asarray(activated * (1 - activated))
    return True
