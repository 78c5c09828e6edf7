"""What runs while answers are given: decisions sync and async, what fits where, and what is worth asking."""

from .capacity import TOKENS_PER_MEDIUM, Demand, Limits, estimate_tokens, place
from .decider import Decider, OnRouterError, Query, RouterLike
from .health import Health
from .price_rule import PriceRule
from .prices import Price, Prices
from .stay import Arms, RecentArms, Stay, Sticky, check_arms, check_sticky
from .threads import threads
from .warmth import Prefix, prefix_of

__all__ = [
    "TOKENS_PER_MEDIUM",
    "Arms",
    "Decider",
    "Demand",
    "Health",
    "Limits",
    "OnRouterError",
    "Prefix",
    "Price",
    "PriceRule",
    "Prices",
    "Query",
    "RecentArms",
    "RouterLike",
    "Stay",
    "Sticky",
    "check_arms",
    "check_sticky",
    "estimate_tokens",
    "place",
    "prefix_of",
    "threads",
]
