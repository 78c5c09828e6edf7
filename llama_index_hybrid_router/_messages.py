"""The last thing that the user really said, among messages that LlamaIndex has rewritten.

Agents and memories put their own text into messages of the user: the results of tools, stored memories, the state of a
workflow, or the whole conversation as XML. None of it is a question, and all of it may be full of misleading words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock

from hybrid_router_core.conversation import query_from_messages

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


def is_a_task(text: str) -> bool:
    """Whether this is one of LlamaIndex's own tasks and no question."""
    return text.lstrip().startswith(_TASKS)


def last_question(messages: Sequence[ChatMessage]) -> str | None:
    """The text of the last message that the user wrote; None if there is none."""
    for i in range(len(messages) - 1, -1, -1):
        if messages[i].role != MessageRole.USER:
            continue
        parts = _without_memory([block.text for block in messages[i].blocks if isinstance(block, TextBlock)])
        if parts and parts[0].startswith("<current_conversation>"):
            return last_question(_conversation(parts))
        text = query_from_messages([{"role": "user", "content": parts}])
        if text is not None and not _from_the_framework(text, messages[:i]):
            state = _STATE.match(text)
            return state.group(1).strip() if state else text
    return None


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


def _from_the_framework(text: str, before: Sequence[ChatMessage]) -> bool:
    answer = next((m.content or "" for m in reversed(before) if m.role == MessageRole.ASSISTANT), None)
    if answer is None:
        return False
    return text.startswith(_RETRIES) or any(text.startswith(mark) and cause in answer for mark, cause in _TOOL_RESULTS)
