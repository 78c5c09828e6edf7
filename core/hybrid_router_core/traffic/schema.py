"""The version of the tables: made when they are missing, raised when they are old, refused when they are newer.

To change a table: change `tables.py`, raise `VERSION`, add to `UPGRADES` the statements that lead from the version
before to yours, and keep a dump of the version before among the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, inspect, select, text, update

from .errors import StoreError
from .tables import META, metadata

__all__ = ["VERSION", "is_current", "make_current"]

VERSION = 1
UPGRADES: dict[int, Sequence[str]] = {}  # by the version that they raise by one: SQL that both databases take
_LOCK = 0x726F75746572  # any number that no other program locks: it keeps two replicas from making the tables at once


def is_current(connection: Connection) -> bool:
    """Whether nothing is to be done.

    Raises:
        StoreError: The tables are of a newer version.
    """
    return _version(connection) == VERSION


def make_current(connection: Connection) -> None:
    """Make or upgrade the tables, in a transaction that writes.

    Raises:
        StoreError: The tables are of a newer version.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    found = _version(connection)
    if found is None:
        metadata.create_all(connection)
        connection.execute(insert(META).values(name="version", value=str(VERSION)))
        return
    for version in range(found, VERSION):
        for statement in UPGRADES[version]:
            connection.execute(text(statement))
    metadata.create_all(connection)  # tables that are new as a whole
    connection.execute(update(META).where(META.c.name == "version").values(value=str(VERSION)))


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(META.name):
        return None
    found = connection.execute(select(META.c.value).where(META.c.name == "version")).scalar()
    try:
        version = int(found or "")
    except ValueError:
        raise StoreError("has no version; it is damaged, or a table of another program has the same name") from None
    if version > VERSION:
        raise StoreError(
            f"is of version {version}, and this release reads up to {VERSION}; "
            "upgrade it with: pip install --upgrade hybrid-llm-router"
        )
    return version
