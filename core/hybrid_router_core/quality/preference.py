"""Preferences, which say who won, as qualities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import DataError

__all__ = ["SMALL_WINS", "preference_qualities"]

SMALL_WINS = {"win": 1.0, "tie": 0.5, "loss": 0.0}
"""Quality of the small model's response by the outcome as small sees it; large's is 1 minus it."""


def preference_qualities(wins: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Qualities of small and large from small's share of the win: 1 a win, 0.5 a tie, 0 a loss.

    A preference has no scale, so only its order and the half way of a tie are kept: a tie gives a gap of 0 (small is
    good enough), a win or loss one of ±1. RouteLLM (Ong et al. 2024, arXiv:2406.18665, section 3) learns the
    probability that large wins from the same three outcomes.

    Raises:
        DataError: A share is not in [0, 1]; NaN, no verdict, is allowed.
    """
    small = np.asarray(wins, dtype=np.float64)
    if ((small < 0) | (small > 1)).any():
        raise DataError("a share of the win is a number from 0 to 1")
    return small, 1.0 - small
