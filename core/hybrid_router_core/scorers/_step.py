"""One step of gradient descent on all networks at once."""

from __future__ import annotations

import numpy as np

from hybrid_router_core._types import AnyArray, BoolArray, Float32Array

from ._network import Networks, activate, slope
from ._settings import MlpSettings

__all__ = ["Stepper", "compute_gradients"]

_MOMENTUM, _DECAY = 0.9, 0.999  # Kingma & Ba 2015, algorithm 1


class Stepper:
    """One step of gradient descent on all networks."""

    def __init__(self, networks: Networks, settings: MlpSettings) -> None:
        self.networks = networks
        self.settings = settings
        self.first = [np.zeros_like(p) for p in networks.parameters]
        self.second = [np.zeros_like(p) for p in networks.parameters] if settings.solver == "adam" else []
        self.steps = 0

    def keep(self, which: BoolArray) -> None:
        """Go on with some of the networks."""
        self.networks = self.networks.take(which)
        self.first = [m[which] for m in self.first]
        self.second = [m[which] for m in self.second]

    def __call__(self, features: Float32Array, targets: Float32Array, rng: np.random.Generator) -> None:
        settings = self.settings
        gradients = compute_gradients(
            self.networks, features, targets, settings.alpha, settings.dropout, settings.input_dropout, rng
        )
        self.steps += 1
        move = self._adam if self.settings.solver == "adam" else self._sgd
        for index, (parameter, gradient) in enumerate(zip(self.networks.parameters, gradients, strict=True)):
            parameter -= move(index, gradient)

    def _adam(self, index: int, gradient: Float32Array) -> Float32Array:
        first, second = self.first[index], self.second[index]
        first *= np.float32(_MOMENTUM)
        first += np.float32(1 - _MOMENTUM) * gradient
        gradient *= gradient
        second *= np.float32(_DECAY)
        gradient *= np.float32(1 - _DECAY)
        second += gradient
        rate = self.settings.learning_rate_init * np.sqrt(1 - _DECAY**self.steps) / (1 - _MOMENTUM**self.steps)
        move = np.sqrt(second)
        move += np.float32(1e-8)
        np.divide(first, move, out=move)
        move *= np.float32(rate)
        return move

    def _sgd(self, index: int, gradient: Float32Array) -> Float32Array:
        velocity = self.first[index]
        velocity *= np.float32(_MOMENTUM)
        velocity += np.float32(self.settings.learning_rate_init) * gradient
        return velocity


def compute_gradients(
    networks: Networks,
    features: Float32Array,
    targets: Float32Array,
    alpha: float,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    rng: np.random.Generator | None = None,
) -> list[Float32Array]:
    """Back-propagation of the mean cross-entropy, for features of shape (networks, rows, inputs), by each parameter."""
    last = len(networks.weights) - 1
    if rng is not None and input_dropout:
        features = features * _mask((len(features), 1, features.shape[2]), input_dropout, rng)
    inputs: list[Float32Array] = [features]
    backward: list[AnyArray | bool] = []
    for layer in range(last):
        hidden = np.matmul(inputs[-1], networks.weights[layer])
        hidden += networks.biases[layer]
        activate(networks.activation, hidden)
        derivative: AnyArray | bool = slope(networks.activation, hidden)
        if rng is not None and dropout:
            mask = _mask(hidden.shape, dropout, rng)
            hidden *= mask
            derivative = derivative * mask
        inputs.append(hidden)
        backward.append(derivative)
    logits = np.matmul(inputs[-1], networks.weights[last]) + networks.biases[last]
    # The derivative of the cross-entropy by the logit is the difference, for soft targets too.
    error = 0.5 * (1 + np.tanh(0.5 * logits)) - targets
    error = (error / np.float32(targets.shape[1] * targets.shape[2])).astype(np.float32)
    penalty = np.float32(alpha / targets.shape[1])
    weights: list[Float32Array] = []
    biases: list[Float32Array] = []
    for layer in range(last, -1, -1):
        weights.insert(0, np.matmul(inputs[layer].transpose(0, 2, 1), error) + penalty * networks.weights[layer])
        biases.insert(0, error.sum(axis=1, keepdims=True))
        if layer:
            error = np.matmul(error, networks.weights[layer].transpose(0, 2, 1))
            error *= backward[layer - 1]
    return [*weights, *biases]


def _mask(shape: tuple[int, ...], share: float, rng: np.random.Generator) -> Float32Array:
    """Zeros for a share of the entries; the others make up for them."""
    kept = rng.random(shape, dtype=np.float32) >= share
    return kept * np.float32(1 / (1 - share))
