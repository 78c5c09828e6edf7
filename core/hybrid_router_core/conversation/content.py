"""What a message holds besides text: one rule for every adapter and provider.

Providers name their blocks as they like and add new ones, so the rule knows what is text, and whatever it does not know
is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["kinds_beyond_text"]

# Words, and the calls of tools, which models without eyes and ears read and write as words.
TEXT_TYPES = frozenset(
    {
        *("text", "input_text", "output_text", "refusal", "reasoning", "thinking", "redacted_thinking"),
        *("tool_use", "tool_call", "tool_call_chunk", "invalid_tool_call", "function_call", "input_json_delta"),
    }
)
# Amazon's Converse names a block by its only key.
TEXT_KEYS = frozenset({"text", "toolUse", "cachePoint", "reasoningContent"})
WRAPPERS = {
    "tool_result": "content",
    "function_call_output": "output",
    "toolResult": "content",
    "non_standard": "value",
}
KINDS = {
    "image": ("image", "image_url", "input_image", "computer_screenshot"),
    "audio": ("audio", "audio_url", "input_audio"),
    "video": ("video", "video_url", "input_video"),
    "document": ("document", "file", "input_file", "file_url", "pdf", "text-plain"),
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}
DEEPEST = 8


def kinds_beyond_text(content: Any) -> frozenset[str]:
    """What a message's content asks of a model beyond reading text; empty if it is text alone.

    Args:
        content: A string, or a list of strings and blocks in the form of any provider. Results of tools and wrapped
            blocks are looked into.

    Returns:
        ``"image"``, ``"audio"``, ``"video"``, ``"document"``; of any other block its own type, or ``"unknown"``.
    """
    if content is None or isinstance(content, str):
        return frozenset()
    return frozenset(_kinds(content, 0))


def _kinds(content: Any, depth: int) -> Iterator[str]:
    if content is None or isinstance(content, str):
        return
    if depth > DEEPEST:
        yield "unknown"
    elif isinstance(content, Mapping):
        yield from _kinds_of_block(content, depth)
    elif isinstance(content, Sequence) and not isinstance(content, (bytes, bytearray)):
        for part in content:
            yield from _kinds(part, depth + 1)
    else:
        yield "unknown"


def _kinds_of_block(block: Mapping[str, Any], depth: int) -> Iterator[str]:
    name = block.get("type")
    if name is None:  # named by its key, as Converse does; a text may stand beside a cache mark
        names = [key for key in block if key not in TEXT_KEYS]
        if not names:
            return
        name = names[0]
        inner = block[name] if name != "toolResult" else block[name].get("content") if _is_map(block[name]) else None
    else:
        inner = block.get(WRAPPERS.get(name, "")) if isinstance(name, str) else None
    if not isinstance(name, str):
        yield "unknown"
    elif name in WRAPPERS:
        yield from _kinds(inner, depth + 1)
    elif name in ("file", "media") and (mime := str(block.get("mime_type", "")).partition("/")[0]) in KINDS:
        yield mime
    elif name not in TEXT_TYPES:
        yield KIND_OF.get(name, name)


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)
