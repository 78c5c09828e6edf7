"""The messages of a call as plain dicts for the core to read, without what LlamaIndex has put into the user's mouth.

Agents and memories put their own text into messages of the user: the results of tools, stored memories, the state of a
workflow, or the whole conversation as XML. None of it is a turn, and all of it may be full of misleading words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock, ToolCallBlock

from hybrid_router_core.conversation import is_summary

__all__ = ["is_a_task", "plain_of"]

# ReAct and CodeAct give tool results the role of the user. What the assistant said just before tells such a result from
# a user who begins a message with the same words.
_TOOL_RESULTS = (("Observation:", "Action:"), ("Result of executing the code given:", "<execute>"))
# What ReAct says, as the user, to a model whose answer it could not read.
_RETRIES = ("Error while parsing the output:", "FAILURE: Your previous response was empty.")
# What LlamaIndex asks of a model in its own words, about documents or a conversation; a user asked nothing.
_TASKS = (
    "Describe what the provided text is about. Also describe some of the questions",  # DocumentSummaryIndex
    "What is this table about? Give a very concise summary",  # MarkdownElementNodeParser and its like
    "Here is the content of the section:",  # PydanticProgramExtractor
    "Here is the chunk we want to situate within the whole document:",  # DocumentContextExtractor
    "You are a precise fact extraction system",  # FactExtractionMemoryBlock
    "You are a precise fact condensing system",
    '"Transcript so far: ',  # ChatSummaryMemoryBuffer
)
_STATE = re.compile(r"\ACurrent state:\n.*\n\nCurrent message:\n(.*)\Z", re.DOTALL)
_XML_ROLE = re.compile(r"\s*<(\w+)>\s*\Z")
_XML_MESSAGE = re.compile(r"\s*<message>(.*)</message>\s*\Z", re.DOTALL)
_ANSWERS = (MessageRole.ASSISTANT, MessageRole.CHATBOT, MessageRole.MODEL)
_MOST = 64  # turns that are read back: as many as the core reads


def is_a_task(text: str) -> bool:
    """Whether this is one of LlamaIndex's own tasks and no question."""
    return text.lstrip().startswith(_TASKS)


def plain_of(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """The last messages, oldest first; what the user did not write has another role than the user's."""
    plain: list[dict[str, Any]] = []
    turns, later = 0, None  # the turn after this message, if nothing was answered between them
    for place in range(len(messages) - 1, -1, -1):
        message = messages[place]
        if message.role in _ANSWERS:
            plain.append({"role": "assistant", "tool_calls": _calls_tools(message)})
            later = None
            continue
        parts = _texts(message)
        if message.role != MessageRole.USER:
            summary = message.role == MessageRole.SYSTEM and parts and is_summary(parts[0])
            plain.append({"role": "summary" if summary else message.role.value})
            continue
        if parts and parts[0].startswith("<current_conversation>"):
            return [*_up_to_the_question(plain_of(_conversation(parts))), *reversed(plain)]
        text = "\n".join(filter(None, _without_memory(parts)))
        if _from_the_framework(text, messages[:place]):
            plain.append({"role": "tool"})
            continue
        state = _STATE.match(text)
        text = state.group(1).strip() if state else text
        if text.strip() and text == later:  # ReAct repeats it before it says what was wrong with the model's answer
            continue
        later = text if text.strip() else later
        turns += bool(text.strip())
        plain.append({"role": "user", "content": text})
        if turns == _MOST:
            break
    plain.reverse()
    return plain


def _texts(message: ChatMessage) -> list[str]:
    return [block.text for block in message.blocks if isinstance(block, TextBlock)]


def _calls_tools(message: ChatMessage) -> bool:
    more = message.additional_kwargs
    called = more.get("tool_calls") or more.get("function_call")
    return bool(called) or any(isinstance(block, ToolCallBlock) for block in message.blocks)


def _without_memory(parts: list[str]) -> list[str]:
    """`Memory(insert_method=USER)` puts its blocks, ``<memory>`` to ``</memory>``, before what the user wrote."""
    if not parts or not parts[0].lstrip().startswith("<memory>"):
        return parts
    ends = [i for i, part in enumerate(parts) if part.rstrip().endswith("</memory>")]
    return parts[ends[-1] + 1 :] if ends else parts


def _conversation(parts: list[str]) -> list[ChatMessage]:
    """Read back what an agent with an ``output_cls`` packs into one message; each tag is a part of its own."""
    messages: list[ChatMessage] = []
    role = ""
    for part in parts:
        if opening := _XML_ROLE.match(part):
            role = opening.group(1)
        elif (message := _XML_MESSAGE.match(part)) and role in (MessageRole.USER.value, MessageRole.ASSISTANT.value):
            messages.append(ChatMessage(role=MessageRole(role), content=message.group(1)))
    return messages


def _up_to_the_question(plain: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what was said since: the packed conversation is there to give its answer a form."""
    end = len(plain)
    while end and not (plain[end - 1]["role"] == "user" and plain[end - 1]["content"].strip()):
        end -= 1
    return plain[:end]


def _from_the_framework(text: str, before: Sequence[ChatMessage]) -> bool:
    marks = [cause for mark, cause in _TOOL_RESULTS if text.startswith(mark)]
    retries = text.startswith(_RETRIES)
    if not marks and not retries:
        return False
    answer = next((m.content or "" for m in reversed(before) if m.role == MessageRole.ASSISTANT), None)
    return answer is not None and (retries or any(cause in answer for cause in marks))
