"""Thresholds from targets: a share of queries for small, a PGR, or a guaranteed limit on the quality drop.

``scores`` are the router's, shape (n,), in [0, 1], high means small; ``small_quality`` and ``large_quality`` are the
mean quality of each model per query, shape (n,). The rows must be ones the scorer has not seen. A query goes to small
iff score >= threshold. Only the quality-drop target says something about queries beyond the calibration data.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field

from . import _bounds, metrics
from ._types import FloatArray, IntArray
from .decision import goes_to_small
from .errors import CalibrationError, ConfigError, DataError

__all__ = [
    "Calibration",
    "calibrate_threshold",
    "threshold_for_cost_advantage",
    "threshold_for_pgr",
    "threshold_for_quality_drop",
]


class Calibration(BaseModel):
    """How a threshold was chosen and what it achieves on the calibration data.

    Attributes:
        target: Which target was asked for.
        target_value: Its value: a share, a PGR, or a drop in units of quality.
        confidence: Of the guarantee, over the draw of the calibration data; None where nothing is guaranteed.
        threshold: In [0, 1].
        n: Number of calibration queries.
        cost_advantage: Share of them that goes to small.
        quality_drop: Their mean quality at all-large minus that of the routed answers.
        pgr: Performance gap recovered; None unless large is better on average.
        quality_drop_bound: With ``confidence``, the drop on new queries of the same kind is at most this; else None.
        quality_range: Lowest and highest possible quality that the bound relies on, or None.
        seed: Of the order in which the rows were tested, or None.
        method: How the threshold was found, with its source.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    target: Literal["cost_advantage", "pgr", "max_quality_drop"]
    target_value: float
    confidence: float | None = Field(default=None, gt=0, lt=1)
    threshold: float = Field(ge=0, le=1)
    n: int = Field(ge=1)
    cost_advantage: float = Field(ge=0, le=1)
    quality_drop: float
    pgr: float | None = None
    quality_drop_bound: float | None = None
    quality_range: tuple[float, float] | None = None
    seed: int | None = None
    method: str


def threshold_for_cost_advantage(scores: ArrayLike, share: float) -> float:
    """Threshold that sends the share nearest to ``share`` of these queries to small; if tied, the smaller one.

    Queries with the same score move together. A share of 0 gives the threshold 1 and a share of 1 the threshold 0;
    other thresholds lie midway between two neighbouring scores, where rounding of scores changes no decision. Scores of
    exactly 1 go to small at every threshold.

    Raises:
        ConfigError: If ``share`` is not in [0, 1].
        DataError: If the scores are unusable.
    """
    share = _number("cost_advantage", share, 0.0, 1.0, "It is the share of the queries that go to small.")
    points, counts = _operating_points(_scores(scores))
    return float(points[np.argmin(np.abs(counts - share * counts[-1]))])


def threshold_for_pgr(scores: ArrayLike, small_quality: ArrayLike, large_quality: ArrayLike, pgr: float) -> float:
    """The cheapest threshold (most queries to small) with a PGR of at least ``pgr`` on these queries.

    Raises:
        CalibrationError: If large is not better on average (there is no gap to recover), or no threshold does it.
        ConfigError: If ``pgr`` is not in [0, 1].
        DataError: If the arrays are unusable.
    """
    pgr = _number("pgr", pgr, 0.0, 1.0, "0 is the quality of all-small, 1 that of all-large.")
    values, small, large = _arrays(scores, small_quality, large_quality)
    gap = metrics.recoverable(small, large)
    if not gap > 0:  # NaN where there is nothing but rounding
        raise CalibrationError(
            f"pgr={pgr:g} is undefined on the calibration data: the mean quality of large is {np.mean(large):.4g}, "
            f"not above small's {np.mean(small):.4g}. The best is to send every query to small (cost_advantage=1), or "
            "use a max_quality_drop target."
        )
    points, counts = _operating_points(values)
    sums = np.concatenate([[0.0], np.cumsum((large - small)[np.argsort(-values, kind="stable")])])
    recovered = 1.0 - sums[counts] / len(values) / gap
    reached = np.flatnonzero(recovered >= pgr - 1e-12)  # the sums above are only exact up to rounding
    if len(reached) == 0:
        best = int(np.argmax(recovered))
        raise CalibrationError(
            f"no threshold reaches pgr={pgr:g} on the calibration data; the best that can be had is "
            f"{recovered[best]:.4g}, at threshold {points[best]:.4g} with {counts[best] / len(values):.1%} of the "
            "queries at small. Ask for less, or train a scorer with fewer scores of exactly 1."
        )
    return float(points[reached[-1]])


def threshold_for_quality_drop(
    scores: ArrayLike,
    small_quality: ArrayLike,
    large_quality: ArrayLike,
    max_drop: float,
    confidence: float = 0.95,
    quality_range: tuple[float, float] | None = None,
    *,
    seed: int = 0,
) -> float:
    """The cheapest threshold certified to lose at most ``max_drop`` of mean quality against all-large.

    If the rows are independent draws from the queries to come, then over such draws the drop at the returned threshold
    is at most ``max_drop`` with probability ``confidence`` or more (Learn-then-Test, arXiv:2110.01052, Theorem 1; see
    ``_bounds``). This holds for one target chosen beforehand, not for the best of several targets or seeds.

    Args:
        scores: Shape (n,), in [0, 1].
        small_quality: Shape (n,).
        large_quality: Shape (n,).
        max_drop: In units of quality, at least 0.
        confidence: In (0, 1).
        quality_range: Lowest and highest quality that can ever occur, known beforehand and not read off the data. None
            means (0, 1) and needs all qualities to lie there.
        seed: Of the order in which the rows are tested; another order can give a slightly different threshold.

    Raises:
        CalibrationError: If no threshold that sends a query to small can be certified.
        ConfigError: If a setting is out of its range, or ``quality_range`` is needed.
        DataError: If the arrays are unusable or leave ``quality_range``.
    """
    values, small, large = _arrays(scores, small_quality, large_quality)
    max_drop = _number("max_quality_drop", max_drop, 0.0, math.inf, "It is absolute, in units of quality.")
    confidence = _confidence(confidence)
    low, high = _range(quality_range, small, large)
    width = high - low
    if max_drop >= width:
        return 0.0  # no two answers differ by more
    losses = np.minimum((large - small) / width, 1.0)
    found = _bounds.certified_threshold(values, losses, max_drop / width, confidence, seed)
    if found is None or not bool(np.any(goes_to_small(values, found))):
        raise CalibrationError(_infeasible(values, losses, max_drop, width, confidence, seed))
    return found


def calibrate_threshold(
    scores: ArrayLike,
    small_quality: ArrayLike,
    large_quality: ArrayLike,
    *,
    cost_advantage: float | None = None,
    pgr: float | None = None,
    max_quality_drop: float | None = None,
    confidence: float = 0.95,
    quality_range: tuple[float, float] | None = None,
    seed: int = 0,
) -> Calibration:
    """Choose the threshold for exactly one target and record what it achieves; the functions above say how.

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
    values, small, large = _arrays(scores, small_quality, large_quality)
    name: Literal["cost_advantage", "pgr", "max_quality_drop"]
    if cost_advantage is not None:
        name, target, method = "cost_advantage", cost_advantage, "nearest share on the calibration data"
        threshold = threshold_for_cost_advantage(values, cost_advantage)
    elif pgr is not None:
        name, target, method = "pgr", pgr, "cheapest threshold on the calibration data (PGR: arXiv:2406.18665)"
        threshold = threshold_for_pgr(values, small, large, pgr)
    else:
        assert max_quality_drop is not None  # noqa: S101  # for the type checker: exactly one is given
        name, target, method = "max_quality_drop", max_quality_drop, _bounds.METHOD
        threshold = threshold_for_quality_drop(
            values, small, large, max_quality_drop, confidence, quality_range, seed=seed
        )
    certified = name == "max_quality_drop"
    to_small = goes_to_small(values, threshold)
    large_is_better = metrics.recoverable(small, large) > 0  # not so for NaN
    return Calibration(
        target=name,
        target_value=float(target),
        confidence=float(confidence) if certified else None,
        threshold=threshold,
        n=len(values),
        cost_advantage=metrics.cost_advantage(to_small),
        quality_drop=metrics.quality_drop(small, large, to_small),
        pgr=metrics.pgr(small, large, to_small) if large_is_better else None,
        # The target is the bound: one read off the data at the chosen threshold would ignore that it was chosen there.
        quality_drop_bound=float(target) if certified else None,
        quality_range=_range(quality_range, small, large) if certified else None,
        seed=seed if certified else None,
        method=method,
    )


def _operating_points(scores: FloatArray) -> tuple[FloatArray, IntArray]:
    """Every choice there is: thresholds, descending from 1, and the number of queries each sends to small."""
    distinct, sizes = np.unique(scores, return_counts=True)
    points = np.concatenate([[1.0], _bounds.gaps(scores)[::-1], [0.0]])
    counts = np.concatenate([[0], np.cumsum(sizes[::-1])]).astype(np.int64)
    # No threshold in [0, 1] keeps a score of exactly 1 from small.
    return (points[1:], counts[1:]) if distinct[-1] == 1.0 else (points, counts)


def _infeasible(
    scores: FloatArray, losses: FloatArray, max_drop: float, width: float, confidence: float, seed: int
) -> str:
    best = _bounds.smallest_drop(scores, losses, max_drop / width, confidence, seed)
    rows = _bounds.fewest_rows(max_drop / width, confidence)
    message = (
        f"no threshold that sends queries to small is certain enough to lose at most max_quality_drop={max_drop:g} "
        f"(confidence {confidence:g}, {len(scores)} rows). "
    )
    if best is None:
        message += (
            f"No drop below the quality range of {width:g} can be certified. Use more rows or a lower confidence."
        )
    else:
        message += (
            f"The best that can be had is about max_quality_drop={best * width:.2g}. "
            "Allow a larger drop or a lower confidence, or use more rows"
        )
        message += f" (at least {rows} unless small is better)." if rows and rows > len(scores) else "."
    return message


def _number(name: str, value: float, low: float, high: float, meaning: str) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, np.integer, np.floating))
        or not (low <= value <= high and math.isfinite(value))
    ):
        allowed = f"a number from {low:g} to {high:g}" if math.isfinite(high) else f"a number of at least {low:g}"
        raise ConfigError(f"{name} is {value!r}; allowed: {allowed}. {meaning}")
    return float(value)


def _confidence(value: float) -> float:
    value = _number("confidence", value, 0.0, 1.0, "0 and 1 are excluded; 0.95 is usual.")
    if value in (0.0, 1.0):
        raise ConfigError(f"confidence is {value:g}; allowed: a number between 0 and 1, both excluded. 0.95 is usual.")
    return value


def _vector(name: str, values: ArrayLike) -> FloatArray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} holds something that is not a number: {error}") from error
    if array.ndim != 1 or len(array) == 0:
        raise DataError(f"{name} has shape {array.shape}; allowed: (n,) with n >= 1, one number per query")
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        raise DataError(f"{name}[{bad[0]}] is {array[bad[0]]}; allowed: finite numbers. Leave such rows out.")
    return array


def _scores(values: ArrayLike) -> FloatArray:
    scores = _vector("scores", values)
    bad = np.flatnonzero((scores < 0) | (scores > 1))
    if len(bad):
        raise DataError(
            f"scores[{bad[0]}] is {scores[bad[0]]:g}; allowed: from 0 to 1, as a fitted router returns them"
        )
    return scores


def _arrays(
    scores: ArrayLike, small_quality: ArrayLike, large_quality: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    arrays = _scores(scores), _vector("small_quality", small_quality), _vector("large_quality", large_quality)
    sizes = tuple(len(array) for array in arrays)
    if len(set(sizes)) != 1:
        raise DataError(
            f"scores, small_quality and large_quality have lengths {sizes}; they must be equal, one entry per query"
        )
    return arrays


def _range(given: tuple[float, float] | None, small: FloatArray, large: FloatArray) -> tuple[float, float]:
    """The a-priori range of the quality; never read off the data, which may lack the rare worst answer."""
    found = float(min(small.min(), large.min())), float(max(small.max(), large.max()))
    if given is None:
        if found[0] < 0 or found[1] > 1:
            raise ConfigError(
                f"the qualities go from {found[0]:g} to {found[1]:g}, outside the default quality_range of (0, 1); "
                "give quality_range=(lowest, highest) that can ever occur, and clip qualities that have no such limits"
            )
        return 0.0, 1.0
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (low < high and math.isfinite(high - low)):
        raise ConfigError(
            f"quality_range is {given!r}; allowed: (lowest, highest), two finite numbers, lowest < highest"
        )
    slack = 1e-9 * (high - low)  # means of several samples carry rounding
    if found[0] < low - slack or found[1] > high + slack:
        raise DataError(
            f"the qualities go from {found[0]:g} to {found[1]:g}, outside quality_range=({low:g}, {high:g}); "
            "give the range that can ever occur, or clip the qualities to it"
        )
    return low, high
