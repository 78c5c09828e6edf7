"""What to say where no threshold can be certified: the best that can be had, and how."""

from __future__ import annotations

import numpy as np

from hybrid_router_core._types import IntArray
from hybrid_router_core.routing import goes_to_small

from . import bounds
from .across import threshold_across
from .limit import Limit
from .losses import Losses

__all__ = ["infeasible"]


def infeasible(losses: Losses, limit: Limit, width: float, confidence: float, seed: int, place: IntArray | None) -> str:
    """The message.

    Args:
        losses: That were tested.
        limit: That could not be certified.
        width: Of the quality range.
        confidence: That was wanted.
        seed: Of the tests.
        place: The group of each row, if the limit was to hold for new groups.
    """
    unit = 1.0 if limit.relative else width
    tried = f"{len(losses)} rows" if place is None else f"{len(losses)} rows in {int(place.max()) + 1} groups"
    message = (
        f"no threshold that sends queries to small is certain enough to lose at most max_quality_drop={limit} "
        f"(confidence {confidence:g}, {tried}). "
    )
    best = bounds.smallest_drop(losses, limit.value / unit, confidence, seed)
    if place is not None and best is not None:
        best = _smallest_across(losses, place, best, confidence, seed)
    if best is None:
        whole = "100%" if limit.relative else f"the quality range of {width:g}"
        return message + f"No drop below {whole} can be certified. Use more rows or a lower confidence."
    had = f"{100 * best:.2g}%" if limit.relative else f"{best * width:.2g}"
    message += f"The best that can be had is about max_quality_drop={had}. "
    if place is not None:
        return message + (
            "Here groups count and not rows: allow a larger drop or a lower confidence, use more groups, or leave out "
            "across= for a limit on new queries of these groups"
        )
    message += "Allow a larger drop or a lower confidence, or use more rows"
    size = 1.0 if losses.sizes is None else float(losses.sizes.mean())
    rows = bounds.fewest_rows(limit.value / unit * losses.most, confidence, size)
    return message + (f" (at least {rows} unless small is better)." if rows and rows > len(losses) else ".")


def _smallest_across(losses: Losses, place: IntArray, above: float, confidence: float, seed: int) -> float | None:
    """About the smallest limit above one at which some query can go to small in new groups; None if there is none."""
    for drop in np.geomspace(above, 0.999 / losses.most, 24):
        found = threshold_across(losses, place, float(drop), confidence, seed)
        if found is not None and bool(np.any(goes_to_small(losses.scores, found))):
            return float(drop)
    return None
