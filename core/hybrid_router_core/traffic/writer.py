"""Rows to a store from where answers are given: nothing here waits, and nothing here fails."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from typing import Any
from weakref import WeakSet, finalize

from hybrid_router_core.errors import ConfigError

from .address import AddressLike
from .rows import Row
from .store import Store
from .worker import Worker, size_of

__all__ = ["Writer"]

_CHARACTERS = 64_000_000  # of texts that may wait
_LAST = 1.0  # seconds for what is queued when the program ends


class Writer:
    """Puts rows into a store by a thread of its own, at least every half second.

    While the store fails, rows wait and are written when it is back; what the queue cannot hold is dropped, counted,
    and noted in the store as an event. After a fork the child has a queue and a thread of its own; a pickle is the
    address with the settings.

    Args:
        store: A store, or its address; it need not be reachable yet.
        size: Rows that may wait.
        interval: Seconds in which rows gather before they are written together.

    Raises:
        ConfigError: An argument has a value that is not allowed.
        MissingExtraError: SQLAlchemy or the driver is not installed.
    """

    def __init__(self, store: Store | AddressLike, *, size: int = 10_000, interval: float = 0.5) -> None:
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ConfigError(f"size is {size!r}; allowed: a whole number of rows >= 1")
        if not isinstance(interval, (int, float)) or not 0 < interval <= 60:
            raise ConfigError(f"interval is {interval!r}; allowed: seconds above 0 and up to 60")
        self._own = not isinstance(store, Store)
        self.store = store if isinstance(store, Store) else Store(store)
        self.size = size
        self.interval = interval
        self._start_anew()
        _writers.add(self)

    def put(self, row: Row) -> bool:
        """Keep a row, at once.

        Returns:
            False if it was dropped: the queue is full, or the writer is closed.
        """
        worker = self._worker
        waiting = worker.queue.qsize()
        if self._closed or waiting + worker.in_hand >= self.size:
            worker.drop()
            return False
        characters = size_of(row)
        if characters:
            if worker.characters and worker.characters + characters > _CHARACTERS:
                worker.drop()
                return False
            worker.weigh(characters)
        worker.queue.put((row, characters))
        if self._thread is None:
            self._start()
        elif 2 * (waiting + 1) == self.size:
            worker.hurry.set()
        return True

    @property
    def dropped(self) -> int:
        """Rows lost in this process."""
        return self._worker.dropped

    def flush(self, timeout: float | None = 5.0) -> bool:
        """Wait until all rows put before are in the store.

        Args:
            timeout: Seconds; None waits for ever.

        Returns:
            Whether they are.
        """
        worker = self._worker
        if self._thread is None and worker.queue.empty():
            return True
        self._start()
        return worker.flush(timeout)

    def close(self, timeout: float = _LAST) -> bool:
        """Write what waits, for so many seconds at most; rows put later are dropped.

        A store that the writer made from an address is closed, one that was given is not.

        Returns:
            Whether all rows are in the store.
        """
        self._closed = True
        done = self.flush(timeout)
        self._worker.queue.put(None)
        if done and self._thread is not None:
            self._thread.join(timeout)
            if self._own and self._worker.ended:
                self.store.close()
        return done

    def _start_anew(self) -> None:
        self._closed = False
        self._worker = Worker(self.store, self.interval)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        # The thread does not know the writer, so a writer that nobody holds ends, and its thread with it.
        finalize(self, self._worker.queue.put, None).atexit = False

    def _start(self) -> None:
        if self._thread is not None or not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                thread = threading.Thread(target=_run, args=(self._worker,), name="hybrid-router-store", daemon=True)
                thread.start()
                self._thread = thread
                _remember_the_end()
        except RuntimeError:  # no thread to be had; the next row tries again
            pass
        finally:
            self._starting.release()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Writer({self.store!r}, size={self.size}, interval={self.interval}, dropped={self.dropped})"

    def __reduce__(self) -> tuple[Any, ...]:
        store = self.store.address if self._own else self.store
        return _again, (type(self), store, self.size, self.interval)


def _again(kind: type[Writer], store: Store | AddressLike, size: int, interval: float) -> Writer:
    return kind(store, size=size, interval=interval)


_writers: WeakSet[Writer] = WeakSet()
_running: set[Worker] = set()  # those of writers that nobody holds any more are waited for, too
_finalized: set[int] = set()  # processes


def _run(worker: Worker) -> None:
    _running.add(worker)
    worker.run()
    _running.discard(worker)


def _remember_the_end() -> None:
    """A process of multiprocessing ends without the functions of atexit."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None and os.getpid() not in _finalized:
        _finalized.add(os.getpid())
        util.Finalize(None, _finish, exitpriority=100)


def _finish() -> None:
    end = time.monotonic() + _LAST
    for worker in list(_running):
        worker.flush(max(0.0, end - time.monotonic()))


def _in_child() -> None:
    _running.clear()
    for writer in list(_writers):
        writer._start_anew()


atexit.register(_finish)
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_in_child)
