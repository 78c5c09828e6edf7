"""Whether a call is too long for a model."""

from __future__ import annotations

import json
from collections.abc import Iterator

from llama_index.core.base.llms.types import LLMMetadata, TextBlock
from llama_index.core.constants import DEFAULT_NUM_OUTPUTS
from llama_index.core.utils import get_tokenizer

from ._request import Request


def too_long(request: Request, metadata: LLMMetadata) -> bool:
    """Whether the text of the call and its answer exceed the window, by LlamaIndex's global tokenizer."""
    room = metadata.context_window - (metadata.num_output if metadata.num_output > 0 else DEFAULT_NUM_OUTPUTS)
    text = "\n".join(_texts(request))
    if len(text.encode()) <= room:  # no token is shorter than a byte
        return False
    return len(get_tokenizer()(text)) > room


def _texts(request: Request) -> Iterator[str]:
    for message in request.messages:
        for block in message.blocks:
            if isinstance(block, TextBlock):
                yield block.text
    for tool in request.get("tools") or ():
        yield f"{tool.metadata.name} {tool.metadata.description} {tool.metadata.fn_schema_str}"
    output_cls = request.get("output_cls")
    if output_cls is not None:
        yield json.dumps(output_cls.model_json_schema())
