"""Files of queries: .txt, .jsonl and .json, in order and a piece at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from hybrid_router_core._readers import read_rows
from hybrid_router_core._rows import Unreadable
from hybrid_router_core.errors import DataError

__all__ = ["in_chunks", "read_queries"]

_SUFFIXES = (".txt", ".jsonl", ".jsonl.gz", ".json", ".json.gz")
T = TypeVar("T")


def read_queries(path: Path) -> Iterator[str]:
    """The queries of a file.

    Args:
        path: .txt with a query a line (blank lines are skipped), .jsonl with a text or an object with ``query`` a line,
            or .json with a list of these; in UTF-8.

    Raises:
        DataError: If the file cannot be read, or holds no queries or something else; while it is being read.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name a file, one of {', '.join(_SUFFIXES)}")
    if not path.exists():
        raise DataError(f"{path}: no such file")
    name = path.name.lower()
    if not name.endswith(_SUFFIXES):
        raise DataError(f"{path}: unknown suffix {path.suffix!r}; allowed are {', '.join(_SUFFIXES)}")
    count = 0
    for query in _lines(path) if name.endswith(".txt") else _records(path):
        count += 1
        yield query
    if count == 0:
        raise DataError(f"{path}: no queries found; at least one is needed")


def in_chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most so many items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                try:
                    text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                except UnicodeDecodeError:
                    raise DataError(f"{path}, line {number}: not UTF-8 text; save the file as UTF-8") from None
                if text:
                    yield text
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def _records(path: Path) -> Iterator[str]:
    unit, rows = read_rows(path)
    for number, record in rows:
        yield _query(record, f"{path}, {unit} {number}")


def _query(record: Any, where: str) -> str:
    if isinstance(record, Unreadable):
        raise DataError(f"{where}: {record.message}")
    if isinstance(record, str):
        return record
    if not isinstance(record, dict):
        raise DataError(f'{where}: found {_kind(record)}; a query is a text or an object {{"query": "..."}}')
    if "query" not in record:
        found = ", ".join(map(repr, list(record)[:10])) or "none"
        raise DataError(f"{where}: the key 'query' is missing; keys found: {found}")
    query = record["query"]
    if not isinstance(query, str):
        raise DataError(f"{where}: 'query' is {_kind(query)}; allowed: a text")
    return query


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", bool: "a truth value", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
