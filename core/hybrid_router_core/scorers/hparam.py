"""Reading hyperparameters: unknown names and bad values are errors that say what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, TypeVar

import numpy as np

from hybrid_router_core.errors import ConfigError

__all__ = ["NoSettings", "check_choice", "check_count", "check_number", "read_settings"]

SettingsT = TypeVar("SettingsT")


@dataclass(frozen=True)
class NoSettings:
    """The settings of a scorer that has none."""


def read_settings(kind: str, cls: type[SettingsT], hparam: Mapping[str, Any] | None) -> SettingsT:
    """Return the dataclass `cls` filled from `hparam`; lists become tuples, as YAML knows no tuples."""
    known = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    given = dict(hparam or {})
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            allowed = ", ".join(known) or "none"
            raise ConfigError(f"hparam {name!r} is unknown to the scorer {kind!r}{hint} Allowed: {allowed}")
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def check_number(name: str, value: Any, low: float, high: float, *, open_high: bool = False) -> None:
    """Raise unless low <= value <= high, or value < high if the upper end is open."""
    good = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not good or not low <= value <= high or (open_high and value == high):
        raise ConfigError(f"hparam {name}={value!r}: give a number in [{low:g}, {high:g}{')' if open_high else ']'}")


def check_count(name: str, value: Any, low: int = 1) -> None:
    """Raise unless the value is a whole number >= low."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
        raise ConfigError(f"hparam {name}={value!r}: give a whole number, at least {low}")


def check_choice(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    """Raise unless the value is one of those allowed."""
    if isinstance(value, (list, dict)) or value not in allowed:
        raise ConfigError(f"hparam {name}={value!r}: give one of {', '.join(map(repr, allowed))}")
