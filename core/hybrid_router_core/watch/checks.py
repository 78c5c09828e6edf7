"""The checks of what a watch is told; an error names the value and what is allowed."""

from __future__ import annotations

import math
from numbers import Integral, Real

from hybrid_router_core.errors import DataError, HybridRouterError

__all__ = ["a_count", "a_probability", "a_quality", "later"]


def a_count(name: str, value: int, lowest: int, error: type[HybridRouterError] = DataError) -> int:
    """The value, if it is a whole number from the lowest on."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < lowest:
        raise error(f"{name} is {value!r}; allowed: a whole number of at least {lowest}")
    return int(value)


def a_quality(name: str, value: float, low: float, high: float) -> float:
    """The value, if it is a number in the quality range; rounding beyond its ends is cut off."""
    slack = 1e-9 * (high - low)
    if isinstance(value, bool):
        value = float(value)
    if not isinstance(value, Real) or not low - slack <= float(value) <= high + slack:
        raise DataError(
            f"{name} is {value!r}; allowed: a number in quality_range=({low:g}, {high:g}). Clip what lies outside"
        )
    return min(max(float(value), low), high)


def a_probability(value: float, smallest: float) -> float:
    """The value, if it is a number from the smallest to 1; rounding below is cut off."""
    if isinstance(value, bool) or not isinstance(value, Real) or not smallest * (1 - 1e-9) <= float(value) <= 1:
        raise DataError(
            f"probability is {value!r}; allowed: from smallest_probability={smallest:g} to 1. It is that with which "
            "the call was chosen for a label, known before"
        )
    return max(float(value), smallest)


def later(at: float | None, last: float | None) -> float | None:
    """The later one of two times.

    Raises:
        DataError: If `at` is no finite number, or lies before.
    """
    if at is None:
        return last
    if isinstance(at, bool) or not isinstance(at, Real) or not math.isfinite(at):
        raise DataError(f"at is {at!r}; allowed: a finite number, or None")
    if last is not None and at < last:
        raise DataError(
            f"at is {at!r}, before the last call's {last!r}; tell each call once, in the order in which they become "
            "known, or leave out at="
        )
    return float(at)
