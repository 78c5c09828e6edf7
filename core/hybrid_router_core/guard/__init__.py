"""Strangers: queries so unlike those that a router learned from that its score of them means nothing.

`Likeness` says how strange a query is, `Guard` from where on it is a stranger.
"""

from .conformal import DEFAULT_LEVEL, Guard, fewest_rows
from .likeness import Likeness
from .making import GuardSetting, check_guard, guard_for, no_guard, with_level

__all__ = [
    "DEFAULT_LEVEL",
    "Guard",
    "GuardSetting",
    "Likeness",
    "check_guard",
    "fewest_rows",
    "guard_for",
    "no_guard",
    "with_level",
]
