"""Decisions on a raw question that is still a value of a dict, before any prompt is rendered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from hybrid_router_core import DataError

from ._delegate import Delegating

__all__ = ["assigner", "selector"]


def selector(model: Delegating, key: str) -> Runnable[dict[str, Any], dict[str, Any]]:
    """What LangChain's RouterRunnable takes: the name of the branch, and its input."""
    return _lambda(model, key, "as_selector", lambda values, side: {"key": side, "input": values})


def assigner(model: Delegating, key: str) -> Runnable[dict[str, Any], dict[str, Any]]:
    """The input with the name of the chosen model under ``route``."""
    return _lambda(model, key, "assign_route", lambda values, side: {**values, "route": side})


def _lambda(
    model: Delegating, key: str, name: str, result: Callable[[dict[str, Any], str], dict[str, Any]]
) -> Runnable[dict[str, Any], dict[str, Any]]:
    def func(values: Any, config: RunnableConfig) -> Any:
        return result(values, model._decision(_value(values, key, name), config, {}).model)

    async def afunc(values: Any, config: RunnableConfig) -> Any:
        return result(values, (await model._adecision(_value(values, key, name), config, {})).model)

    # LangChain reads schemas off these, and cannot where they are strings, as all are in this module.
    for each in (func, afunc):
        each.__annotations__ = {"values": dict, "config": RunnableConfig, "return": dict}
    return RunnableLambda(func, afunc, name=name)


def _value(values: Any, key: str, name: str) -> Any:
    if not isinstance(values, dict):
        raise DataError(f'{name}("{key}") got a {type(values).__name__}; allowed: a dict with the key {key!r}')
    if key not in values:
        raise DataError(
            f'{name}("{key}") got a dict with the keys {sorted(map(str, values))}; {key!r} is not among them'
        )
    return values[key]
