"""A request of an agent, made over for a model of another provider.

Middleware before the router's has seen the agent's own model, and may have set what that one's provider alone takes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from langchain.agents.middleware.types import ModelRequest
from langchain_core.language_models import BaseChatModel

__all__ = ["translated"]

logger = logging.getLogger(__name__)

# What models of several providers take at call time, though it is no field of theirs.
COMMON = frozenset(
    {"stop", "tool_choice", "parallel_tool_calls", "strict", "response_format", "max_tokens", "temperature"}
)
CACHE_MARK = "cache_control"  # Anthropic's, in settings, blocks of content and tools


def translated(request: ModelRequest[Any], model: BaseChatModel) -> ModelRequest[Any]:
    """The request without what the model's provider does not know; the same one if the provider is the same."""
    if model._llm_type == request.model._llm_type:
        return request
    settings = _known(request.model_settings, model)
    if "anthropic" in model._llm_type:
        return request.override(model_settings=settings)
    return request.override(
        model_settings=settings,
        system_message=_unmarked(request.system_message) if request.system_message else None,
        messages=[_unmarked(message) for message in request.messages],
        tools=[_unmarked_tool(tool) for tool in request.tools],
    )


def _known(settings: dict[str, Any], model: BaseChatModel) -> dict[str, Any]:
    fields = type(model).model_fields
    known = COMMON | set(fields) | {field.alias for field in fields.values() if field.alias}
    if "anthropic" in model._llm_type:
        known |= {CACHE_MARK}
    dropped = sorted(set(settings) - known)
    if dropped:
        logger.warning(
            "%s, set by a middleware before HybridRouterMiddleware, is not sent to %s, which does not know it; put "
            "HybridRouterMiddleware first, so that the others see the chosen model",
            ", ".join(dropped),
            type(model).__name__,
        )
    return {key: value for key, value in settings.items() if key in known}


def _unmarked(message: Any) -> Any:
    if isinstance(message.content, str) or not any(_is_marked(block) for block in message.content):
        return message
    return message.model_copy(update={"content": _without_marks(message.content)})


def _unmarked_tool(tool: Any) -> Any:
    if isinstance(tool, dict):
        return _without_marks([tool])[0]
    if _is_marked(getattr(tool, "extras", None)):
        return tool.model_copy(update={"extras": _without_marks([tool.extras])[0] or None})
    return tool


def _is_marked(block: Any) -> bool:
    return isinstance(block, dict) and (CACHE_MARK in block or _is_marked(block.get("extras")))


def _without_marks(blocks: Sequence[Any]) -> list[Any]:
    return [_without_mark(block) if _is_marked(block) else block for block in blocks]


def _without_mark(block: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in block.items() if key != CACHE_MARK}
    return {**rest, "extras": _without_mark(rest["extras"])} if _is_marked(rest.get("extras")) else rest
