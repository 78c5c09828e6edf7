"""What runs while answers are given: decisions sync and async, what fits where, and what is worth asking."""

from .capacity import Demand, Limits, estimate_tokens, place
from .decider import Decider, OnRouterError, RouterLike
from .health import Health

__all__ = ["Decider", "Demand", "Health", "Limits", "OnRouterError", "RouterLike", "estimate_tokens", "place"]
