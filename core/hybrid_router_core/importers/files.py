"""Records of any table: CSV, JSON, JSON lines, Parquet and Arrow, whatever their columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hybrid_router_core.data import WORDS, Unreadable, arrow_batches, arrow_modules, nearest, read_rows
from hybrid_router_core.errors import DataError

__all__ = ["Place", "finite", "read_records", "text_of"]

_ARROW = (".arrow", ".feather")
_PICKLES = (".pkl", ".pickle")


class Place:
    """A record and where it stands, which its checks tell."""

    def __init__(self, record: Mapping[str, Any], where: str) -> None:
        self.record = record
        self.where = where

    def bad(self, column: str, needed: str) -> DataError:
        """The error for a column; shows no text, which may be private."""
        value = self.record.get(column)
        if value is None:
            hint = "" if column in self.record else nearest(column, self.record)
            found = ", ".join(map(repr, list(self.record)[:12])) or "none"
            return DataError(f"{self.where}, column {column!r}: missing; {needed} is needed. Found: {found}{hint}")
        shown = f"{value!r} " if isinstance(value, (int, float)) or len(str(value)) <= 30 else ""
        return DataError(f"{self.where}, column {column!r}: found {shown}({type(value).__name__}); {needed} is needed")

    def text(self, column: str) -> str:
        """Text that is not blank."""
        value = self.record.get(column)
        if not isinstance(value, str) or not value.strip():
            raise self.bad(column, "non-empty text")
        return value

    def name(self, column: str) -> str | None:
        """Text or a number as a name, or None."""
        value = self.record.get(column)
        return None if value is None or value == "" or isinstance(value, (list, dict)) else str(value)

    def number(self, column: str) -> float:
        """A finite number; truth values count as 1 and 0, text as what it spells."""
        number = finite(self.record.get(column))
        if number is None:
            raise self.bad(column, "a finite number, or True or False")
        return number


def finite(value: Any) -> float | None:
    """The finite number that a value is or spells, else None."""
    if isinstance(value, str):
        value = WORDS.get(value.strip().lower(), value)
    if not isinstance(value, (bool, int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None


def text_of(value: Any) -> Any:
    """The value of a cell that holds JSON, else the value itself."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def read_records(path: Path, split: str | None = None) -> Iterator[Place]:
    """The records of a file, or of a folder that the library `datasets` saved.

    Args:
        path: .csv, .json, .jsonl (each also with .gz), .parquet, .arrow, or a folder with the last two.
        split: Which part of a folder with several.

    Raises:
        DataError: It cannot be read, or a record is no object.
        MissingExtraError: Parquet or Arrow without pyarrow.
    """
    if path.suffix.lower() in _PICKLES:
        raise DataError(
            f"{path}: a pickle can run any code when it is read, so it is not. If you trust its origin, turn it into "
            "Parquet once: python -c \"import pandas; pandas.read_pickle('FILE.pkl').to_parquet('FILE.parquet')\""
        )
    if path.is_dir():
        for part in _parts(path, split):
            yield from read_records(part)
        return
    if split is not None:
        raise DataError(f"{path}: is one file; --split picks a part of a folder")
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if path.suffix.lower() in (*_ARROW, ".parquet"):
        yield from _columns(path)
        return
    unit, rows = read_rows(path, wanted=())
    for number, row in rows:
        where = f"{path}, {unit} {number}"
        if isinstance(row, Unreadable):
            raise DataError(f"{where}: {row.message}")
        if not isinstance(row, Mapping):
            raise DataError(f"{where}: found {type(row).__name__}, but an object with named columns is needed")
        yield Place(row, where)


def _columns(path: Path) -> Iterator[Place]:
    arrow, _ = arrow_modules()
    number = 0
    try:
        for batch in arrow_batches(path, 1 << 10):
            for record in batch.to_pylist():
                number += 1
                yield Place(record, f"{path}, record {number}")
    except (arrow.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path}, record {number + 1}: not a readable {path.suffix} file ({reason})") from None


def _split_of(path: Path) -> str:
    """The split in a file's name, as the hub writes it: train-00000-of-00002.parquet, or my_set-train.arrow."""
    stem = re.sub(r"-\d{5}(-of-\d{5})?$", "", path.stem)
    return stem.rpartition("-")[2]


def _parts(folder: Path, split: str | None) -> list[Path]:
    """The files of a saved Dataset, of one split of a saved DatasetDict, or of a folder of Parquet files."""
    try:
        splits = list(json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"])
    except FileNotFoundError:
        splits = []
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{folder / 'dataset_dict.json'}: cannot be read; save the data set again") from None
    if splits:
        chosen = split or (splits[0] if len(splits) == 1 else "train")
        if chosen not in splits:
            found = ", ".join(map(str, splits))
            raise DataError(f"{folder}: there is no split {chosen!r}; give --split, one of {found}")
        return _parts(folder / chosen, None)
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (*_ARROW, ".parquet"))
    files = [path for path in files if not path.name.startswith("cache-")]  # results that `datasets` keeps beside
    found_splits = dict.fromkeys(_split_of(path) for path in files)
    if split is None and len(found_splits) > 1:
        split = "train"  # as for a DatasetDict: never two splits in one data set
        if split not in found_splits:
            raise DataError(f"{folder}: several splits; give --split, one of {', '.join(found_splits)}")
    if split is not None:
        files = [path for path in files if split in (_split_of(path), path.parent.name)]
    if (folder / "state.json").exists():
        try:
            listed = json.loads((folder / "state.json").read_text(encoding="utf-8"))["_data_files"]
            files = [folder / entry["filename"] for entry in listed]
        except (OSError, ValueError, KeyError, TypeError):
            raise DataError(f"{folder / 'state.json'}: cannot be read; save the data set again") from None
    if not files:
        what = "" if split is None else f" of the split {split!r}"
        raise DataError(f"{folder}: no .arrow or .parquet files{what} in this folder")
    return files
