"""Full-batch training of one network after the other by L-BFGS, which suits small data and few weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybrid_router_core._types import Float32Array, FloatArray, IntArray

from ._network import Networks
from ._settings import MlpSettings

__all__ = ["minimise"]

Gradients = Callable[[Networks, IntArray], list[Float32Array]]
Loss = Callable[[Networks, IntArray], float]


class _StopError(Exception):
    """Leaves the optimiser early."""


def minimise(
    network: Networks, learn: IntArray, held: IntArray, settings: MlpSettings, loss: Loss, gradients: Gradients
) -> Networks:
    """Return the trained network; with early stopping, as it was when its held-out loss was lowest."""
    from scipy.optimize import minimize  # type: ignore[import-untyped, unused-ignore]

    shapes = [parameter.shape for parameter in network.parameters]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    layers = len(network.weights)
    kept, lowest, waited = network, np.inf, 0

    def unpack(vector: FloatArray) -> Networks:
        parts = np.split(vector.astype(np.float32), ends[:-1])
        arrays = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        return Networks(arrays[:layers], arrays[layers:], network.activation)

    def objective(vector: FloatArray) -> tuple[float, FloatArray]:
        at = unpack(vector)
        penalty = 0.5 * settings.alpha / len(learn) * sum(float((w.astype(np.float64) ** 2).sum()) for w in at.weights)
        flat = np.concatenate([g.ravel() for g in gradients(at, learn)])
        return loss(at, learn) + penalty, flat.astype(np.float64)

    def watch(vector: FloatArray) -> None:
        nonlocal kept, lowest, waited
        at = unpack(vector)
        now = loss(at, held)
        better = now < lowest - settings.tol
        waited = 0 if better else waited + 1
        if better:
            kept, lowest = at, now
        if waited >= settings.n_iter_no_change:
            raise _StopError

    start = np.concatenate([parameter.ravel() for parameter in network.parameters]).astype(np.float64)
    try:
        found = minimize(
            objective,
            start,
            jac=True,
            method="L-BFGS-B",
            callback=watch if settings.early_stopping else None,
            options={"maxiter": settings.max_iter},
        )
    except _StopError:
        return kept
    return kept if settings.early_stopping else unpack(found.x)
