"""The rows that ``calibrate`` and ``evaluate`` take: all of DATA, or one part of it as training divided it."""

from __future__ import annotations

from pathlib import Path

import typer

from hybrid_router_core.data import RoutingDataset
from hybrid_router_core.router import HybridRouter

from .console import Messages
from .data import DEFAULT_SPLIT, By, Pair, read_data, take_part
from .options import By as ByName
from .options import Part
from .values import shares_of

__all__ = ["Rows"]

_PARTS = {1: ("train",), 2: ("train", "test"), 3: ("train", "calibration", "test")}  # by the number of shares


class Rows:
    """Which rows, checked; nothing is read yet.

    Args:
        data: The file.
        pair: The names of the models.
        part: Of the file; None is all of it.
        split: The shares, as the user wrote them.
        by: What the split keeps together.

    Raises:
        typer.BadParameter: If these contradict each other.
    """

    def __init__(self, data: Path, pair: Pair, part: Part | None, split: str | None, by: ByName | None) -> None:
        shares = shares_of(split)
        if part is None and (shares is not None or by is not None):
            raise typer.BadParameter(
                "--split and --by say how --part divides DATA; add --part calibration or --part test"
            )
        self.data, self.pair = data, pair
        self._part = None if part is None else part.value
        self._shares = shares or DEFAULT_SPLIT
        self._by: By = "group" if by is ByName.group else "query"
        if self._part is not None and self._part not in _PARTS[len(self._shares)]:
            named = ", ".join(map(str, self._shares))
            raise typer.BadParameter(f"a split of {named} has no {self._part} part; give the --split of training")

    def read(self, router: HybridRouter, messages: Messages) -> RoutingDataset:
        """Read them; the router has the seed of the split."""
        with messages.working(f"Reading {self.data}"):
            rows = read_data(self.data, self.pair)
        if self._part is None:
            return rows
        return take_part(rows, self._part, self._shares, seed=router.seed, by=self._by)
