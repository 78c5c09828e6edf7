"""YAML read safely: as `yaml.safe_load` does, but for two traps of YAML 1.1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import Any

import yaml

from hybrid_router_core.errors import ConfigError

__all__ = ["found", "nearest_key", "parse_value", "read_mapping"]

_SHOWN = 60  # characters of a value in a message
_LARGEST = 1_000_000  # bytes of a file
_MOST = 10_000  # values, counted as often as aliases repeat them: nine lines can stand for a billion


class _Loader(yaml.SafeLoader):
    """A safe loader that reads 1e-3 as a number, and refuses a key that is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = next((key for i, key in enumerate(keys) if key in keys[:i]), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice!r} is there twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_mapping(path: Path) -> dict[str, Any]:
    """The keys and values of a file; none if it is empty.

    Raises:
        ConfigError: If it cannot be read, or holds something else than keys.
    """
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; name a YAML file")
    try:
        with path.open("rb") as file:
            read = file.read(_LARGEST + 1)
        text = read.decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(read) > _LARGEST:
        raise ConfigError(f"{path}: is larger than {_LARGEST:,} bytes; is it a config?")
    try:
        body = _load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: invalid YAML: {_problem(error)}") from None
    if body is None:
        raise ConfigError(f"{path}: is empty; see hybrid-router train --help for an example")
    if not isinstance(body, dict):
        raise ConfigError(f"{path}: holds {found(body)}; a config holds lines of `key: value`")
    return {str(key): value for key, value in body.items()}


def parse_value(text: str) -> Any:
    """The value that YAML sees in a piece of a command line.

    Raises:
        ConfigError: If it is not YAML.
    """
    try:
        return _load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{text!r} cannot be read: {_problem(error)}") from None


def nearest_key(where: str, key: str, allowed: Iterable[str]) -> str:
    """The message for a key that does not exist; never shows its value, which may be a secret."""
    names = list(allowed)
    close = get_close_matches(key, names, n=1, cutoff=0.5)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown key {where!r}; {meant}Allowed: {', '.join(names)}"


def found(value: Any) -> str:
    """A value as a message shows it."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        text = "a long number"
    return f"{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'} ({type(value).__name__})"


def _load(text: str) -> Any:
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506  a subclass of SafeLoader
        if _count(value, {}) > _MOST:
            raise yaml.YAMLError(f"more than {_MOST:,} values, or one that holds itself")
    except yaml.YAMLError:
        raise
    except Exception as error:  # a date, number or nesting that cannot be; the library lets through what it meets
        raise yaml.YAMLError(f"a value that cannot be read ({type(error).__name__})") from error
    return value


def _count(value: Any, known: dict[int, float]) -> float:
    if not isinstance(value, (dict, list, tuple, set)):
        return 1
    if id(value) not in known:
        known[id(value)] = inf  # until it is counted: it holds itself
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count(part, known) for part in parts)
    return known[id(value)]


def _problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return place + str(getattr(error, "problem", None) or error).replace("\n", " ")
