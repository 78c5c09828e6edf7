"""What a call needs and what the two models can take, as the core's rule wants to know it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from hybrid_router_core.conversation import kinds_beyond_text
from hybrid_router_core.live import TOKENS_PER_MEDIUM, Demand, Limits, estimate_tokens

from ._models import Model, bare_model, bound_arguments, profile_of
from ._routes import Outfit, Structured, Tools, neutral

__all__ = ["OWN_TOOL", "demand_of", "limits_of", "parts_of"]

PROFILE_KEYS = {
    "image": "image_inputs",
    "audio": "audio_inputs",
    "video": "video_inputs",
    "document": "pdf_inputs",
}
# A profile may take these back in places; what is said of them nowhere is as of the kind itself.
TAKEN_BACK = {
    "image by URL": ("image", "image_url_inputs"),
    "image from a tool": ("image", "image_tool_message"),
    "document from a tool": ("document", "pdf_tool_message"),
}
OUTPUT_KEYS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample", "num_predict")
SCHEMA_KEYS = ("tools", "functions", "response_format")
TOKENS_PER_MESSAGE = 3
OWN_TOOL = "the tool "
UNKNOWN = Limits(kinds=frozenset({"tools"}))


def demand_of(
    messages: Sequence[BaseMessage], arguments: Mapping[str, Any], outfit: Outfit | None, *, count: bool
) -> Demand:
    """What a call needs.

    Args:
        messages: All that would be sent.
        arguments: Of the call.
        outfit: What has been bound for the call.
        count: Whether to estimate the tokens too, which costs as much as the text is long.
    """
    kinds = {kind for message in messages if not isinstance(message.content, str) for kind in _kinds(message)}
    if any("audio" in message.additional_kwargs for message in messages):  # OpenAI's spoken answers
        kinds.add("audio")
    if arguments.get("tools") or (outfit is not None and outfit.name == "tools"):
        kinds.add("tools")
    tools = [*(arguments.get("tools") or ()), *(outfit.tools if isinstance(outfit, Tools) else ())]
    kinds |= {kind for tool in tools if (kind := _own_tool(tool)) is not None}
    if not count:
        return Demand(kinds=frozenset(kinds))
    tokens = sum(map(_tokens, messages)) + sum(map(_schema_tokens, _schemas(arguments, outfit)))
    return Demand(tokens, _output(arguments), frozenset(kinds))


def parts_of(messages: Sequence[BaseMessage], arguments: Mapping[str, Any], outfit: Outfit | None) -> Iterator[str]:
    """The prompt part by part, as caches of prompts compare it: the tools, then one message after another."""
    yield "".join(json.dumps(neutral(schema), default=str) for schema in _schemas(arguments, outfit))
    for message in messages:
        yield "\n".join((message.type, *_texts(message.content), *_call_texts(message)))


def _schemas(arguments: Mapping[str, Any], outfit: Outfit | None) -> list[Any]:
    schemas = [arguments[key] for key in SCHEMA_KEYS if arguments.get(key)]
    if outfit is not None:
        schemas.append(outfit.schema if isinstance(outfit, Structured) else outfit.tools)
    return [part for schema in schemas for part in (schema if isinstance(schema, (list, tuple)) else [schema])]


def limits_of(model: Model, arguments: Mapping[str, Any]) -> Limits:
    """What a model can take, as far as its profile says; media need its leave, of tools it is the lack that counts."""
    profile = profile_of(model)
    if not profile:
        return UNKNOWN
    kinds = {kind for kind, key in PROFILE_KEYS.items() if profile.get(key)}
    kinds |= {place for place, (kind, key) in TAKEN_BACK.items() if kind in kinds and profile.get(key) is not False}
    if profile.get("tool_calling") is not False:
        kinds.add("tools")
    window = profile.get("max_input_tokens")
    if not isinstance(window, int) or isinstance(window, bool):
        return Limits(kinds=frozenset(kinds))
    bound = bound_arguments(model)
    own = sum(_schema_tokens(bound[key]) for key in SCHEMA_KEYS if bound.get(key))
    if not _output(arguments):  # the call brings no room for the answer, so the model's own counts
        own += _output(bound) or _output(_settings(bare_model(model)))
    return Limits(window=window, prompt=window - own, kinds=frozenset(kinds))


def _own_tool(tool: Any) -> str | None:
    """What a provider runs itself, such as its web search, which another provider's model cannot take."""
    if not isinstance(tool, Mapping) or tool.get("type", "function") in ("function", "custom"):
        return None
    return f"{OWN_TOOL}{tool['type']}" if isinstance(tool["type"], str) and "function" not in tool else None


def _kinds(message: BaseMessage) -> Iterable[str]:
    content = message.content
    for kind in kinds_beyond_text(content):
        yield kind
        if isinstance(message, ToolMessage) and f"{kind} from a tool" in TAKEN_BACK:
            yield f"{kind} from a tool"
        if kind == "image" and any(_by_url(block) for block in content):
            yield "image by URL"


def _by_url(block: Any) -> bool:
    if not isinstance(block, Mapping) or block.get("type") not in ("image", "image_url", "input_image"):
        return False
    place = block.get("url", block.get("image_url"))
    address = place.get("url") if isinstance(place, Mapping) else place
    return isinstance(address, str) and not address.startswith("data:")


def _tokens(message: BaseMessage) -> int:
    text = "\n".join((*_texts(message.content), *_call_texts(message)))
    blocks: Sequence[Any] = [] if isinstance(message.content, str) else message.content
    media = sum(bool(kinds_beyond_text([block])) for block in blocks)
    return TOKENS_PER_MESSAGE + estimate_tokens(text) + TOKENS_PER_MEDIUM * media


def _call_texts(message: BaseMessage) -> list[str]:
    """The arguments of the tools that a message calls, unless its content holds them."""
    blocks: Sequence[Any] = [] if isinstance(message.content, str) else message.content
    if not isinstance(message, AIMessage) or any(_is_call(block) for block in blocks):
        return []
    calls: list[Any] = [call["args"] for call in (*message.tool_calls, *message.invalid_tool_calls)]
    calls += [] if calls else filter(None, [message.additional_kwargs.get("function_call")])
    return [json.dumps(calls, default=str)] if calls else []


def _is_call(block: Any) -> bool:
    """Whether the content itself holds the calls of tools, as Anthropic's and OpenAI's Responses do."""
    return isinstance(block, Mapping) and block.get("type") in ("tool_use", "tool_call", "function_call")


def _texts(content: Any) -> Iterable[str]:
    """All strings of what is read as text: thoughts, arguments and results of tools too."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        if not kinds_beyond_text([content]):
            for value in content.values():
                yield from _texts(value)
    elif isinstance(content, Sequence) and not isinstance(content, (bytes, bytearray)):
        for part in content:
            yield from _texts(part)


def _schema_tokens(schema: Any) -> int:
    parts = schema if isinstance(schema, (list, tuple)) else [schema]
    return sum(estimate_tokens(json.dumps(neutral(part), default=str, ensure_ascii=False)) for part in parts)


def _output(arguments: Mapping[str, Any]) -> int:
    for key in OUTPUT_KEYS:
        value = arguments.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return 0


def _settings(model: Any) -> dict[str, Any]:
    return {key: getattr(model, key, None) for key in OUTPUT_KEYS}
