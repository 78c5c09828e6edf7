"""A model seen through a callback manager, without writing one into the model.

LlamaIndex's models report to their attribute ``callback_manager``. A model may belong to several routers, and to the
user as well, so that a router must not set it. It calls a view instead: an object of a subclass that shares all state
with the model and differs in that one attribute.
"""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.llms import LLM

_SHARED = ("__dict__", "__pydantic_private__", "__pydantic_extra__", "__pydantic_fields_set__")


class Views:
    """The views of models of one class."""

    def __init__(self, cls: type[LLM]) -> None:
        self._base = cls
        self._cls: type[LLM] | None = None

    def of(self, llm: LLM, outer: CallbackManager) -> LLM:
        """The model, reporting to the outer manager and to its own handlers."""
        own = llm.callback_manager
        if own is outer:
            return llm
        if self._cls is None:
            self._cls = _view_class(self._base)
        view = object.__new__(self._cls)
        for name in _SHARED:
            object.__setattr__(view, name, getattr(llm, name))
        extra = _beside(getattr(own, "handlers", ()), outer.handlers)
        object.__setattr__(view, "_seen_by", JointCallbackManager(extra, outer) if extra else outer)
        return view


class JointCallbackManager(CallbackManager):
    """A manager that also tells a model's own handlers; the trace is that of the manager."""

    def __init__(self, extra: list[BaseCallbackHandler], outer: CallbackManager) -> None:
        self._outer = outer
        self.handlers = [*extra, *outer.handlers]

    @property
    def _trace_map(self) -> dict[str, list[str]]:
        return self._outer._trace_map

    @_trace_map.setter
    def _trace_map(self, value: dict[str, list[str]]) -> None:
        self._outer._trace_map = value


def _beside(own: Any, outer: list[BaseCallbackHandler]) -> list[BaseCallbackHandler]:
    return [handler for handler in own if not any(handler is known for known in outer)]


def _view_class(base: type[LLM]) -> type[LLM]:
    """A subclass with the base's own name, which spans and events show; made past pydantic, since no field changes."""

    def get(view: Any) -> CallbackManager:
        try:
            manager = object.__getattribute__(view, "_seen_by")
        except AttributeError:  # a copy that the model made of itself
            manager = view.__dict__["callback_manager"]
        return manager  # type: ignore[no-any-return]

    def put(view: Any, manager: CallbackManager) -> None:
        object.__setattr__(view, "_seen_by", manager)

    names = {
        "__module__": base.__module__,
        "__qualname__": base.__qualname__,
        "__doc__": base.__doc__,
        "__slots__": ("_seen_by",),
        "callback_manager": property(get, put),
        "__del__": lambda _: None,  # the model's own may close what the model goes on using
    }
    made: type[LLM] = ABCMeta.__new__(type(base), base.__name__, (base,), names)
    return made
