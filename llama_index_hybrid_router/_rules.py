"""What settles a call before it is scored: overrides, what the models can take, and whether there is a question."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import LLM

from hybrid_router_core import RoutingDecision
from hybrid_router_core.errors import ConfigError
from hybrid_router_core.live import place
from hybrid_router_core.routing import ModelName

from ._asked import Asked, Part
from ._measure import asked_output, demand_of
from ._models import Model
from ._override import Override, tagged_override
from ._question import Asking, failed_query_from, no_question, of_text
from ._request import Request
from ._settings import RouterSettings
from ._sticky import Place
from ._tagging import KEY

FELL_BEFORE = "small failed before in this turn"
ROLES: tuple[ModelName, ModelName] = ("small", "large")


class RoutingRules(RouterSettings):
    """The rules, in the order in which they are asked."""

    _known: dict[ModelName, Model] = PrivateAttr(default_factory=dict)
    _part: Part = PrivateAttr(default=Part())
    _fallen: deque[int] = PrivateAttr(default_factory=lambda: deque(maxlen=128))  # hashes of readings

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
        asking = Asking(request, self.query_from, pinned=part.question, track=self.track_questions)
        where = None
        if self.sticky is not False and request.asks_a_model:
            where = Place(self._stay, asking.conversation, track=self.track_questions)
        if override.decision is not None:
            return Asked(settled=override.decision, reported=True, place=where)
        asked = Asked(settled=self._formed(request, override), place=where)
        if asked.settled is not None:
            return asked
        try:
            reading = override.reading or (asking.reading() if override.query is None else of_text(override.query))
        except ConfigError:
            raise
        except Exception as error:  # the user's query_from: the policy for router errors decides what becomes of it
            if self.on_router_error == "raise":
                raise
            return asked._replace(settled=failed_query_from(error))
        asked = asked._replace(
            reading=reading, threshold=self.threshold if override.threshold is None else override.threshold
        )
        if self.fallback and asked.turn in self._fallen and asking.goes_on:
            return asked._replace(settled=RoutingDecision("large", reason="fallback", detail=FELL_BEFORE))
        settled = None if where is None else where.decision()
        if settled is None and not reading.texts:
            settled = no_question(request, reading, self.no_query)
        return asked._replace(settled=settled)

    def _formed(self, request: Request, override: Override) -> RoutingDecision | None:
        """The decision that the caller or the call's form makes."""
        able = self._able(request)
        if override.model is not None:
            if override.model not in able:
                raise ConfigError(
                    f"{KEY} names the {override.model} model, which calls no functions, for a call with tools; "
                    "leave the model to the router, or use a model that does"
                )
            return RoutingDecision(override.model, reason="override")
        if len(able) == 1:
            return RoutingDecision(able[0], reason="capability", detail="the other calls no functions")
        return self._placed(request)

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
