# ruff: noqa: A002 - "input" is LangChain's name for it
"""The model of an agent's turn: the chosen model itself, whose answers have the record.

LangChain and its middleware look at a model's class, provider and fields to choose tools, formats and caches. A wrapper
would hide them, so what the agent is given is a twin of the model: of its class and with its state, but with entry
points that add the record.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config

from hybrid_router_core import HybridRouterError

from ._attempt import aanswer, answer
from ._call import Call
from ._streams import astreamed, streamed

__all__ = ["CannotBindError", "TurnCall", "chosen"]

STATE = ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")


class CannotBindError(HybridRouterError):
    """The chosen model refused what an agent would bind to it."""


@dataclass(frozen=True)
class TurnCall(Call):
    """The calls of one step of an agent.

    Attributes:
        moved: Whether the other model has been tried before.
        notes: "failed" is among them while the last run of the model has failed.
    """

    moved: bool = False
    notes: set[str] = field(default_factory=set)

    def failed(self) -> None:
        super().failed()
        self.notes.add("failed")

    def answered(self) -> None:
        super().answered()
        self.notes.discard("failed")


class _Chosen:
    """Mixed in before the model's own class."""

    __slots__ = ()
    _hybrid_router_call: TurnCall

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self).__mro__[2]

    def _under(self, config: RunnableConfig | None) -> Call:
        return self._hybrid_router_call.under(ensure_config(config))

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        bare: Any = super()
        return answer(self._under(config), lambda call: bare.invoke(input, call.config, **kwargs))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        bare: Any = super()
        return await aanswer(self._under(config), lambda call: bare.ainvoke(input, call.config, **kwargs))

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        bare: Any = super()
        do = lambda call: bare.stream(input, call.config, **kwargs)  # noqa: E731
        with closing(streamed(self._under(config), input, do)) as items:
            yield from items

    async def astream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:
        bare: Any = super()
        do = lambda call: bare.astream(input, call.config, **kwargs)  # noqa: E731
        async with aclosing(astreamed(self._under(config), input, do)) as items:
            async for item in items:
                yield item

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        bare: Any = super()
        call = self._hybrid_router_call
        if call.decision.reason == "override" or call.moved:
            return bare.bind_tools(tools, **kwargs)
        try:
            return bare.bind_tools(tools, **kwargs)
        except Exception as error:
            raise CannotBindError(str(error)) from error

    def __copy__(self) -> Any:  # and so model_copy, which other middleware may call
        return _with_call(super().__copy__(), self._hybrid_router_call)  # type: ignore[misc]

    def __deepcopy__(self, memo: Any = None) -> Any:
        return _with_call(super().__deepcopy__(memo), self._hybrid_router_call)  # type: ignore[misc]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _twin(self, self.__class__).__reduce_ex__(protocol)

    def __del__(self) -> None:
        """Not the model's own, which may close what the model goes on using."""


def chosen(model: BaseChatModel, call: TurnCall) -> BaseChatModel:
    """A twin of the model that answers with the call's record."""
    twin: BaseChatModel = _with_call(_twin(model, _class_of(type(model))), call)
    return twin


def _twin(model: Any, kind: Any) -> Any:
    """An instance of a class of the same form, which shares all state: a model may count its calls, say."""
    twin = kind.__new__(kind)
    for name in STATE:
        object.__setattr__(twin, name, getattr(model, name, None))
    return twin


def _with_call(twin: Any, call: TurnCall) -> Any:
    object.__setattr__(twin, "_hybrid_router_call", call)
    return twin


@lru_cache(maxsize=128)
def _class_of(kind: type[BaseChatModel]) -> type[BaseChatModel]:
    names = {
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
        "__slots__": ("_hybrid_router_call",),  # beside the state that the twin shares
    }
    make: Any = type(kind)
    made: type[BaseChatModel] = make(kind.__name__, (_Chosen, kind), names)
    return made
