"""Decisions on a raw question that is still a value of a dict, before any prompt is rendered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from hybrid_router_core import DataError, RoutingDecision

__all__ = ["assigner", "selector"]

Decide = Callable[[Any, RunnableConfig], RoutingDecision]
AsyncDecide = Callable[[Any, RunnableConfig], Awaitable[RoutingDecision]]
Dict = dict[str, Any]


def selector(decide: Decide, adecide: AsyncDecide, key: str) -> Runnable[Dict, Dict]:
    """What LangChain's RouterRunnable takes: the name of the branch, and its input."""
    return _lambda(decide, adecide, key, "as_selector", lambda values, model: {"key": model, "input": values})


def assigner(decide: Decide, adecide: AsyncDecide, key: str) -> Runnable[Dict, Dict]:
    """The input with the name of the chosen model under ``route``."""
    return _lambda(decide, adecide, key, "assign_route", lambda values, model: {**values, "route": model})


def _lambda(
    decide: Decide, adecide: AsyncDecide, key: str, name: str, result: Callable[[Dict, str], Dict]
) -> Runnable[Dict, Dict]:
    def func(values: Dict, config: RunnableConfig) -> Dict:
        return result(values, decide(_value(values, key, name), config).model)

    async def afunc(values: Dict, config: RunnableConfig) -> Dict:
        return result(values, (await adecide(_value(values, key, name), config)).model)

    return RunnableLambda(func, afunc, name=name)


def _value(values: Any, key: str, name: str) -> Any:
    if not isinstance(values, dict):
        raise DataError(f'{name}("{key}") got a {type(values).__name__}; allowed: a dict with the key {key!r}')
    if key not in values:
        raise DataError(
            f'{name}("{key}") got a dict with the keys {sorted(map(str, values))}; {key!r} is not among them'
        )
    return values[key]
