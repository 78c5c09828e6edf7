"""Calls that the small model cannot take, whatever their score: media, too many tokens, tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from hybrid_router_core import RoutingDecision
from hybrid_router_core.query import message_text

__all__ = ["beyond_small", "estimated_tokens"]

# The type of a content block -> the key of a model's profile that allows it.
MEDIA = {
    "image": "image_inputs",
    "image_url": "image_inputs",
    "input_image": "image_inputs",
    "audio": "audio_inputs",
    "input_audio": "audio_inputs",
    "video": "video_inputs",
    "file": "pdf_inputs",
    "input_file": "pdf_inputs",
    "document": "pdf_inputs",
    "text-plain": "pdf_inputs",
}
BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 3


def beyond_small(
    messages: Sequence[BaseMessage], profile: Mapping[str, Any], *, with_tools: bool
) -> RoutingDecision | None:
    """The decision for large if the small model cannot take this call, else None.

    Args:
        messages: All that would be sent.
        profile: Of the small model. Media need its leave; of tokens and tools it is the lack that counts.
        with_tools: Whether the call carries tools.
    """
    for kind in _media(messages):
        if not profile.get(MEDIA[kind]):
            return RoutingDecision("large", reason="capability", detail=f"input of type {kind}")
    if with_tools and profile.get("tool_calling") is False:
        return RoutingDecision("large", reason="capability", detail="tools")
    limit = profile.get("max_input_tokens")
    if limit is not None and (tokens := estimated_tokens(messages)) > limit:
        return RoutingDecision("large", reason="context_window", detail=f"about {tokens} tokens, small takes {limit}")
    return None


def estimated_tokens(messages: Iterable[BaseMessage]) -> int:
    """An estimate without a tokenizer, which would cost more than the decision; bytes, so that CJK is not too cheap."""
    total = 0
    for message in messages:
        total += TOKENS_PER_MESSAGE
        text = message_text(message.content)
        if isinstance(message, AIMessage) and message.tool_calls:
            text += repr([call["args"] for call in message.tool_calls])
        total += len(text.encode(errors="replace")) // BYTES_PER_TOKEN
    return total


def _media(messages: Iterable[BaseMessage]) -> Iterable[str]:
    for message in messages:
        if isinstance(message.content, list):
            for block in message.content:
                if isinstance(block, Mapping) and block.get("type") in MEDIA:
                    yield str(block["type"])
