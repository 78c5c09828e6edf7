"""Which text a call is routed on.

The router was trained on questions. In order: the question that the caller names; the variable of the prompt template
that holds it; the question of the enclosing query engine or chat engine; the last message that the user wrote. A
prompt that LlamaIndex rendered is never scored where any of these is known, and a template filled with other things
(the chunks of a document, say) has no question at all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from llama_index.core.base.llms.types import ChatMessage

from hybrid_router_core import RoutingDecision
from hybrid_router_core.errors import ConfigError
from hybrid_router_core.routing import ModelName

from . import _tracker
from ._messages import is_a_task, last_question
from ._request import Request

logger = logging.getLogger(__name__)

# LlamaIndex's own names, then those that people give
VARIABLES = ("query_str", "question", "query", "message", "user_query", "user_question", "user_input", "input")
QueryFrom: TypeAlias = str | Sequence[str] | Callable[[list[ChatMessage]], str | None]


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


def question_of(request: Request, query_from: QueryFrom | None, *, track: bool) -> str | None:
    """The text to score, or None."""
    if callable(query_from):
        return _from_callable(query_from, request)
    question = question_among(request.variables, query_from)
    if question is None and track:
        question = _tracker.tracker.question()
    if question is None and not request.variables:
        question = last_question(request.messages)
    return None if question is None or is_a_task(question) else question


def question_among(variables: Mapping[str, object], query_from: QueryFrom | None = None) -> str | None:
    """The variable that holds the question, by the names that are set, then by the known ones."""
    if not variables:
        return None
    names = () if query_from is None or callable(query_from) else tuple(query_from)
    for name in (*names, *VARIABLES):
        question = _tracker.text_of(variables.get(name))
        if question is not None:
            return question
    return None


def no_question(request: Request, model: ModelName) -> RoutingDecision:
    """The decision for a call without a question; the record says what to do if it has one."""
    detail = "there is no user text to score"
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


def _from_callable(query_from: Callable[[list[ChatMessage]], str | None], request: Request) -> str | None:
    query = query_from(list(request.messages))
    if query is not None and not isinstance(query, str):
        raise ConfigError(f"query_from returned a {type(query).__name__}; allowed: a string, or None for no question")
    return query
