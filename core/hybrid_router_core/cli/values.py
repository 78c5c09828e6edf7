"""What the values of options mean; one that is never allowed is wrong usage, told before anything is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from hybrid_router_core.errors import ConfigError
from hybrid_router_core.guard import GuardSetting
from hybrid_router_core.routing import check_threshold

from .config import Config
from .config_file import check_options
from .console import one_line
from .data import parse_split
from .yaml_file import parse_value

__all__ = [
    "guard_of",
    "guard_setting",
    "number_or_text",
    "one_target",
    "parse_hparam",
    "parse_range",
    "shares_of",
    "threshold_of",
    "usage",
]


@contextmanager
def usage(settings: Iterable[str] = ()) -> Iterator[None]:
    """Around what checks values of the command line only: a setting that is not allowed is wrong usage there.

    Args:
        settings: Those of `SETTINGS` that are options of the command.
    """
    try:
        yield
    except ConfigError as error:
        raise typer.BadParameter(one_line(error, settings)) from None


def parse_hparam(pairs: list[str] | None) -> dict[str, Any]:
    """The hyperparameters of ``--hparam``; values as in YAML, so that ``[128, 64]`` is a list and ``1e-3`` a number.

    Raises:
        typer.BadParameter: If there is no ``=``, no key, or the value cannot be read.
    """
    values: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise typer.BadParameter(f"--hparam {pair!r}: give KEY=VALUE, such as max_iter=300")
        try:
            values[key.strip()] = parse_value(text)
        except ConfigError as error:
            raise typer.BadParameter(f"--hparam {key.strip()}: {error}") from None
    return values


def parse_range(text: str | None) -> tuple[float, float] | None:
    """The two numbers of ``--quality-range``."""
    if text is None:
        return None
    try:
        low, high = (float(number) for number in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--quality-range {text!r}: give two numbers, such as 0,1") from None
    return low, high


def shares_of(text: str | None) -> tuple[float, ...] | None:
    """The shares of ``--split``, if it is given."""
    return None if text is None else parse_split(text)


def threshold_of(value: float | None) -> float | None:
    """The threshold of ``--threshold``."""
    with usage(["threshold"]):
        return None if value is None else check_threshold(value)


def number_or_text(text: str | None) -> float | str | None:
    """The value of ``--max-quality-drop`` or ``--guard``: a number, or a text such as 2% or none."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def guard_of(text: str | None) -> float | str | None:
    """The level of ``--guard``, "auto" or "none"; None if it was not given.

    Raises:
        typer.BadParameter: If it is none of these.
    """
    level = number_or_text(text)
    with usage():
        check_options(Config, {"guard": level})
    return level


def guard_setting(given: float | str) -> GuardSetting:
    """What `HybridRouter` takes for a value that was checked."""
    return None if given == "none" else "auto" if isinstance(given, str) else given


def one_target(**targets: float | str | None) -> dict[str, float | str]:
    """The target that was given; empty if none was.

    Raises:
        typer.BadParameter: If there are two or more.
    """
    given = {name: value for name, value in targets.items() if value is not None}
    if len(given) > 1:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise typer.BadParameter(f"{names} are different targets; give one of them")
    return given
