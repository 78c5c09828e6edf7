"""Concurrent calls of one event loop scored together: while one batch is in a thread, the next one gathers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from .threads import threads

__all__ = ["Gatherer"]

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST = 1024


class Gatherer(Generic[Item, Result]):
    """Runs a function over the items of all who wait, off the loop; every one of them gets a result or an error.

    Args:
        work: From some items to a result for each; called in a thread.
        loop: The event loop. Who waits there holds this, and nobody else should for longer: it holds the loop.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result]], loop: asyncio.AbstractEventLoop) -> None:
        self._work = work
        self.loop = loop
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def result(self, item: Item) -> Result:
        """The result for one item; raises what the work raised, or RuntimeError if it was cancelled."""
        future: asyncio.Future[Result] = self.loop.create_future()
        self._waiting.append((item, future))
        if self._worker is None:
            self._worker = self.loop.create_task(self._run())
        return await future

    async def _run(self) -> None:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        failure: BaseException = RuntimeError("the task that scores was cancelled")
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                results = await self.loop.run_in_executor(threads(), self._work, [item for item, _ in batch])
                for (_, future), result in zip(batch, results, strict=True):
                    if not future.done():  # its caller may have been cancelled meanwhile
                        future.set_result(result)
        except asyncio.CancelledError:
            raise  # the failure above is what those who still wait are told
        except BaseException as error:  # an executor that is shut down, a panic: theirs, not the loop's
            failure = error
        finally:
            left, self._waiting, self._worker = [*batch, *self._waiting], [], None
            for _, future in left:
                if not future.done():
                    future.set_exception(failure)
