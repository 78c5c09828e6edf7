"""`generate`, the entry point of chat models that gives several generations and the provider's own output."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import RunnableBinding
from langchain_core.runnables.config import RunnableConfig, get_config_list, merge_configs

from hybrid_router_core import ConfigError

from ._attempt import attempt, attempt_async
from ._batches import aoutcomes, outcomes, settled
from ._call import Call
from ._delegate import Delegating

__all__ = ["agenerate", "generate"]

CONFIG_KEYS = ("callbacks", "tags", "metadata", "run_name", "run_id")
Conversations = Sequence[Sequence[BaseMessage]]


def generate(router: Delegating, conversations: Conversations, kwargs: dict[str, Any]) -> LLMResult:
    """Each conversation on the model that is chosen for it; one scoring for all."""
    configs = _configs(kwargs, len(conversations))
    results = []
    for (conversation, outcome), config in zip(outcomes(router, conversations, configs, kwargs), configs, strict=True):

        def on_model(call: Call, conversation: Sequence[BaseMessage] = conversation) -> LLMResult:
            model, arguments = _arguments(call, kwargs)
            return model.generate([list(conversation)], **arguments)

        results.append(
            attempt(settled(router, outcome, list(conversation), config, kwargs), list(conversation), on_model)
        )
    return _merged(results)


async def agenerate(router: Delegating, conversations: Conversations, kwargs: dict[str, Any]) -> LLMResult:
    """As `generate`; the conversations run concurrently."""
    configs = _configs(kwargs, len(conversations))
    decided = await aoutcomes(router, conversations, configs, kwargs)
    results = []
    for (conversation, outcome), config in zip(decided, configs, strict=True):

        async def on_model(call: Call, conversation: Sequence[BaseMessage] = conversation) -> LLMResult:
            model, arguments = _arguments(call, kwargs)
            return await model.agenerate([list(conversation)], **arguments)

        results.append(
            attempt_async(settled(router, outcome, list(conversation), config, kwargs), list(conversation), on_model)
        )
    return _merged(await asyncio.gather(*results))


def _configs(kwargs: dict[str, Any], count: int) -> list[RunnableConfig]:
    """The parts of a config that generate takes as arguments; a run id is that of the first conversation."""
    first = {key: value for key in CONFIG_KEYS if (value := kwargs.pop(key, None)) is not None}
    rest = {key: value for key, value in first.items() if key != "run_id"}
    return get_config_list(cast("list[RunnableConfig]", [first, *[rest] * (count - 1)][:count]), count)


def _arguments(call: Call, kwargs: dict[str, Any]) -> tuple[BaseChatModel, dict[str, Any]]:
    model: Any = call.route
    config: RunnableConfig = call.config
    while isinstance(model, RunnableBinding):  # which would forward generate to the model and forget itself
        kwargs = {**model.kwargs, **kwargs}
        config = merge_configs(model.config, config, *(factory(config) for factory in model.config_factories))
        model = model.bound
    if not isinstance(model, BaseChatModel):
        raise ConfigError(
            f"generate needs a chat model or its bindings, and {call.decision.model} is a {type(model).__name__}; "
            "use invoke or batch"
        )
    return model, {**{key: config.get(key) for key in CONFIG_KEYS}, **kwargs}


def _merged(results: Sequence[LLMResult]) -> LLMResult:
    """The results as one; what two providers say besides has no common form and is left out."""
    if len(results) == 1:
        return results[0]
    runs = [run for result in results for run in result.run or []]
    return LLMResult(
        generations=[row for result in results for row in result.generations], llm_output={}, run=runs or None
    )
