"""The order of the rules: the caller's choice, what the models can do, the conversation, the score, small's health."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from hybrid_router_core import ConfigError, RoutingDecision
from hybrid_router_core.conversation import Reading
from hybrid_router_core.live import Decider, Health, PriceRule, Stay, place, prefix_of
from hybrid_router_core.routing import ModelName

from ._call import Call
from ._demand import OWN_TOOL, demand_of, limits_of, parts_of
from ._messages import in_loop, messages_of, reading_of, turns_of
from ._models import Model, bare_model
from ._question import MODEL_KEY, THRESHOLD_KEY, QueryFrom, Question, question_from
from ._routes import Routes
from ._sticky import begun, conversation_key, moved, recorded

__all__ = ["Rules"]


@dataclass(frozen=True)
class Rules:
    """The settings of a router, checked, and how they decide.

    Attributes:
        small: The small model as the user gave it.
        large: Likewise.
        decider: Answers questions with scores.
        query_from: From the messages to the text to score; None reads the conversation.
        fallback: Whether large answers when small raises.
        stay: Whether conversations stay with a model.
        price: What a call costs on each model; None if there are no prices.
        pinned: A decision that has been made before, which only what the models can do overrules.
        health: Of the small model; used with fallback alone, for without it its errors are the caller's.
    """

    small: Model
    large: Model
    decider: Decider
    query_from: QueryFrom | None
    fallback: bool
    stay: Stay
    price: PriceRule | None = None
    pinned: RoutingDecision | None = None
    health: Health = field(default_factory=Health)

    def ask(
        self, routes: Routes, model_input: Any, config: RunnableConfig, arguments: Mapping[str, Any]
    ) -> RoutingDecision | Question:
        """The decision that the rules make for a call, or the question that a score must answer."""
        messages = messages_of(model_input)
        overrides = config.get("configurable") or {}
        forced = self._forced(routes, overrides.get(MODEL_KEY))
        if forced is not None:
            return forced
        if routes.only is not None:
            return routes.only
        reading = cache(partial(reading_of, messages))
        settled = (
            self.placed(messages, arguments, routes)
            or self.pinned
            or (moved(messages) if self.fallback else None)
            or self._stays(messages, config, reading)
        )
        if settled is not None:
            return settled
        threshold = overrides.get(THRESHOLD_KEY)
        if self.query_from is None:
            cut_off = not reading().texts  # a summary may take the turn's question away in the midst of its tools
            return (begun(messages) if cut_off else None) or Question(reading(), threshold)
        raises = self.decider.on_router_error == "raise"
        return question_from(self.query_from, messages, threshold, raises=raises)

    def _stays(
        self, messages: Sequence[BaseMessage], config: RunnableConfig, reading: Callable[[], Reading]
    ) -> RoutingDecision | None:
        if self.stay.sticky is False:
            return None
        answered = recorded(messages)
        if not answered and reading().is_first:  # another conversation of the same thread, as a subagent's
            return None
        return self.stay.decision(conversation_key(config), answered, reading)

    def priced(
        self, routes: Routes, decision: RoutingDecision, model_input: Any, arguments: Mapping[str, Any]
    ) -> RoutingDecision:
        """The decision, or large if small would cost more for this call."""
        if self.price is None or routes.large is None or self.pinned is not None:
            return decision
        return self.price.ruled(decision, prefix_of(parts_of(messages_of(model_input), arguments, routes.outfit)))

    def listener(
        self,
        routes: Routes,
        model_input: Any,
        config: RunnableConfig,
        arguments: Mapping[str, Any],
        *,
        kept: bool = False,
    ) -> Callable[[ModelName], None] | None:
        """Who is told which model has answered; None if nobody wants to know.

        Args:
            routes: The models of the call.
            model_input: What it is given.
            config: Its config, which may name the conversation.
            arguments: Its further arguments.
            kept: Whether the decision holds for the further steps of a turn.
        """
        if self.stay.sticky is False and self.price is None:
            return None
        messages = messages_of(model_input)
        key = conversation_key(config)
        turns = turns_of(messages) if key is None and self.stay.sticky is not False else ()
        prefix = None if self.price is None else prefix_of(parts_of(messages, arguments, routes.outfit))
        further = (kept or self.pinned is not None) and in_loop(messages)

        def told(model: ModelName) -> None:
            if key is not None or turns:
                self.stay.answered(key, turns, model)
            if self.price is not None and prefix is not None:
                self.price.sent(model, prefix, further=further)

        return told

    def _forced(self, routes: Routes, model: Any) -> RoutingDecision | None:
        forced = self.pinned if self.pinned is not None and self.pinned.reason == "override" else None
        if self.pinned is None and model is not None:
            forced = self.decider.decide(None, model=model)
        if forced is not None and routes.only is not None and forced.model != routes.only.model:
            raise ConfigError(
                f"{MODEL_KEY} is {forced.model!r}, which has no {routes.lack}; allowed here: {routes.only.model!r}"
            )
        return forced

    def placed(
        self, messages: Sequence[BaseMessage], arguments: Mapping[str, Any], routes: Routes | None = None
    ) -> RoutingDecision | None:
        """The decision that the call's form makes; None if both models can take it."""
        outfit = None if routes is None else routes.outfit
        small, large = limits_of(self.small, arguments), limits_of(self.large, arguments)
        count = small.window is not None or large.window is not None
        demand = demand_of(messages, arguments, outfit, count=count)
        own_tools = {kind for kind in demand.kinds if kind.startswith(OWN_TOOL)}
        if own_tools and type(bare_model(self.small)) is type(bare_model(self.large)):  # one provider's
            demand = replace(demand, kinds=demand.kinds - own_tools)
        return place(demand, small, large)

    def asked_for(self, decision: RoutingDecision, *, large: bool = True) -> RoutingDecision:
        """The decision, or large while small is being left alone; what has no other side stays as it is."""
        if decision.model == "large" or not self.fallback or not large:
            return decision
        if decision.reason in ("override", "context_window") or self.health.may_try():
            return decision
        return RoutingDecision("large", decision.score, decision.threshold, "unavailable", "small kept failing")

    def call(
        self,
        routes: Routes,
        decision: RoutingDecision,
        config: RunnableConfig,
        told: Callable[[ModelName], None] | None = None,
    ) -> Call:
        """The call that follows from a decision."""
        decision = self.asked_for(decision, large=routes.large is not None)
        return Call(routes, decision, config, self.health if self.fallback else None, told=told)
