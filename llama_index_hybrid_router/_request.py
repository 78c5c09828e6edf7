"""One call of a public method, with what the router needs to know about it.

The parameters of the method and what the caller gives beyond them are two namespaces: a template may have a variable
with the name of a parameter of another method, and it is a text like any other.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.prompts import BasePromptTemplate, SelectorPromptTemplate

from ._override import Override
from ._tagging import KEY


class Signature:
    """The names of a method's parameters, and whether it fills a template with all others."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.name = method.__name__
        parameters = list(inspect.signature(method).parameters.values())[1:]  # but self
        names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        self.positions = {name: i for i, name in enumerate(names)}
        self.fills_template = any(p.kind is p.VAR_KEYWORD and p.name == "prompt_args" for p in parameters)


class Request:
    """The arguments of a call, as the caller gave them.

    Attributes:
        template: The prompt template, if the call has one.
    """

    def __init__(self, signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.name = signature.name
        self.parameters: dict[str, Any] = dict(zip(signature.positions, args, strict=False))
        self.beyond: dict[str, Any] = {}
        for name, value in kwargs.items():
            place = self.parameters if name in signature.positions else self.beyond
            if name in place:
                raise TypeError(f"{self.name}() got multiple values for argument {name!r}")
            place[name] = value
        self._surplus = args[len(signature.positions) :]
        self._is_positional = set(list(signature.positions)[: len(args)])
        self._fills_template = signature.fills_template
        prompt = self.parameters.get("prompt") if self._fills_template else None
        self.template = prompt if isinstance(prompt, BasePromptTemplate) else None
        for name in ("messages", "chat_history", "tools"):
            if isinstance(self.get(name), Iterator):  # it is read here too, and for a second model
                self.parameters[name] = list(self.parameters[name])
        self.override = self._take_override()

    def get(self, name: str) -> Any:
        """A parameter by its name in the base class; None if it was not given."""
        return self.parameters.get(name)

    def option(self, name: str) -> Any:
        """What goes to the model beside the messages: a keyword of the call or of its ``llm_kwargs``."""
        return self.options.get(name)

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """What the chosen model is called with: containers that models write into are copied for each."""
        given = {name: _own(value) for name, value in self.parameters.items()}
        args = [given.pop(name) for name in self.parameters if name in self._is_positional]
        return [*args, *self._surplus], {**given, **self.beyond}

    @cached_property
    def tools(self) -> Any:
        """The tools that the model is to be offered, in whatever form; None if the call has none."""
        return self.get("tools") or self.option("tools")

    @property
    def asks_a_model(self) -> bool:
        """Whether a model is asked anything."""
        return self.name != "convert_chat_messages"

    @property
    def carries_tools(self) -> bool:
        """Whether the model is to be offered tools."""
        return self.name.endswith("_with_tools") or bool(self.tools)

    @cached_property
    def variables(self) -> dict[str, Any]:
        """The values that fill the template: those of the call before those of a partial format."""
        return {} if self.template is None else {**self.template.kwargs, **self.beyond}

    @cached_property
    def options(self) -> Mapping[str, Any]:
        """See `option`."""
        options = self.get("llm_kwargs") if self._fills_template else self.beyond
        return options if isinstance(options, Mapping) else {}

    @cached_property
    def messages(self) -> list[ChatMessage]:
        """The messages of the call; of a template, those that it renders to."""
        if self.template is not None:
            return _rendered(self.template, self.variables)
        given = self.get("messages") or self.get("chat_history")
        said = [text for text in (self.get("prompt"), self.get("user_msg")) if text]
        sequence = given if isinstance(given, Sequence) and not isinstance(given, (str, bytes)) else ()
        return [message for value in (*sequence, *said) if (message := _message(value)) is not None]

    @property
    def goes_on(self) -> bool:
        """Whether it is a further step of a turn: the model is to read what a tool gave."""
        return bool(self.messages) and self.messages[-1].role in (MessageRole.TOOL, MessageRole.FUNCTION)

    def _take_override(self) -> Override | None:
        found = None
        if not (self.template is not None and KEY in (self.template.template_vars or ())):
            found = self.beyond.pop(KEY, None)
        llm_kwargs = self.get("llm_kwargs")
        if isinstance(llm_kwargs, Mapping) and KEY in llm_kwargs:
            self.parameters["llm_kwargs"] = {name: value for name, value in llm_kwargs.items() if name != KEY}
            found = llm_kwargs[KEY] if found is None else found
        return None if found is None else Override.read(found)


def _own(value: Any) -> Any:
    """A copy of what models write into: OpenAI appends to the history, a program sets the prompt's output parser."""
    if isinstance(value, (list, dict)):
        return value.copy()
    return value.model_copy() if isinstance(value, BasePromptTemplate) else value


def _message(value: Any) -> ChatMessage | None:
    """What the models may take for a message; None if there is nothing in it to be read here."""
    if isinstance(value, ChatMessage):
        return value
    if isinstance(value, str):
        return ChatMessage(value, role=MessageRole.USER)
    try:
        return ChatMessage.model_validate(value)
    except ValueError:
        return None


def plain(template: BasePromptTemplate) -> BasePromptTemplate:
    """The template itself behind a choice of templates, made without asking a model."""
    while isinstance(template, SelectorPromptTemplate):
        template = template.default_template
    return template


def _rendered(template: BasePromptTemplate, variables: dict[str, Any]) -> list[ChatMessage]:
    """The messages; none if the template calls functions, which are the model's to call, or cannot be rendered."""
    if plain(template).function_mappings:
        return []
    try:
        return template.format_messages(**variables)
    except Exception:  # the model is going to meet it too, and its caller gets that error
        return []
