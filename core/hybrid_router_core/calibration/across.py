"""A limit that holds for groups of queries never seen: subjects, users, documents, conversations, tasks.

Queries of one group lose alike, so the group is the draw. There are few of them, of unequal sizes, and no exact test
can certify a limit of 0.05 from fewer than 59. What is used instead is the bootstrap-t (Efron 1981; Hall 1988,
"Theoretical comparison of bootstrap confidence intervals"), for a *new draw of as many groups* and not only for the
mean of all groups there could be: pairs of resamples of the groups play what was seen and what will come, and the
difference of their drops is studentised by the first one's standard error. It is accurate to second order, so it
allows for few groups that lose much, where a quantile of t does not. It is no guarantee in finite samples; `assumes`
says so in the record.

The thresholds are tested from all-large downwards until the first failure (arXiv:2110.01052, fixed sequence). The test
by rows must pass too: alone, the other would certify anything where no loss was seen.
"""

from __future__ import annotations

import numpy as np

from hybrid_router_core._types import BoolArray, FloatArray, IntArray

from .bounds import last_passed, steps_of
from .losses import Losses

__all__ = ["METHOD", "assumes", "threshold_across"]

METHOD = "bootstrap-t over groups for as many new ones (Hall 1988), fixed sequence (arXiv:2110.01052), and by rows"
_RESAMPLES = 1000
_MOST_STEPS = 1000
_FLOOR = 0.03  # of the limit: errors below it are as good as none


def assumes(groups: int) -> str:
    """What the limit rests on, for the record."""
    return (
        "an approximation: that new groups are drawn as these were, and that none loses far more than any of these; a "
        f"kind of group that is one in {groups / 3:.0f} or rarer may be missing here"  # the rule of three
    )


def threshold_across(losses: Losses, place: IntArray, max_drop: float, confidence: float, seed: int) -> float | None:
    """The lowest threshold at which a new draw of as many groups keeps the limit; None if none is found.

    Args:
        losses: Of n draws.
        place: The group of each, as `check_groups` gives it.
        max_drop: In units of `losses.units`.
        confidence: In (0, 1).
        seed: Of the resamples.
    """
    steps = steps_of(losses.scores)
    if len(steps) > _MOST_STEPS:  # the bound is a smooth function of the share: nothing is lost between
        steps = steps[np.unique(np.linspace(0, len(steps) - 1, _MOST_STEPS).astype(np.intp))]
    groups = int(place.max()) + 1
    column = np.searchsorted(-steps, -losses.scores, side="left")  # the first step that sends the row to small
    cells = np.bincount(column * groups + place, losses.values, minlength=(len(steps) + 1) * groups)
    # By step and group, over the rows that go to small.
    lost = np.cumsum(cells.reshape(-1, groups).astype(np.float64), axis=0)[:-1]
    allowed = max_drop * losses.units
    excess = lost - np.bincount(place, allowed, minlength=groups)
    sizes = np.bincount(place, minlength=groups).astype(np.float64)
    floor = _FLOOR * float(allowed.mean())
    rng = np.random.default_rng([seed, groups])
    even = np.full(groups, 1 / groups)
    seen, new = (rng.multinomial(groups, even, _RESAMPLES).astype(np.float64) for _ in range(2))

    def passes(part: slice) -> BoolArray:
        ends = _upper(excess[part].T, sizes, seen, new, confidence, floor)
        return np.asarray(ends <= 0)

    last = last_passed(len(steps), 0, passes)
    return float(steps[last]) if last >= 0 else None


def _upper(
    excess: FloatArray,
    sizes: FloatArray,
    seen: FloatArray,
    new: FloatArray,
    confidence: float,
    floor: float,
) -> FloatArray:
    """Upper ends of the mean excess a row in a new draw of the groups, shape (m,).

    Args:
        excess: Sum over the rows of each group, shape (k, m).
        sizes: Rows of each group, shape (k,).
        seen: How often a resample has each group, shape (resamples, k).
        new: The same of the draws to come.
        confidence: In (0, 1).
        floor: A standard error that is added to all, > 0.
    """
    k = len(sizes)
    mean, error = _mean_and_error(np.ones((1, k)), excess, sizes)
    means, errors = _mean_and_error(seen, excess, sizes)
    to_come = (new @ excess) / (new @ sizes)[:, None]
    # Where few rows go to small, many a resample has no loss and so no error of its own: it must not decide.
    studentised = (means - to_come) / np.hypot(errors, floor)
    return np.asarray(mean[0] - np.quantile(studentised, 1 - confidence, axis=0) * np.hypot(error[0], floor))


def _mean_and_error(weights: FloatArray, excess: FloatArray, sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean a row and its standard error with whole groups as the draws (ratio estimator), shape (resamples, m)."""
    k = len(sizes)
    rows = (weights @ sizes)[:, None]
    mean = (weights @ excess) / rows
    squares = (
        weights @ excess**2 - 2 * mean * (weights @ (excess * sizes[:, None])) + mean**2 * (weights @ sizes**2)[:, None]
    )
    return mean, np.sqrt(np.maximum(squares, 0.0) * k / (k - 1)) / rows
