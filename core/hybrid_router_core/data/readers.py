"""The form of a file by its name: which reader turns it into numbered records. What they hold is checked in `rows`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from hybrid_router_core.errors import DataError

from .json_rows import json_rows, jsonl_rows
from .opening import COMPRESSED, start_of
from .rows import Row, Wanted
from .tables import arrow_rows, csv_rows, excel_rows

__all__ = ["FORMS", "checked_path", "read_rows"]

Reader = Callable[[Path, Wanted], Iterator[Row]]
_TEXTS: dict[str, tuple[str, Reader]] = {
    ".jsonl": ("line", jsonl_rows),
    ".ndjson": ("line", jsonl_rows),
    ".json": ("line", json_rows),
    ".csv": ("line", csv_rows),
    ".tsv": ("line", csv_rows),
}
_TABLES: dict[str, tuple[str, Reader]] = {
    ".parquet": ("record", arrow_rows),
    ".feather": ("record", arrow_rows),
    ".arrow": ("record", arrow_rows),
    ".xlsx": ("record", excel_rows),
}
_READERS = {
    **{f"{suffix}{packed}": _TEXTS[suffix] for suffix, packed in product(_TEXTS, ("", *COMPRESSED))},
    **_TABLES,
}
FORMS = f"{', '.join(_TEXTS)} (each also with {', '.join(COMPRESSED)}), {', '.join(_TABLES)}, or - for stdin"
"""The forms, for messages."""


def read_rows(path: Path, *, wanted: Wanted = None, forms: str = FORMS) -> tuple[str, Iterator[Row]]:
    """Finds the reader for a path; ``-`` is stdin, whose first character tells JSON from CSV.

    Args:
        path: Names the form by its suffix.
        wanted: Columns of a table that are enough; others need not be read, and any of these may be missing. Empty: all
            columns, whatever they are. None: those of a data set.
        forms: Those that the caller takes, for messages.

    Returns:
        What the numbers count ("line" or "record"), and the numbered records.

    Raises:
        DataError: there is no such file, it is a folder, or the suffix is unknown.
    """
    path = checked_path(path, forms)
    if str(path) == "-":
        unit, reader = _sniffed(path)
        return unit, reader(path, wanted)
    name = path.name.lower()
    for suffix, (unit, reader) in _READERS.items():
        if name.endswith(suffix):
            return unit, reader(path, wanted)
    raise DataError(f"{path}: unknown suffix {path.suffix!r}; allowed are {forms}")


def checked_path(path: Any, forms: str = FORMS) -> Path:
    """The path of a file that is there, or ``-``.

    Raises:
        DataError: It is no path, a folder, or not there.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise DataError(
            f"read takes the path of a file, got {type(path).__name__}; rows in memory go to from_records(rows) or "
            "from_frame(frame)"
        )
    named = Path(path)
    if str(named) == "-":
        return named
    if named.is_dir():
        raise DataError(f"{named}: is a folder; name a file, one of {forms}")
    if not named.exists():
        raise DataError(f"{named}: no such file")
    return named


def _sniffed(path: Path) -> tuple[str, Reader]:
    start = start_of(path)[:1]
    return _TEXTS[".json" if start == b"[" else ".jsonl" if start in (b"{", b'"') else ".csv"]
