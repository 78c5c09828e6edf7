"""What the caller fixes for one call, or for all calls in a block with LlamaIndex's ``instrument_tags``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from llama_index_instrumentation.dispatcher import active_instrument_tags

from hybrid_router_core import RoutingDecision
from hybrid_router_core.conversation import Reading
from hybrid_router_core.errors import ConfigError
from hybrid_router_core.routing import ModelName, check_threshold

from ._tagging import KEY

FIELDS = ("model", "query", "threshold")


@dataclass(frozen=True)
class Override:
    """What is fixed; a decision stands for a call that was routed already, a reading for one of a router around it."""

    model: ModelName | None = None
    query: str | None = None
    threshold: float | None = None
    decision: RoutingDecision | None = None
    reading: Reading | None = None

    @classmethod
    def read(cls, value: Any) -> Override:
        """Check the value of the keyword or the tag ``hybrid_router``.

        Raises:
            ConfigError: If it is not a dict with the known keys and values of their kinds.
        """
        if isinstance(value, RoutingDecision):
            return cls(decision=value)
        if isinstance(value, Reading):
            return cls(reading=value)
        if not isinstance(value, Mapping) or not set(value) <= set(FIELDS):
            raise ConfigError(f"{KEY} is {_named(value)}; allowed: a dict with any of the keys {', '.join(FIELDS)}")
        override = cls(**value)
        if override.model is not None and override.model not in get_args(ModelName):
            raise ConfigError(f"the model override is {override.model!r}; allowed: 'small', 'large'")
        if override.query is not None and not isinstance(override.query, str):
            raise ConfigError(f"{KEY}['query'] is a {type(override.query).__name__}; allowed: a string to be scored")
        if override.threshold is not None:
            check_threshold(override.threshold)
        return override

    def asking(self, query: str | None) -> Override:
        """The same, about a question, unless it names one."""
        return self if query is None or self.query is not None else replace(self, query=query)

    @property
    def fixes_more(self) -> bool:
        """Whether anything but the question is fixed."""
        return self != Override(query=self.query)


def tagged_override() -> Override | None:
    """The override of the enclosing ``instrument_tags`` block, if there is one."""
    tag = active_instrument_tags.get().get(KEY)
    return None if tag is None else Override.read(tag)


def _named(value: Any) -> str:
    """The value, or of a dict its keys alone: what it holds may be the user's question."""
    return f"a dict with the keys {', '.join(map(repr, value))}" if isinstance(value, Mapping) else repr(value)
