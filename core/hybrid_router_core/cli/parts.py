"""The three parts of the data that ``train`` uses, and what it says about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid_router_core.data import RoutingDataset
from hybrid_router_core.errors import ConfigError

from .console import Messages
from .data import DEFAULT_SPLIT, By, Pair, Parts, read_data, split_data

__all__ = ["Files", "part_lines", "parts_record", "read_parts"]


@dataclass(frozen=True)
class Files:
    """Where the rows of each part come from; only train is always there.

    Attributes:
        train: The file that is divided, where the other parts have none of their own.
        pair: The names of the models.
        by: What a split keeps together.
        shares: Of the parts, where the user gave them.
        calibration: A file of its own, or None.
        test: A file of its own, or None.
    """

    train: Path
    pair: Pair
    by: By = "query"
    shares: tuple[float, ...] | None = None
    calibration: Path | None = None
    test: Path | None = None

    @property
    def tests(self) -> bool:
        """Whether there will be rows to measure on."""
        if self.calibration is None and self.test is None:
            return len(self.shares or DEFAULT_SPLIT) > 1
        return self.test is not None


def read_parts(files: Files, *, calibrates: bool, seed: int, messages: Messages) -> Parts:
    """Read and divide.

    Args:
        files: Where from.
        calibrates: Whether a threshold is to be set, so that rows are needed for it.
        seed: Of the split.
        messages: For progress.

    Raises:
        ConfigError: If there are to be no rows to calibrate on.
    """
    if calibrates and files.calibration is None and files.shares is not None and len(files.shares) < 3:
        raise ConfigError("a target needs rows to calibrate on; give three shares, as in --split 0.6,0.2,0.2")
    with messages.working(f"Reading {files.train}"):
        rows = read_data(files.train, files.pair)
        calibration = _read(files.calibration, files.pair)
        test = _read(files.test, files.pair)
    if calibration is None and test is None:
        parts = split_data(rows, files.shares or DEFAULT_SPLIT, seed=seed, by=files.by)
    elif calibration is None and calibrates:
        both = DEFAULT_SPLIT[0] + DEFAULT_SPLIT[1]
        train, calibration = rows.split([share / both for share in DEFAULT_SPLIT[:2]], seed=seed, by=files.by)
        parts = Parts(train, calibration, test)
    else:
        parts = Parts(rows, calibration, test)
    return parts


def part_lines(parts: Parts, files: Files, *, calibrated: bool, seed: int) -> list[str]:
    """Which rows were used for what."""
    kept = "--part calibration" if files.calibration is None else f"with {files.calibration}"
    uses = {
        "train": "taught the router",
        "calibration": "set the threshold" if calibrated else f"kept back for: hybrid-router calibrate {kept}",
        "test": "gave the figures below",
    }
    rows = [f"  {name:<12}{len(part):>9,} rows  {uses[name]}" for name, part in _named(parts)]
    if len(rows) > 1 and files.calibration is None and files.test is None:
        rows.append(f"  (by a hash of seed {seed} and the {files.by}: the same again with --part)")
    return rows


def parts_record(parts: Parts, files: Files) -> dict[str, Any]:
    """The same for a program."""
    own = {"train": files.train, "calibration": files.calibration, "test": files.test}
    return {
        "by": files.by,
        **{name: {"rows": len(part), "file": str(own[name] or files.train)} for name, part in _named(parts)},
    }


def _named(parts: Parts) -> list[tuple[str, RoutingDataset]]:
    named = (("train", parts.train), ("calibration", parts.calibration), ("test", parts.test))
    return [(name, part) for name, part in named if part is not None]


def _read(path: Path | None, pair: Pair) -> RoutingDataset | None:
    return None if path is None else read_data(path, pair)
