"""The settings of the router: what is allowed, at construction, assignment and copying; how it is saved."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from llama_index.core.bridge.pydantic import (
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    WithJsonSchema,
    field_serializer,
    field_validator,
)
from llama_index.core.llms import LLM
from typing_extensions import Self

from hybrid_router_core.errors import ConfigError
from hybrid_router_core.live import OnRouterError
from hybrid_router_core.routing import ModelName

from . import _serialize
from ._question import check_query_from
from ._staying import StayingSettings
from .events import EventPolicy

Kind = Literal["image", "audio", "video", "document"]
FROZEN = ("router", "on_router_error")
Named = Annotated[Any, WithJsonSchema({"type": "string"})]


class RouterSettings(StayingSettings):
    """See `HybridRouterLLM`."""

    # a misspelled setting must not pass in silence, nor one that is set later
    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    small: SerializeAsAny[LLM]
    large: SerializeAsAny[LLM]
    router: Named = Field(frozen=True)
    threshold: float | None = Field(default=None, ge=0, le=1)
    context_window: Literal["min", "large"] = "min"
    is_function_calling: Literal["all", "any"] = "all"
    on_router_error: OnRouterError = Field(default="large", frozen=True)
    fallback: bool = False
    no_query: ModelName = "large"
    query_from: Annotated[Any, WithJsonSchema({"type": "array", "items": {"type": "string"}})] = None
    small_takes: frozenset[Kind] = frozenset()
    track_questions: bool = True
    events: EventPolicy = "full"

    def __init__(self, **data: Any) -> None:
        _serialize.warn_of("the router LLM", data.pop(_serialize.NOTE, {}))
        for role in ("small", "large"):
            if role in data:
                data[role] = _serialize.load_child(role, data[role])
        _serialize.check_router(data.get("router"))
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise _one_line(error) from None
        self._begin()

    def _begin(self) -> None:
        """What a new object needs, and a copy needs of its own."""

    @field_validator("small", "large", mode="before")
    @classmethod
    def _check_child(cls, child: Any, info: Any) -> LLM:
        return _serialize.load_child(info.field_name, child)

    @field_validator("query_from")
    @classmethod
    def _check_query_from(cls, value: Any) -> Any:
        return check_query_from(value)

    @field_validator("messages_to_prompt", "completion_to_prompt")
    @classmethod
    def _check_prompt_function(cls, value: Any, info: Any) -> Any:
        if value not in _serialize.DEFAULTS:
            raise ConfigError(f"{info.field_name} has no effect on a router; set it on the small and on the large LLM")
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            raise _one_line(error) from None

    @field_serializer("small", "large")
    def _dump_child(self, child: LLM) -> dict[str, Any]:
        return _serialize.dump_child(child)

    @field_serializer("router")
    def _dump_router(self, router: Any) -> Any:
        return _serialize.dump_router(router)

    @field_serializer("query_from")
    def _dump_query_from(self, query_from: Any) -> Any:
        return None if callable(query_from) else query_from

    @field_serializer("small_takes")
    def _dump_small_takes(self, kinds: frozenset[str]) -> list[str]:
        return sorted(kinds)

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """Plain data without secrets; `from_dict` takes ``small=``, ``large=`` and ``router=`` in their place."""
        left_out = _serialize.left_out(self) + (["query_from"] if callable(self.query_from) else [])
        return {**super().to_dict(**kwargs), _serialize.NOTE: {"left_out": left_out}}

    def __getstate__(self) -> dict[str, Any]:
        for name in ("small", "large", "router", "query_from", "arms"):
            try:
                pickle.dumps(getattr(self, name))
            except Exception as error:  # noqa: PERF203  # whatever it raises; the base class would drop the field
                raise ConfigError(
                    f"{name} cannot be pickled ({error}); a router is pickled best as the folder it was saved in"
                ) from error
        return super().__getstate__()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state["__dict__"])  # type: ignore[misc]  # the base class would swallow its errors

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with a decider of its own, so that a new router or threshold counts; the update is checked."""
        update = dict(update or {})
        frozen: dict[str, Any] = {name: update.pop(name) for name in FROZEN if name in update}
        new = super().model_copy(update=frozen, deep=deep)  # the decider checks them
        for name, value in update.items():
            setattr(new, name, value)
        new._begin()
        return new

    def __copy__(self) -> Self:
        new = super().__copy__()
        new._begin()
        return new

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        memo[id(self.arms)] = self.arms  # it may be a connection, and what it knows holds for the copy too
        new = super().__deepcopy__(memo)
        new._begin()
        return new

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            if name in ("small", "large"):  # their own fields hold keys
                yield name, self._shown(name)
            elif name in SETTINGS and value != RouterSettings.model_fields[str(name)].default:
                yield name, value

    def _shown(self, role: str) -> str:
        return type(getattr(self, role)).__name__


SETTINGS = {*RouterSettings.__annotations__, *StayingSettings.__annotations__}


def _one_line(error: ValidationError) -> ConfigError:
    """The first fault: the setting, its value and what is allowed."""
    fault = error.errors(include_url=False)[0]
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, ConfigError):
        return cause
    name, value = ".".join(map(str, fault["loc"])), fault.get("input")
    said = fault["msg"][:1].lower() + fault["msg"][1:]
    if fault["type"] == "frozen_field":
        said += f"; make another one with llm.model_copy(update={{{name!r}: ...}})"
    if fault["type"] in ("missing", "frozen_field", "extra_forbidden"):
        return ConfigError(f"{name}: {said}")
    shown = repr(value) if isinstance(value, (str, int, float, type(None))) else f"a {type(value).__name__}"
    return ConfigError(f"{name} is {shown}; {said}")
