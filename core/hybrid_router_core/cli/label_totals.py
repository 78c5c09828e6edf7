"""What came out of labelling, in figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

__all__ = ["Totals"]


@dataclass
class Totals:
    """What came out.

    Attributes:
        rows: Written.
        no_verdict: Rows left out, since one side has no quality.
        samples: Measured.
        unknown: Samples without a verdict.
        small: Sum of the rows' means.
        large: The same.
        small_enough: Rows in which small is at least as good on average.
        lowest: Of all means.
        highest: Of all means.
    """

    rows: int = 0
    no_verdict: int = 0
    samples: int = 0
    unknown: int = 0
    small: float = 0.0
    large: float = 0.0
    small_enough: int = 0
    lowest: float = math.inf
    highest: float = -math.inf

    def add(self, record: dict[str, Any] | None) -> None:
        """Count a row; None is one without a quality."""
        if record is None:
            self.no_verdict += 1
            return
        small, large = _mean(record["small_quality"]), _mean(record["large_quality"])
        self.rows += 1
        self.small += small
        self.large += large
        self.small_enough += small >= large
        self.lowest = min(self.lowest, small, large)
        self.highest = max(self.highest, small, large)

    def record(self) -> dict[str, Any]:
        """For a program."""
        return {
            "rows": self.rows,
            "small_quality": self.small / self.rows,
            "large_quality": self.large / self.rows,
            "small_good_enough": self.small_enough / self.rows,
            "without_verdict": self.no_verdict,
            "samples_without_verdict": self.unknown,
        }


def _mean(quality: float | list[float]) -> float:
    return sum(quality) / len(quality) if isinstance(quality, list) else quality
