"""From one target to a threshold and its record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike

from hybrid_router_core._types import BoolArray
from hybrid_router_core.data import Draws
from hybrid_router_core.errors import ConfigError, DataError
from hybrid_router_core.evaluation import Across, check_groups, design_effect, metrics
from hybrid_router_core.routing import goes_to_small

from .across import METHOD as METHOD_ACROSS
from .across import assumes
from .betting import METHOD
from .checks import checked_arrays, checked_range
from .limit import Limit
from .record import Calibration
from .sampling import Sampling
from .targets import threshold_for_cost_advantage, threshold_for_pgr, threshold_for_quality_drop

__all__ = ["calibrate_threshold"]


def calibrate_threshold(
    scores: ArrayLike,
    small_quality: ArrayLike,
    large_quality: ArrayLike,
    *,
    cost_advantage: float | None = None,
    pgr: float | None = None,
    max_quality_drop: float | str | None = None,
    confidence: float = 0.95,
    quality_range: tuple[float, float] | None = None,
    across: Across | None = None,
    queries: ArrayLike | None = None,
    groups: Sequence[str] | None = None,
    strangers: BoolArray | None = None,
    beyond: BoolArray | None = None,
    trained: BoolArray | None = None,
    weights: ArrayLike | None = None,
    smallest_probability: float | None = None,
    left_out: int = 0,
    seed: int = 0,
) -> Calibration:
    """Choose the threshold for exactly one target and record what it achieves; `targets` says how.

    Args:
        scores: Shape (n,), in [0, 1].
        small_quality: Shape (n,).
        large_quality: Shape (n,).
        cost_advantage: Share of the queries that shall go to small, 0 to 1.
        pgr: Performance gap that shall be recovered, 0 to 1.
        max_quality_drop: Most quality that may be lost against all-large, in units of quality, >= 0; or "2%" of its
            mean quality.
        confidence: Of that guarantee, in (0, 1).
        quality_range: Lowest and highest quality possible, for that guarantee; None means (0, 1).
        across: "groups" for a guarantee about groups that are not in the data; see `across`.
        queries: One value a row that is equal for the rows of one query: they count as one draw, with their means.
            Without it every row is taken for an independent draw.
        groups: A name per row: the record says whether rows of one group lose alike.
        strangers: Which rows the guard sends to large whatever their score, shape (n,); None for no row.
        beyond: Rows that a guard could send to large, whichever the calibration data, shape (n,): what they might gain
            at small is not counted on, so that the guarantee holds with the guard. Of trained rows `strangers` counts.
        trained: Rows that were trained on, with scores of scorers that had not seen their group, shape (n,).
        weights: 1 / the probability with which each row was chosen for these data, shape (n,), where some queries had
            a better chance than others; see `sampling`. Not with ``across``.
        smallest_probability: Smallest that such a probability can be, known beforehand, in (0, 1].
        left_out: For the record.
        seed: Of the orders in which the guarantee tests the draws.

    Raises:
        CalibrationError: If the target cannot be reached; the message says what can.
        ConfigError: If not exactly one target is given, or a setting is out of its range.
        DataError: If the arrays are unusable.
    """
    targets = {"cost_advantage": cost_advantage, "pgr": pgr, "max_quality_drop": max_quality_drop}
    given = [f"{name}={value!r}" for name, value in targets.items() if value is not None]
    if len(given) != 1:
        raise ConfigError(
            f"{len(given)} calibration targets given ({', '.join(given) or 'none'}); "
            "give exactly one of cost_advantage=, pgr= and max_quality_drop="
        )
    rows = checked_arrays(scores, small_quality, large_quality)
    n = len(rows[0])
    draws = Draws.of(np.arange(n) if queries is None else queries)
    if len(draws.place) != n or (groups is not None and len(groups) != n):
        raise DataError(f"queries and groups must have one entry for each of the {n} rows")
    if across is not None and across != "groups":
        raise ConfigError(f"across is {across!r}; allowed: 'groups', for a limit that holds for new groups")
    if across is not None and max_quality_drop is None:
        raise ConfigError("across='groups' goes with max_quality_drop= alone: it is a limit that holds for new groups")
    sampling = Sampling.of(weights, smallest_probability, n, across)
    sampling = None if sampling is None else sampling.of_draws(draws)
    counts = None if sampling is None or sampling.even else sampling.weights
    values, small, large = (draws.mean(column) for column in rows)
    names = None if groups is None else [groups[i] for i in draws.first]
    if across is not None:
        check_groups(names)
    none = np.zeros(len(draws), dtype=bool)
    away = none if strangers is None else strangers[draws.first]
    crossed = none if trained is None else trained[draws.first]
    held = np.where(away, 0.0, values)
    limit: Limit | None = None
    name: Literal["cost_advantage", "pgr", "max_quality_drop"]
    if cost_advantage is not None:
        name, target, method = "cost_advantage", cost_advantage, "nearest share on the calibration data"
        threshold = threshold_for_cost_advantage(held, cost_advantage, counts)
    elif pgr is not None:
        name, target, method = "pgr", pgr, "cheapest threshold on the calibration data (PGR: arXiv:2406.18665)"
        threshold = threshold_for_pgr(held, small, large, pgr, counts)
    else:
        limit = Limit.of(cast("float | str", max_quality_drop))
        name, target, method = "max_quality_drop", limit.value, METHOD if across is None else METHOD_ACROSS
        wary = small if beyond is None else np.where(beyond[draws.first], np.minimum(small, large), small)
        wary = np.where(
            crossed, np.where(away, large, small), wary
        )  # no guard was made by queries that were trained on
        among = None if across is None else names
        threshold = threshold_for_quality_drop(
            values,
            wary,
            large,
            cast("float | str", max_quality_drop),
            confidence,
            quality_range,
            groups=among,
            sampling=sampling,
            seed=seed,
        )
    to_small = goes_to_small(values, threshold) & ~away
    lost = np.where(to_small, large - small, 0.0)
    drop = metrics.mean(lost, counts)
    large_is_better = metrics.recoverable(small, large, counts) > 0  # not so for NaN
    record = Calibration(
        target=name,
        target_value=float(target),
        threshold=threshold,
        n=n,
        n_queries=len(draws),
        left_out=left_out,
        strangers=None if strangers is None else float(away[~crossed].mean()),
        design_effect=None
        if names is None
        else design_effect(lost if counts is None else counts * (lost - drop), names, seed),
        cost_advantage=metrics.cost_advantage(to_small, counts),
        quality_drop=drop,
        smallest_probability=None if sampling is None else sampling.smallest,
        pgr=metrics.pgr(small, large, to_small, counts) if large_is_better else None,
        method=method,
    )
    if limit is None:
        return record
    # The target is the bound: one read off the data at the chosen threshold would ignore that it was chosen there.
    certified: dict[str, Any] = {
        "confidence": float(confidence),
        "quality_range": checked_range(quality_range, small, large),
        "seed": seed,
        "relative_quality_drop_bound" if limit.relative else "quality_drop_bound": limit.value
        * (100 if limit.relative else 1),
    }
    if among is not None:
        certified |= {"across": "groups", "n_groups": len(set(among)), "cross_fitted": int(crossed.sum())}
        certified["assumes"] = assumes(len(set(among)))
    return record.model_copy(update=certified)
