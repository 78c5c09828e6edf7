"""Which text a call is routed on.

The router was trained on questions. In order: the question that the caller names; the variable of the prompt template
that holds it; the question of the enclosing query engine or chat engine; the last message that the user wrote. A
prompt that LlamaIndex rendered is never scored where any of these is known, and a template filled with other things
(the chunks of a document, say) has no question at all.
"""

from __future__ import annotations

from . import _tracker
from ._messages import last_question
from ._request import Request

VARIABLES = ("query_str", "question", "query", "message")


def question_of(request: Request, *, track: bool) -> str | None:
    """The text to score, or None."""
    if request.override is not None and request.override.query is not None:
        return request.override.query
    question = question_among(request.variables)
    if question is None and track:
        question = _tracker.tracker.question()
    if question is None and not request.variables:
        question = last_question(request.messages)
    return question


def question_among(variables: dict[str, object]) -> str | None:
    """The variable that holds the question, by the names that LlamaIndex uses."""
    for name in VARIABLES:
        question = _tracker.text_of(variables.get(name))
        if question is not None:
            return question
    return None
