"""One row at a time: validation, into typed buffers so that a million rows stay small."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from math import inf, isnan, nan
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ._types import FloatArray
from .errors import ConfigError, DataError

PAIR_COLUMNS = ("query", "small_quality", "large_quality", "group", "small_cost", "large_cost", "id")
MANY_COLUMNS = ("query", "quality", "cost", "group", "id")
NUMBER_COLUMNS = frozenset({"small_quality", "large_quality", "quality", "small_cost", "large_cost", "cost"})

_QUALITY = "a finite number or a non-empty list of finite numbers"
_BY_MODEL = "an object from model name to"
_REAL = (int, float, np.integer, np.floating, Decimal)
_SHOWN = 60  # characters of a value in a message: queries are private
_LINES = 3  # further bad rows whose place is named


class Unreadable(NamedTuple):
    """Stands in the place of a record that could not be read at all."""

    message: str


Row: TypeAlias = "tuple[int, Any | Unreadable]"  # 1-based line or record number, and what stands there


@dataclass
class Columns:
    """The validated rows, in the shapes of `RoutingDataset`."""

    queries: list[str]
    small_quality: FloatArray
    large_quality: FloatArray
    groups: list[str] | None
    small_cost: FloatArray | None
    large_cost: FloatArray | None
    ids: list[str] | None


class _BadRowError(Exception):
    def __init__(self, column: str | None, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


def collect(name: str, unit: str, rows: Iterable[Row], small: str | None, large: str | None) -> Columns:
    """Validates all rows.

    Args:
        name: the file or other source, for messages.
        unit: what the row numbers count, "line" or "record".
        rows: pairs of a number and a record, or an `Unreadable` in its place.
        small: the small model's name in the many-model form.
        large: the large model's name in the many-model form.

    Raises:
        DataError: one for all bad rows: the first in full, the others counted.
        ConfigError: small and large are the same model.
    """
    if small is not None and small == large:
        raise ConfigError(f"small and large are both {small!r}; name two different models")
    collector: _Collector | None = None
    first = ""
    others = 0
    places: list[str] = []
    for number, record in rows:
        try:
            if isinstance(record, Unreadable):
                raise _BadRowError(None, record.message)
            if not isinstance(record, Mapping):
                raise _BadRowError(None, f"found {_found(record)}, but an object with named columns is needed")
            if collector is None:
                collector = _Collector(small, large, many=is_many(record))
                collector.check_names(f"{name}, {unit} {number}", record)
            collector.add(record)
        except _BadRowError as bad:  # noqa: PERF203  the loop goes on after a bad row
            if not first:
                column = "" if bad.column is None else f", column {bad.column!r}"
                first = f"{name}, {unit} {number}{column}: {bad.message}"
            else:
                others += 1
                if len(places) < _LINES:
                    places.append(str(number))
    if others:
        rows_, units = ("row", unit) if others == 1 else ("rows", f"{unit}s")
        first += f" (and {others} more bad {rows_}, first at {units} {', '.join(places)})"
    if first:
        raise DataError(first)
    if collector is None:
        raise DataError(f"{name}: no rows found; at least one is needed")
    return collector.finish()


def is_many(columns: Collection[Any]) -> bool:
    """Whether these columns are of the many-model form."""
    return "quality" in columns and not ("small_quality" in columns or "large_quality" in columns)


def check_columns(where: str, columns: Sequence[str]) -> None:
    """Checks the columns of a table once, rather than in each of its rows.

    Raises:
        DataError: a column is unknown, missing or there twice.
    """
    allowed = MANY_COLUMNS if is_many(columns) else PAIR_COLUMNS
    for position, column in enumerate(columns):
        if column not in allowed:
            raise DataError(f"{where}: {_unknown_column(column, allowed)}")
        if column in columns[:position]:
            raise DataError(f"{where}: column {column!r} is there twice")
    needed = ("query", "quality") if is_many(columns) else ("query", "small_quality", "large_quality")
    for column in needed:
        if column not in columns:
            raise DataError(
                f"{where}: column {column!r} is missing; found {_listed(columns)}, needed {_listed(needed)}"
            )


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A suggestion to end a message with, or nothing."""
    matches = get_close_matches(name[:100], [a for a in allowed if isinstance(a, str)], n=1)
    return f". Did you mean {matches[0]!r}?" if matches else ""


class _Samples:
    """Rows of one or more numbers, flat until the end."""

    def __init__(self) -> None:
        self.values = array("d")
        self.counts: array[int] | None = None  # only once a row has other than one sample

    def add(self, row: float | list[float], rows_before: int) -> None:
        if isinstance(row, float):
            self.values.append(row)
            if self.counts is not None:
                self.counts.append(1)
            return
        if self.counts is None and len(row) != 1:
            self.counts = array("q", [1]) * rows_before
        self.values.extend(row)
        if self.counts is not None:
            self.counts.append(len(row))

    def matrix(self) -> FloatArray:
        values = np.frombuffer(self.values, dtype=np.float64)
        if self.counts is None:
            return values.reshape(-1, 1)
        counts = np.frombuffer(self.counts, dtype=np.int64)
        matrix = np.full((len(counts), int(counts.max())), nan)
        matrix[np.arange(matrix.shape[1]) < counts[:, None]] = values
        return matrix


class _Collector:
    def __init__(self, small: str | None, large: str | None, *, many: bool) -> None:
        self.many = many
        self.small_name = small
        self.large_name = large
        self.columns = MANY_COLUMNS if many else PAIR_COLUMNS
        self.allowed = frozenset(self.columns)
        sides = (f"quality[{small}]", f"quality[{large}]", f"cost[{small}]", f"cost[{large}]")
        self.sides = sides if many else ("small_quality", "large_quality", "small_cost", "large_cost")
        self.queries: list[str] = []
        self.small, self.large = _Samples(), _Samples()
        self.small_cost, self.large_cost = array("d"), array("d")
        self.names: dict[str, list[str] | None] = {"group": None, "id": None}
        self.seen: dict[str, str] = {}  # one object for each group name, however many rows have it

    def check_names(self, where: str, record: Mapping[str, Any]) -> None:
        if not self.many:
            if self.small_name is not None or self.large_name is not None:
                raise DataError(
                    f"{where}: small= and large= pick models from a column 'quality', which is not there: "
                    f"found {_listed(record)}. In the pair form leave them out"
                )
            return
        missing = [side for side, name in (("small=", self.small_name), ("large=", self.large_name)) if name is None]
        if missing:
            quality = record["quality"]
            models = _listed(quality) if isinstance(quality, Mapping) else "none"
            raise DataError(
                f"{where}, column 'quality': the many-model form needs {' and '.join(missing)} with a model's name; "
                f"models found: {models}"
            )

    def add(self, record: Mapping[str, Any]) -> None:
        if not record.keys() <= self.allowed:
            unknown = next(column for column in record if column not in self.allowed)
            raise _BadRowError(None, _unknown_column(unknown, self.columns))
        query = record.get("query")
        if not isinstance(query, str):
            raise _BadRowError("query", _missing_or(query, "text"))
        if not query or query.isspace():
            raise _BadRowError("query", "the query is empty; text is needed")
        small, large, small_cost, large_cost = self._pick(record) if self.many else _pair(record)
        # The commonest cell, one finite float, is decided here: a call a cell would double the time.
        if not (type(small) is float and -inf < small < inf):
            small = _quality(self.sides[0], small)
        if not (type(large) is float and -inf < large < inf):
            large = _quality(self.sides[1], large)
        small_cost = nan if small_cost is None else _cost(self.sides[2], small_cost)
        large_cost = nan if large_cost is None else _cost(self.sides[3], large_cost)
        group, id_ = self._name("group", record.get("group")), self._name("id", record.get("id"))

        # Nothing is kept of a bad row: all checks are above, all appends below.
        rows = len(self.queries)
        self.small.add(small, rows)
        self.large.add(large, rows)
        self.small_cost.append(small_cost)
        self.large_cost.append(large_cost)
        self._keep("group", self.seen.setdefault(group, group) if group is not None else None)
        self._keep("id", id_)
        self.queries.append(query)

    def finish(self) -> Columns:
        return Columns(
            queries=self.queries,
            small_quality=self.small.matrix(),
            large_quality=self.large.matrix(),
            groups=self.names["group"],
            small_cost=_known(self.small_cost),
            large_cost=_known(self.large_cost),
            ids=self.names["id"],
        )

    def _pick(self, record: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
        quality, cost = record.get("quality"), record.get("cost")
        if not isinstance(quality, Mapping):
            raise _BadRowError("quality", _missing_or(quality, f"{_BY_MODEL} quality"))
        if cost is not None and not isinstance(cost, Mapping):
            raise _BadRowError("cost", f"found {_found(cost)}, but {_BY_MODEL} cost is needed")
        for side, name in (("small", self.small_name), ("large", self.large_name)):
            # An Arrow struct has all its fields in each row, null where the model did not answer.
            if quality.get(name) is None:
                models = [model for model, value in quality.items() if value is not None]
                message = f"no quality for the model {name!r} ({side}=); models found: {_listed(models)}"
                raise _BadRowError("quality", message + nearest(str(name), models))
        cost = cost or {}
        small, large = self.small_name, self.large_name
        return quality[small], quality[large], cost.get(small), cost.get(large)

    def _name(self, column: str, value: Any) -> str | None:
        names = self.names[column]
        if value is None:
            if names is not None:
                raise _BadRowError(column, "missing here, but given in earlier rows; give it in all rows or in none")
            return None
        if not isinstance(value, str) or not value:
            raise _BadRowError(column, f"found {_found(value)}, but non-empty text is needed")
        if names is None and self.queries:
            raise _BadRowError(column, "given here, but missing in earlier rows; give it in all rows or in none")
        return value

    def _keep(self, column: str, value: str | None) -> None:
        if value is not None:
            names = self.names[column]
            if names is None:
                self.names[column] = [value]
            else:
                names.append(value)


def _pair(record: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
    get = record.get
    return get("small_quality"), get("large_quality"), get("small_cost"), get("large_cost")


def _quality(column: str, value: Any) -> float | list[float]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        if not value:
            raise _BadRowError(column, f"found an empty list, but {_QUALITY} is needed")
        return [_number(column, item, _QUALITY) for item in value]
    if value is None:
        raise _BadRowError(column, _missing_or(None, _QUALITY))
    return _number(column, value, _QUALITY)


def _cost(column: str, value: Any) -> float:
    cost = _number(column, value, "a finite number ≥ 0")
    if cost < 0:
        raise _BadRowError(column, f"found {cost}, but a finite number ≥ 0 is needed")
    return cost


def _number(column: str, value: Any, needed: str) -> float:
    if isinstance(value, bool) or not isinstance(value, _REAL):
        raise _BadRowError(column, f"found {_found(value)}, but {needed} is needed")
    try:
        number = float(value)
    except (OverflowError, ValueError):  # an integer or decimal beyond the range of a double
        number = inf
    if -inf < number < inf:
        return number
    found = "NaN" if isnan(number) else f"{'-' if number < 0 else ''}infinity"
    raise _BadRowError(column, f"found {found}, but {needed} is needed")


def _known(costs: array[float]) -> FloatArray | None:
    values = np.frombuffer(costs, dtype=np.float64)
    return None if np.isnan(values).all() else values


def _missing_or(value: Any, needed: str) -> str:
    return f"missing; {needed} is needed" if value is None else f"found {_found(value)}, but {needed} is needed"


def _unknown_column(column: Any, allowed: Sequence[str]) -> str:
    return f"unknown column {_short(column)}; allowed are {_listed(allowed)}{nearest(str(column), allowed)}"


def _found(value: Any) -> str:
    return f"{_short(value)} ({type(value).__name__})"


def _short(value: Any) -> str:
    text = repr(value[: _SHOWN + 1] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _listed(names: Iterable[Any], most: int = 20) -> str:
    shown = [_short(name) for name in names]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "") or "none"
