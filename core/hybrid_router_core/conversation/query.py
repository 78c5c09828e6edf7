"""Which text of a conversation is scored: one rule for every adapter.

The router was trained on questions, so it must be asked about a question and not about a rendered prompt, a system
message or a tool's result: the last message of the user that holds text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["USER_ROLES", "message_text", "query_from_messages"]

USER_ROLES = frozenset({"user", "human"})


def query_from_messages(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The text of the last user message that has any; None if there is none.

    Args:
        messages: Chat messages as plain dicts with ``role`` and ``content``; the content is a string or a list of
            parts, of which strings and ``{"type": "text", "text": ...}`` count.
    """
    for message in reversed(messages):
        role = message.get("role")
        if isinstance(role, str) and role in USER_ROLES:
            text = message_text(message.get("content"))
            if text.strip():
                return text
    return None


def message_text(content: Any) -> str:
    """The text parts of a message's content, joined by line breaks; empty if it has none (an image alone, say)."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return _part_text(content)
    if not isinstance(content, Sequence):
        return ""
    parts = (part if isinstance(part, str) else _part_text(part) for part in content)
    return "\n".join(part for part in parts if part)


def _part_text(part: Any) -> str:
    if (
        isinstance(part, Mapping)
        and part.get("type", "text") in ("text", "input_text")
        and isinstance(part.get("text"), str)
    ):
        return str(part["text"])
    return ""
