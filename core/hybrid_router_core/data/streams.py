"""Files of any length, a piece at a time: queries, and data sets in chunks.

The memory that reading takes does not grow with the file, but for .json, whose list has to be read as a whole.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

from hybrid_router_core.conversation import Reading, read, without_answer
from hybrid_router_core.errors import DataError

from .cells import messages_of
from .collector import collect
from .dataset import RoutingDataset
from .notes import Notes
from .opening import COMPRESSED, read_lines, start_of
from .readers import FORMS, checked_path, read_rows
from .rows import Row, Unreadable

__all__ = ["CHUNK", "in_chunks", "read_data_chunks", "read_queries", "read_query_rows"]

CHUNK = 8192
"""Rows of a data set at a time: enough for numpy to be fast, a few megabytes of short texts."""
_TEXTS = (".txt", *(f".txt{packed}" for packed in COMPRESSED))
_FORMS = f".txt, {FORMS}"
T = TypeVar("T")


def in_chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most so many items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def read_queries(path: Path) -> Iterator[str | Reading]:
    """The queries of a file; a conversation as it is read.

    Args:
        path: .txt with a query a line (blank lines are skipped), .jsonl with a text or an object with ``query``, or
            with the ``messages`` of a conversation, a line, .json with a list of these, or a table (.csv, .tsv,
            .parquet, .feather, .arrow, .xlsx) with a column ``query``, whatever other columns there are. Texts may be
            packed: .gz, .bz2, .xz, .zst. ``-`` is stdin: JSON, a CSV with that column, or else a query a line.

    Raises:
        DataError: If the file cannot be read, or holds no queries or something else; while it is being read.
        MissingExtraError: .parquet without pyarrow.
    """
    unit, rows = read_query_rows(path, wanted=("query",))
    count = 0
    for count, (number, record) in enumerate(rows, 1):  # noqa: B007
        yield _query(record, f"{path}, {unit} {number}")
    if count == 0:
        raise DataError(f"{path}: no queries found; at least one is needed")


def read_query_rows(path: Path, *, wanted: Collection[str] = ()) -> tuple[str, Iterator[Row]]:
    """What the row numbers count, "line" or "record", and the rows of a file of queries; a line of text is a str.

    Args:
        path: As for `read_queries`.
        wanted: Columns of a .csv or .parquet file that are enough; empty for all, whatever they are.

    Raises:
        DataError: If there is no such file, or the suffix is unknown.
    """
    path = checked_path(path, _FORMS)
    if path.name.lower().endswith(_TEXTS) or (str(path) == "-" and wanted and _is_text(path, wanted)):
        return "line", read_lines(path)
    return read_rows(path, wanted=wanted, forms=_FORMS)


def _is_text(path: Path, wanted: Collection[str]) -> bool:
    """Whether it begins neither like JSON nor with the header of a table that has these columns."""
    start = start_of(path)
    header = re.split(rb"[,;\t|]", start.partition(b"\n")[0])
    return start[:1] not in (b"[", b"{", b'"') and not {
        name.strip(b' "\r').decode(errors="replace") for name in header
    } & set(wanted)


def read_data_chunks(
    path: str | os.PathLike[str], *, small: str | None = None, large: str | None = None, size: int = CHUNK
) -> Iterator[RoutingDataset]:
    """What `RoutingDataset.read` reads, in data sets of at most ``size`` rows.

    The number of samples, and whether there are groups, ids and costs, may differ from one to the next.

    Raises:
        DataError: As for `RoutingDataset.read`; counts the bad rows of the first chunk that has any.
        MissingExtraError: .parquet without pyarrow.
        ConfigError: small and large are the same model.
    """
    unit, rows = read_rows(cast("Path", path))
    notes, found = Notes(str(path)), False
    for chunk in in_chunks(rows, size):
        columns = collect(unit, chunk, small, large, notes)
        if columns is not None:
            found = True
            yield RoutingDataset(**vars(columns))
    if not found:
        raise notes.nothing()
    notes.warn()


def _query(record: Any, where: str) -> str | Reading:
    if isinstance(record, Unreadable):
        raise DataError(f"{where}: {record.message}")
    if isinstance(record, str):
        return record
    if not isinstance(record, dict):
        raise DataError(f'{where}: found {_kind(record)}; a query is a text or an object {{"query": "..."}}')
    if record.get("messages") is not None:
        messages = messages_of(record["messages"])
        if not isinstance(messages, list):
            raise DataError(f"{where}: 'messages' is {_kind(record['messages'])}; a list of role and content is needed")
        return read(without_answer(messages))
    if "query" not in record:
        found = ", ".join(map(repr, list(record)[:10])) or "none"
        raise DataError(f"{where}: the key 'query' is missing; keys found: {found}")
    query = record["query"]
    if not isinstance(query, str):
        raise DataError(f"{where}: 'query' is {_kind(query)}; allowed: a text")
    return query


def _kind(value: Any) -> str:
    names = {
        str: "a text",
        dict: "an object",
        list: "a list",
        bool: "a truth value",
        int: "a number",
        float: "a number",
    }
    return "null" if value is None else names.get(type(value), type(value).__name__)
