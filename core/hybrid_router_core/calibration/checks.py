"""The checks of what a calibration is given; an error names the value and what is allowed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError, DataError

__all__ = ["a_confidence", "a_range", "checked_arrays", "checked_range", "checked_scores", "number"]


def number(name: str, value: float, low: float, high: float, meaning: str) -> float:
    """The value as a float, if it is a finite number in [low, high]; else a ConfigError with its meaning."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, np.integer, np.floating))
        or not (low <= value <= high and math.isfinite(value))
    ):
        allowed = f"a number from {low:g} to {high:g}" if math.isfinite(high) else f"a number of at least {low:g}"
        raise ConfigError(f"{name} is {value!r}; allowed: {allowed}. {meaning}")
    return float(value)


def a_confidence(value: float) -> float:
    """The value, if it is a number between 0 and 1, both excluded."""
    value = number("confidence", value, 0.0, 1.0, "0 and 1 are excluded; 0.95 is usual.")
    if value in (0.0, 1.0):
        raise ConfigError(f"confidence is {value:g}; allowed: a number between 0 and 1, both excluded. 0.95 is usual.")
    return value


def vector(name: str, values: ArrayLike) -> FloatArray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} holds something that is not a number: {error}") from error
    if array.ndim != 1 or len(array) == 0:
        raise DataError(f"{name} has shape {array.shape}; allowed: (n,) with n >= 1, one number per query")
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        raise DataError(f"{name}[{bad[0]}] is {array[bad[0]]}; allowed: finite numbers. Leave such rows out.")
    return array


def checked_scores(values: ArrayLike) -> FloatArray:
    """The scores as a vector of numbers in [0, 1]."""
    scores = vector("scores", values)
    bad = np.flatnonzero((scores < 0) | (scores > 1))
    if len(bad):
        raise DataError(
            f"scores[{bad[0]}] is {scores[bad[0]]:g}; allowed: from 0 to 1, as a fitted router returns them"
        )
    return scores


def checked_arrays(
    scores: ArrayLike, small_quality: ArrayLike, large_quality: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Three vectors of one length, the scores in [0, 1]."""
    arrays = checked_scores(scores), vector("small_quality", small_quality), vector("large_quality", large_quality)
    sizes = tuple(len(array) for array in arrays)
    if len(set(sizes)) != 1:
        raise DataError(
            f"scores, small_quality and large_quality have lengths {sizes}; they must be equal, one entry per query"
        )
    return arrays


def a_range(given: tuple[float, float]) -> tuple[float, float]:
    """The two ends of a quality range, lowest < highest."""
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (low < high and math.isfinite(high - low)):
        raise ConfigError(
            f"quality_range is {given!r}; allowed: (lowest, highest), two finite numbers, lowest < highest"
        )
    return low, high


def checked_range(given: tuple[float, float] | None, small: FloatArray, large: FloatArray) -> tuple[float, float]:
    """The a-priori range of the quality; never read off the data, which may lack the rare worst answer."""
    found = float(min(small.min(), large.min())), float(max(small.max(), large.max()))
    if given is None:
        if found[0] < 0 or found[1] > 1:
            raise ConfigError(
                f"the qualities go from {found[0]:g} to {found[1]:g}, outside the default quality_range of (0, 1); "
                "give quality_range=(lowest, highest) that can ever occur, and clip qualities that have no such limits"
            )
        return 0.0, 1.0
    low, high = a_range(given)
    slack = 1e-9 * (high - low)  # means of several samples carry rounding
    if found[0] < low - slack or found[1] > high + slack:
        raise DataError(
            f"the qualities go from {found[0]:g} to {found[1]:g}, outside quality_range=({low:g}, {high:g}); "
            "give the range that can ever occur, or clip the qualities to it"
        )
    return low, high
