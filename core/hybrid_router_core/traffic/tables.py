"""The tables, in SQLAlchemy's words; importing this file imports SQLAlchemy."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeEngine

__all__ = ["CALLS", "EVENTS", "LABELS", "META", "TABLES", "TEXTS", "WRITERS", "metadata"]

metadata = MetaData()
_PREFIX = "router_"  # a database may be shared with others
_ID: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")  # only an INTEGER is SQLite's own row id


def _numbered(name: str, *columns: Column[object], indexed: tuple[str, ...]) -> Table:
    table = Table(
        _PREFIX + name, metadata, Column("id", _ID, primary_key=True), Column("time", Double, nullable=False), *columns
    )
    for column in indexed:
        Index(f"{_PREFIX}{name}_{column}", table.c[column])
    return table


CALLS = _numbered(
    "calls",
    Column("run", Text, nullable=False),
    Column("routed", Text, nullable=False),
    Column("answered", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("conversation", Text),
    Column("query_hash", BigInteger),
    Column("score", Double),
    Column("threshold", Double),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cost", Double),
    Column("latency", Double),
    Column("error", Text),
    indexed=("time", "run"),
)
LABELS = _numbered(
    "labels",
    Column("run", Text, nullable=False),
    Column("arm", Text, nullable=False),
    Column("quality", Double),
    Column("source", Text, nullable=False),
    Column("metric", Text),
    Column("probability", Double),
    indexed=("time", "run"),
)
EVENTS = _numbered(
    "events", Column("kind", Text, nullable=False), Column("detail", Text, nullable=False), indexed=("time",)
)
TEXTS = _numbered(
    "texts",
    Column("run", Text, nullable=False),
    Column("messages", Text),
    Column("answers", Text, nullable=False),
    indexed=("run",),
)
TABLES = {"calls": CALLS, "labels": LABELS, "events": EVENTS, "texts": TEXTS}

META = Table(f"{_PREFIX}store", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
# The last batch of each writer: one whose commit was not confirmed is not written a second time.
WRITERS = Table(
    f"{_PREFIX}writers",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("batch", BigInteger, nullable=False),
    Column("time", Double, nullable=False),
)
