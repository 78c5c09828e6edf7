"""A memory of the last decisions, so that a refine loop or a tool loop stays on one model and is scored once."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any
from weakref import WeakKeyDictionary

from hybrid_router_core import RoutingDecision
from hybrid_router_core.decider import Decider
from hybrid_router_core.decision import ModelName

KEPT = 128


class Decisions:
    """Asks the decider once for each of the last questions."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._kept: OrderedDict[Hashable, RoutingDecision] = OrderedDict()
        self._pending: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, asyncio.Task[RoutingDecision]]]
        self._pending = WeakKeyDictionary()
        self._lock = threading.Lock()

    def decide(self, query: str | None, threshold: float | None) -> RoutingDecision:
        """The decision for a question."""
        key = self._key(query, threshold)
        return self._recall(key) or self._keep(key, self._decider.decide(query, threshold=threshold))

    async def adecide(self, query: str | None, threshold: float | None) -> RoutingDecision:
        """As `decide`; calls that ask the same at the same time wait for one scoring."""
        key = self._key(query, threshold)
        decision = self._recall(key)
        if decision is not None:
            return decision
        loop = asyncio.get_running_loop()
        pending = self._pending.setdefault(loop, {})
        task = pending.get(key)
        if task is None:
            task = pending[key] = loop.create_task(self._decider.adecide(query, threshold=threshold))
            task.add_done_callback(lambda _: pending.pop(key, None))
        return self._keep(key, await asyncio.shield(task))  # one caller's cancellation is not the others'

    def override(self, model: ModelName) -> RoutingDecision:
        """The decision that the caller made."""
        return self._decider.decide(None, model=model)

    def _key(self, query: str | None, threshold: float | None) -> Hashable:
        # the router's own threshold may be changed at any time, and must then count at once
        return query, threshold if threshold is not None else getattr(self._decider.router, "threshold", None)

    def _recall(self, key: Hashable) -> RoutingDecision | None:
        with self._lock:
            decision = self._kept.get(key)
            if decision is not None:
                self._kept.move_to_end(key)
            return decision

    def _keep(self, key: Hashable, decision: RoutingDecision) -> RoutingDecision:
        if decision.reason == "score":  # after a fault of the router the next call may well succeed
            with self._lock:
                self._kept[key] = decision
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return decision

    def __reduce__(self) -> tuple[Any, tuple[Decider | None]]:
        return type(self), (None,)  # a copy of the LLM makes its own, from the router it holds
