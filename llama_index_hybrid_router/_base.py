"""The one path on which every call is decided."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import LLM
from llama_index.core.llms.function_calling import FunctionCallingLLM

from hybrid_router_core import RoutingDecision
from hybrid_router_core.live import Decider, Prefix, prefix_of, threads

from . import _tracker
from ._asked import Asked, Part, Routed
from ._copies import CopyingRules
from ._decisions import Decisions
from ._failure import reason_of
from ._measure import parts_of
from ._models import Model
from ._plan import Plan
from ._request import Request
from ._rules import FELL_BEFORE
from ._sticky import listener
from ._tagging import KEY, record_of
from .events import announce

logger = logging.getLogger(__name__)


class RoutingLLM(CopyingRules):
    """What `HybridRouterLLM` decides with; see there for the settings."""

    _decisions: Decisions = PrivateAttr()

    def _begin(self) -> None:
        self._decisions = Decisions(Decider(self.router, on_router_error=self.on_router_error))
        self._known = {}
        self._begin_staying()
        if self.track_questions:
            _tracker.install()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "track_questions" and self.track_questions:
            _tracker.install()

    def _plan(self, request: Request) -> Plan:
        started = perf_counter()
        asked = self._ask(request)
        decision = asked.settled or self._decisions.decide(asked.reading, asked.threshold)
        plan = self._decided(request, asked, decision, started)
        if self._limiter is not None:
            self._limiter.acquire()
        return plan

    async def _aplan(self, request: Request) -> Plan:
        started = perf_counter()
        unknown = [model for model in self._models.values() if not model.is_known]
        if unknown:  # what a model says of itself may come from a server, for which nobody else should wait
            work = partial(contextvars.copy_context().run, lambda: [model.facts for model in unknown])
            await asyncio.get_running_loop().run_in_executor(threads(), work)
        asked = self._ask(request)
        decision = asked.settled or await self._decisions.adecide(asked.reading, asked.threshold)
        plan = self._decided(request, asked, decision, started)
        if self._limiter is not None:
            await self._limiter.async_acquire()
        return plan

    @property
    def _limiter(self) -> Any:
        # older versions of LlamaIndex have none; a copy that renders a prompt belongs to a call that has waited already
        return getattr(self, "rate_limiter", None) if self._part.fixed is None else None

    def _decided(self, request: Request, asked: Asked, decision: RoutingDecision, started: float) -> Plan:
        part, models = self._part, self._models
        fixed = part.fixed is not None
        prompt = self._prompt(request)
        if prompt is not None and self._price is not None and not asked.reported:
            decision = self._price.ruled(decision, prompt)
        spare = self.fallback and decision.model == "small" and (part.spare if fixed else not asked.reported)
        spare = spare and "large" in self._able(request)
        if spare and not fixed and decision.reason != "override" and not models["small"].health.may_try():
            decision = replace(decision, model="large", reason="unavailable", detail="the small model kept failing")
            spare = False
        model = models[decision.model]
        if not asked.reported and request.asks_a_model:
            latency = (perf_counter() - started) * 1000
            announce(decision, model_name=model.name, query=asked.scored, latency_ms=latency, policy=self.events)
        call = Routed(request, asked, listener(asked.place, self._price, prompt))
        return self._planned(call, decision, model, spare=spare)

    def _prompt(self, request: Request) -> Prefix | None:
        """The prompt as caches of prompts see it; None if nobody asks what it costs."""
        if self._price is None or self._part.fixed is not None or not request.asks_a_model:
            return None
        return prefix_of(parts_of(request, [self.system_prompt or ""]))

    def _planned(self, call: Routed, decision: RoutingDecision, model: Model, *, spare: bool) -> Plan:
        record = record_of(decision, model.name)
        witness = self._part.witness
        if witness is not None:
            witness(record)
        # A tool may not run twice, so that a copy of the router runs them, which knows when they begin. A ReAct agent
        # reports no errors; there each call of the model falls back by itself.
        name = call.request.name
        runs_tools = name.endswith("predict_and_call")
        fronted = spare and runs_tools and not _overrides(model.llm, name)
        reacts = fronted and not model.facts.calls_functions
        front = Part(fixed=decision, spare=reacts, began=[]) if fronted else None
        can_begin_anew = spare and not reacts and fronted == runs_tools
        return Plan(
            decision,
            start=partial(self._start, call, decision, model, front),
            record=record,
            answered=partial(self._answered, call, decision, model, front),
            instead=partial(self._instead, call, decision, front) if can_begin_anew else None,
        )

    def _start(self, call: Routed, decision: RoutingDecision, model: Model, front: Part | None) -> Any:
        """Call the model: its answer, awaitable or stream."""
        request, reading = call.request, call.asked.reading
        args, kwargs = request.arguments()
        if front is not None or self._formats(request):
            copy = self._fronting(front or Part(fixed=decision), model.llm)
            return getattr(FunctionCallingLLM, request.name)(copy, *args, **kwargs)
        if reading.texts and isinstance(model.llm, RoutingLLM):
            kwargs.setdefault(KEY, reading)  # a router within this one is asked about the same question
        return getattr(model.reporting_to(self.callback_manager), request.name)(*args, **kwargs)

    def _answered(self, call: Routed, decision: RoutingDecision, model: Model, front: Part | None) -> None:
        if front is None or not front.spare:
            model.answered()
        if decision.reason == "fallback" and decision.detail != FELL_BEFORE:  # large could: not the call's own fault
            self._models["small"].health.failed()
        if call.told is not None:
            call.told(decision.model)

    def _instead(self, call: Routed, first: RoutingDecision, front: Part | None, error: Exception) -> Plan:
        """The plan for the large model, after the small one has failed."""
        if front is not None and front.began:
            raise error
        reason = reason_of(error)
        if call.asked.turn is not None:
            self._fallen.append(call.asked.turn)
        logger.warning("the small model failed with %s; the large model answers", reason)
        logger.debug("the small model's error", exc_info=error)
        decision, large = replace(first, model="large", reason="fallback", detail=reason), self._models["large"]
        announce(decision, model_name=large.name, query=None, latency_ms=0.0, policy=self.events)
        return self._planned(call, decision, large, spare=False)

    def _shown(self, role: Any) -> str:
        return f"{super()._shown(role)}({self._models[role].name})"


def _overrides(llm: LLM, name: str) -> bool:
    """Whether a model runs tools in a way of its own, which cannot be parted from its calls."""
    return not isinstance(llm, RoutingLLM) and getattr(type(llm), name) not in (
        getattr(FunctionCallingLLM, name),
        getattr(LLM, name),
    )
