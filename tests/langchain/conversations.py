"""What the tests of conversations share: turns as messages, every way to ask, and stores of arms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from hybrid_router_core.live import Price, Prices
from langchain_hybrid_router import routing_decision

# Large's cache is cheaper than small without one, and small is cheaper than large without one
PRICES = Prices(small=Price(1.0, 0.0, cached_input=0.5), large=Price(2.0, 0.0, cached_input=0.1))
LONG = "word " * 8000
LOOP = [
    AIMessage("", tool_calls=[{"name": "multiply", "args": {"a": 6, "b": 7}, "id": "1", "type": "tool_call"}]),
    ToolMessage("42, said the easy tool", tool_call_id="1"),
]


def talk(*texts: str) -> list[BaseMessage]:
    """A conversation: the user's turns and, between them, answers without a record."""
    return [AIMessage(text) if i % 2 else HumanMessage(text) for i, text in enumerate(texts)]


def turns(*texts: str) -> list[BaseMessage]:
    """As `talk`, with answers of its own."""
    return talk(*[part for text in texts for part in (text, "Certainly.")][:-1])


def recorded(model: str, text: str = "Certainly.") -> AIMessage:
    """An answer with a record."""
    return AIMessage(text, response_metadata={"hybrid_router_model": model, "hybrid_router_reason": "score"})


def found(message: Any) -> tuple[str, str]:
    """Which model answered, and why."""
    decision = routing_decision(message)
    assert decision is not None
    return decision.model, decision.reason


async def _astreamed(router: Any, messages: Any, config: Any) -> Any:
    return reduce(add, [chunk async for chunk in router.astream(messages, config)])


async def _aevents(router: Any, messages: Any, config: Any) -> Any:
    return await (await router.astream_events(messages, config, version="v3"))


WAYS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "invoke": lambda r, m, c: r.invoke(m, c),
    "ainvoke": lambda r, m, c: asyncio.run(r.ainvoke(m, c)),
    "batch": lambda r, m, c: r.batch([m, m], c)[1],
    "abatch": lambda r, m, c: asyncio.run(r.abatch([m, m], c))[1],
    "batch as completed": lambda r, m, c: next(iter(r.batch_as_completed([m, m], c)))[1],
    "stream": lambda r, m, c: reduce(add, r.stream(m, c)),
    "astream": lambda r, m, c: asyncio.run(_astreamed(r, m, c)),
    "events": lambda r, m, c: r.stream_events(m, c, version="v3").output,
    "aevents": lambda r, m, c: asyncio.run(_aevents(r, m, c)),
    "generate": lambda r, m, c: r.generate([m]).generations[0][0].message,
    "agenerate": lambda r, m, c: asyncio.run(r.agenerate([m])).generations[0][0].message,
}


class Kept:
    """A store of the user's own."""

    def __init__(self) -> None:
        self.arms: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        return self.arms.get(key)

    def put(self, key: str, arm: str) -> None:
        self.arms[key] = arm


class Hostile:
    """A store that raises, or answers what is no arm."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    def get(self, key: str) -> Any:
        return self._fail(key) if self.answer is None else self.answer

    def put(self, key: str, arm: str) -> None:
        self._fail(key)

    def _fail(self, key: str) -> None:
        raise ConnectionError(f"no route to the store of {key}, a secret")
