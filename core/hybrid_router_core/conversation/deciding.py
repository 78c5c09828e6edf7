"""The decision that follows from a reading and the scores of its texts: one rule for the router and every adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from hybrid_router_core.routing import RoutingDecision, decide

from .reading import Reading

__all__ = ["Judged", "decide_reading", "no_question"]


class Judged(NamedTuple):
    """What is known of the texts of a reading.

    Attributes:
        scores: Of each, in [0, 1].
        unlike: The p-value that the guard gives the most familiar of them if all are strangers to it; else None.
    """

    scores: Sequence[float]
    unlike: float | None = None


def decide_reading(reading: Reading, judged: Judged, threshold: float) -> RoutingDecision:
    """The decision for a conversation that has a question.

    Args:
        reading: With texts.
        judged: Of its texts.
        threshold: small iff score >= threshold, the user did not find fault with the answer before, and the question is
            like those of the calibration.
    """
    decision = decide(reading.score(judged.scores), threshold)
    if judged.unlike is not None and decision.model == "small" and not reading.asks_nothing:
        detail = f"unlike the calibration queries (p = {judged.unlike:.2g})"
        return replace(decision, model="large", reason="unknown", detail=detail)
    if reading.found_fault and decision.model == "small":
        return replace(decision, model="large", reason="dissatisfied", detail="the user found fault with the answer")
    return decision


def no_question(reading: Reading) -> RoutingDecision:
    """The decision for a conversation that has none."""
    return RoutingDecision("large", reason="no_query", detail=reading.why_none)
