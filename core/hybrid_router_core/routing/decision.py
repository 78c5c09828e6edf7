"""The decision for one query, and the only comparison of a score with a threshold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args, overload

from hybrid_router_core._types import BoolArray, FloatArray
from hybrid_router_core.errors import ConfigError, DataError

__all__ = ["ModelName", "Reason", "RoutingDecision", "decide", "goes_to_small"]

ModelName: TypeAlias = Literal["small", "large"]
Reason: TypeAlias = Literal[
    "score",
    "override",
    "no_query",
    "router_error",
    "capability",
    "context_window",
    "fallback",
    "sticky",
    "unavailable",
    "price",
    "dissatisfied",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """Which model answers a query, and why.

    Attributes:
        model: ``"small"`` or ``"large"``.
        score: The router's estimate in [0, 1] that small is good enough; None if nothing was scored.
        threshold: small iff score >= threshold; None if no comparison was made.
        reason: ``"score"`` (the comparison decided), ``"override"`` (the caller did), ``"no_query"`` (there was no
            text to score), ``"router_error"`` (the router failed, so the large model answers), ``"capability"`` (only
            this model can do what the call needs), ``"context_window"`` (too long for the small model),
            ``"fallback"`` (the small model was asked first and failed), ``"sticky"`` (the conversation stays on the
            model of an earlier answer), ``"unavailable"`` (the small model kept failing and is left alone for now),
            ``"price"`` (small was good enough, but would cost more for this call, or save too little),
            ``"dissatisfied"`` (the user was not content with an earlier answer) or ``"unknown"`` (the query is unlike
            those of the calibration, so the score says little).
        detail: A short text for humans, never the query.
    """

    model: ModelName
    score: float | None = None
    threshold: float | None = None
    reason: Reason = "score"
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain built-in values, fit for JSON and for a message's metadata."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> RoutingDecision:
        """Read a record back; keys and reasons that another version added are kept out or kept as they are.

        Raises:
            DataError: If a field is missing or not of its kind; records travel through histories that anyone may edit.
        """
        if record.get("model") not in get_args(ModelName):
            raise DataError(f"not a routing decision: 'model' is {record.get('model')!r}, allowed: 'small', 'large'")
        for name in ("score", "threshold"):
            if not _is_share(record.get(name)):
                raise DataError(f"not a routing decision: {name!r} is {record[name]!r}, allowed: 0 to 1, or null")
        for name in ("reason", "detail"):
            if not isinstance(record.get(name, ""), str):
                raise DataError(f"not a routing decision: {name!r} is {record[name]!r}, allowed: a string")
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{key: value for key, value in record.items() if key in known})


def _is_share(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1)


@overload
def goes_to_small(scores: float, threshold: float) -> bool: ...
@overload
def goes_to_small(scores: FloatArray, threshold: float) -> BoolArray: ...
def goes_to_small(scores: float | FloatArray, threshold: float) -> bool | BoolArray:
    """The rule: small iff score >= threshold."""
    return scores >= threshold


def decide(score: float, threshold: float) -> RoutingDecision:
    """The decision that follows from one score in [0, 1] and a threshold in [0, 1]."""
    model: ModelName = "small" if goes_to_small(score, threshold) else "large"
    return RoutingDecision(model=model, score=score, threshold=threshold)


def check_threshold(value: float) -> float:
    """Return ``value`` as a float if it is a threshold, that is a number in [0, 1].

    Raises:
        ConfigError: If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ConfigError(
            f"threshold is {value!r}; allowed: a number from 0 (all to small) to 1. "
            "It is compared with scores; a relaxation in units of quality is the margin."
        )
    return float(value)
