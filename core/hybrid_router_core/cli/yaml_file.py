"""YAML read safely: as `yaml.safe_load` does, but for two traps of YAML 1.1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from hybrid_router_core.errors import ConfigError

__all__ = ["found", "nearest_key", "parse_value", "read_mapping"]

_SHOWN = 60  # characters of a value in a message


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
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
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
    text = repr(value)
    return f"{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'} ({type(value).__name__})"


def _load(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506  a subclass of SafeLoader


def _problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return place + str(getattr(error, "problem", None) or error).replace("\n", " ")
