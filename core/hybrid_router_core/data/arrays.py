"""The checks of columns that are given as arrays and lists, and the mean over samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import DataError

from .hashes import one_spelling

__all__ = ["cost_vector", "group_list", "name_list", "quality_matrix", "row_mean", "turn_list"]


def row_mean(samples: FloatArray) -> FloatArray:
    """Mean over the samples of each row, NaN left out."""
    return np.asarray(samples[:, 0].copy() if samples.shape[1] == 1 else np.nanmean(samples, axis=1))


def _floats(name: str, values: Any) -> FloatArray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} is not an array of numbers") from None


def quality_matrix(name: str, values: Any, n: int) -> FloatArray:
    """Shape (n, samples), each row with a finite number and without an infinite one."""
    matrix = _floats(name, values)
    matrix = matrix[:, None] if matrix.ndim == 1 else matrix
    if matrix.ndim != 2 or matrix.shape[0] != n or matrix.shape[1] < 1:
        raise DataError(f"{name} has shape {matrix.shape} for {n} queries; ({n},) or ({n}, samples) is needed")
    bad = np.isinf(matrix).any(axis=1) | np.isnan(matrix).all(axis=1)
    if bad.any():
        raise DataError(f"{name}[{bad.argmax()}] is infinite or has no number; each row needs a finite one")
    return matrix


def cost_vector(name: str, values: Any, n: int) -> FloatArray | None:
    """Shape (n,), numbers >= 0 or NaN."""
    if values is None:
        return None
    vector = _floats(name, values)
    if vector.shape != (n,):
        raise DataError(f"{name} has shape {vector.shape} for {n} queries; ({n},) is needed")
    bad = np.isinf(vector) | (vector < 0)
    if bad.any():
        raise DataError(f"{name}[{bad.argmax()}] is {vector[bad.argmax()]}; a finite number ≥ 0 is needed, or NaN")
    return vector


def name_list(name: str, values: Any, n: int) -> list[str] | None:
    """N non-empty texts."""
    if values is None:
        return None
    names = list(values)
    if len(names) != n or not all(isinstance(value, str) and value for value in names):
        raise DataError(f"{name} needs a non-empty text for each of the {n} queries, or None for all")
    return names


def group_list(values: Any, n: int) -> list[str] | None:
    """N names, each as the hashes of groups know it: whatever its white space and Unicode composition."""
    names = name_list("groups", values, n)
    if names is None:
        return None
    spelling = {name: one_spelling(name) for name in set(names)}
    return name_list("groups", [spelling[name] for name in names], n)


def turn_list(values: Any, queries: list[str]) -> list[tuple[str, ...]] | None:
    """For each query the non-empty texts of its conversation, which end with it."""
    if values is None:
        return None
    try:
        turns = [tuple(value) for value in values]
    except TypeError:
        raise DataError(f"turns is {type(values).__name__} of other things than lists of texts") from None
    if len(turns) != len(queries):
        raise DataError(f"turns needs the texts of a conversation for each of the {len(queries)} queries, or None")
    for place, (texts, query) in enumerate(zip(turns, queries, strict=True)):
        if not texts or texts[-1] != query or not all(isinstance(text, str) and text.strip() for text in texts):
            raise DataError(f"turns[{place}] is no list of non-empty texts that ends with queries[{place}]")
    return turns
