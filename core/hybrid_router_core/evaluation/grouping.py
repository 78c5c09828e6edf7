"""Do rows of one group lose alike? Then they are not independent draws, and intervals that count rows are too short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from hybrid_router_core._types import FloatArray, IntArray
from hybrid_router_core.data import is_unnamed_group
from hybrid_router_core.errors import DataError

__all__ = ["FEWEST_GROUPS", "GROUPED", "Across", "check_groups", "design_effect", "grouping_note"]

Across: TypeAlias = Literal["groups"]

GROUPED = 1.25
"""From this design effect on a note is made: the rows tell no more than 80 % of as many independent ones."""

FEWEST_GROUPS = 8
FEWEST_EQUAL = 4.0
"""The groups must tell as much as this many of equal size: else one of them is nearly all of the data."""

_PERMUTATIONS = 199
_LEVEL = 0.025  # chance of a note where groups mean nothing


def check_groups(groups: Sequence[str] | None) -> IntArray:
    """The place of each row's group, 0 to k - 1, shape (n,), where whole groups are to be the draws.

    Raises:
        DataError: If there are no groups, none for some rows, too few, or one of them is nearly all of the data.
    """
    if groups is None:
        raise DataError("across='groups' needs the group of each query, and there are none: add a column 'group'")
    missing = sum(map(is_unnamed_group, groups))
    if missing:
        raise DataError(
            f"across='groups': {missing:,} of the {len(groups):,} queries have no group; name it, or leave them out"
        )
    names, place = np.unique(np.asarray(groups, dtype=object), return_inverse=True)
    sizes = np.bincount(place)
    missing = FEWEST_GROUPS - len(names)
    if missing > 0:
        raise DataError(
            f"across='groups' needs {FEWEST_GROUPS} groups at least, and there are {len(names)}: {missing} "
            f"{'is' if missing == 1 else 'are'} missing. Bring rows of more groups, give this part a larger share of "
            "the split, or leave out across=, and what is said is about new queries of these groups"
        )
    equal = len(place) ** 2 / float(sizes @ sizes)
    if equal < FEWEST_EQUAL:
        largest = int(sizes.argmax())
        raise DataError(
            f"across='groups': the group {names[largest]!r} has {sizes[largest] / len(place):.0%} of the queries, so "
            f"these {len(names)} groups tell as much as {equal:.1f} of equal size; {FEWEST_EQUAL:g} are needed. Take "
            "fewer queries of it, or split it"
        )
    return np.asarray(place, dtype=np.int64)


def design_effect(losses: FloatArray, groups: Sequence[str], seed: int = 0) -> float:
    """By how much the variance of the mean loss grows since rows of one group lose alike; 1 unless groups matter.

    1 + (rows a group - 1) * intraclass correlation (Kish 1965), by the analysis of variance with one random factor; 1
    unless a permutation test over the group's names rejects at 2.5 % that they mean nothing.

    Args:
        losses: Shape (n,).
        groups: A name per row.
        seed: Of the permutations.
    """
    place = np.unique(np.asarray(groups, dtype=object), return_inverse=True)[1]
    sizes = np.bincount(place)
    n, k = len(losses), len(sizes)
    centred = losses - losses.mean()
    total = float(centred @ centred)
    if k < 2 or k == n or total <= 1e-12:
        return 1.0

    def between(places: np.ndarray) -> float:
        return float((np.bincount(places, weights=centred, minlength=k) ** 2 / sizes).sum())

    found = between(place)
    rng = np.random.default_rng(seed)
    beaten = sum(between(rng.permutation(place)) >= found for _ in range(_PERMUTATIONS))
    if (beaten + 1) / (_PERMUTATIONS + 1) > _LEVEL:
        return 1.0
    rows = (n - float(sizes @ sizes) / n) / (k - 1)  # of an average group
    within = (total - found) / (n - k)
    correlation = (found / (k - 1) - within) / (found / (k - 1) + (rows - 1) * within)
    return float(1.0 + max(0.0, correlation) * (float(sizes @ sizes) / n - 1))


def grouping_note(effect: float, n: int, n_groups: int, what: str) -> str | None:
    """One line for `what` (a claim that counts rows) if the design effect is large; else None."""
    if effect < GROUPED:
        return None
    return (
        f"queries of one group lose alike: these {n} in {n_groups} groups tell as much as about {n / effect:.0f} "
        f"independent ones. {what} counts them as independent, so it holds for new queries of these groups in these "
        "proportions at best, and not for groups that are not in the data; across='groups' is for those"
    )
