"""From where on a query is a stranger: conformal p-values against the calibration queries.

Vovk, Gammerman and Shafer 2005, "Algorithmic Learning in a Random World"; Bates, Candès, Lei, Romano and Sesia 2023,
"Testing for outliers with conformal p-values" (arXiv:2104.08279). The strangeness is fixed before the calibration
queries are seen, so a new query like them is equally likely to take any place in their order, and its p-value is below
any level with at most that probability, whatever the strangeness measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, floor
from numbers import Real
from typing import Any

import numpy as np

from hybrid_router_core._types import AnyArray, BoolArray, FloatArray
from hybrid_router_core.errors import CalibrationError, ConfigError

__all__ = ["DEFAULT_LEVEL", "Guard", "check_level", "fewest_rows"]

DEFAULT_LEVEL = 0.02
_SMALLEST_LEVEL = 1e-6  # takes a million calibration queries
_LARGEST_LEVEL = 0.1  # about the share beyond the edge: what lies before it is no stranger
_ROUNDING = 1e-9  # 0.02 * 50 must be one row, however the product is rounded


def check_level(level: Any) -> float:
    """The level as a float.

    Raises:
        ConfigError: It is not from 0.000001 to 0.1.
    """
    if isinstance(level, bool) or not isinstance(level, Real) or not _SMALLEST_LEVEL <= float(level) <= _LARGEST_LEVEL:
        raise ConfigError(
            f"guard={level!r}: the share of ordinary queries that may be taken for strangers; allowed: a number from "
            f"{_SMALLEST_LEVEL:f} to {_LARGEST_LEVEL}, for example {DEFAULT_LEVEL}; 'auto'; or None for no guard"
        )
    return float(level)


def fewest_rows(level: float) -> int:
    """The calibration queries without which no query can be below the level: 1 / level - 1.

    >>> fewest_rows(0.02)
    49
    """
    return max(ceil(1 / check_level(level) - 1 - _ROUNDING), 1)


@dataclass(frozen=True)
class Guard:
    """Tells strangers from ordinary queries by their strangeness.

    Attributes:
        level: The largest share of ordinary queries that are taken for strangers, in (0, 0.1].
        reference: Strangeness of the calibration queries, none of them trained on; ascending.
        edge: `Likeness.edge`; nothing up to it is a stranger. So strangers lie beyond a limit that the training queries
            alone have fixed.
        cutoff: What is stranger than this is a stranger: about the quantile 1 - level of the reference, or the edge.
    """

    level: float
    reference: FloatArray
    edge: float = float("-inf")
    cutoff: float = field(init=False)

    def __post_init__(self) -> None:
        check_level(self.level)
        if self.reference.ndim != 1 or not np.isfinite(self.reference).all() or np.isnan(self.edge):
            raise ValueError(f"strangeness of shape {self.reference.shape} or edge {self.edge} is not finite numbers")
        if (np.diff(self.reference) < 0).any():
            raise ValueError("the strangeness of the calibration queries is not in ascending order")
        needed, found = fewest_rows(self.level), len(self.reference)
        if found < needed:
            raise CalibrationError(
                f"guard={self.level:g} needs {needed} calibration queries that were not trained on, there are {found}. "
                f"Calibrate on {needed - found} more{_or_level(found)}, or turn the guard off."
            )
        at_most = floor(self.level * (found + 1) + _ROUNDING)  # p <= level iff fewer of the reference are as strange
        object.__setattr__(self, "cutoff", max(float(self.reference[found - at_most]), float(self.edge)))

    @classmethod
    def calibrated(cls, level: float, strangeness: FloatArray, edge: float) -> Guard:
        """The guard for the strangeness of calibration queries, in any order.

        Raises:
            ConfigError: The level is not in (0, 0.1].
            CalibrationError: There are too few calibration queries for it; names the number that is needed.
        """
        return cls(check_level(level), np.sort(np.asarray(strangeness, dtype=np.float64)), float(edge))

    def p_values(self, strangeness: FloatArray) -> FloatArray:
        """(1 + how many of the reference are as strange or stranger) / (1 + their number), in (0, 1], shape (n,)."""
        as_strange = len(self.reference) - np.searchsorted(self.reference, strangeness, side="left")
        return np.asarray((1.0 + as_strange) / (1 + len(self.reference)))

    def strangers(self, strangeness: FloatArray) -> BoolArray:
        """Which are strangers: the p-value is at most the level, and the strangeness beyond the edge; shape (n,)."""
        return np.asarray(~(strangeness <= self.cutoff))  # what cannot be measured is one

    def state(self) -> dict[str, AnyArray]:
        """Arrays that `from_state` reads."""
        return {"reference": self.reference, "limits": np.array([self.level, self.edge])}

    @classmethod
    def from_state(cls, state: Mapping[str, AnyArray]) -> Guard:
        """The guard whose `state` this is.

        Raises:
            KeyError, ValueError: An array is missing or is not what `state` makes.
        """
        level, edge = state["limits"].astype(np.float64).tolist()
        return cls(level, state["reference"].astype(np.float64), edge)


def _or_level(rows: int) -> str:
    """The remedy that needs no more rows, if there is one: the least level, rounded up to three decimals."""
    level = ceil(1000 / (rows + 1) - _ROUNDING) / 1000
    return f", use guard={level:g}" if level <= _LARGEST_LEVEL else ""
