"""The three modes by name: which label is learned, and what may be set of it."""

from __future__ import annotations

from numbers import Real
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError, NotFittedError

from .builders import deterministic_labels, probabilistic_labels, transformed_labels

__all__ = ["Mode", "check_label_settings", "labels_of_mode"]

Mode: TypeAlias = Literal["deterministic", "probabilistic", "transformed"]


def check_label_settings(mode: str, tau: float, margin: float | None) -> None:
    """Raise a ConfigError, unless this is a mode, a temperature > 0 and a margin >= 0 or None."""
    if mode not in get_args(Mode):
        raise ConfigError(f"mode is {mode!r}; allowed: {', '.join(get_args(Mode))}")
    for name, value in (("tau", tau), ("margin", margin)):
        number = isinstance(value, Real) and not isinstance(value, bool)
        if value is not None and not (number and np.isfinite(value) and value >= 0 and (value > 0 or name == "margin")):
            raise ConfigError(f"{name} is {value!r}; allowed: a finite number in units of quality, > 0 (margin: >= 0)")


def labels_of_mode(
    mode: Mode, small: ArrayLike, large: ArrayLike, *, tau: float = 0.1, margin: float | None = None
) -> FloatArray:
    """The labels of a mode, in [0, 1], shape (n,); `tau` is of the probabilistic one, `margin` of the transformed one.

    Raises:
        ConfigError: If the mode or a value is not allowed.
        NotFittedError: If the mode is transformed and the margin is not known.
    """
    check_label_settings(mode, tau, margin)
    if mode == "deterministic":
        return deterministic_labels(small, large)
    if mode == "probabilistic":
        return probabilistic_labels(small, large, tau)
    if margin is None:
        raise NotFittedError("the margin of the transformed labels is not known yet; call fit(data) first")
    return transformed_labels(small, large, margin)
