"""The queries to ask, in any of their forms, with all that stands beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from hybrid_router_core.data import Unreadable, nearest, read_query_rows
from hybrid_router_core.errors import ConfigError, DataError

__all__ = ["Query", "Source", "source_of"]

_OURS = ("small", "large")


@dataclass(frozen=True)
class Query:
    """One query.

    Attributes:
        text: What the models are asked.
        row: The other columns, which go to the output as they are.
    """

    text: str
    row: Mapping[str, Any] = field(default_factory=dict)


Source: TypeAlias = "Callable[[], Iterator[Query]]"


def source_of(queries: str | os.PathLike[str] | Iterable[Any], column: str = "query") -> Source:
    """What gives all queries, as often as asked.

    Args:
        queries: A path, as for `read_query_rows`, with the column; or texts or mappings.
        column: Where the query's text stands.

    Raises:
        DataError: There is no such file, or its suffix is unknown. Bad rows are named while they are read.
    """
    if not isinstance(column, str) or not column:
        raise ConfigError(f"column={column!r}; the name of a column is needed")
    if not isinstance(queries, (str, os.PathLike)):
        if not isinstance(queries, Iterable):
            raise DataError(f"queries: found {type(queries).__name__}; give a path, or texts or mappings")
        items = list(queries)
        return lambda: _checked(enumerate(items, 1), "queries, item", column)
    path = Path(queries)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise DataError(
            f"{path}: is a pipe or a device, and queries are read more than once; write them to a file first"
        )
    unit, _ = read_query_rows(path)  # opens nothing yet, but looks at the name
    return lambda: _checked(read_query_rows(path)[1], f"{path}, {unit}", column)


def _checked(rows: Iterable[tuple[int, Any]], where: str, column: str) -> Iterator[Query]:
    number = 0
    for number, record in rows:
        yield _query(record, f"{where} {number}", column)
    if number == 0:
        raise DataError(f"{where.rpartition(', ')[0]}: no queries found; at least one is needed")


def _query(record: Any, where: str, column: str) -> Query:
    if isinstance(record, Unreadable):
        raise DataError(f"{where}: {record.message}")
    if isinstance(record, str):
        record = {column: record}
    if not isinstance(record, Mapping):
        raise DataError(f'{where}: found {type(record).__name__}; a query is a text or an object {{"{column}": "..."}}')
    rest = {str(name): _plain(value) for name, value in record.items()}
    if column not in rest:
        raise _no_column(where, column, rest)
    text = rest.pop(column)
    if not isinstance(text, str) or not text.strip():
        found = "an empty text" if isinstance(text, str) else type(text).__name__
        raise DataError(f"{where}, column {column!r}: found {found}, but non-empty text is needed")
    for name in _OURS:
        if name in rest:
            raise DataError(f"{where}: the column {name!r} is where the answers go; rename it")
    if column != "query" and "query" in rest:
        raise DataError(f"{where}: there is a column 'query' beside {column!r}; rename it")
    answers = _listed(rest.get("answers"))
    for name in ("id", "group"):  # a number in most tables
        if rest.get(name) is None or rest[name] == "":
            rest.pop(name, None)
        else:
            rest[name] = str(rest[name])
    if answers is None:
        rest.pop("answers", None)
    else:
        rest["answers"] = [str(answer) for answer in (answers if isinstance(answers, (list, tuple)) else [answers])]
    return Query(text, rest)


def _no_column(where: str, column: str, columns: Iterable[Any]) -> DataError:
    names = [str(name) for name in columns]
    found = ", ".join(map(repr, names[:10])) or "none"
    return DataError(
        f"{where}: there is no column {column!r}; found {found}{nearest(column, names)}. Name the right one with "
        f"--column"
    )


def _listed(value: Any) -> Any:
    """A cell of a table that holds a JSON list, as that list."""
    try:
        return json.loads(value) if isinstance(value, str) and value.lstrip().startswith("[") else value
    except ValueError:
        return value


def _plain(value: Any) -> Any:
    """What JSON can hold: a date or a decimal becomes its text."""
    if value is None or isinstance(value, (str, int, float, bool, list, dict)):
        return value
    if isinstance(value, bytes):
        raise ConfigError("a column of bytes cannot be written to the output; leave it out")
    return str(value)
