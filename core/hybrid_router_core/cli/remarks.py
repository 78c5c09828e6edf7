"""What ``train`` remarks before it begins: nothing is wrong, but something may be meant otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from .data import Parts
from .parts import Files
from .settings import Target

__all__ = ["remarks"]


def remarks(files: Files, parts: Parts, target: Target | None, *, guarded: bool) -> Iterator[str]:
    """One line each.

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
