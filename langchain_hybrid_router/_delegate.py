# ruff: noqa: A002 - "input" is LangChain's name for it
"""The entry points of a chat model, each of which decides and then calls the same entry point of the chosen model.

No run is opened here: the chosen model opens its own, so that usage, tokens and traces count once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config, get_config_list

from hybrid_router_core import HybridRouter, RoutingDecision
from hybrid_router_core.decider import Decider

from ._attempt import aeach, attempt, attempt_async, each
from ._call import Call, stamp
from ._events import stamp_events, start, start_async
from ._question import Question

__all__ = ["Delegating"]

Config = RunnableConfig | None
Kwargs = dict[str, Any]


class Delegating:
    """Mixin, to stand before the Runnable among the bases."""

    @property
    def _decider(self) -> Decider:
        raise NotImplementedError

    def _ask(self, model_input: Any, config: RunnableConfig, kwargs: Kwargs) -> RoutingDecision | Question:
        """The decision that the rules make for a call, or the question that a score must answer."""
        raise NotImplementedError

    def _call(self, decision: RoutingDecision, config: RunnableConfig) -> Call:
        """The call that follows from a decision."""
        raise NotImplementedError

    def _decide(self, model_input: Any, config: Config, kwargs: Kwargs) -> Call:
        config = ensure_config(config)
        asked = self._ask(model_input, config, kwargs)
        if isinstance(asked, Question):
            asked = self._decider.decide(asked.query, threshold=asked.threshold)
        return self._call(asked, config)

    async def _adecide(self, model_input: Any, config: Config, kwargs: Kwargs) -> Call:
        config = ensure_config(config)
        asked = self._ask(model_input, config, kwargs)
        if isinstance(asked, Question):
            asked = await self._decider.adecide(asked.query, threshold=asked.threshold)
        return self._call(asked, config)

    def _settled(self, outcome: RoutingDecision | Exception, config: RunnableConfig) -> Call:
        if isinstance(outcome, Exception):
            raise outcome
        return self._call(outcome, config)

    def invoke(self, input: Any, config: Config = None, **kwargs: Any) -> Any:
        """Decide, and let the chosen model answer."""
        call = self._decide(input, config, kwargs)
        return attempt(call, lambda call: call.route.invoke(input, call.config, **kwargs))

    async def ainvoke(self, input: Any, config: Config = None, **kwargs: Any) -> Any:
        """As `invoke`; the scoring does not block the event loop."""
        call = await self._adecide(input, config, kwargs)
        return await attempt_async(call, lambda call: call.route.ainvoke(input, call.config, **kwargs))

    def stream(self, input: Any, config: Config = None, **kwargs: Any) -> Iterator[Any]:
        """Decide, and stream the chosen model's answer; the first chunk carries the decision."""
        call = self._decide(input, config, kwargs)
        begun = False
        while True:
            try:
                with closing(each(call.route.stream(input, call.config, **kwargs))) as items:
                    stamped = False
                    for item in items:
                        if not stamped:
                            item, stamped = stamp(item, call.record)
                        begun = True
                        yield item
                    return
            except Exception as error:  # noqa: PERF203
                other = None if begun else call.fallback(error)
                if other is None:
                    raise
                call = other

    async def astream(self, input: Any, config: Config = None, **kwargs: Any) -> AsyncIterator[Any]:
        """As `stream`."""
        call = await self._adecide(input, config, kwargs)
        begun = False
        while True:
            try:
                # aclosing: if the caller stops early, the model's run would stay open until the garbage is collected
                async with aclosing(aeach(call.route.astream(input, call.config, **kwargs))) as items:
                    stamped = False
                    async for item in items:
                        if not stamped:
                            item, stamped = stamp(item, call.record)
                        begun = True
                        yield item
                    return
            except Exception as error:  # noqa: PERF203
                other = None if begun else call.fallback(error)
                if other is None:
                    raise
                call = other

    def stream_events(self, input: Any, config: Config = None, *, version: str = "v2", **kwargs: Any) -> Any:
        """As of any chat model; version 3 gives the chosen model's own stream."""
        if version != "v3":
            return super().stream_events(input, config, version=version, **kwargs)  # type: ignore[misc]

        def open_stream(call: Call) -> Any:
            route: Any = call.route
            stream = stamp_events(route.stream_events(input, call.config, version=version, **kwargs), call.record)
            return start(stream) if call.may_fall_back else stream

        return attempt(self._decide(input, config, kwargs), open_stream)

    def astream_events(self, input: Any, config: Config = None, *, version: str = "v2", **kwargs: Any) -> Any:
        """As `stream_events`."""
        if version != "v3":
            return super().astream_events(input, config, version=version, **kwargs)  # type: ignore[misc]

        async def open_stream(call: Call) -> Any:
            route: Any = call.route
            stream = await route.astream_events(input, call.config, version=version, **kwargs)
            stream = stamp_events(stream, call.record)
            return await start_async(stream) if call.may_fall_back else stream

        async def opened() -> Any:
            return await attempt_async(await self._adecide(input, config, kwargs), open_stream)

        return opened()

    def batch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[Any]:
        """Decide for all inputs with one scoring; the chosen models answer in parallel."""
        if not self._scores_together(inputs):
            return super().batch(inputs, config, **kwargs)  # type: ignore[misc, no-any-return]
        configs = get_config_list(config, len(inputs))
        return _Decided(self).batch(self._outcomes(inputs, configs, kwargs), configs, **kwargs)

    async def abatch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[Any]:
        """As `batch`."""
        if not self._scores_together(inputs):
            return await super().abatch(inputs, config, **kwargs)  # type: ignore[misc, no-any-return]
        configs = get_config_list(config, len(inputs))
        outcomes = await asyncio.to_thread(self._outcomes, inputs, configs, kwargs)
        return await _Decided(self).abatch(outcomes, configs, **kwargs)

    def batch_as_completed(self, inputs: Sequence[Any], config: Any = None, **kwargs: Any) -> Iterator[Any]:
        """As `batch`, in the order of completion."""
        if not self._scores_together(inputs):
            return super().batch_as_completed(inputs, config, **kwargs)  # type: ignore[misc, no-any-return]
        configs = get_config_list(config, len(inputs))
        return _Decided(self).batch_as_completed(self._outcomes(inputs, configs, kwargs), configs, **kwargs)

    async def abatch_as_completed(self, inputs: Sequence[Any], config: Any = None, **kwargs: Any) -> AsyncIterator[Any]:
        """As `abatch`, in the order of completion."""
        if self._scores_together(inputs):
            configs = get_config_list(config, len(inputs))
            outcomes = await asyncio.to_thread(self._outcomes, inputs, configs, kwargs)
            completed = _Decided(self).abatch_as_completed(outcomes, configs, **kwargs)
        else:
            completed = super().abatch_as_completed(inputs, config, **kwargs)  # type: ignore[misc]
        async for pair in completed:
            yield pair

    def _scores_together(self, inputs: Sequence[Any]) -> bool:
        # A callable scores one query after another, so its batches are decided call by call, in parallel.
        return len(inputs) > 1 and isinstance(self._decider.router, HybridRouter)

    def _outcomes(self, inputs: Sequence[Any], configs: Sequence[RunnableConfig], kwargs: Kwargs) -> list[_Outcome]:
        """Each input with its decision, or with the error that is its own."""
        kwargs = {key: value for key, value in kwargs.items() if key != "return_exceptions"}
        asked: list[RoutingDecision | Question | Exception] = []
        for model_input, config in zip(inputs, configs, strict=True):
            try:
                asked.append(self._ask(model_input, config, kwargs))
            except Exception as error:  # noqa: PERF203
                asked.append(error)
        questions = [each for each in asked if isinstance(each, Question)]
        scored = iter(
            self._decider.outcomes([each.query for each in questions], [each.threshold for each in questions])
        )
        outcomes = [next(scored) if isinstance(each, Question) else each for each in asked]
        return list(zip(inputs, outcomes, strict=True))


_Outcome = tuple[Any, RoutingDecision | Exception]


class _Decided(Runnable[_Outcome, Any]):
    """Calls the model for an input whose decision is made; the base class knows how to run many."""

    def __init__(self, owner: Delegating) -> None:
        self.owner = owner

    def invoke(self, input: _Outcome, config: Config = None, **kwargs: Any) -> Any:
        value, outcome = input
        call = self.owner._settled(outcome, ensure_config(config))
        return attempt(call, lambda call: call.route.invoke(value, call.config, **kwargs))

    async def ainvoke(self, input: _Outcome, config: Config = None, **kwargs: Any) -> Any:
        value, outcome = input
        call = self.owner._settled(outcome, ensure_config(config))
        return await attempt_async(call, lambda call: call.route.ainvoke(value, call.config, **kwargs))
