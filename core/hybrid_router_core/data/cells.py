"""One cell at a time: what it means as a quality, a cost, a name or a query."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from math import inf, isnan
from typing import Any

import numpy as np

from hybrid_router_core.conversation import user_turns, written

from .rows import found

__all__ = [
    "WORDS",
    "BadCellError",
    "MissingQualityError",
    "cost_of",
    "messages_of",
    "name_of",
    "quality_of",
    "query_of",
    "turns_of",
]

WORDS = {
    **dict.fromkeys(("yes", "true", "correct", "right", "pass", "passed", "win", "won"), 1.0),
    **dict.fromkeys(("no", "false", "incorrect", "wrong", "fail", "failed", "loss", "lose", "lost"), 0.0),
    **dict.fromkeys(("tie", "tied", "draw"), 0.5),
}
"""Words that say a quality; ``hybrid-router import --from table`` reads them, and `quality_of` names that command."""

_QUALITY = "a finite number or a non-empty list of finite numbers"
_REAL = (int, float, np.integer, np.floating, Decimal)


class BadCellError(Exception):
    """A cell that cannot be read, in a column or in the whole record."""

    def __init__(self, column: str | None, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


class MissingQualityError(BadCellError):
    """There is no quality: the row is left out, and counted."""


def query_of(record: Mapping[str, Any]) -> str:
    """The query, or the last user turn of ``messages``.

    Raises:
        BadCellError: There is neither, or it is empty.
    """
    query = record.get("query")
    column = "query"
    if query is None and record.get("messages") is not None:
        column, query = "messages", messages_of(record["messages"])
    if isinstance(query, np.ndarray):
        query = query.tolist()
    if isinstance(query, (list, tuple)) and all(isinstance(message, Mapping) for message in query):
        query = next(iter(user_turns(query)[-1:]), None)
        if query is None:
            raise BadCellError(column, "no message of the user has text; a query is needed")
    if not isinstance(query, str):
        raise BadCellError(column, missing_or(record.get(column), "text, or a list of messages with role and content"))
    if not query or query.isspace():
        raise BadCellError(column, "the query is empty; text is needed")
    return query


def turns_of(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The turns of the user in ``messages``, oldest first, the query last; none if it is no conversation."""
    messages, query = messages_of(record["messages"]), record.get("query")
    turns = user_turns(messages) if isinstance(messages, (list, tuple)) else ()
    if isinstance(query, str) and turns:  # the messages may be of something else
        same = turns[-1].split() in (query.split(), written(query).split())
        turns = (*turns[:-1], query) if same else ()
    return turns if len(turns) > 1 else ()


def messages_of(cell: Any) -> Any:
    """Chat messages, which in a table are JSON; None if they cannot be read."""
    if isinstance(cell, str):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return None
    return cell.tolist() if isinstance(cell, np.ndarray) else cell


def quality_of(column: str, value: Any) -> float | list[float]:
    """A number, or the list of the samples that are there; truth values are 1 and 0, text is what it spells.

    Raises:
        MissingQualityError: null, NaN, an empty text or list.
        BadCellError: Anything that is no number.
    """
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        samples = [_number(column, item, _QUALITY) for item in value if not _is_missing(item)]
        if not samples:
            raise MissingQualityError(column, f"no quality: {_QUALITY} is needed")
        return samples
    if _is_missing(value):
        raise MissingQualityError(column, f"missing; {_QUALITY} is needed")
    return _number(column, value, _QUALITY)


def cost_of(column: str, value: Any) -> float:
    """A number >= 0, NaN where it is not known.

    Raises:
        BadCellError: Anything else.
    """
    if _is_missing(value):
        return float("nan")
    cost = _number(column, value, "a finite number ≥ 0")
    if cost < 0:
        raise BadCellError(column, f"found {cost}, but a finite number ≥ 0 is needed")
    return cost


def name_of(column: str, value: Any) -> str | None:
    """Text or a number as a name; None where it is missing.

    Raises:
        BadCellError: A list or an object.
    """
    if isinstance(value, str):
        return value or None
    if _is_missing(value):
        return None
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))  # pandas turns whole numbers into floats where one is missing
    if isinstance(value, (bool, np.bool_, *_REAL)):
        return str(value)
    raise BadCellError(column, f"found {found(value)}, but text or a number is needed")


def missing_or(value: Any, needed: str) -> str:
    """What to say of a value that is not what is needed."""
    return f"missing; {needed} is needed" if value is None else f"found {found(value)}, but {needed} is needed"


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and isnan(value))


def _number(column: str, value: Any, needed: str) -> float:
    if isinstance(value, (bool, np.bool_)):
        return float(value)
    if isinstance(value, str):
        value = _spelt(column, value, needed)
    if not isinstance(value, _REAL):
        raise BadCellError(column, f"found {found(value)}, but {needed} is needed")
    try:
        number = float(value)
    except (OverflowError, ValueError):  # an integer or decimal beyond the range of a double
        number = inf
    if -inf < number < inf:
        return number
    what = "NaN" if isnan(number) else f"{'-' if number < 0 else ''}infinity"
    raise BadCellError(column, f"found {what}, but {needed} is needed")


def _spelt(column: str, text: str, needed: str) -> Any:
    try:
        return text if "_" in text else float(text)
    except ValueError:
        if text.strip().lower() not in WORDS:
            return text
    raise BadCellError(
        column,
        f"found {found(text)}, but {needed} is needed; words are read by: hybrid-router import --from table FILE "
        "--out dataset.jsonl",
    )
