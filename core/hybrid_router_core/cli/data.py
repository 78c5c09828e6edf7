"""Data sets for the commands: reading in any form, and the three parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from hybrid_router_core.cli.console import warnings_as_lines
from hybrid_router_core.data import RoutingDataset, is_many, read_rows
from hybrid_router_core.errors import ConfigError, DataError
from hybrid_router_core.importers import is_routing_data, read_routing_data

__all__ = ["DEFAULT_SPLIT", "PARTS", "Pair", "Parts", "parse_split", "read_data", "split_data", "take_part"]

DEFAULT_SPLIT = (0.6, 0.2, 0.2)
PARTS = ("train", "calibration", "test")
By = Literal["query", "group"]


@dataclass(frozen=True)
class Pair:
    """The names of the two models in a many-model file.

    Attributes:
        small: Name of the small model, if known.
        large: Name of the large model, if known.
        asked: Whether the user named them for these data, so that a file without model names is a mistake.
        llm_data: LLMRouter's file of candidates, from whose sizes the names may come.
    """

    small: str | None = None
    large: str | None = None
    asked: bool = False
    llm_data: Path | None = None


@dataclass(frozen=True)
class Parts:
    """Disjoint rows by what they are used for."""

    train: RoutingDataset
    calibration: RoutingDataset | None = None
    test: RoutingDataset | None = None


def read_data(path: Path, pair: Pair) -> RoutingDataset:
    """Read the pair form, the many-model form or LLMRouter's routing data.

    Raises:
        DataError: If the file cannot be read or has bad rows.
        ConfigError: If the pair names one model twice.
    """
    try:
        _, rows = read_rows(path)
        _, first = next(iter(rows), (0, None))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    columns = first.keys() if isinstance(first, dict) else ()
    if is_routing_data(columns):
        return read_routing_data(path, pair.small, pair.large, pair.llm_data)
    named = is_many(columns) or pair.asked
    with warnings_as_lines():  # of rows and columns that are left out
        return RoutingDataset.read(path, small=pair.small if named else None, large=pair.large if named else None)


def parse_split(text: str) -> tuple[float, ...]:
    """The shares of ``--split``, in the order train, calibration, test.

    Raises:
        typer.BadParameter: If they are not one to three shares with a sum of at most 1.
    """
    try:
        shares = tuple(float(share) for share in text.split(","))
    except ValueError:
        shares = ()
    if not 1 <= len(shares) <= 3 or not all(0 < share <= 1 for share in shares) or sum(shares) > 1 + 1e-9:
        raise typer.BadParameter(
            f"{text!r}: give 0.6,0.2,0.2 (train, calibration, test), 0.8,0.2 (train, test) or 1 (train on everything); "
            "each share above 0, their sum at most 1"
        )
    return shares


def split_data(data: RoutingDataset, shares: Sequence[float], *, seed: int, by: By) -> Parts:
    """Divide a data set; the same shares, seed and rows give the same parts in every command."""
    if tuple(shares) == (1.0,):
        return Parts(data)
    rows = data.split(tuple(shares), seed=seed, by=by)
    return Parts(rows[0], rows[1] if len(rows) == 3 else None, rows[-1] if len(rows) > 1 else None)


def take_part(data: RoutingDataset, part: str, shares: Sequence[float], *, seed: int, by: By) -> RoutingDataset:
    """The rows that training used, or kept back, as this part.

    Raises:
        ConfigError: If the split has no such part.
    """
    taken: RoutingDataset | None = getattr(split_data(data, shares, seed=seed, by=by), part)
    if taken is None:
        raise ConfigError(f"a split of {', '.join(map(str, shares))} has no {part} part; give the --split of training")
    return taken
