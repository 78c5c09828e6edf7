"""What a call needs of a model: its length, and what is in it beyond text. No model is asked, no function is run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.prompts import BasePromptTemplate, RichPromptTemplate
from llama_index.core.tools import BaseTool
from llama_index.core.utils import get_tokenizer

from hybrid_router_core.conversation import kinds_beyond_text
from hybrid_router_core.live import TOKENS_PER_MEDIUM, Demand, estimate_tokens

from ._request import Request, plain

TOKENS_PER_MESSAGE = 3
OUTPUT = ("max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict")


def asked_output(request: Request) -> int | None:
    """The length of the answer that the call itself asks for, in tokens."""
    values = [request.option(name) for name in OUTPUT]
    return next((v for v in values if isinstance(v, int) and not isinstance(v, bool) and v > 0), None)


def demand_of(request: Request, system_prompts: Iterable[str], *, output: int, rooms: Iterable[float]) -> Demand:
    """What the call needs.

    Args:
        request: The call.
        system_prompts: What the router and its models put before it.
        output: Tokens to leave for the answer.
        rooms: Tokens that the models take. LlamaIndex packs prompts up to the last token of a window, so that near one
            of these its tokenizer counts, and the estimate does elsewhere.
    """
    blocks = list(_blocks(request))
    texts = [text for block in blocks if (text := _text_of(block))]
    texts += [*_tool_texts(request), *filter(None, system_prompts)]
    blocks = [block for block in blocks if type(block) not in (str, TextBlock)]
    flat = TOKENS_PER_MEDIUM * sum(isinstance(block, (ImageBlock, AudioBlock)) for block in blocks)
    if request.template is None:
        flat += TOKENS_PER_MESSAGE * len(request.messages)
    tokens = flat + sum(map(estimate_tokens, texts))
    if any(room < tokens <= 3 * room for room in rooms):
        counted = _counted(texts)
        tokens = tokens if counted is None else flat + counted
    kinds = frozenset(kind for block in blocks for kind in _kinds_of(block))
    if request.option("image_documents"):  # the keyword of LlamaIndex's models with eyes
        kinds |= {"image"}
    return Demand(tokens, output, kinds)


def parts_of(request: Request, system_prompts: Iterable[str]) -> Iterator[str]:
    """The prompt part by part, as caches of prompts compare it: tools, system prompts, one message after another."""
    yield "\n".join(_tool_texts(request))
    yield from filter(None, system_prompts)
    if not request.messages:  # a template that only the model can render
        yield from map(_text_of, _blocks(request))
    for message in request.messages:
        yield "\n".join((message.role.value, *map(_text_of, _blocks_of((message,)))))


def _blocks(request: Request) -> Iterator[Any]:
    """The blocks of the messages; of a template its own blocks, and the texts that will fill it."""
    if request.template is None:
        yield from _blocks_of(request.messages)
        return
    template = plain(request.template)
    if isinstance(template, RichPromptTemplate) and not template.function_mappings:
        yield from _blocks_of(request.messages)  # its filters make blocks of what fills it
        return
    messages = getattr(template, "message_templates", None)
    yield from _blocks_of(messages) if messages else (_own_text(template),)
    yield from map(_as_text, request.variables.values())


def _blocks_of(messages: Sequence[ChatMessage]) -> Iterator[Any]:
    for message in messages:
        yield from message.blocks
        if message.additional_kwargs:  # calls of tools, in the form of the provider
            yield _as_text(message.additional_kwargs)


def _own_text(template: BasePromptTemplate) -> str:
    try:
        return template.get_template()
    except Exception:  # a template of the user's own class
        return ""


def _text_of(block: Any) -> str:
    if type(block) is TextBlock:  # before all others, and not by isinstance, which costs ten times as much
        return block.text
    if isinstance(block, str):
        return block
    if isinstance(block, ThinkingBlock):
        return block.content or ""
    if isinstance(block, ToolCallBlock):
        return f"{block.tool_name} {_as_text(block.tool_kwargs)}"
    if isinstance(block, (CitableBlock, CitationBlock)):
        return "\n".join(map(_text_of, _inner(block)))
    if isinstance(block, (ImageBlock, AudioBlock, CachePoint)):
        return ""
    return _as_text(block)


def _kinds_of(block: Any) -> frozenset[str]:
    if isinstance(block, CachePoint):
        return frozenset()
    if isinstance(block, (CitableBlock, CitationBlock)):
        return frozenset(kind for inner in _inner(block) for kind in _kinds_of(inner))
    return kinds_beyond_text([{"type": getattr(block, "block_type", "unknown")}])


def _inner(block: CitableBlock | CitationBlock) -> Sequence[Any]:
    return block.content if isinstance(block, CitableBlock) else [block.cited_content]


def _tool_texts(request: Request) -> Iterator[str]:
    """What models are told of tools and output classes, and what else is long enough to count."""
    for value in (request.get("tools"), request.get("output_cls"), *request.options.values()):
        if isinstance(value, (list, tuple)):
            yield from map(_schema_text, value)
        elif value is not None and not isinstance(value, (str, int, float)):
            yield _schema_text(value)


def _schema_text(value: Any) -> str:
    try:
        if isinstance(value, BaseTool):
            return f"{value.metadata.name} {value.metadata.description} {value.metadata.fn_schema_str}"
        if isinstance(value, type) and issubclass(value, BaseModel):
            return json.dumps(value.model_json_schema())
    except Exception:  # a tool without a schema, a class with a field that has none
        return ""
    return _as_text(value)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and not value:
        return ""
    try:
        return str(value)
    except Exception:  # the user's own class; what cannot be shown cannot be measured
        return ""


def _counted(texts: list[str]) -> int | None:
    """Tokens by LlamaIndex's global tokenizer, which its prompt helper packs by."""
    try:
        return len(get_tokenizer()("\n".join(texts)))
    except Exception:  # the user's own tokenizer
        return None
