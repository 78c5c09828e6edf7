"""Settings checked against their sections, and every mistake in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from hybrid_router_core.errors import ConfigError

from .config import Config
from .yaml_file import found, nearest_key, read_mapping

__all__ = ["check_options", "read_config"]


def read_config(path: Path) -> Config:
    """Read and check a file.

    Raises:
        ConfigError: If it cannot be read, or keys or values are not allowed; names each with what is.
    """
    body = read_mapping(path)
    try:
        return Config.model_validate(body)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_described(error, Config)}") from None


def check_options(section: type[BaseModel], values: Mapping[str, Any]) -> None:
    """Check options of the command line as the section of a config with the same keys; None is not given.

    Raises:
        ConfigError: If a value is not allowed; names each with what is.
    """
    try:
        section.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        raise ConfigError(_described(error, section, lambda name: f"--{name.replace('_', '-')}")) from None


def _described(error: ValidationError, section: type[BaseModel], spelled: Callable[[str], str] = str) -> str:
    faults = error.errors(include_url=False, include_context=False)
    return "; ".join(dict.fromkeys(_one_described(fault, section, spelled) for fault in faults))


def _one_described(fault: Any, section: type[BaseModel], spelled: Callable[[str], str]) -> str:
    names = [str(name) for name in fault["loc"]]
    where = spelled(".".join(names))
    if fault["type"] == "value_error":
        message = str(fault["msg"]).removeprefix("Value error, ")
        return f"{where}: {message}" if where else message
    for i, name in enumerate(names):
        field = section.model_fields.get(name)
        if field is None:
            return nearest_key(where, name, section.model_fields)
        inner = _section_of(field.annotation)
        if inner is None or i == len(names) - 1:
            # The value of a list's item is shown, but what is allowed is said of the list.
            return f"{where} is {found(fault['input'])}; allowed: {field.description}"
        section = inner
    return f"{where}: {fault['msg']}"


def _section_of(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        bare = getattr(kind, "__origin__", kind)
        if isinstance(bare, type) and issubclass(bare, BaseModel):
            return bare
    return None
