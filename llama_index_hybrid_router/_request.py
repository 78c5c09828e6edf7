"""One call of a public method, with what the router needs to know about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.prompts import BasePromptTemplate

from hybrid_router_core import RoutingDecision
from hybrid_router_core.errors import ConfigError

from ._tagging import KEY

OVERRIDES = ("model", "query", "threshold")
# Models append to the history and add to llm_kwargs (OpenAI does), and a program for structured text sets the prompt's
# output parser. Each model gets its own copy.
_COPIED: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("chat_history", list),
    ("llm_kwargs", dict),
    ("prompt", lambda prompt: prompt.model_copy() if isinstance(prompt, BasePromptTemplate) else prompt),
)


@dataclass(frozen=True)
class Override:
    """What the caller fixed for this call; a decision stands for a call that was routed already."""

    model: Any = None
    query: str | None = None
    threshold: float | None = None
    decision: RoutingDecision | None = None

    @classmethod
    def read(cls, value: Any) -> Override:
        """Check the value of the keyword or the tag ``hybrid_router``.

        Raises:
            ConfigError: If it is not a dict with the known keys.
        """
        if isinstance(value, RoutingDecision):
            return cls(decision=value)
        if not isinstance(value, Mapping) or not set(value) <= set(OVERRIDES):
            raise ConfigError(f"{KEY} is {value!r}; allowed: a dict with any of the keys {', '.join(OVERRIDES)}")
        return cls(**value)


class Request:
    """The arguments of a call, as the caller gave them."""

    def __init__(self, signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.name = signature.name
        self._positions = signature.positions
        self.args = args
        self.kwargs = kwargs
        llm_kwargs = self.get("llm_kwargs")
        self.override: Override | None = None
        for place in (kwargs, llm_kwargs):
            if place and KEY in place:
                self.override = Override.read(place[KEY])

    def get(self, name: str) -> Any:
        """An argument by its name in the base class; None if it was not given."""
        if name in self.kwargs:
            return self.kwargs[name]
        position = self._positions.get(name, len(self.args))
        return self.args[position] if position < len(self.args) else None

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """What the chosen model is called with."""
        args, kwargs = list(self.args), {name: value for name, value in self.kwargs.items() if name != KEY}
        for name, copy in _COPIED:
            value = self.get(name)
            if value is None:
                continue
            value = copy(value)
            if name == "llm_kwargs":
                value.pop(KEY, None)
            if name in kwargs:
                kwargs[name] = value
            elif name in self._positions:
                args[self._positions[name]] = value
        return args, kwargs

    @property
    def carries_tools(self) -> bool:
        """Whether the model is to be offered tools."""
        return self.name.endswith("_with_tools") or bool(self.get("tools"))

    @property
    def template(self) -> BasePromptTemplate | None:
        """The prompt template, if the call has one."""
        prompt = self.get("prompt")
        return prompt if isinstance(prompt, BasePromptTemplate) else None

    @cached_property
    def variables(self) -> dict[str, Any]:
        """The values that fill the template: those of the call before those of a partial format."""
        if self.template is None:
            return {}
        given = {name: value for name, value in self.kwargs.items() if name != KEY and name not in self._positions}
        return {**self.template.kwargs, **given}

    @cached_property
    def messages(self) -> list[ChatMessage]:
        """The messages of the call; of a template, those that it renders to."""
        if self.template is not None:
            return self.template.format_messages(**self.variables)
        prompt = self.get("prompt")
        messages = [*(self.get("messages") or self.get("chat_history") or ())]
        said = (text for text in (prompt, self.get("user_msg")) if text)
        return messages + [m if isinstance(m, ChatMessage) else ChatMessage(m, role=MessageRole.USER) for m in said]


class Signature:
    """The names of a method's parameters."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.name = method.__name__
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        names = [p.name for p in inspect.signature(method).parameters.values() if p.kind not in kinds]
        self.positions = {name: i for i, name in enumerate(names[1:])}  # but self
