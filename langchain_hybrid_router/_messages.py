"""What a caller may pass, as messages, and the text of it that is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage, ChatMessage, HumanMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue

from hybrid_router_core import ConfigError
from hybrid_router_core.conversation import query_from_messages

__all__ = ["last_question", "messages_of"]


def messages_of(model_input: Any) -> list[BaseMessage]:
    """The messages of any input that a chat model takes.

    Raises:
        ConfigError: If it is none of these, with the form that was probably meant.
    """
    if isinstance(model_input, str):
        return [HumanMessage(model_input)]
    if isinstance(model_input, PromptValue):
        return model_input.to_messages()
    if isinstance(model_input, Sequence):
        return convert_to_messages(model_input)
    allowed = "allowed: a string, a PromptValue or a list of messages"
    if isinstance(model_input, BaseMessage):
        raise ConfigError(f"the router got a bare {type(model_input).__name__}; {allowed}. Pass [message]")
    if isinstance(model_input, dict):
        keys = ", ".join(sorted(map(str, model_input)))
        raise ConfigError(
            f"the router got a dict with the keys {keys}; {allowed}. Put a prompt before it: prompt | router. "
            'To decide on one value of the dict and keep the rest, use router.assign_route("question") or '
            'router.as_selector("question")'
        )
    raise ConfigError(f"the router got a {type(model_input).__name__}; {allowed}")


def last_question(messages: Sequence[BaseMessage]) -> str | None:
    """The text of the last message that a human wrote; None if there is none.

    Skips what LangChain's summarization puts in a human's mouth.
    """
    return query_from_messages([{"role": _role(message), "content": message.content} for message in messages])


def _role(message: BaseMessage) -> str:
    if isinstance(message, ChatMessage):
        return message.role
    if isinstance(message, HumanMessage):  # its chunks have another `type`
        return "summary" if message.additional_kwargs.get("lc_source") == "summarization" else "human"
    return message.type
