"""A store in figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select

from .tables import CALLS, EVENTS, LABELS, TABLES

__all__ = ["Status", "count_rows", "read_status"]

_MANY = 100  # kinds of calls: a statement must not grow without end


@dataclass(frozen=True, kw_only=True)
class Status:
    """What was counted; a name that never occurred is in no dictionary.

    Attributes:
        calls: How many.
        routed: Calls by the arm that the router chose.
        answered: Calls by the arm that answered.
        reasons: Calls by reason.
        errors: Calls that ended in an error, by its class.
        input_tokens: In all, of the calls where they are known.
        output_tokens: In all, of the calls where they are known.
        cost: In dollars, of the calls where it is known.
        latency: Mean seconds of the calls where it is known; None where there are none.
        first: Time of the earliest call.
        last: Time of the latest call.
        labels: By arm, then by source.
        events: By kind.
    """

    calls: int
    routed: dict[str, int]
    answered: dict[str, int]
    reasons: dict[str, int]
    errors: dict[str, int]
    input_tokens: int
    output_tokens: int
    cost: float
    latency: float | None
    first: float | None
    last: float | None
    labels: dict[str, dict[str, int]]
    events: dict[str, int]


def read_status(connection: Connection, since: float | None = None) -> Status:
    """Count what came at or after a time."""
    calls = CALLS.c
    names = (calls.routed, calls.answered, calls.reason, calls.error)
    figures = [
        func.count(),
        func.sum(calls.input_tokens),
        func.sum(calls.output_tokens),
        func.sum(calls.cost),
        func.avg(calls.latency),
        func.min(calls.time),
        func.max(calls.time),
    ]
    # SQLite sorts for GROUP BY: a second scan, in which each name is counted, takes a third of that.
    kinds = connection.execute(_since(select(*names).distinct().limit(_MANY + 1), CALLS, since)).all()
    if len(kinds) <= _MANY:
        values = [sorted({kind[i] for kind in kinds if kind[i] is not None}) for i in range(len(names))]
        filtered = [
            func.count().filter(name == value) for name, found in zip(names, values, strict=True) for value in found
        ]
        row = connection.execute(_since(select(*figures, *filtered), CALLS, since)).one()
        counted = iter(row[len(figures) :])
        by = [{value: next(counted) for value in found} for found in values]
    else:
        row = connection.execute(_since(select(*figures).select_from(CALLS), CALLS, since)).one()
        by = [_by(connection, name, CALLS, since) for name in names]
    labels: dict[str, dict[str, int]] = {}
    query = select(LABELS.c.arm, LABELS.c.source, func.count()).group_by(LABELS.c.arm, LABELS.c.source)
    for arm, source, count in connection.execute(_since(query, LABELS, since)):
        labels.setdefault(arm, {})[source] = count
    return Status(
        calls=row[0],
        routed=by[0],
        answered=by[1],
        reasons=by[2],
        errors=by[3],
        input_tokens=row[1] or 0,
        output_tokens=row[2] or 0,
        cost=row[3] or 0.0,
        latency=row[4],
        first=row[5],
        last=row[6],
        labels=labels,
        events=_by(connection, EVENTS.c.kind, EVENTS, since),
    )


def count_rows(connection: Connection) -> dict[str, int]:
    """Rows by table."""
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in TABLES.items()
    }


def _by(connection: Connection, name: ColumnElement[Any], table: Table, since: float | None) -> dict[str, int]:
    query = select(name, func.count()).where(name.is_not(None)).group_by(name)
    return {value: count for value, count in connection.execute(_since(query, table, since))}  # noqa: C416


def _since(query: Any, table: Table, since: float | None) -> Any:
    return query if since is None else query.where(table.c.time >= since)
