"""From a signal that ranks to a probability: Platt scaling on soft labels (Platt 1999)."""

from __future__ import annotations

import numpy as np

from hybrid_router_core._types import FloatArray

__all__ = ["fit_platt", "sigmoid"]

_LEAST_SLOPE = 1e-3  # of the standardised signal: an uninformative signal still ranks, and never upside down


def sigmoid(x: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def fit_platt(signal: FloatArray, labels: FloatArray) -> tuple[float, float]:
    """Slope > 0 and intercept of the logistic curve that predicts the labels from the signal.

    Labels are drawn in by 1 / (n + 2), as Platt does, so that constant labels give a finite curve. The signal should
    come from models that have not seen the row.
    """
    count = len(labels)
    soft = (labels * count + 1) / (count + 2)
    center, spread = float(signal.mean()), float(signal.std())
    spread = spread if spread > 1e-12 else 1.0
    x = (signal - center) / spread
    mean = float(soft.mean())
    slope, intercept = 0.0, float(np.log(mean / (1 - mean)))
    for _ in range(100):  # Newton's method with a small ridge on the slope; the problem is convex
        p = sigmoid(slope * x + intercept)
        w = np.maximum(p * (1 - p), 1e-9)
        gradient = np.array([np.mean((p - soft) * x) + slope / count, np.mean(p - soft)])
        hessian = np.array([[np.mean(w * x * x) + 1 / count, np.mean(w * x)], [np.mean(w * x), np.mean(w)]])
        step = np.linalg.solve(hessian, gradient)
        step *= min(1.0, 2.0 / float(np.abs(step).max() + 1e-300))  # far from the optimum Newton overshoots
        slope, intercept = slope - float(step[0]), intercept - float(step[1])
        if np.abs(step).max() < 1e-10:
            break
    if slope < _LEAST_SLOPE:
        slope, intercept = _LEAST_SLOPE, float(np.log(mean / (1 - mean)))
    return slope / spread, intercept - slope * center / spread
