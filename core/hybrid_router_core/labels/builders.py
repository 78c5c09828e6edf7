"""The quality gap and the three training labels of Ding et al. 2024, "Hybrid LLM" (arXiv:2404.14618).

Qualities are float arrays, higher is better: shape (n, k) for k samples a query, or (n,) for one. Where queries differ
in their number of samples, NaN fills the rest of a row. Comparisons ``q_small >= q_large - t`` allow for rounding: they
hold up to an excess of ``TOLERANCE * max(1, |q_large|)``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError, DataError

__all__ = [
    "TOLERANCE",
    "deterministic_labels",
    "probabilistic_labels",
    "quality_gap",
    "transformed_labels",
]

TOLERANCE = 1e-9
"""Rounding allowance: with it 0.85 >= 0.90 - 0.05 holds, as it does on paper."""


def quality_gap(small: ArrayLike, large: ArrayLike) -> FloatArray:
    """H(x) = mean quality of small minus mean quality of large, shape (n,). Section 2 of the paper.

    Raises:
        DataError: If the arrays are not samples of the same n queries, or not finite.
    """
    qs, ql = as_samples(small, large)
    gap: FloatArray = np.nanmean(qs, axis=1) - np.nanmean(ql, axis=1)
    return gap


def deterministic_labels(small: ArrayLike, large: ArrayLike) -> FloatArray:
    """1.0 where the mean of small is at least the mean of large, else 0.0; shape (n,). Section 3.1.

    Raises:
        DataError: If the arrays are not samples of the same n queries, or not finite.
    """
    qs, ql = as_samples(small, large)
    return transformed_labels(np.nanmean(qs, axis=1), np.nanmean(ql, axis=1), margin=0.0)


def probabilistic_labels(small: ArrayLike, large: ArrayLike, tau: float = 0.1) -> FloatArray:
    """Estimate Pr[q_small >= q_large] for each query, in [0, 1], shape (n,). Section 3.2.

    The share of the sample pairs in which small is at least as good. One sample of each says nothing of the spread, so
    there the gap is squashed instead: sigmoid(gap / tau).

    Args:
        small: Qualities of the small model.
        large: Qualities of the large model.
        tau: Temperature in units of quality, > 0; used only for queries with one sample of each model.

    Raises:
        DataError: If the arrays are not samples of the same n queries, or not finite.
        ConfigError: If tau is not a positive number.
    """
    qs, ql = as_samples(small, large)
    if not (np.isfinite(tau) and tau > 0):
        raise ConfigError(f"tau is {tau!r}; allowed: a finite number > 0, in units of quality")
    single = (np.isfinite(qs).sum(axis=1) == 1) & (np.isfinite(ql).sum(axis=1) == 1)
    labels = transformed_labels(qs, ql, margin=0.0)
    if single.any():
        gap = np.nanmean(qs[single], axis=1) - np.nanmean(ql[single], axis=1)
        labels[single] = 0.5 * (1.0 + np.tanh(gap / (2.0 * tau)))  # the sigmoid, in the form that cannot overflow
    return labels


def transformed_labels(small: ArrayLike, large: ArrayLike, margin: float) -> FloatArray:
    """Estimate Pr[q_small >= q_large - margin] for each query, in [0, 1], shape (n,). Section 3.3.

    The share of the sample pairs in which small comes within ``margin`` (>= 0, in units of quality) of large. The
    margin that separates the queries best is found by `find_margin`.

    Raises:
        DataError: If the arrays are not samples of the same n queries, or not finite.
        ConfigError: If the margin is not a finite number >= 0.
    """
    qs, ql = as_samples(small, large)
    if not (np.isfinite(margin) and margin >= 0):
        raise ConfigError(f"margin is {margin!r}; allowed: a finite number >= 0, in units of quality")
    good = np.zeros(len(qs))
    pairs = np.zeros(len(qs))
    for column in qs.T:  # one sample of small at a time keeps the memory at (n, k_large)
        missed = shortfall(column[:, None], ql)
        good += (missed <= margin).sum(axis=1)
        pairs += np.isfinite(missed).sum(axis=1)
    labels: FloatArray = good / pairs
    return labels


def shortfall(small: FloatArray, large: FloatArray) -> FloatArray:
    """How much small misses large by, less the rounding allowance: ``q_small >= q_large - t`` is ``shortfall <= t``."""
    difference: FloatArray = large - small
    return difference - TOLERANCE * np.maximum(1.0, np.abs(large))


def as_samples(small: ArrayLike, large: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both qualities as float arrays of shape (n, k_small) and (n, k_large), checked.

    Raises:
        DataError: If they are not samples of the same n queries, hold infinities, or leave a query without a sample.
    """
    qs, ql = _as_matrix("small", small), _as_matrix("large", large)
    if len(qs) != len(ql):
        raise DataError(f"small has {len(qs)} queries and large has {len(ql)}; both must be of the same queries")
    return qs, ql


def _as_matrix(side: str, quality: ArrayLike) -> FloatArray:
    try:
        array = np.asarray(quality, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{side} quality is not an array of numbers of shape (n,) or (n, k): {error}") from error
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or 0 in array.shape:
        raise DataError(f"{side} quality has shape {np.shape(quality)}; allowed: (n,) or (n, k) with n, k >= 1")
    if np.isinf(array).any():
        raise DataError(
            f"{side} quality of query {np.isinf(array).any(axis=1).argmax()} is infinite; it must be finite"
        )
    empty = np.isnan(array).all(axis=1)
    if empty.any():
        raise DataError(f"{side} quality of query {empty.argmax()} is NaN; every query needs at least one sample")
    return array
