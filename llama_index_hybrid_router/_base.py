"""The settings of the router, and the one path on which every call is decided."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import Annotated, Any, Literal, NamedTuple

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.bridge.pydantic import ConfigDict, Field, PrivateAttr, SerializeAsAny, WithJsonSchema
from llama_index.core.llms import LLM
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation.dispatcher import active_instrument_tags
from typing_extensions import Self

from hybrid_router_core import RoutingDecision
from hybrid_router_core.decider import Decider, OnRouterError
from hybrid_router_core.decision import ModelName
from hybrid_router_core.errors import ConfigError

from . import _tracker
from ._callbacks import share
from ._decisions import Decisions
from ._length import too_long
from ._plan import Plan
from ._question import question_of
from ._request import Override, Request
from ._tagging import KEY
from .events import EventPolicy, announce


class Asked(NamedTuple):
    """A call before its decision: what is to be scored, or what is settled already."""

    query: str | None = None
    threshold: float | None = None
    settled: RoutingDecision | None = None
    reported: bool = False


class RoutingLLM(FunctionCallingLLM):
    """What `HybridRouterLLM` decides with; see there for the settings."""

    model_config = ConfigDict(extra="forbid")  # a misspelled setting must not pass in silence

    small: SerializeAsAny[LLM]
    large: SerializeAsAny[LLM]
    router: Annotated[Any, WithJsonSchema({"type": "string"})] = Field(frozen=True)
    threshold: float | None = Field(default=None, ge=0, le=1)
    context_window: Literal["min", "large"] = "min"
    is_function_calling: Literal["all", "any"] = "all"
    on_router_error: OnRouterError = Field(default="large", frozen=True)
    fallback: bool = False
    track_questions: bool = True
    events: EventPolicy = "full"

    _decisions: Decisions = PrivateAttr()
    _fixed: RoutingDecision | None = PrivateAttr(default=None)  # of a copy that renders a prompt for its model
    _question: str | None = PrivateAttr(default=None)  # of a copy that is asked about one question

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "callback_manager":  # `Settings.llm` sets it at every access
            self._share_callbacks()

    def _begin(self) -> None:
        """What a new object needs, and a copy needs of its own."""
        self._decisions = Decisions(Decider(self.router, on_router_error=self.on_router_error))
        if self.track_questions:
            _tracker.install()
        self._share_callbacks()

    def _share_callbacks(self) -> None:
        for child in (self.small, self.large):
            share(self.callback_manager, child)

    def _plan(self, request: Request) -> Plan:
        started = perf_counter()
        asked = self._ask(request)
        decision = asked.settled or self._decisions.decide(asked.query, asked.threshold)
        plan = self._decided(request, asked, decision, started)
        if self._limiter is not None:
            self._limiter.acquire()
        return plan

    async def _aplan(self, request: Request) -> Plan:
        started = perf_counter()
        asked = self._ask(request)
        decision = asked.settled or await self._decisions.adecide(asked.query, asked.threshold)
        plan = self._decided(request, asked, decision, started)
        if self._limiter is not None:
            await self._limiter.async_acquire()
        return plan

    @property
    def _limiter(self) -> Any:
        # older versions of LlamaIndex have none; a copy that renders a prompt belongs to a call that has waited already
        return getattr(self, "rate_limiter", None) if self._fixed is None else None

    def _ask(self, request: Request) -> Asked:
        """Everything about the decision that needs no scoring."""
        if self._fixed is not None:
            return Asked(settled=self._fixed, reported=True)
        tag = active_instrument_tags.get().get(KEY)
        override = request.override or (Override() if tag is None else Override.read(tag))
        if override.query is None:
            override = replace(override, query=self._question)
        request.override = override
        able = self._able(request)
        if override.decision is not None:
            return Asked(settled=override.decision, reported=True)
        if override.model is not None:
            decision = self._decisions.override(override.model)
            if not any(child is self._child(decision) for child in able):
                raise ConfigError(
                    f"{KEY} names the {override.model} model, which calls no functions, for a call with tools; "
                    "leave the model to the router, or use a model that does"
                )
            return Asked(settled=decision)
        if len(able) == 1:
            only: ModelName = "small" if able[0] is self.small else "large"
            return Asked(settled=RoutingDecision(only, reason="capability", detail="the other calls no functions"))
        if self.context_window == "large" and too_long(request, self.small.metadata):
            return Asked(settled=RoutingDecision("large", reason="context_window"))
        threshold = self.threshold if override.threshold is None else override.threshold
        return Asked(question_of(request, track=self.track_questions), threshold)

    def _able(self, request: Request) -> list[LLM]:
        """The models that can take the call: with tools, those that call functions."""
        both = [self.small, self.large]
        if not request.carries_tools:
            return both
        able = [child for child in both if calls_functions(child)]
        if not able and request.name.endswith("_with_tools"):
            raise ConfigError(
                f"{request.name} needs a model that calls functions; neither {self.small.metadata.model_name!r} nor "
                f"{self.large.metadata.model_name!r} does. Use a ReActAgent, or other models"
            )
        return able or both

    def _decided(self, request: Request, asked: Asked, decision: RoutingDecision, started: float) -> Plan:
        if not asked.reported and request.name != "convert_chat_messages":  # which asks no model
            self._report(decision, asked.query, (perf_counter() - started) * 1000)
        spare = self.fallback and decision.model == "small" and not asked.reported
        return Plan(self, request, decision, spare and any(child is self.large for child in self._able(request)))

    def _report(self, decision: RoutingDecision, query: str | None = None, latency_ms: float = 0.0) -> None:
        name = self._child(decision).metadata.model_name
        announce(decision, model_name=name, query=query, latency_ms=latency_ms, policy=self.events)

    def _child(self, decision: RoutingDecision) -> LLM:
        return self.small if decision.model == "small" else self.large

    def _formats(self, request: Request) -> bool:
        """Whether the router has prompt settings of its own, which its model must not be left to ignore."""
        if request.template is None or self._fixed is not None:
            return False
        own = self.system_prompt or self.output_parser or self.query_wrapper_prompt
        return bool(own) or ("structured" in request.name and self.pydantic_program_mode != PydanticProgramMode.DEFAULT)

    def _fronting(self, decision: RoutingDecision) -> Self:
        """A copy that is settled on a model: it renders a prompt with the settings of both, then calls that model."""
        child = self._child(decision)
        update: dict[str, Any] = {"output_parser": self.output_parser or child.output_parser}
        if self.pydantic_program_mode == PydanticProgramMode.DEFAULT:
            update["pydantic_program_mode"] = child.pydantic_program_mode
        front = super().model_copy(update=update)
        front._fixed = decision
        return front

    def _asking(self, question: str) -> Self:
        """A copy that is asked about one question, whatever the prompt looks like."""
        copy = super().model_copy()
        copy._question = question
        return copy

    def _extend_messages(self, messages: list[ChatMessage]) -> list[ChatMessage]:
        messages = super()._extend_messages(messages)
        return messages if self._fixed is None else self._child(self._fixed)._extend_messages(messages)

    def _extend_prompt(self, formatted_prompt: str) -> str:
        prompt = super()._extend_prompt(formatted_prompt)
        return prompt if self._fixed is None else self._child(self._fixed)._extend_prompt(prompt)


def calls_functions(llm: LLM) -> bool:
    """Whether the LLM can be offered tools."""
    return isinstance(llm, FunctionCallingLLM) and llm.metadata.is_function_calling_model
