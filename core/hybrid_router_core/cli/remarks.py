"""What ``train`` says of its data before it begins, rather than after a training that was in vain."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_router_core.errors import DataError
from hybrid_router_core.evaluation import Across, check_groups

from .data import Parts
from .parts import Files
from .settings import Target

__all__ = ["check_target", "measured_across", "remarks"]


def check_target(files: Files, parts: Parts, target: Target | None) -> None:
    """Refuse calibration rows whose groups can give no limit for new ones.

    Raises:
        DataError: If there are no groups, too few, or one of them is nearly all of the rows.
    """
    if target is None or target.across is None or parts.calibration is None:
        return
    try:
        check_groups(parts.calibration.groups)
    except DataError as error:
        remedy = (
            ". Or split without --by group, so that each part has rows of all groups" if files.by == "group" else ""
        )
        raise DataError(f"the calibration part: {error}{remedy}") from None


def measured_across(parts: Parts, target: Target | None) -> Across | None:
    """How the test part is to be measured: as the limit is meant, if its groups do and none of them was trained on."""
    if target is None or target.across is None or parts.test is None or _known(parts):
        return None
    try:
        check_groups(parts.test.groups)
    except DataError:
        return None
    return target.across


def remarks(files: Files, parts: Parts, target: Target | None, *, guarded: bool) -> Iterator[str]:
    """One line each for what is not wrong, but may be meant otherwise.

    Args:
        files: Where the rows come from.
        parts: What they are used for.
        target: What will be calibrated for.
        guarded: Whether the command line asks for a guard.
    """
    small, large, gap = parts.train.mean_small, parts.train.mean_large, parts.train.gap
    if gap.mean() > 2 * gap.std() / len(gap) ** 0.5:
        yield (
            f"small is better than large on average ({small.mean():.3f} and {large.mean():.3f}): are the two "
            "swapped? If not, small alone does"
        )
    if guarded and target is None:
        yield "the guard comes with a calibration; give a target too, or go on with: hybrid-router calibrate"
    if target is not None and target.across is not None and parts.test is not None:
        known = len(_known(parts))
        if known:
            yield (
                f"the limit is about new groups, but the figures of the test part are not: {known:,} of its "
                f"{len(set(parts.test.groups or ())):,} groups are trained on too. "
                + ("--by group keeps groups apart" if files.test is None else "Test on groups that are not in train")
            )
        elif measured_across(parts, target) is None:
            yield "the limit is about new groups, but the intervals of the test part are not: it has too few groups"


def _known(parts: Parts) -> set[str]:
    """Groups of the test part that are trained on."""
    return set((parts.test and parts.test.groups) or ()) & set(parts.train.groups or ())
