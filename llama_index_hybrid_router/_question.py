"""Which text or conversation a call is routed on.

The router was trained on questions. In order: the question that the caller names; the variable of the prompt template
that holds it; the question of the enclosing query engine or chat engine; the conversation in the messages. Where the
last turn of the messages is that very question, as in chat engines, it is read with what was said before. A prompt that
LlamaIndex rendered is never scored where any of these is known, and a template filled with other things (the chunks of
a document, say) has no question at all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

from llama_index.core.base.llms.types import ChatMessage

from hybrid_router_core import RoutingDecision
from hybrid_router_core.conversation import Reading
from hybrid_router_core.errors import ConfigError
from hybrid_router_core.routing import ModelName

from . import _tracker
from ._conversation import Conversation, conversation_in
from ._messages import is_a_task
from ._request import Request

logger = logging.getLogger(__name__)

# LlamaIndex's own names, then those that people give
VARIABLES = ("query_str", "question", "query", "message", "user_query", "user_question", "user_input", "input")
QueryFrom: TypeAlias = str | Sequence[str] | Callable[[list[ChatMessage]], str | None]
NOTHING = "there is no user text to score"


def check_query_from(value: Any) -> QueryFrom | None:
    """The setting, with names as a tuple.

    Raises:
        ConfigError: If it is of another kind.
    """
    names = (value,) if isinstance(value, str) else value
    if isinstance(names, Sequence) and names and all(isinstance(name, str) and name for name in names):
        return tuple(names)
    if value is None or callable(value):
        checked: QueryFrom | None = value
        return checked
    raise ConfigError(
        f"query_from is {value!r}; allowed: the name of the template variable that holds the question, several names, "
        "or a callable that takes the messages and returns the text to score or None"
    )


class Asking:
    """What is asked in a call.

    Attributes:
        question: The one that a variable or a span holds; None if none does.
    """

    def __init__(self, request: Request, query_from: QueryFrom | None, *, pinned: str | None, track: bool) -> None:
        self._request, self._query_from, self._track = request, query_from, track
        self._named = None if callable(query_from) else _among(request.variables, query_from or ())
        question = pinned or self._named or question_among(request.variables)
        self.question = _tracker.tracker.question() if question is None and track else question
        self._pinned = pinned

    @cached_property
    def conversation(self) -> Conversation | None:
        """The conversation that the messages are; None if they are a prompt about a question."""
        if self.question is not None and is_a_task(self.question):
            return None
        return conversation_in(self._request, self.question, track=self._track)

    @property
    def goes_on(self) -> bool:
        """Whether it is a further step of a turn."""
        return self._request.goes_on if self.conversation is None else self.conversation.goes_on

    def reading(self) -> Reading:
        """What is to be scored; without texts if there is no question."""
        if self._pinned is None and callable(self._query_from):
            return of_text(_from_callable(self._query_from, self._request))
        if self.question is not None and self.question == self._named and self._pinned is None:
            return of_text(None if is_a_task(self.question) else self.question)
        conversation = self.conversation
        if conversation is not None and (self.question is None or conversation.reading.turns):
            return conversation.reading
        return of_text(None if self.question is None or is_a_task(self.question) else self.question)


def question_among(variables: Mapping[str, object], query_from: QueryFrom | None = None) -> str | None:
    """The variable that holds the question, by the names that are set, then by the known ones."""
    names = () if query_from is None or callable(query_from) else tuple(query_from)
    return _among(variables, (*names, *VARIABLES))


def no_question(request: Request, reading: Reading, model: ModelName) -> RoutingDecision:
    """The decision for a call without a question; the record says what to do if it has one."""
    detail = reading.why_none or NOTHING
    if request.variables and question_among(request.variables) is None:
        names = ", ".join(request.variables)
        detail += f": none of the template's variables ({names}) is known to hold the question; name it in query_from"
    return RoutingDecision(model, reason="no_query", detail=detail)


def failed_query_from(error: Exception) -> RoutingDecision:
    """The decision when the user's callable raised."""
    kind = type(error).__name__  # the message may quote the query, so it goes to the debug log alone
    logger.warning("query_from failed with %s; the large model answers", kind)
    logger.debug("the error of query_from", exc_info=error)
    return RoutingDecision("large", reason="router_error", detail=f"query_from: {kind}")


def _among(variables: Mapping[str, object], names: Sequence[str]) -> str | None:
    if not variables:
        return None
    return next((text for name in names if (text := _tracker.text_of(variables.get(name))) is not None), None)


def of_text(text: str | None) -> Reading:
    """The reading of a text that stands for itself."""
    if text is None or not text.strip():
        return Reading(why_none=NOTHING)
    return Reading((text,), about=text)


def _from_callable(query_from: Callable[[list[ChatMessage]], str | None], request: Request) -> str | None:
    query = query_from(list(request.messages))
    if query is not None and not isinstance(query, str):
        raise ConfigError(f"query_from returned a {type(query).__name__}; allowed: a string, or None for no question")
    return query
