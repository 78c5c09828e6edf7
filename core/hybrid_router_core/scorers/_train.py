"""Training several small networks at once in numpy, each on other rows, by binary cross-entropy on soft targets.

All networks take a step together as batched matrix products, so that eight cost little more than one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_router_core._types import Float32Array, FloatArray, IntArray

from ._lbfgs import minimise
from ._network import Networks
from ._settings import MlpSettings
from ._step import Stepper, compute_gradients
from .base import Progress

__all__ = ["Trained", "train_networks"]


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
    if settings.solver == "lbfgs":
        networks = _train_full_batch(networks, features, targets, learn, held, settings, progress)
    else:
        networks = _train_in_batches(networks, features, targets, learn, held, settings, rng, progress)
    return Trained(networks, _predict_held_out(networks, features, held, targets.shape[1]))


def _train_in_batches(
    networks: Networks,
    features: Float32Array,
    targets: Float32Array,
    learn: IntArray,
    held: list[IntArray],
    settings: MlpSettings,
    rng: np.random.Generator,
    progress: Progress | None,
) -> Networks:
    active = np.arange(settings.n_networks)
    best = networks.take(active)
    step = Stepper(networks, settings)
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
    return best if settings.early_stopping else step.networks


def _train_full_batch(
    networks: Networks,
    features: Float32Array,
    targets: Float32Array,
    learn: IntArray,
    held: list[IntArray],
    settings: MlpSettings,
    progress: Progress | None,
) -> Networks:
    def loss(network: Networks, rows: IntArray) -> float:
        return _loss(network, features, targets, rows)

    def gradients(network: Networks, rows: IntArray) -> list[Float32Array]:
        return compute_gradients(network, features[rows][None], targets[rows][None], settings.alpha)

    trained = []
    for index, unseen in enumerate(held):
        trained.append(minimise(networks.take([index]), learn[index], unseen, settings, loss, gradients))
        if progress is not None:
            progress(index + 1, len(held))
    weights = [np.concatenate(arrays) for arrays in zip(*(network.weights for network in trained), strict=True)]
    biases = [np.concatenate(arrays) for arrays in zip(*(network.biases for network in trained), strict=True)]
    return Networks(weights, biases, networks.activation)


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
