"""What runs while answers are given: decisions sync and async, what fits where, and what is worth asking."""

from .capacity import TOKENS_PER_MEDIUM, Demand, Limits, estimate_tokens, place
from .decider import Decider, OnRouterError, RouterLike
from .health import Health
from .threads import threads

__all__ = [
    "TOKENS_PER_MEDIUM",
    "Decider",
    "Demand",
    "Health",
    "Limits",
    "OnRouterError",
    "RouterLike",
    "estimate_tokens",
    "place",
    "threads",
]
