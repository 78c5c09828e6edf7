"""Calibration rows that were trained on are left out: their scores flatter the router."""

from __future__ import annotations

import numpy as np

from hybrid_router_core._types import BoolArray
from hybrid_router_core.data import RoutingDataset
from hybrid_router_core.errors import DataError

__all__ = ["FEWEST_LEFT", "held_out"]

FEWEST_LEFT = 30


def held_out(data: RoutingDataset, seen: BoolArray, *, across: bool = False) -> RoutingDataset:
    """The rows whose queries, and groups if ``across``, were not trained on; `seen` has shape (n,).

    Raises:
        DataError: If rows are left out and fewer than `FEWEST_LEFT` distinct queries stay.
    """
    if not seen.any():
        return data
    left = len(np.unique(data.query_hashes[~seen]))
    if left < FEWEST_LEFT:
        groups, by, else_ = (
            (" or their groups", ", by='group'", ", or before the router is saved") if across else [""] * 3
        )
        raise DataError(
            f"{int(seen.sum())} of the {len(data)} calibration queries{groups} were trained on, so their scores "
            f"flatter the router, and {left} distinct ones are left; {FEWEST_LEFT} are needed. Calibrate on a part "
            f"that fit has not seen, as data.split((0.6, 0.2, 0.2){by}) gives it{else_}"
        )
    return data.take(np.flatnonzero(~seen))
