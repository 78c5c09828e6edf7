# ruff: noqa: A002 - "input" is LangChain's name for it
"""The entry points of a chat model, each of which decides and then calls the same entry point of the chosen model.

No run is opened here unless large may answer for small: the chosen model opens its own, so that usage, tokens and
traces count once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, merge_configs

from hybrid_router_core import RoutingDecision

from ._attempt import aeither, attempt, attempt_async, either
from ._call import Call
from ._events import stamp_events, start, start_async
from ._question import Question
from ._routes import Routes
from ._rules import Rules
from ._streams import astreamed, streamed

__all__ = ["Config", "Delegating", "Kwargs"]

Config = RunnableConfig | None
Kwargs = dict[str, Any]


class Delegating:
    """Mixin, to stand before the Runnable among the bases."""

    @property
    def _ruling(self) -> Rules:
        raise NotImplementedError

    @property
    def _routes(self) -> Routes:
        raise NotImplementedError

    def _own_config(self) -> RunnableConfig | None:
        """Tags, metadata and callbacks that the router itself was given, for the run of the chosen model."""
        raise NotImplementedError

    def _ask(self, model_input: Any, config: RunnableConfig, kwargs: Kwargs) -> RoutingDecision | Question:
        return self._ruling.ask(self._routes, model_input, config, kwargs)

    def _unpriced(self, model_input: Any, config: RunnableConfig, kwargs: Kwargs) -> RoutingDecision:
        asked = self._ask(model_input, config, kwargs)
        if isinstance(asked, Question):
            return self._ruling.decider.decide(asked.query, threshold=asked.threshold)
        return asked

    async def _aunpriced(self, model_input: Any, config: RunnableConfig, kwargs: Kwargs) -> RoutingDecision:
        asked = self._ask(model_input, config, kwargs)
        if isinstance(asked, Question):
            return await self._ruling.decider.adecide(asked.query, threshold=asked.threshold)
        return asked

    def _decision(self, model_input: Any, config: RunnableConfig, kwargs: Kwargs) -> RoutingDecision:
        decision = self._unpriced(model_input, config, kwargs)
        return self._ruling.priced(self._routes, decision, model_input, kwargs)

    async def _adecision(self, model_input: Any, config: RunnableConfig, kwargs: Kwargs) -> RoutingDecision:
        decision = await self._aunpriced(model_input, config, kwargs)
        return self._ruling.priced(self._routes, decision, model_input, kwargs)

    def _call(self, decision: RoutingDecision, model_input: Any, config: RunnableConfig, kwargs: Kwargs) -> Call:
        """The call that follows from a decision."""
        rules, routes, own = self._ruling, self._routes, self._own_config()
        told = rules.listener(routes, model_input, config, kwargs)
        return rules.call(routes, decision, merge_configs(own, config) if own else config, told)

    def invoke(self, input: Any, config: Config = None, **kwargs: Any) -> Any:
        """Decide, and let the chosen model answer."""
        config = ensure_config(config)
        call = self._call(self._decision(input, config, kwargs), input, config, kwargs)
        return attempt(call, input, lambda call: call.route.invoke(input, call.config, **kwargs))

    async def ainvoke(self, input: Any, config: Config = None, **kwargs: Any) -> Any:
        """As `invoke`; the scoring does not block the event loop."""
        config = ensure_config(config)
        call = self._call(await self._adecision(input, config, kwargs), input, config, kwargs)
        return await attempt_async(call, input, lambda call: call.route.ainvoke(input, call.config, **kwargs))

    def stream(self, input: Any, config: Config = None, **kwargs: Any) -> Iterator[Any]:
        """Decide, and stream the chosen model's answer; the first chunk carries the decision."""
        config = ensure_config(config)
        call = self._call(self._decision(input, config, kwargs), input, config, kwargs)
        with closing(streamed(call, input, lambda call: call.route.stream(input, call.config, **kwargs))) as items:
            yield from items

    async def astream(self, input: Any, config: Config = None, **kwargs: Any) -> AsyncIterator[Any]:
        """As `stream`."""
        config = ensure_config(config)
        call = self._call(await self._adecision(input, config, kwargs), input, config, kwargs)
        stream = astreamed(call, input, lambda call: call.route.astream(input, call.config, **kwargs))
        async with aclosing(stream) as items:
            async for item in items:
                yield item

    def stream_events(self, input: Any, config: Config = None, *, version: str = "v2", **kwargs: Any) -> Any:
        """As of any chat model; version 3 gives the chosen model's own stream."""
        if version != "v3":
            return super().stream_events(input, config, version=version, **kwargs)  # type: ignore[misc]

        def open_stream(call: Call) -> Any:
            route: Any = call.route
            stream = stamp_events(route.stream_events(input, call.config, version=version, **kwargs), call.record)
            return start(stream) if call.may_fall_back else stream

        config = ensure_config(config)
        return either(self._call(self._decision(input, config, kwargs), input, config, kwargs), open_stream)

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
            known = ensure_config(config)
            return await aeither(
                self._call(await self._adecision(input, known, kwargs), input, known, kwargs), open_stream
            )

        return opened()
