"""One call on the model that was chosen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.runnables import Runnable, RunnableConfig

from hybrid_router_core import RoutingDecision
from hybrid_router_core.live import Health
from hybrid_router_core.routing import ModelName

from ._record import RunStamp, before_others, record_of
from ._routes import Routes

__all__ = ["Call", "fallen"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """A call for which the decision has been made.

    Attributes:
        routes: The models to call.
        decision: Which of them, and why.
        base: The caller's config with the router's own tags, metadata and callbacks, still without the decision.
        health: Of the small model, if large answers when it raises; else None.
        instead: Whether it is the large model's, right after the small one has failed.
        told: To be told which model has answered.
    """

    routes: Routes
    decision: RoutingDecision
    base: RunnableConfig
    health: Health | None = None
    instead: bool = False
    told: Callable[[ModelName], None] | None = None

    @property
    def may_fall_back(self) -> bool:
        """Whether the large model answers when this one raises."""
        return self.health is not None and self.decision.model == "small" and self.routes.large is not None

    @property
    def route(self) -> Runnable[LanguageModelInput, Any]:
        """The chosen model."""
        chosen = self.routes.small if self.decision.model == "small" else self.routes.large
        assert chosen is not None  # noqa: S101 - the rules choose no side that is not there
        return chosen

    @cached_property
    def record(self) -> dict[str, Any]:
        """The decision as flat metadata."""
        return record_of(self.decision)

    @cached_property
    def stamping(self) -> RunStamp:
        """Puts the record on what the model's run ends with, and on what it returns."""
        return RunStamp(self.record)

    @property
    def config(self) -> RunnableConfig:
        """For the chosen model: its run has the decision in metadata, tags and the message that it ends with."""
        return {
            **self.base,
            "metadata": {**(self.base.get("metadata") or {}), **self.record},
            "tags": [*(self.base.get("tags") or []), f"hybrid_router:{self.decision.model}"],
            "callbacks": before_others(self.stamping, self.base.get("callbacks")),
        }

    def under(self, config: RunnableConfig) -> Call:
        """The same call below a run that has been opened for it."""
        return replace(self, base=config)

    def failed(self) -> None:
        """The model raised before it had answered anything; whether that was its fault, large's answer tells."""

    def answered(self) -> None:
        """The model gave an answer, or its first token."""
        if self.told is not None:
            self.told(self.decision.model)
        if self.health is None:
            return
        if self.decision.model == "small":
            self.health.answered()
        elif self.instead:  # large could: it was not the caller's mistake
            self.health.failed()

    def fallback(self, error: Exception) -> Call:
        """The call that follows when this one raised."""
        return replace(self, decision=fallen(self.decision, error), instead=True)


def fallen(first: RoutingDecision, error: Exception) -> RoutingDecision:
    """The decision for large after small was asked and failed."""
    kind = type(error).__name__  # the message may quote the query, so it goes to the debug log alone
    logger.warning("the small model failed with %s; the large model answers", kind)
    logger.debug("the small model's error", exc_info=error)
    return RoutingDecision("large", first.score, first.threshold, "fallback", kind)
