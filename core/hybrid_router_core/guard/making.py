"""The guard of a calibration, if there is to be one."""

from __future__ import annotations

from typing import Literal, TypeAlias

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import CalibrationError

from .conformal import DEFAULT_LEVEL, Guard, check_level, fewest_rows
from .likeness import Likeness

__all__ = ["GuardSetting", "check_guard", "guard_for", "no_guard", "with_level"]

GuardSetting: TypeAlias = "float | Literal['auto'] | None"


def check_guard(setting: GuardSetting) -> GuardSetting:
    """The setting, if it is "auto", None or a level.

    Raises:
        ConfigError: If it is none of these.
    """
    return setting if setting is None or setting == "auto" else check_level(setting)


def guard_for(
    setting: GuardSetting, likeness: Likeness | None, strangeness: FloatArray, *, certified: bool
) -> Guard | None:
    """The guard by the strangeness of n distinct calibration queries that were not trained on.

    Args:
        setting: A level; "auto" for 0.02 where the calibration gives a guarantee and has queries enough; None for none.
        likeness: That measured them; None in a router that was saved before there were guards, or trained without.
        strangeness: Shape (n,).
        certified: Whether the calibration gives a guarantee.

    Raises:
        CalibrationError: If a level is asked for and cannot be had.
    """
    if setting is None or (setting == "auto" and not certified):
        return None
    level = _level(setting)
    if likeness is None:
        if setting == "auto":
            return None
        raise CalibrationError(
            f"guard={level:g}: this router was trained without what a guard measures by, by an older version or with "
            "guard=None; train it again"
        )
    if setting == "auto" and len(strangeness) < fewest_rows(level):
        return None
    return Guard.calibrated(level, strangeness, likeness.edge)


def no_guard(queries: int) -> str:
    """What to say where the default guard needs more calibration queries than there are."""
    return (
        f"no guard: it needs {fewest_rows(DEFAULT_LEVEL)} calibration queries that were not trained on, and there are "
        f"{queries}, so queries unlike any of them go by their score too"
    )


def with_level(guard: Guard, setting: GuardSetting) -> Guard | None:
    """The guard at another setting, by the same calibration queries; None for none.

    Raises:
        CalibrationError: If these are too few for the level.
    """
    if setting is None:
        return None
    level = _level(setting)
    return guard if level == guard.level else Guard(level, guard.reference, guard.edge)


def _level(setting: float | Literal["auto"]) -> float:
    return DEFAULT_LEVEL if setting == "auto" else check_level(setting)
