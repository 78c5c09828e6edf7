"""What every adapter needs alike: a router in any of its forms, decisions sync and async, faults that go to large.

Sync and async share one path. The async way gathers the queries that wait while a batch is being scored into the next
batch, and scores in a thread, so that neither a slow embedder nor a thousand concurrent calls block the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args
from weakref import WeakKeyDictionary

from .decision import ModelName, RoutingDecision, check_threshold, decide
from .errors import ConfigError, DataError
from .router import HybridRouter

__all__ = ["Decider", "OnRouterError", "RouterLike"]

logger = logging.getLogger(__name__)

RouterLike: TypeAlias = "HybridRouter | str | PathLike[str] | Callable[[str], float]"
"""A router, the folder of a saved one, or a callable from the query to a score in [0, 1], high meaning small."""
OnRouterError: TypeAlias = Literal["large", "raise"]
Outcome: TypeAlias = "RoutingDecision | Exception"

NO_QUERY = RoutingDecision(model="large", reason="no_query", detail="there is no user text to score")


class Decider:
    """Decides for an adapter.

    Args:
        router: See `RouterLike`. A folder is read now, so that a wrong one fails at start and not in production.
        threshold: Small iff score >= threshold, in [0, 1]; None takes the router's own (0.5 for a callable).
        on_router_error: ``"large"``: when the router fails, the large model answers and the record says why.
            ``"raise"``: the error reaches the caller.

    Raises:
        ConfigError: If an argument is of a kind that is not allowed.
        ArtifactError: If a folder holds no sound router.
        NotFittedError: If the router has not been trained.
    """

    def __init__(
        self, router: RouterLike, *, threshold: float | None = None, on_router_error: OnRouterError = "large"
    ) -> None:
        if on_router_error not in get_args(OnRouterError):
            raise ConfigError(f"on_router_error is {on_router_error!r}; allowed: 'large', 'raise'")
        self.router = _load(router)
        self.threshold = None if threshold is None else check_threshold(threshold)
        self.on_router_error = on_router_error
        self._gatherers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Gatherer] = WeakKeyDictionary()

    def decide(
        self, query: str | None, *, threshold: float | None = None, model: ModelName | None = None
    ) -> RoutingDecision:
        """Decide for one query.

        Args:
            query: The text to score; None or blank (no user message, say) goes to large.
            threshold: Overrides the threshold for this query; in [0, 1].
            model: Overrides the decision; nothing is scored.

        Raises:
            ConfigError: If an override has a value that is not allowed.
        """
        if model is not None:
            return _override(model)
        return self.decide_batch([query], [threshold])[0]

    async def adecide(
        self, query: str | None, *, threshold: float | None = None, model: ModelName | None = None
    ) -> RoutingDecision:
        """As `decide`; concurrent calls of one event loop are scored together, off the loop."""
        if model is not None:
            return _override(model)
        loop = asyncio.get_running_loop()
        if not isinstance(self.router, HybridRouter):  # cannot score a batch, and may be slow: a thread for each query
            return _unwrap((await loop.run_in_executor(None, self._outcomes, [query], [threshold]))[0])
        gatherer = self._gatherers.get(loop)
        if gatherer is None:
            gatherer = self._gatherers[loop] = _Gatherer(self._outcomes)
        return _unwrap(await gatherer.outcome(query, threshold))

    def decide_batch(
        self, queries: Sequence[str | None], thresholds: Sequence[float | None] | None = None
    ) -> list[RoutingDecision]:
        """Decide for many queries with one scoring; a query that cannot be scored does not move the others."""
        return [_unwrap(outcome) for outcome in self.outcomes(queries, thresholds)]

    def outcomes(
        self, queries: Sequence[str | None], thresholds: Sequence[float | None] | None = None
    ) -> list[Outcome]:
        """As `decide_batch`, with the error in its place for each query whose caller is to get one."""
        return self._outcomes(queries, [None] * len(queries) if thresholds is None else list(thresholds))

    def _outcomes(self, queries: Sequence[str | None], thresholds: Sequence[float | None]) -> list[Outcome]:
        """A decision for each query, or the error that its caller is to get."""
        outcomes: list[Outcome] = [NO_QUERY] * len(queries)
        texts = [(i, query) for i, query in enumerate(queries) if query is not None and query.strip()]
        for (i, _), score in zip(texts, self._scores([query for _, query in texts]), strict=True):
            limit = thresholds[i]
            try:
                limit = self._own_threshold() if limit is None else check_threshold(limit)
            except ConfigError as error:  # a wrong threshold is the caller's mistake and never the router's
                outcomes[i] = error
            else:
                outcomes[i] = self._failed(score) if isinstance(score, Exception) else decide(score, limit)
        return outcomes

    def _own_threshold(self) -> float:
        if self.threshold is not None:
            return self.threshold
        return self.router.threshold if isinstance(self.router, HybridRouter) else 0.5

    def _scores(self, queries: list[str]) -> list[float | Exception]:
        if not isinstance(self.router, HybridRouter):
            return [self._called(self.router, query) for query in queries]
        try:
            return list(self.router.score(queries).tolist())
        except Exception as error:  # whatever an embedder may raise: the policy decides what becomes of it
            if len(queries) == 1:
                return [error]
            return [score for query in queries for score in self._scores([query])]

    @staticmethod
    def _called(router: Callable[[str], float], query: str) -> float | Exception:
        try:
            score = float(router(query))
            if not 0 <= score <= 1 or math.isnan(score):
                raise DataError(f"the router callable returned {score!r}; allowed: a score in [0, 1]")
        except Exception as error:  # as above
            return error
        return score

    def _failed(self, error: Exception) -> Outcome:
        if self.on_router_error == "raise":
            return error
        kind = type(error).__name__  # the message may quote the query, so it goes to the debug log alone
        logger.warning("the router failed with %s; the large model answers", kind)
        logger.debug("the router's error", exc_info=error)
        return RoutingDecision(model="large", reason="router_error", detail=kind)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_gatherers"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _gatherers=WeakKeyDictionary())


class _Gatherer:
    """Collects the queries of one event loop while a batch is being scored, and scores them as the next batch."""

    MOST = 1024

    def __init__(self, score: Callable[[Sequence[str | None], Sequence[float | None]], list[Outcome]]) -> None:
        self._score = score
        self._waiting: list[tuple[str | None, float | None, asyncio.Future[Outcome]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def outcome(self, query: str | None, threshold: float | None) -> Outcome:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((query, threshold, future))
        if self._worker is None or self._worker.done():
            self._worker = loop.create_task(self._work(loop))
        return await future

    async def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self.MOST], self._waiting[self.MOST :]
            queries, thresholds, futures = zip(*batch, strict=True)
            for future, outcome in zip(
                futures, await loop.run_in_executor(None, self._score, queries, thresholds), strict=True
            ):
                if not future.done():  # a caller may have been cancelled meanwhile
                    future.set_result(outcome)


def _override(model: ModelName) -> RoutingDecision:
    if model not in get_args(ModelName):
        raise ConfigError(f"the model override is {model!r}; allowed: 'small', 'large'")
    return RoutingDecision(model=model, reason="override")


def _unwrap(outcome: Outcome) -> RoutingDecision:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _load(router: Any) -> HybridRouter | Callable[[str], float]:
    if isinstance(router, (str, PathLike)):
        return HybridRouter.load(Path(router))
    if isinstance(router, HybridRouter):
        router.score([])  # raises if it was never trained
        return router
    if callable(router):
        score: Callable[[str], float] = router
        return score
    raise ConfigError(
        f"router is a {type(router).__name__}; allowed: a HybridRouter, the folder of a saved one, or a callable that "
        "takes the query and returns a score in [0, 1]"
    )
