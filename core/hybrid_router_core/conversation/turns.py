"""Chat messages -> the turns of the user, oldest first, and whether the last of them is what is to be answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .human import written
from .query import USER_ROLES, message_text

__all__ = ["Messages", "Turns", "turns_of", "user_turns", "without_answer"]

Messages: TypeAlias = "Sequence[Mapping[str, Any]]"
"""Chat messages as plain dicts with ``role`` and ``content`` (a string, or a list of parts), oldest first."""

_ANSWERS = frozenset({"assistant", "ai", "model"})
_OTHERS = frozenset({"system", "developer", "tool", "function", "ipython", "summary"})
_MOST = 64  # user turns that are read back, unless they all go on with what was said before them


@dataclass(frozen=True)
class Turns:
    """What the user said.

    Attributes:
        texts: The last turns with text, oldest first.
        why_none: If there is no question to answer, why.
        cut: Whether earlier turns are known by a summary alone.
        more: Whether there are turns before these.
    """

    texts: tuple[str, ...] = ()
    why_none: str = ""
    cut: bool = False
    more: bool = False


def turns_of(messages: Messages, most: int = _MOST) -> Turns:
    """The user's turns in chat messages, given as plain dicts with ``role`` and ``content``.

    Results of tools, reminders and summaries in the user's name, and messages without text are no turns. Bad messages
    raise nothing: what cannot be read has no question in it.
    """
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        return Turns(why_none=f"the messages are a {type(messages).__name__}; a list of dicts is needed")
    if not messages:
        return Turns(why_none="there are no messages")
    why = _unanswerable(messages[-1])
    if why:
        return Turns(why_none=why)
    texts: list[str] = []
    cut = more = False
    for message in reversed(messages):
        role = _role(message)
        if role not in USER_ROLES:
            cut = cut or role == "summary"
            continue
        said = message_text(message.get("content", message.get("parts")))
        text = written(said)
        if text.strip():
            texts.append(text)
            if len(texts) == most:
                more = True
                break
        else:
            cut = cut or bool(said.strip())
    if not texts:
        return Turns(why_none="there is no user text to score")
    return Turns(tuple(reversed(texts)), cut=cut, more=more)


def user_turns(messages: Messages) -> tuple[str, ...]:
    """The texts of the user's turns, oldest first, also where the messages hold the answer to the last one."""
    return turns_of(without_answer(messages)).texts


def without_answer(messages: Messages) -> Messages:
    """The messages up to the last one of the user."""
    end = len(messages)
    while end and _role(messages[end - 1]) not in USER_ROLES:
        end -= 1
    return messages[:end]


def _unanswerable(last: Any) -> str:
    """Why the last message leaves nothing to answer; empty if it does not."""
    if not isinstance(last, Mapping):
        return f"the last message is a {type(last).__name__}; a dict with role and content is needed"
    role = _role(last)
    if role in USER_ROLES or role in _OTHERS:
        return ""
    if role in _ANSWERS:
        return "" if _calls_tools(last) else "the messages end with an answer, so there is no question"
    shown = repr(last.get("role"))[:40]
    return f"the last message has the role {shown}; known are user, assistant, system, developer and tool"


def _role(message: Any) -> str:
    role = message.get("role") if isinstance(message, Mapping) else None
    if isinstance(role, str):
        return role.strip().lower()
    return "tool" if isinstance(message, Mapping) and message.get("type") == "function_call_output" else ""


def _calls_tools(message: Mapping[str, Any]) -> bool:
    return bool(message.get("tool_calls") or message.get("function_call"))
