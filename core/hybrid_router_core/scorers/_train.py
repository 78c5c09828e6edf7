"""Training several small networks at once in numpy, each on other rows, by binary cross-entropy on soft targets.

All networks take a step together as batched matrix products, so that eight cost little more than one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_router_core._types import Float32Array, FloatArray, IntArray

from ._network import Networks, activate, slope
from ._settings import MlpSettings
from .base import Progress

__all__ = ["Trained", "train_networks"]

_MOMENTUM, _DECAY = 0.9, 0.999  # Kingma & Ba 2015, algorithm 1


@dataclass(frozen=True)
class Trained:
    """The networks, and for each row the mean outputs of those that did not learn from it, shape (n, outputs)."""

    networks: Networks
    held_out: FloatArray


def train_networks(
    features: Float32Array,
    targets: Float32Array,
    settings: MlpSettings,
    seed: int,
    progress: Progress | None = None,
) -> Trained:
    """Train `settings.n_networks` networks with one sigmoid output a column of the targets in [0, 1]."""
    rng = np.random.default_rng(seed)
    learn, held = _divide(len(features), settings, rng)
    rate = np.clip(targets.mean(axis=0), 0.01, 0.99)
    start = np.log(rate / (1 - rate)).astype(np.float32)
    sizes = (features.shape[1], *settings.widths, targets.shape[1])
    networks = Networks.random(settings.n_networks, sizes, settings.activation, start, rng)
    best = networks.take(list(range(settings.n_networks)))
    step = _Stepper(networks, settings)
    active = np.arange(settings.n_networks)
    lowest = np.full(settings.n_networks, np.inf)
    waited = np.zeros(settings.n_networks, dtype=np.int64)
    rows_per_step = settings.rows_per_step(learn.shape[1])
    for epoch in range(settings.max_iter):
        order = rng.permuted(learn, axis=1)
        for begin in range(0, learn.shape[1] - rows_per_step + 1, rows_per_step):
            rows = order[active, begin : begin + rows_per_step]
            step(features[rows], targets[rows], rng)
        if progress is not None:
            progress(epoch + 1, settings.max_iter)
        if not settings.early_stopping:
            continue
        loss = np.array([_loss(step.networks.take([i]), features, targets, held[e]) for i, e in enumerate(active)])
        better = loss < lowest[active] - settings.tol
        for i in np.flatnonzero(better):
            for kept, new in zip(best.parameters, step.networks.parameters, strict=True):
                kept[active[i]] = new[i]
        lowest[active[better]] = loss[better]
        waited[active] = np.where(better, 0, waited[active] + 1)
        going = waited[active] < settings.n_iter_no_change
        if not going.any():
            break
        if not going.all():
            active = active[going]
            step.keep(going)
    if not settings.early_stopping:
        best = step.networks
    return Trained(best, _predict_held_out(best, features, held, targets.shape[1]))


def _divide(count: int, settings: MlpSettings, rng: np.random.Generator) -> tuple[IntArray, list[IntArray]]:
    """Rows to learn from, (networks, rows), and the rows held out from each network."""
    folds = min(settings.folds, count)
    learn: list[IntArray] = []
    held: list[IntArray] = []
    parts: list[IntArray] = []
    for network in range(settings.n_networks):
        if network % folds == 0:
            parts = np.array_split(rng.permutation(count), folds)
        fold = network % folds
        held.append(parts[fold])
        rest = [part for i, part in enumerate(parts) if i != fold]
        learn.append(rng.permutation(np.concatenate(rest)) if rest else parts[fold])
    fewest = min(map(len, learn))  # parts differ by one row at most
    return np.stack([rows[:fewest] for rows in learn]), held


def _loss(network: Networks, features: Float32Array, targets: Float32Array, rows: IntArray) -> float:
    logits = network.logits(features[rows])[0]
    return float((np.logaddexp(0, logits) - targets[rows] * logits).mean())


def _predict_held_out(networks: Networks, features: Float32Array, held: list[IntArray], outputs: int) -> FloatArray:
    total = np.zeros((len(features), outputs))
    times = np.zeros((len(features), 1))
    for network, rows in enumerate(held):
        total[rows] += 0.5 * (1 + np.tanh(0.5 * networks.take([network]).logits(features[rows])[0]))
        times[rows] += 1
    seen_by_all = times[:, 0] == 0  # only with fewer networks than folds
    if seen_by_all.any():
        total[seen_by_all] = (0.5 * (1 + np.tanh(0.5 * networks.logits(features[seen_by_all])))).mean(axis=0)
    return total / np.maximum(times, 1)


class _Stepper:
    """One step of gradient descent on all networks."""

    def __init__(self, networks: Networks, settings: MlpSettings) -> None:
        self.networks = networks
        self.settings = settings
        self.first = [np.zeros_like(p) for p in networks.parameters]
        self.second = [np.zeros_like(p) for p in networks.parameters] if settings.solver == "adam" else []
        self.steps = 0

    def keep(self, which: IntArray) -> None:
        """Go on with some of the networks."""
        self.networks = self.networks.take(which)
        self.first = [m[which] for m in self.first]
        self.second = [m[which] for m in self.second]

    def __call__(self, features: Float32Array, targets: Float32Array, rng: np.random.Generator) -> None:
        gradients = self._gradients(features, targets, rng)
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

    def _gradients(
        self, features: Float32Array, targets: Float32Array, rng: np.random.Generator
    ) -> list[Float32Array]:
        networks, settings = self.networks, self.settings
        last = len(networks.weights) - 1
        if settings.input_dropout:
            features *= _mask((len(features), 1, features.shape[2]), settings.input_dropout, rng)
        inputs: list[Float32Array] = [features]
        backward: list[Float32Array | bool] = []
        for layer in range(last):
            hidden = np.matmul(inputs[-1], networks.weights[layer])
            hidden += networks.biases[layer]
            activate(networks.activation, hidden)
            derivative = slope(networks.activation, hidden)
            if settings.dropout:
                mask = _mask(hidden.shape, settings.dropout, rng)
                hidden *= mask
                derivative = derivative * mask
            inputs.append(hidden)
            backward.append(derivative)
        logits = np.matmul(inputs[-1], networks.weights[last]) + networks.biases[last]
        # The derivative of the cross-entropy by the logit is the difference, for soft targets too.
        error = 0.5 * (1 + np.tanh(0.5 * logits)) - targets
        error = (error / np.float32(targets.shape[1] * targets.shape[2])).astype(np.float32)
        penalty = np.float32(settings.alpha / targets.shape[1])
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
