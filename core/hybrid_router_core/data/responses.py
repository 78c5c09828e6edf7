"""What both models answered to the same queries: the format of ``responses.jsonl``, read and written a row at a time.

One object a line; everything with a question mark may be left out, and other keys of a row are kept as they are:
``{"id": str?, "query": str, "group": str?, "answers": [str]?, "small": SIDE, "large": SIDE}``, where a SIDE is
``{"model": str?, "responses": [RESPONSE], "seconds": float?}`` and a RESPONSE is ``{"text": str, "prompt_tokens": int?,
"completion_tokens": int?, "seconds": float?, "finish_reason": str?, "cost": float?}``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hybrid_router_core.errors import DataError

from .lines import json_bytes, write_lines
from .readers import read_rows
from .response_rows import ResponseRow, parse_row
from .rows import Unreadable

__all__ = ["read_responses", "write_responses"]

_SUFFIXES = (".jsonl", ".jsonl.gz")


def read_responses(path: str | os.PathLike[str]) -> Iterator[ResponseRow]:
    """The rows of a file, one at a time: memory stays small however long it is.

    Args:
        path: .jsonl or .jsonl.gz, in UTF-8.

    Raises:
        DataError: The file cannot be read, is empty, or the row just reached is bad; names its line and column.
    """
    path = _path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise DataError(
            f"{path}: is a pipe or a device, and responses are read more than once; write them to a file first"
        )
    if not path.is_dir() and path.exists() and not path.name.lower().endswith(_SUFFIXES):
        raise DataError(f"{path}: unknown suffix {path.suffix!r}; allowed are {', '.join(_SUFFIXES)}")
    unit, rows = read_rows(path)
    return _rows(path, unit, rows)


def _rows(path: Path, unit: str, rows: Iterable[tuple[int, Any]]) -> Iterator[ResponseRow]:
    number = 0
    for number, record in rows:
        where = f"{path}, {unit} {number}"
        if isinstance(record, Unreadable):
            raise DataError(f"{where}: {record.message}")
        yield parse_row(record, where, number)
    if number == 0:
        raise DataError(f"{path}: no rows found; at least one is needed")


def write_responses(path: str | os.PathLike[str], rows: Iterable[ResponseRow]) -> int:
    """Write rows to a file that appears when it is complete and on the disk; a file there is replaced.

    Args:
        path: .jsonl or .jsonl.gz; the same rows give the same bytes.
        rows: Taken one at a time.

    Returns:
        The number of rows.

    Raises:
        DataError: Another suffix, or the file cannot be written; then nothing has changed.
    """
    path = _path(path)
    if not path.name.lower().endswith(_SUFFIXES):
        raise DataError(f"{path}: unknown suffix {path.suffix!r}; allowed are {', '.join(_SUFFIXES)}")
    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for row in rows:
            yield json_bytes(row.to_json())
            count += 1

    write_lines(path, lines())
    return count


def _path(path: Any) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise DataError(f"found {type(path).__name__}, but the path of a .jsonl file is needed")
    return Path(path)
