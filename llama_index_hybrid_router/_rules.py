"""What settles a call before it is scored: overrides, what the models can take, and whether there is a question."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import LLM

from hybrid_router_core import RoutingDecision
from hybrid_router_core.errors import ConfigError
from hybrid_router_core.live import place
from hybrid_router_core.routing import ModelName

from ._measure import asked_output, demand_of
from ._models import Model
from ._override import Override, tagged_override
from ._question import failed_query_from, no_question, question_of
from ._request import Request
from ._settings import RouterSettings
from ._tagging import KEY

FELL_BEFORE = "small failed before in this turn"
ROLES: tuple[ModelName, ModelName] = ("small", "large")


class Asked(NamedTuple):
    """A call before its decision: what is to be scored, or what is settled already."""

    query: str = ""
    threshold: float | None = None
    settled: RoutingDecision | None = None
    reported: bool = False


class Part(NamedTuple):
    """What distinguishes a copy of the router that serves one call.

    Attributes:
        fixed: It renders a prompt, or runs tools, for the model of this decision.
        spare: Then, whether the large model stands in for a failing small one.
        began: Then, filled once the tools that the model named may have run.
        pinned: What the caller fixed.
        witness: Who is told the record.
    """

    fixed: RoutingDecision | None = None
    spare: bool = False
    began: list[bool] | None = None
    pinned: Override = Override()
    witness: Callable[[dict[str, Any]], None] | None = None


class RoutingRules(RouterSettings):
    """The rules, in the order in which they are asked."""

    _known: dict[ModelName, Model] = PrivateAttr(default_factory=dict)
    _part: Part = PrivateAttr(default=Part())
    _fallen: deque[int] = PrivateAttr(default_factory=lambda: deque(maxlen=128))  # hashes of questions

    @property
    def _models(self) -> Mapping[ModelName, Model]:
        known = self._known
        for role in ROLES:
            llm: LLM = getattr(self, role)
            if role not in known or known[role].llm is not llm:  # the user may set another one at any time
                known[role] = Model(llm)
        return known

    def _ask(self, request: Request) -> Asked:
        """Everything about the decision that needs no scoring."""
        part = self._part
        if part.fixed is not None:
            return Asked(settled=part.fixed, reported=True)
        override = request.override = _override_of(request, part.pinned)
        if override.decision is not None:
            return Asked(settled=override.decision, reported=True)
        able = self._able(request)
        if override.model is not None:
            if override.model not in able:
                raise ConfigError(
                    f"{KEY} names the {override.model} model, which calls no functions, for a call with tools; "
                    "leave the model to the router, or use a model that does"
                )
            return Asked(settled=RoutingDecision(override.model, reason="override"))
        if len(able) == 1:
            return Asked(settled=RoutingDecision(able[0], reason="capability", detail="the other calls no functions"))
        placed = self._placed(request)
        if placed is not None:
            return Asked(settled=placed)
        threshold = self.threshold if override.threshold is None else override.threshold
        try:
            query = override.query
            if query is None:
                query = question_of(request, self.query_from, track=self.track_questions)
        except ConfigError:
            raise
        except Exception as error:  # the user's query_from: the policy for router errors decides what becomes of it
            if self.on_router_error == "raise":
                raise
            return Asked(settled=failed_query_from(error))
        if query is None or not query.strip():
            return Asked(settled=no_question(request, self.no_query))
        if self.fallback and hash(query) in self._fallen and request.goes_on:
            return Asked(settled=RoutingDecision("large", reason="fallback", detail=FELL_BEFORE))
        return Asked(query, threshold)

    def _able(self, request: Request) -> list[ModelName]:
        """The models that can take the call: with tools, those that call functions."""
        if not request.carries_tools:
            return list(ROLES)
        models = self._models
        able = [role for role in ROLES if models[role].facts.calls_functions]
        if not able and request.name.endswith("_with_tools"):
            raise ConfigError(
                f"{request.name} needs a model that calls functions; neither {models['small'].name!r} nor "
                f"{models['large'].name!r} does. Use a ReActAgent, or other models"
            )
        return able or list(ROLES)

    def _placed(self, request: Request) -> RoutingDecision | None:
        """The decision that the call's length and kind make."""
        models = self._models
        small, large = models["small"].facts, models["large"].facts
        asked = asked_output(request)
        limits = small.limits(asked, self.small_takes), large.limits(asked)
        output = small.num_output if asked is None else asked
        prompts = [self.system_prompt or "", max((model.system_prompt for model in models.values()), key=len)]
        rooms = [each.room(output) for each in limits]
        return place(demand_of(request, prompts, output=output, rooms=rooms), *limits)


def _override_of(request: Request, pinned: Override) -> Override:
    override = request.override or (pinned if pinned.fixes_more else tagged_override()) or pinned
    return override.asking(pinned.query)
