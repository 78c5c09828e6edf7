"""A store in figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, func, select

from .tables import CALLS, EVENTS, LABELS, TABLES

__all__ = ["Status", "count_rows", "read_status"]


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
    sums = (calls.input_tokens, calls.output_tokens, calls.cost, calls.latency)
    groups = connection.execute(
        _since(
            select(
                *names,
                func.count(),
                *map(func.sum, sums),
                func.count(calls.latency),
                func.min(calls.time),
                func.max(calls.time),
            ).group_by(*names),
            CALLS,
            since,
        )
    ).all()
    by: tuple[Counter[str], ...] = tuple(Counter() for _ in names)
    for group in groups:
        for counter, name in zip(by, group, strict=False):
            if name is not None:
                counter[name] += group[4]
    timed = sum(group[9] for group in groups)
    labels: dict[str, dict[str, int]] = {}
    counted = select(LABELS.c.arm, LABELS.c.source, func.count()).group_by(LABELS.c.arm, LABELS.c.source)
    for arm, source, count in connection.execute(_since(counted, LABELS, since)):
        labels.setdefault(arm, {})[source] = count
    events = select(EVENTS.c.kind, func.count()).group_by(EVENTS.c.kind)
    return Status(
        calls=sum(group[4] for group in groups),
        routed=dict(by[0]),
        answered=dict(by[1]),
        reasons=dict(by[2]),
        errors=dict(by[3]),
        input_tokens=sum(group[5] or 0 for group in groups),
        output_tokens=sum(group[6] or 0 for group in groups),
        cost=sum((group[7] or 0.0 for group in groups), 0.0),
        latency=sum(group[8] or 0.0 for group in groups) / timed if timed else None,
        first=min((group[10] for group in groups), default=None),
        last=max((group[11] for group in groups), default=None),
        labels=labels,
        events={kind: count for (kind, count) in connection.execute(_since(events, EVENTS, since)).all()},  # noqa: C416
    )


def count_rows(connection: Connection) -> dict[str, int]:
    """Rows by table."""
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in TABLES.items()
    }


def _since(query: Any, table: Table, since: float | None) -> Any:
    return query if since is None else query.where(table.c.time >= since)
