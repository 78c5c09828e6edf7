"""The store's own thread: the loop never waits for the disk, and answers that come together share one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .store import Row, Store

__all__ = ["Writer"]

T = TypeVar("T")


class Writer:
    """Reaches a store from the loop."""

    def __init__(self, store: Store, thread: ThreadPoolExecutor) -> None:
        self.store = store
        self._thread = thread
        self._pending: list[tuple[Row, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def call(self, work: Callable[[], T]) -> T:
        """Do this in the store's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def save(self, row: Row) -> None:
        """Returns when the row is on the disk.

        Raises:
            CollectError: It could not be written.
        """
        saved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((row, saved))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._flush())
        await saved

    async def _flush(self) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            rows = [row for row, _ in batch]
            try:
                await self.call(lambda rows=rows: self.store.save(rows))  # type: ignore[misc]
            except Exception as error:
                for _, saved in batch:
                    if not saved.done():
                        saved.set_exception(error)
            else:
                for _, saved in batch:
                    if not saved.done():
                        saved.set_result(None)
