"""What a call needs and what a model can take: the one rule by which a call goes where it fits, whatever its score."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hybrid_router_core.routing import RoutingDecision

__all__ = ["TOKENS_PER_MEDIUM", "Demand", "Limits", "estimate_tokens", "place"]

CHARACTERS_PER_TOKEN = 3.5  # prose has 4 to 5, code and numbers 3 to 3.5
TOKENS_PER_MEDIUM = 1600  # an image or a minute of sound, whatever the size of its file
EXTRA_PER_BYTE = 3 / 8  # beyond one byte a character: Cyrillic comes to 0.66 tokens a character, Chinese to 1


@dataclass(frozen=True, slots=True)
class Demand:
    """What a call needs.

    Attributes:
        tokens: Of everything that is sent: messages, the model's own system prompt, tools and schemas.
        output: Tokens to leave for the answer.
        kinds: What is in it beyond text, as `kinds_beyond_text` names it, and ``"tools"``.
    """

    tokens: int = 0
    output: int = 0
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model can take; None where it is not known.

    Attributes:
        window: Tokens of what is sent and the answer together.
        prompt: Tokens of what is sent alone.
        kinds: What it is known to take beyond text.
    """

    window: int | None = None
    prompt: int | None = None
    kinds: frozenset[str] = frozenset()

    def room(self, output: int) -> float:
        """Most tokens that may be sent if so many are left for the answer."""
        rooms = [limit for limit in (self.prompt, self.window and self.window - output) if limit is not None]
        return min(rooms, default=math.inf)


def place(demand: Demand, small: Limits, large: Limits) -> RoutingDecision | None:
    """The decision that the call's form makes; None if both models can take it, and the score decides.

    Large answers on any doubt: what small is not known to take goes there. A call that is too long for large alone goes
    to small; one that is too long for both goes to large, whose error the caller then gets.
    """
    beyond = sorted(demand.kinds - small.kinds)
    if beyond:
        return RoutingDecision("large", reason="capability", detail=f"small is not known to take {', '.join(beyond)}")
    at_small, at_large = small.room(demand.output), large.room(demand.output)
    if demand.tokens > at_small:
        return RoutingDecision("large", reason="context_window", detail=_too_long(demand, "small", at_small))
    if demand.tokens > at_large:
        return RoutingDecision("small", reason="context_window", detail=_too_long(demand, "large", at_large))
    return None


def _too_long(demand: Demand, side: str, room: float) -> str:
    return f"about {demand.tokens:,} tokens, {side} takes {max(room, 0):,.0f} beside an answer of {demand.output:,}"


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, rather too many; a tokenizer would cost more than the decision."""
    extra = len(text.encode(errors="replace")) - len(text)
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN + EXTRA_PER_BYTE * extra)
