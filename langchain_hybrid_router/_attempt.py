"""One call with the chosen model, or with the large one after the small one has failed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any

from ._call import Call, stamp

__all__ = ["aeach", "attempt", "attempt_async", "each"]


def attempt(call: Call, do: Callable[[Call], Any]) -> Any:
    """Do it with the chosen model, then, if that raises and the router may fall back, with the large one."""
    try:
        output = do(call)
    except Exception as error:
        other = call.fallback(error)
        if other is None:
            raise
        call, output = other, do(other)
    return stamp(output, call.record)[0]


async def attempt_async(call: Call, do: Callable[[Call], Awaitable[Any]]) -> Any:
    """As `attempt`."""
    try:
        output = await do(call)
    except Exception as error:
        other = call.fallback(error)
        if other is None:
            raise
        call, output = other, await do(other)
    return stamp(output, call.record)[0]


def each(items: Iterator[Any]) -> Generator[Any]:
    """The items as a generator, which can be closed, whatever kind of iterator the model returned."""
    yield from items


async def aeach(items: AsyncIterator[Any]) -> AsyncGenerator[Any]:
    """As `each`."""
    try:
        async for item in items:
            yield item
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()
