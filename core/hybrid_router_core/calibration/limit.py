"""A limit on the quality drop: in units of quality, or as a share of what all-large has."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError

from .checks import number
from .losses import Losses

__all__ = ["Limit"]


@dataclass(frozen=True)
class Limit:
    """At most `value` may be lost.

    Attributes:
        value: In units of quality; if `relative`, a share of all-large's mean quality. At least 0.
        relative: Whether it is a share.
    """

    value: float
    relative: bool = False

    @classmethod
    def of(cls, given: float | str) -> Limit:
        """That of a number in units of quality, or of a text such as "2%".

        Raises:
            ConfigError: If it is neither, or negative.
        """
        if not isinstance(given, str):
            return cls(
                number("max_quality_drop", given, 0.0, math.inf, "It is in units of quality; a share is a text, '2%'.")
            )
        digits = given.strip()
        try:
            percent = float(digits.removesuffix("%")) if digits.endswith("%") else math.nan
        except ValueError:
            percent = math.nan
        if not 0 <= percent <= 100:
            raise ConfigError(
                f"max_quality_drop is {given!r}; allowed: a number of at least 0 in units of quality, or a text from "
                "'0%' to less than '100%', of all-large's mean quality"
            )
        return cls(percent / 100, relative=True)

    def losses(
        self, scores: FloatArray, small: FloatArray, large: FloatArray, low: float, high: float
    ) -> tuple[Losses, float]:
        """What each draw loses, and the limit in units of `Losses.units`; all arrays have shape (n,).

        Raises:
            ConfigError: If a share is wanted of a quality that may be negative or is 0, or the limit allows any loss.
        """
        width = high - low
        values = np.minimum((large - small) / width, 1.0)
        if self.relative and low < 0:
            raise ConfigError(
                f"max_quality_drop={self} is a share of all-large's mean quality, and quality_range=({low:g}, "
                f"{high:g}) allows negative ones; give the limit in units of quality"
            )
        if self.relative and not large.any():
            raise ConfigError(
                f"max_quality_drop={self} is a share of all-large's mean quality, and that is 0 on these data; is "
                "small taken for large? Else give the limit in units of quality"
            )
        if self.value * (high if self.relative else 1.0) >= width:
            raise ConfigError(
                f"max_quality_drop={self} limits nothing: qualities from {low:g} to {high:g} allow no larger loss. "
                f"Give less than {100 * width / high if self.relative else width:.4g}"
                + ("%" if self.relative else ", or a text such as '2%' for a share of all-large's mean quality")
            )
        if not self.relative:
            return Losses.plain(scores, values), self.value / width
        return Losses(scores, values, large / width, high / width), self.value

    def __str__(self) -> str:
        return f"{self.value:.4g}" if not self.relative else f"{100 * self.value:.4g}%"
