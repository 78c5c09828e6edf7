"""What a record may hold: the columns of both forms, and the words of the messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeAlias

from hybrid_router_core.errors import DataError

__all__ = [
    "MANY_COLUMNS",
    "NUMBER_COLUMNS",
    "PAIR_COLUMNS",
    "Row",
    "Unreadable",
    "Wanted",
    "check_columns",
    "columns_of",
    "found",
    "is_many",
    "listed",
    "misspelt",
    "nearest",
]

PAIR_COLUMNS = ("query", "small_quality", "large_quality", "group", "small_cost", "large_cost", "id", "messages")
MANY_COLUMNS = ("query", "quality", "cost", "group", "id", "messages")
NUMBER_COLUMNS = frozenset({"small_quality", "large_quality", "quality", "small_cost", "large_cost", "cost"})
Wanted: TypeAlias = "Collection[str] | None"

_SHOWN = 60  # characters of a value in a message: queries are private


class Unreadable(NamedTuple):
    """Stands in the place of a record that could not be read at all."""

    message: str


Row: TypeAlias = "tuple[int, Any | Unreadable]"  # 1-based line or record number, and what stands there


def is_many(columns: Collection[Any]) -> bool:
    """Whether these columns are of the many-model form."""
    return "quality" in columns and not ("small_quality" in columns or "large_quality" in columns)


def columns_of(columns: Collection[Any]) -> tuple[str, ...]:
    """The columns that the form of these has."""
    return MANY_COLUMNS if is_many(columns) else PAIR_COLUMNS


def check_columns(where: str, columns: Sequence[str]) -> None:
    """Checks the columns of a table once, rather than in each of its rows; others than ours are left out later.

    Raises:
        DataError: a column is missing, misspelt or there twice.
    """
    allowed = columns_of(columns)
    for position, column in enumerate(columns):
        if column in allowed and column in columns[:position]:
            raise DataError(f"{where}: column {column!r} is there twice")
        if meant := misspelt(column, columns):
            raise DataError(f"{where}: {meant}")
    needed = ("query", "quality") if is_many(columns) else ("query", "small_quality", "large_quality")
    for column in needed:
        if column not in columns and not (column == "query" and "messages" in columns):
            raise DataError(
                f"{where}: column {column!r} is missing; found {listed(columns)}, needed {listed(needed)}. A table "
                "whose columns have other names is read by: hybrid-router import --from table FILE --column "
                f"{column}=NAME --out dataset.jsonl"
            )


def misspelt(column: Any, columns: Collection[Any]) -> str | None:
    """What to say of a column that is none of ours but all but spells one that is not there; else None."""
    allowed = columns_of(columns)
    if column in allowed:
        return None
    absent = [ours for ours in allowed if ours not in columns]
    if not get_close_matches(str(column)[:100], absent, n=1, cutoff=0.75):
        return None
    return f"unknown column {shown(column)}; allowed are {listed(allowed)}{nearest(str(column), absent)}"


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A suggestion to end a message with, or nothing."""
    matches = get_close_matches(name[:100], [a for a in allowed if isinstance(a, str)], n=1)
    return f". Did you mean {matches[0]!r}?" if matches else ""


def found(value: Any) -> str:
    """A value and its type, shortened."""
    return f"{shown(value)} ({type(value).__name__})"


def shown(value: Any) -> str:
    """A value, shortened."""
    text = repr(value[: _SHOWN + 1] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def listed(names: Iterable[Any], most: int = 20) -> str:
    """Names with commas between them."""
    texts = [shown(name) for name in names]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "") or "none"
