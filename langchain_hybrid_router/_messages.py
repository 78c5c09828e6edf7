"""What a caller may pass, as messages, and the conversation as the core reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    ToolMessage,
    convert_to_messages,
)
from langchain_core.prompt_values import PromptValue

from hybrid_router_core import ConfigError
from hybrid_router_core.conversation import Reading, read, user_turns

__all__ = ["in_loop", "messages_of", "reading_of", "turns_of"]


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


def reading_of(messages: Sequence[BaseMessage]) -> Reading:
    """The conversation as the router reads it."""
    return read([_plain(message) for message in messages])


def turns_of(messages: Sequence[BaseMessage]) -> tuple[str, ...]:
    """What the user said, oldest first."""
    return user_turns([_plain(message) for message in messages])


def in_loop(messages: Sequence[BaseMessage]) -> bool:
    """Whether the turn goes on with what a tool returned."""
    return bool(messages) and isinstance(messages[-1], (ToolMessage, FunctionMessage))


def _plain(message: BaseMessage) -> dict[str, Any]:
    calls = isinstance(message, AIMessage) and (message.tool_calls or message.additional_kwargs.get("function_call"))
    return {"role": _role(message), "content": message.content, "tool_calls": calls}


def _role(message: BaseMessage) -> str:
    if isinstance(message, ChatMessage):
        return message.role
    if isinstance(message, AIMessage):
        return "ai"
    kind = message.type.removesuffix("MessageChunk").lower()
    source = message.additional_kwargs.get("lc_source")
    if not isinstance(message, HumanMessage) or not isinstance(source, str):
        return kind
    return "summary" if source == "summarization" else "system"  # LangChain's mark of what no user typed
