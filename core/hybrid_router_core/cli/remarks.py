"""What ``train`` says of its data before it begins, rather than after a training that was in vain."""

from __future__ import annotations

from collections.abc import Iterator

from hybrid_router_core.errors import DataError
from hybrid_router_core.evaluation import check_groups

from .data import Parts
from .parts import Files
from .settings import Target

__all__ = ["check_target", "remarks"]


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
        remedy = "; without --by group it has rows of all groups" if files.by == "group" else ""
        raise DataError(f"the calibration part: {error}{remedy}") from None


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
        tested = set(parts.test.groups or ())
        known = len(tested & set(parts.train.groups or ()))
        if known:
            yield (
                f"the limit is about new groups, but the figures of the test part are not: {known:,} of its "
                f"{len(tested):,} groups are trained on too. "
                + ("--by group keeps groups apart" if files.test is None else "Test on groups that are not in train")
            )
