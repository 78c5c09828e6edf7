"""Streams of the chosen model, or of the large one after the small one has failed without having said anything."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing, closing
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig, RunnableGenerator

from ._attempt import RUN_NAME
from ._call import Call
from ._record import stamp

__all__ = ["astreamed", "streamed"]


def streamed(call: Call, value: Any, do: Callable[[Call], Iterator[Any]]) -> Generator[Any]:
    """As `attempt`, for streams: large answers if small raises before it has said anything."""
    if not call.may_fall_back:
        yield from _items(call, do)
        return

    def both(values: Iterator[Any], config: RunnableConfig) -> Iterator[Any]:
        list(values)  # the run takes its input from what is read
        first, begun = call.under(config), False
        try:
            with closing(_items(first, do)) as items:
                for item in items:
                    begun = True
                    yield item
            return
        except Exception as error:
            if begun:
                raise
            other = first.fallback(error)
        yield from _items(other, do)

    run: Any = RunnableGenerator(both, name=RUN_NAME)  # type: ignore[arg-type]  # it takes a config too
    with closing(run.transform(iter([value]), call.base)) as items:
        yield from items


async def astreamed(call: Call, value: Any, do: Callable[[Call], AsyncIterator[Any]]) -> AsyncGenerator[Any]:
    """As `streamed`."""
    if not call.may_fall_back:
        # aclosing: if the caller stops early, the model's run would stay open until the garbage is collected
        async with aclosing(_aitems(call, do)) as items:
            async for item in items:
                yield item
        return

    async def both(values: AsyncIterator[Any], config: RunnableConfig) -> AsyncIterator[Any]:
        async for _ in values:
            pass
        first, begun = call.under(config), False
        try:
            async with aclosing(_aitems(first, do)) as items:
                async for item in items:
                    begun = True
                    yield item
            return
        except Exception as error:
            if begun:
                raise
            other = first.fallback(error)
        async with aclosing(_aitems(other, do)) as items:
            async for item in items:
                yield item

    async def one() -> AsyncIterator[Any]:
        yield value

    run: Any = RunnableGenerator(both, name=RUN_NAME)  # type: ignore[arg-type]
    async with aclosing(run.atransform(one(), call.base)) as items:
        async for item in items:
            yield item


class _Held:
    """The start of a stream, kept back while large could still answer in its place."""

    def __init__(self, call: Call) -> None:
        self.call, self.stamped, self.said = call, False, not call.may_fall_back
        self.items: list[Any] = []

    def take(self, item: Any) -> list[Any]:
        """What may be given to the caller now that this item has come."""
        if not self.stamped:
            item, self.stamped = stamp(item, self.call.record)
        if self.said:
            return [item]
        self.items.append(item)
        return self.rest() if _says_something(item) else []

    def rest(self) -> list[Any]:
        """What was kept back, since the model has spoken, or has ended in peace."""
        self.said, items, self.items = True, self.items, []
        self.call.answered()
        return items


def _items(call: Call, do: Callable[[Call], Iterator[Any]]) -> Generator[Any]:
    held = _Held(call)
    try:
        with closing(_each(do(call))) as items:
            for item in items:
                yield from held.take(item)
    except Exception:
        if not held.said:
            call.failed()
        raise
    yield from held.rest()


async def _aitems(call: Call, do: Callable[[Call], AsyncIterator[Any]]) -> AsyncGenerator[Any]:
    held = _Held(call)
    try:
        async with aclosing(_aeach(do(call))) as items:
            async for item in items:
                for given in held.take(item):
                    yield given
    except Exception:
        if not held.said:
            call.failed()
        raise
    for given in held.rest():
        yield given


def _says_something(item: Any) -> bool:
    if not isinstance(item, BaseMessage):
        return True
    if item.additional_kwargs or getattr(item, "tool_call_chunks", None):
        return True
    content = item.content
    return bool(content) if isinstance(content, str) else any(map(_holds_something, content))


def _holds_something(block: Any) -> bool:
    """Whether there is more to a block than that it begins."""
    if not isinstance(block, dict):
        return bool(block)
    frame = ("type", "index", "id", "signature", "status")
    return any(value for name, value in block.items() if name not in frame)


def _each(items: Iterator[Any]) -> Generator[Any]:
    """The items as a generator, which can be closed, whatever kind of iterator the model returned."""
    yield from items


async def _aeach(items: AsyncIterator[Any]) -> AsyncGenerator[Any]:
    """As `_each`."""
    try:
        async for item in items:
            yield item
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()
