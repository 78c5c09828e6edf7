"""The thread behind a `Writer`: takes rows from the queue, writes them together, and tries again what failed."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from typing import TypeAlias

from hybrid_router_core.errors import DataError

from .errors import StoreError
from .rows import Event, Row, Texts
from .store import Store

__all__ = ["Worker", "size_of"]

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between tries
Item: TypeAlias = "tuple[Row, int] | threading.Event | None"
"""A row with the characters of its texts; an event to set once all before it is written; None at the end."""


class Worker:
    """Runs until it finds None in the queue; its own faults stay in it.

    Args:
        store: Where to.
        interval: Seconds in which rows gather.
    """

    def __init__(self, store: Store, interval: float) -> None:
        self.store = store
        self.interval = interval
        self.queue: SimpleQueue[Item] = SimpleQueue()  # its put may interrupt itself, as signal handlers do
        self.hurry = threading.Event()  # somebody waits, or the queue fills
        self.in_hand = 0  # rows out of the queue and not in the store
        self.characters = 0  # of texts, in the queue and in hand
        self.dropped = 0
        self.ended = False
        self.lock = threading.RLock()  # of the two counts above
        self._name = uuid.uuid4().hex
        self._batch = 0
        self._told = 0  # of the rows dropped
        self._failing = False

    def drop(self, rows: int = 1) -> None:
        """Count rows that are given up."""
        with self.lock:
            self.dropped += rows

    def weigh(self, characters: int) -> None:
        """Count texts that wait, or no longer do."""
        with self.lock:
            self.characters += characters

    def flush(self, timeout: float | None) -> bool:
        """Whether all that is in the queue now is in the store after so many seconds."""
        done, end = threading.Event(), inf if timeout is None else time.monotonic() + timeout
        self.queue.put(done)
        self.hurry.set()
        while not (done.wait(max(0.0, min(0.1, end - time.monotonic()))) or self.ended):
            if time.monotonic() >= end:
                return False
        return True

    def run(self) -> None:
        """The thread."""
        ended = False
        while not ended:
            items = self._gathered()
            ended = None in items
            rows = [item for item in items if isinstance(item, tuple)]
            self.in_hand = len(rows)
            self._write([row for row, _ in rows])
            self.weigh(-sum(characters for _, characters in rows))
            self.in_hand = 0
            if self.dropped > self._told:
                told = self.dropped
                self._write([Event(time=time.time(), kind="dropped", detail={"rows": told - self._told})])
                self._told = told
            for item in items:
                if isinstance(item, threading.Event):
                    item.set()
        self.ended = True

    def _gathered(self) -> list[Item]:
        items = [self.queue.get()]
        self.in_hand = 1
        if isinstance(items[0], tuple):
            self.hurry.wait(self.interval)
        self.hurry.clear()
        with suppress(Empty):
            while items[-1] is not None:
                self.in_hand = len(items)
                items.append(self.queue.get_nowait())
        return items

    def _write(self, rows: list[Row]) -> None:
        """Returns when each row is in the store or is known to fit into none."""
        if not rows or self._tried(rows):
            return
        if len(rows) == 1:
            logger.warning("a %s that no store can hold was dropped", type(rows[0]).__name__)
            self.drop()
            return
        half = len(rows) // 2
        self._write(rows[:half])
        self._write(rows[half:])

    def _tried(self, rows: list[Row]) -> bool:
        """Whether they are written; False if one of them is at fault. While the store is, this waits."""
        self._batch += 1
        pause = FIRST_PAUSE
        while True:
            try:
                self.store.write(rows, once=(self._name, self._batch))
            except DataError:
                return False
            except Exception as error:
                self._note(error)
            else:
                if self._failing:
                    self._failing = False
                    logger.warning("%r takes calls again", self.store)
                return True
            self.hurry.wait(pause)
            self.hurry.clear()
            pause = min(2 * pause, LONGEST_PAUSE)

    def _note(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            said = str(error) if isinstance(error, StoreError) else f"{self.store.address}: {type(error).__name__}"
            logger.warning("calls are kept in memory, as the store fails: %s", said)


def size_of(row: Row) -> int:
    """Characters of the texts in a row, about; 0 for a row of another kind."""
    if not isinstance(row, Texts):
        return 0
    try:
        said = sum(len(str(message.get("content", ""))) for message in row.messages or ())
        return said + sum(len(answer) for answer in row.answers.values()) + 1000
    except Exception:  # of another type: it will be dropped, by the thread
        return 1000
