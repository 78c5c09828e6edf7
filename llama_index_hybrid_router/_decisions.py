"""The decisions of a router, with a memory, so that a refine loop or a tool loop is scored once.

A trained router gives the same score to the same reading until it is trained anew, so its last decisions are kept: by
a hash of the reading and the threshold, for as long as what was trained is in use. A callable may depend on anything
(a budget, the time), so it is asked at each call.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import inspect
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from hybrid_router_core import HybridRouter, RoutingDecision
from hybrid_router_core.conversation import Reading
from hybrid_router_core.live import Decider

KEPT = 128


class Key(NamedTuple):
    """What a decision depends on: the reading, the threshold, and what was trained."""

    reading: bytes
    threshold: float
    trained: int


class Decisions:
    """Asks the decider once for each of the last readings; keeps some 200 bytes for each of the last 128."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._is_async = decider is not None and _is_async(decider.router)
        self._trained: Any = None
        self._kept: OrderedDict[Key, RoutingDecision] = OrderedDict()
        self._pending: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Key, asyncio.Task[RoutingDecision]]]
        self._pending = WeakKeyDictionary()
        self._lock = threading.Lock()

    def decide(self, reading: Reading, threshold: float | None) -> RoutingDecision:
        """The decision for what was read; an async callable is awaited, on an event loop of its own."""
        if self._is_async:
            with ThreadPoolExecutor(1) as thread:  # this one may be running an event loop
                asked = self._decider.adecide(reading, threshold=threshold)
                return thread.submit(contextvars.copy_context().run, asyncio.run, asked).result()
        key = self._key(reading, threshold)
        return self._recall(key) or self._keep(key, self._decider.decide(reading, threshold=threshold))

    async def adecide(self, reading: Reading, threshold: float | None) -> RoutingDecision:
        """As `decide`; calls that ask the same at the same time wait for one scoring."""
        key = self._key(reading, threshold)
        if key is None:
            return await self._decider.adecide(reading, threshold=threshold)
        decision = self._recall(key)
        if decision is not None:
            return decision
        pending = self._pending.setdefault(asyncio.get_running_loop(), {})
        task = pending.get(key)
        if task is None:
            task = pending[key] = asyncio.create_task(self._decider.adecide(reading, threshold=threshold))
            task.add_done_callback(lambda done: (pending.pop(key, None), done.cancelled() or done.exception()))
        return self._keep(key, await asyncio.shield(task))  # one caller's cancellation is not the others'

    def _key(self, reading: Reading, threshold: float | None) -> Key | None:
        router = self._decider.router
        if not isinstance(router, HybridRouter):
            return None
        trained = router._predictor
        if trained is not self._trained:
            with self._lock:
                self._trained = trained
                self._kept.clear()
        return Key(_digest(reading), router.threshold if threshold is None else threshold, id(trained))

    def _recall(self, key: Key | None) -> RoutingDecision | None:
        if key is None:
            return None
        with self._lock:
            decision = self._kept.get(key)
            if decision is not None:
                self._kept.move_to_end(key)
            return decision

    def _keep(self, key: Key | None, decision: RoutingDecision) -> RoutingDecision:
        # after a fault of the router the next call may well succeed
        if key is not None and (decision.reason, decision.threshold) == ("score", key.threshold):
            with self._lock:
                if key.trained == id(self._trained):  # else it was trained anew meanwhile
                    self._kept[key] = decision
                    while len(self._kept) > KEPT:
                        self._kept.popitem(last=False)
        return decision

    def __reduce__(self) -> tuple[Any, tuple[None]]:
        return Decisions, (None,)  # a copy of the LLM makes its own, from the router it holds


def _digest(reading: Reading) -> bytes:
    """Of all that its score is made of, and of what is decided besides."""
    digest = hashlib.blake2b(digest_size=16)
    said = (reading.kind, str(reading.found_fault), str(reading.is_first), str(reading.shares))
    for text in (*said, *reading.texts):
        digest.update(len(text).to_bytes(8, "little") + text.encode(errors="surrogatepass"))
    return digest.digest()


def _is_async(router: Any) -> bool:
    called = getattr(type(router), "__call__", None)  # noqa: B004  # of an object that is called as a function
    return inspect.iscoroutinefunction(router) or inspect.iscoroutinefunction(called)
