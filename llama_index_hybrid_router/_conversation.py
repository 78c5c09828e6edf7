"""The conversation that a call's messages are, if they are one and not a prompt that LlamaIndex rendered."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from llama_index.core.base.llms.types import MessageRole
from llama_index.core.prompts import ChatPromptTemplate

from hybrid_router_core.conversation import Reading, read

from . import _tracker
from ._messages import is_a_task, plain_of
from ._request import Request, plain

__all__ = ["Conversation", "conversation_in"]

_VARIABLE = re.compile(r"\s*\{\w+\}\s*")


class Conversation(NamedTuple):
    """A conversation.

    Attributes:
        reading: As the core reads it; without texts if it has no question.
        goes_on: Whether it is a further step of a turn: the model is to read what a tool gave.
    """

    reading: Reading
    goes_on: bool = False


def conversation_in(request: Request, question: str | None, *, track: bool) -> Conversation | None:
    """The conversation in the messages; None if they are not the one that the question is a turn of.

    Args:
        request: The call.
        question: As a variable of the template or a span tells it; None takes the last turn.
        track: Whether the spans may be asked.
    """
    if request.variables and (question is None or not _ends_with_a_turn(request)):
        return None
    messages = plain_of(request.messages)
    last = next((place for place in range(len(messages) - 1, -1, -1) if _said(messages[place])), None)
    if question is None:
        if last is not None and is_a_task(_said(messages[last])):
            return Conversation(Reading(why_none="the text is a task of LlamaIndex's own and no question of a user"))
    elif last is None:
        return None
    elif _said(messages[last]).strip() != question.strip():
        if not (track and question in _said(messages[last]) and _is_wrapped(request, messages[:last])):
            return None
        messages[last] = {**messages[last], "content": question}
    return Conversation(read(messages), bool(messages) and messages[-1]["role"] != "user")


def _said(message: dict[str, Any]) -> str:
    text = message["content"] if message["role"] == "user" else ""
    return text if text.strip() else ""


def _ends_with_a_turn(request: Request) -> bool:
    """Whether a template ends with the bare question, as those of chat engines do; it need not be rendered for that."""
    template = None if request.template is None else plain(request.template)
    messages = template.message_templates if isinstance(template, ChatPromptTemplate) else []
    last = next((message for message in reversed(messages) if message.role == MessageRole.USER), None)
    return last is not None and _VARIABLE.fullmatch(last.content or "") is not None


def _is_wrapped(request: Request, before: list[dict[str, Any]]) -> bool:
    """Whether it is a turn in a chat engine that puts documents around the question, in the message itself."""
    talking = _tracker.tracker.talking()
    is_chat = talking is not None and talking.memory is not None
    return is_chat and request.template is None and any(message["role"] in ("user", "assistant") for message in before)
