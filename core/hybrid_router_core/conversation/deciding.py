"""The decision that follows from a reading and the scores of its texts: one rule for the router and every adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hybrid_router_core.routing import RoutingDecision, decide

from .reading import Reading

__all__ = ["decide_reading", "no_question"]


def decide_reading(reading: Reading, scores: Sequence[float], threshold: float) -> RoutingDecision:
    """The decision for a conversation that has a question.

    Args:
        reading: With texts.
        scores: Of its texts, in [0, 1].
        threshold: small iff score >= threshold, and the user did not find fault with the answer before.
    """
    decision = decide(reading.score(scores), threshold)
    if reading.found_fault and decision.model == "small":
        return replace(decision, model="large", reason="dissatisfied", detail="the user found fault with the answer")
    return decision


def no_question(reading: Reading) -> RoutingDecision:
    """The decision for a conversation that has none."""
    return RoutingDecision("large", reason="no_query", detail=reading.why_none)
