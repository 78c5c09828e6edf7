"""Rows in time order, a page to a transaction: whoever reads a million rows keeps nobody from writing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select

from .database import Database
from .reading import call_of, label_of, texts_of
from .rows import Label, Labelled
from .tables import CALLS, LABELS, TEXTS

__all__ = ["read_labelled", "read_rows"]

_RUNS = 500  # in one IN (...)

T = TypeVar("T")
Conditions: TypeAlias = "list[ColumnElement[bool]]"
Rows: TypeAlias = "Sequence[Mapping[Any, Any]]"


def read_rows(
    database: Database,
    table: Table,
    make: Callable[[Mapping[Any, Any]], T],
    since: float | None,
    until: float | None,
    chunk: int,
) -> Iterator[T]:
    """Rows with since <= time < until; among equal times the one that was written first comes first."""
    return _pages(database, table, _between(table, since, until), chunk, lambda _, rows: map(make, rows))


def read_labelled(
    database: Database, since: float | None, until: float | None, source: str | None, metric: str | None, chunk: int
) -> Iterator[Labelled]:
    """The calls that have labels of this source and metric; None: of any."""
    wanted: Conditions = []
    if source is not None:
        wanted.append(LABELS.c.source == source)
    if metric is not None:
        wanted.append(LABELS.c.metric == metric)
    conditions = [*_between(CALLS, since, until), CALLS.c.run.in_(select(LABELS.c.run).where(*wanted))]
    return _pages(database, CALLS, conditions, chunk, partial(_labelled, wanted))


def _pages(
    database: Database,
    table: Table,
    conditions: Conditions,
    chunk: int,
    make: Callable[[Connection, Rows], Iterable[T]],
) -> Iterator[T]:
    time, number = table.c.time, table.c.id
    after: Conditions = []
    while True:
        with database.connection() as connection:
            query = select(table).where(*conditions, *after).order_by(time, number).limit(chunk)
            rows = connection.execute(query).mappings().all()
            page = list(make(connection, rows))
        yield from page
        if len(rows) < chunk:
            return
        last = rows[-1]
        after = [time >= last["time"], or_(time > last["time"], and_(time == last["time"], number > last["id"]))]


def _labelled(wanted: Conditions, connection: Connection, rows: Rows) -> Iterator[Labelled]:
    calls = [call_of(row) for row in rows]
    runs = list({call.run for call in calls})
    labels: dict[str, list[Label]] = {run: [] for run in runs}
    for row in _of_runs(connection, LABELS, runs, wanted):
        labels[row["run"]].append(label_of(row))
    messages: dict[str, Any] = {}
    answers: dict[str, dict[str, str]] = {}
    for row in _of_runs(connection, TEXTS, runs, []):
        texts = texts_of(row)
        answers.setdefault(texts.run, {}).update(texts.answers)
        if texts.messages is not None:
            messages[texts.run] = texts.messages
    for call in calls:
        run = call.run
        yield Labelled(call=call, labels=tuple(labels[run]), messages=messages.get(run), answers=answers.get(run, {}))


def _of_runs(
    connection: Connection, table: Table, runs: Sequence[str], wanted: Conditions
) -> Iterable[Mapping[Any, Any]]:
    """The rows of these runs, those of one run in time order."""
    pieces = (runs[start : start + _RUNS] for start in range(0, len(runs), _RUNS))
    return chain.from_iterable(
        connection.execute(
            select(table).where(table.c.run.in_(piece), *wanted).order_by(table.c.time, table.c.id)
        ).mappings()
        for piece in pieces
    )


def _between(table: Table, since: float | None, until: float | None) -> Conditions:
    conditions: Conditions = []
    if since is not None:
        conditions.append(table.c.time >= since)
    if until is not None:
        conditions.append(table.c.time < until)
    return conditions
