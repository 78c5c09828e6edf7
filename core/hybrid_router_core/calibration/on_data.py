"""A threshold from the rows of a data set that were not trained on."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from hybrid_router_core._types import BoolArray, FloatArray
from hybrid_router_core.data import RoutingDataset
from hybrid_router_core.evaluation import grouping_note, metrics
from hybrid_router_core.routing import goes_to_small

from .calibrate import calibrate_threshold
from .held_out import held_out
from .record import Calibration

__all__ = ["calibrate_on"]

NOTICEABLE = 0.05  # of the share to small: repeats that move it by less are no news


def calibrate_on(
    data: RoutingDataset,
    scores: FloatArray,
    seen: BoolArray,
    *,
    strangers: BoolArray | None = None,
    beyond: BoolArray | None = None,
    trained: BoolArray | None = None,
    weights: FloatArray | None = None,
    seed: int,
    **target: Any,
) -> Calibration:
    """`calibrate_threshold` on the rows that were not trained on; warns of what weakens the result.

    Args:
        data: Queries with qualities, n rows.
        scores: The router's, shape (n,).
        seen: Which queries were trained on, shape (n,).
        strangers: As in `calibrate_threshold`.
        beyond: The same.
        trained: The same.
        weights: The same.
        seed: Of the guarantee.
        target: The target and its settings, as `calibrate_threshold` takes them.
    """
    rows = held_out(data, seen, across=target.get("across") is not None)
    record = calibrate_threshold(
        scores[~seen],
        rows.mean_small,
        rows.mean_large,
        queries=rows.query_hashes,
        groups=rows.groups,
        strangers=None if strangers is None else strangers[~seen],
        beyond=None if beyond is None else beyond[~seen],
        trained=None if trained is None else trained[~seen],
        weights=None if weights is None else weights[~seen],
        left_out=len(data) - len(rows),
        seed=seed,
        **target,
    )
    if record.left_out:
        warnings.warn(
            f"{record.left_out} of the {len(data)} calibration rows were left out: their queries"
            f"{' or groups' if record.across else ''} were trained on, so their scores flatter the router",
            stacklevel=3,
        )
    repeats = _repeats_note(record, scores[~seen], rows, None if weights is None else weights[~seen])
    if repeats:
        warnings.warn(repeats, stacklevel=3)
    if record.across is None and record.design_effect and record.confidence is not None and rows.groups is not None:
        queries = len(np.unique(rows.query_hashes))
        note = grouping_note(record.design_effect, queries, len(set(rows.groups)), "The guarantee")
        if note:
            warnings.warn(note, stacklevel=3)
    return record


def _repeats_note(record: Calibration, scores: FloatArray, rows: RoutingDataset, weights: FloatArray | None) -> str:
    """What to say where queries that are asked more often than others make the rows another mean than the draws."""
    if record.n_queries is None or record.n_queries == record.n:
        return ""
    to_small = goes_to_small(scores, record.threshold)
    share = metrics.cost_advantage(to_small, weights)
    drop = metrics.quality_drop(rows.mean_small, rows.mean_large, to_small, weights)
    bound = record.quality_drop_bound
    if abs(share - record.cost_advantage) <= NOTICEABLE and (bound is None or drop <= bound):
        return ""
    return (
        f"each of the {record.n_queries:,} distinct queries counts once; over the {record.n:,} rows as they are, "
        f"{share:.1%} go to small and the quality drop is {drop:.4f}. What is guaranteed or aimed at is the former"
    )
