"""What every adapter needs alike: a router in any of its forms, decisions sync and async, faults that go to large.

Sync and async share one path. The async way gathers the queries that wait while a batch is being scored into the next
batch, and scores in a thread, so that neither a slow embedder nor a thousand concurrent calls block the event loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, TypeAlias, get_args
from weakref import WeakValueDictionary

from hybrid_router_core.conversation import Judged, Reading, decide_reading, no_question, read_text
from hybrid_router_core.errors import ConfigError, DataError
from hybrid_router_core.router import HybridRouter
from hybrid_router_core.routing import ModelName, RoutingDecision, check_threshold

from .callables import NOT_A_FAULT, ascored, scored
from .gatherer import Gatherer
from .loading import RouterLike, load_router
from .threads import threads

__all__ = ["Decider", "OnRouterError", "Query", "RouterLike"]

logger = logging.getLogger(__name__)

OnRouterError: TypeAlias = Literal["large", "raise"]
Outcome: TypeAlias = "RoutingDecision | BaseException"
Query: TypeAlias = "str | Reading | None"
"""A text to score, a conversation as it was read, or None where there is nothing to score."""
Asked: TypeAlias = "tuple[Query, float | None]"


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
        self.router = load_router(router)
        self.threshold = None if threshold is None else check_threshold(threshold)
        self.on_router_error = on_router_error
        # Only who waits keeps one: it must not keep a loop alive that its program has done with.
        self._gatherers: WeakValueDictionary[int, Gatherer[Asked, Outcome]] = WeakValueDictionary()

    def decide(
        self, query: Query, *, threshold: float | None = None, model: ModelName | None = None
    ) -> RoutingDecision:
        """Decide for one query.

        Args:
            query: The text to score, or the reading of a conversation; None or blank goes to large.
            threshold: Overrides the threshold for this query; in [0, 1].
            model: Overrides the decision; nothing is scored.

        Raises:
            ConfigError: If an override has a value that is not allowed, or the router is an async callable.
            DataError: If the query is none of these.
        """
        if model is not None:
            return _override(model)
        return self.decide_batch([query], [threshold])[0]

    async def adecide(
        self, query: Query, *, threshold: float | None = None, model: ModelName | None = None
    ) -> RoutingDecision:
        """As `decide`; concurrent calls of one event loop are scored together, off the loop."""
        if model is not None:
            return _override(model)
        return _unwrap(await self._aoutcome(query, threshold))

    def decide_batch(
        self, queries: Sequence[Query], thresholds: Sequence[float | None] | None = None
    ) -> list[RoutingDecision]:
        """Decide for many queries with one scoring; a query that cannot be scored does not move the others."""
        return [_unwrap(outcome) for outcome in self.outcomes(queries, thresholds)]

    def outcomes(self, queries: Sequence[Query], thresholds: Sequence[float | None] | None = None) -> list[Outcome]:
        """As `decide_batch`, with the error in its place for each query whose caller is to get one."""
        return self._outcomes(list(zip(queries, _per_query(thresholds, queries), strict=True)))

    async def aoutcomes(
        self, queries: Sequence[Query], thresholds: Sequence[float | None] | None = None
    ) -> list[Outcome]:
        """As `outcomes`, off the event loop."""
        asked = list(zip(queries, _per_query(thresholds, queries), strict=True))
        if not isinstance(self.router, HybridRouter):
            return list(await asyncio.gather(*(self._aoutcome(query, limit) for query, limit in asked)))
        try:
            work = partial(contextvars.copy_context().run, self._outcomes, asked)
            return await asyncio.get_running_loop().run_in_executor(threads(), work)
        except NOT_A_FAULT:
            raise
        except BaseException as error:  # no thread could be had
            return [self._failed(error)] * len(asked)

    async def _aoutcome(self, query: Query, threshold: float | None) -> Outcome:
        try:
            if isinstance(self.router, HybridRouter):
                return await self._gatherer().result((query, threshold))
            reading = _reading(query).as_written()
            found = _as_judged(await ascored(self.router, reading.texts[0])) if reading.texts else None
            return self._outcome(query, reading, threshold, found)
        except NOT_A_FAULT:
            raise
        except BaseException as error:  # no thread could be had, or the task was cancelled under its callers
            return self._failed(error)

    def _gatherer(self) -> Gatherer[Asked, Outcome]:
        loop = asyncio.get_running_loop()
        gatherer = self._gatherers.get(id(loop))
        if gatherer is None or gatherer.loop is not loop:
            gatherer = self._gatherers[id(loop)] = Gatherer(self._outcomes, loop)
        return gatherer

    def _outcomes(self, asked: Sequence[Asked]) -> list[Outcome]:
        """A decision for each query, or the error that its caller is to get."""
        readings = [_reading(query) for query, _ in asked]
        if not isinstance(self.router, HybridRouter):
            readings = [reading.as_written() for reading in readings]
        found = iter(self._judged([reading for reading in readings if reading.texts]))
        return [
            self._outcome(query, reading, limit, next(found) if reading.texts else None)
            for (query, limit), reading in zip(asked, readings, strict=True)
        ]

    def _outcome(
        self, query: Query, reading: Reading, limit: float | None, found: Judged | BaseException | None
    ) -> Outcome:
        if query is not None and not isinstance(query, (str, Reading)):
            return DataError(f"the query is a {type(query).__name__}; allowed: a string, or None for the large model")
        if found is None:
            return no_question(reading)
        if isinstance(found, ConfigError):  # the callable cannot be used in this way at all
            return found
        try:
            limit = self._own_threshold() if limit is None else check_threshold(limit)
        except ConfigError as error:  # a wrong threshold is the caller's mistake and never the router's
            return error
        return self._failed(found) if isinstance(found, BaseException) else decide_reading(reading, found, limit)

    def _own_threshold(self) -> float:
        if self.threshold is not None:
            return self.threshold
        return self.router.threshold if isinstance(self.router, HybridRouter) else 0.5

    def _judged(self, readings: list[Reading]) -> list[Judged | BaseException]:
        """What is known of the texts of each reading, or its error alone."""
        if not isinstance(self.router, HybridRouter):
            return [_as_judged(scored(self.router, reading.texts[0])) for reading in readings]
        try:
            return [*self.router._fitted().judge(readings, self.router.score)]
        except NOT_A_FAULT:
            raise
        except BaseException as error:  # whatever an embedder may raise: the policy decides what becomes of it
            if len(readings) == 1:
                return [error]
            return [found for reading in readings for found in self._judged([reading])]

    def _failed(self, error: BaseException) -> Outcome:
        if self.on_router_error == "raise":
            return error
        kind = type(error).__name__  # the message may quote the query, so it goes to the debug log alone
        logger.warning("the router failed with %s; the large model answers", kind)
        logger.debug("the router's error", exc_info=error)
        return RoutingDecision(model="large", reason="router_error", detail=kind)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_gatherers"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _gatherers=WeakValueDictionary())


def _reading(query: Query) -> Reading:
    if isinstance(query, Reading):
        return query
    return read_text(query if isinstance(query, str) else None)


def _as_judged(score: float | BaseException) -> Judged | BaseException:
    """What is known of a text that a callable has scored, or the callable's error."""
    return score if isinstance(score, BaseException) else Judged([score])


def _per_query(thresholds: Sequence[float | None] | None, queries: Sequence[Any]) -> Sequence[float | None]:
    return [None] * len(queries) if thresholds is None else thresholds


def _override(model: ModelName) -> RoutingDecision:
    if model not in get_args(ModelName):
        raise ConfigError(f"the model override is {model!r}; allowed: 'small', 'large'")
    return RoutingDecision(model=model, reason="override")


def _unwrap(outcome: Outcome) -> RoutingDecision:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
