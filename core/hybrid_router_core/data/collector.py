"""Rows into typed buffers, one at a time and checked, so that a million rows stay small."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError, DataError

from .cells import BadCellError, MissingQualityError, cost_of, missing_or, name_of, quality_of, query_of, turns_of
from .notes import Notes
from .rows import Row, Unreadable, check_columns, columns_of, found, is_many, listed, misspelt, nearest
from .samples import Samples
from .unnamed import unnamed_group

__all__ = ["Columns", "collect"]

_BY_MODEL = "an object from model name to"
_LINES = 3  # further bad rows whose place is named


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
    turns: list[tuple[str, ...]] | None


def collect(unit: str, rows: Iterable[Row], small: str | None, large: str | None, notes: Notes) -> Columns | None:
    """Validates all rows.

    Args:
        unit: what the row numbers count, "line" or "record".
        rows: pairs of a number and a record, or an `Unreadable` in its place.
        small: the small model's name in the many-model form.
        large: the large model's name in the many-model form.
        notes: gets what is left out or filled in.

    Returns:
        The rows; None if there are none with qualities.

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
                raise BadCellError(None, record.message)
            if not isinstance(record, Mapping):
                raise BadCellError(None, f"found {found(record)}, but an object with named columns is needed")
            if collector is None:
                if small is not None and not any("quality" in str(column) for column in record):
                    raise MissingQualityError("quality", "missing")  # which form it is, a later row tells
                collector = _Collector(small, large, record, notes)
                collector.check_names(f"{notes.name}, {unit} {number}", record)
            collector.add(record)
        except MissingQualityError as missing:  # noqa: PERF203  the loop goes on after a bad row
            notes.dropped += 1
            notes.first = notes.first or f"{unit} {number}, column {missing.column!r}: {missing.message}"
        except BadCellError as bad:
            if not first:
                column = "" if bad.column is None else f", column {bad.column!r}"
                first = f"{notes.name}, {unit} {number}{column}: {bad.message}"
            else:
                others += 1
                if len(places) < _LINES:
                    places.append(str(number))
    if others:
        rows_, units = ("row", unit) if others == 1 else ("rows", f"{unit}s")
        first += f" (and {others} more bad {rows_}, first at {units} {', '.join(places)})"
    if first:
        raise DataError(first)
    return None if collector is None or not collector.queries else collector.finish()


class _Collector:
    def __init__(self, small: str | None, large: str | None, record: Mapping[str, Any], notes: Notes) -> None:
        self.many = is_many(record)
        self.small_name = small
        self.large_name = large
        self.allowed = frozenset(columns_of(record))
        sides = (f"quality[{small}]", f"quality[{large}]", f"cost[{small}]", f"cost[{large}]")
        self.sides = sides if self.many else ("small_quality", "large_quality", "small_cost", "large_cost")
        self.notes = notes
        self.queries: list[str] = []
        self.small, self.large = Samples(), Samples()
        self.small_cost, self.large_cost = array("d"), array("d")
        self.groups: list[str | None] = []
        self.ids: list[str | None] = []
        self.turns: dict[int, tuple[str, ...]] = {}  # of the rows that are turns of a conversation
        self.seen: dict[str, str] = {}  # one object for each group name, however many rows have it

    def check_names(self, where: str, record: Mapping[str, Any]) -> None:
        if not self.many:
            if self.small_name is not None or self.large_name is not None:
                raise DataError(
                    f"{where}: small= and large= pick models from a column 'quality', which is not there: "
                    f"found {listed(record)}. In the pair form leave them out"
                )
            if not {"small_quality", "large_quality"} & record.keys() and all(isinstance(key, str) for key in record):
                check_columns(where, list(record))  # columns of other names: said once, with the way out
            return
        missing = [side for side, name in (("small=", self.small_name), ("large=", self.large_name)) if name is None]
        if missing:
            quality = record["quality"]
            models = listed(quality) if isinstance(quality, Mapping) else "none"
            raise DataError(
                f"{where}, column 'quality': the many-model form needs {' and '.join(missing)} with a model's name; "
                f"models found: {models}"
            )

    def add(self, record: Mapping[str, Any]) -> None:
        if not record.keys() <= self.allowed:
            self._note_extra(record)
        query = record.get("query")
        if not isinstance(query, str) or not query or query.isspace():
            query = query_of(record)
        turns = turns_of(record) if record.get("messages") is not None else ()
        small, large, small_cost, large_cost = self._pick(record) if self.many else _pair(record)
        # The commonest cell, one finite float, is decided here: a call a cell would double the time.
        if not (type(small) is float and -inf < small < inf):
            small = quality_of(self.sides[0], small)
        if not (type(large) is float and -inf < large < inf):
            large = quality_of(self.sides[1], large)
        small_cost = nan if small_cost is None else cost_of(self.sides[2], small_cost)
        large_cost = nan if large_cost is None else cost_of(self.sides[3], large_cost)
        group, id_ = record.get("group"), record.get("id")
        group = None if group is None or str(group).isspace() else name_of("group", group)
        id_ = None if id_ is None else name_of("id", id_)

        # Nothing is kept of a bad row: all checks are above, all appends below.
        rows = len(self.queries)
        self.small.add(small, rows)
        self.large.add(large, rows)
        self.small_cost.append(small_cost)
        self.large_cost.append(large_cost)
        self.groups.append(self.seen.setdefault(group, group) if group is not None else None)
        self.ids.append(id_)
        self.queries.append(turns[-1] if turns else query)
        if turns:
            self.turns[rows] = turns

    def finish(self) -> Columns:
        return Columns(
            queries=self.queries,
            small_quality=self.small.matrix(),
            large_quality=self.large.matrix(),
            groups=self._filled("group", self.groups),
            small_cost=_known(self.small_cost),
            large_cost=_known(self.large_cost),
            ids=self._filled("id", self.ids),
            turns=[self.turns.get(i, (query,)) for i, query in enumerate(self.queries)] if self.turns else None,
        )

    def _pick(self, record: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
        quality, cost = record.get("quality"), record.get("cost")
        if quality is None:
            raise MissingQualityError("quality", "missing")
        if not isinstance(quality, Mapping):
            raise BadCellError("quality", missing_or(quality, f"{_BY_MODEL} quality"))
        if cost is not None and not isinstance(cost, Mapping):
            raise BadCellError("cost", f"found {found(cost)}, but {_BY_MODEL} cost is needed")
        for side, name in (("small", self.small_name), ("large", self.large_name)):
            # An Arrow struct has all its fields in each row, null where the model did not answer.
            if quality.get(name) is None:
                models = [model for model, value in quality.items() if value is not None]
                message = f"no quality for the model {name!r} ({side}=); models found: {listed(models)}"
                raise MissingQualityError("quality", message + nearest(str(name), models))
        cost = cost or {}
        small, large = self.small_name, self.large_name
        return quality[small], quality[large], cost.get(small), cost.get(large)

    def _note_extra(self, record: Mapping[str, Any]) -> None:
        for column in record:
            if column in self.allowed or column in self.notes.extra:
                continue
            if meant := misspelt(column, record):
                raise BadCellError(None, meant)
            if len(self.notes.extra) < 100:  # keys may be as many as there are rows
                self.notes.extra[str(column)] = None

    def _filled(self, column: str, names: list[str | None]) -> list[str] | None:
        missing = names.count(None)
        if missing == len(names):
            return None
        if missing:
            self.notes.filled[column] = self.notes.filled.get(column, 0) + missing
        return [
            (unnamed_group(place) if column == "group" else f"row {place}") if name is None else name
            for place, name in enumerate(names, 1)
        ]


def _pair(record: Mapping[str, Any]) -> tuple[Any, Any, Any, Any]:
    get = record.get
    return get("small_quality"), get("large_quality"), get("small_cost"), get("large_cost")


def _known(costs: array[float]) -> FloatArray | None:
    values = np.frombuffer(costs, dtype=np.float64)
    return None if np.isnan(values).all() else values
