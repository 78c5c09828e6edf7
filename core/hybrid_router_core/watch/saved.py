"""What is watched as JSON: to a dict and back, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from hybrid_router_core.errors import ArtifactError

__all__ = ["STRICT", "Amount", "Count", "dump", "load"]

_FORMAT = 1  # raise it when a field changes its meaning, and let `load` turn an older one into the newer
STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)  # of the outermost dataclass, for all within
Amount: TypeAlias = Annotated[float, Field(ge=0)]
Count: TypeAlias = Annotated[int, Field(ge=0)]
T = TypeVar("T")


_adapters: dict[type, TypeAdapter[Any]] = {}  # to make one takes far longer than to use it


def _adapter(cls: type) -> TypeAdapter[Any]:
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]


def dump(kind: str, state: Any) -> dict[str, Any]:
    """The state, a dataclass, with its kind and format."""
    found: dict[str, Any] = _adapter(type(state)).dump_python(state, mode="json")
    return {"kind": kind, "format": _FORMAT, "state": found}


def load(kind: str, cls: type[T], saved: Mapping[str, Any]) -> T:
    """The state that `dump` made a dict of.

    Raises:
        ArtifactError: If it is damaged, of another kind, or of a newer format.
    """
    if not isinstance(saved, Mapping) or saved.get("kind") != kind or not isinstance(saved.get("format"), int):
        raise ArtifactError(f"this is no saved {kind}: a dict with kind={kind!r}, format and state is needed")
    if saved["format"] != _FORMAT:
        raise ArtifactError(
            f"this {kind} has format {saved['format']}, and this version reads {_FORMAT}; update hybrid-llm-router"
        )
    try:
        state: T = _adapter(cls).validate_json(json.dumps(saved.get("state")), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ArtifactError(f"this {kind} is damaged: {where}: {first['msg']}") from error
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"this {kind} is damaged: {error}") from error
    return state
