"""The store of a deployed router's calls: what came, where it went, what it cost and what it was worth.

SQLAlchemy is imported when the first store is made, and not before.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from hybrid_router_core.errors import ConfigError, MissingExtraError

from .address import Address, AddressLike
from .columns import as_columns
from .reading import call_of, event_of, label_of
from .rows import Call, Event, Label, Labelled, Row, Source

if TYPE_CHECKING:
    from .status import Status

__all__ = ["Store"]

_CHUNK = 10_000
_MONTH = 30 * 86400.0  # seconds


class Store:
    """A store that opens itself when it is first used; `open` does it now.

    Usable from any thread, one at a time, and after a fork; a pickle holds the address, with its password.

    Args:
        address: ``sqlite:///traffic.db`` or a plain path: a file, made if it is missing.
            ``postgresql+psycopg://user:password@host/database``: for replicas.

    Raises:
        ConfigError: The address has another form.
        MissingExtraError: SQLAlchemy or the driver is not installed.
    """

    def __init__(self, address: AddressLike) -> None:
        self.address = Address(address)
        try:
            from .database import Database
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "sqlalchemy":
                raise
            raise MissingExtraError("sqlalchemy", "live") from None
        self._database = Database(self.address)

    @classmethod
    def open(cls, address: AddressLike) -> Store:
        """Make the tables if they are missing, and upgrade those of an older version.

        Raises:
            StoreError: It cannot be opened, is no such store, or is of a newer version.
            ConfigError: The address has another form.
            MissingExtraError: SQLAlchemy or the driver is not installed.
        """
        store = cls(address)
        with store._database.connection():
            return store

    def write(self, rows: Iterable[Row], *, once: tuple[str, int] | None = None) -> bool:
        """Keep all of these or, when that fails, none.

        Args:
            rows: Of any kind.
            once: A writer's own name and the number of this batch, which rises: a batch that is in the store already,
                though nobody could say so at the time, is not written again.

        Returns:
            Whether they were written now.

        Raises:
            DataError: A row cannot be stored.
            StoreError: The store fails.
        """
        from sqlalchemy import insert

        from .tables import TABLES

        tables: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            name, columns = as_columns(row)
            tables.setdefault(name, []).append(columns)
        with self._database.connection(write=True) as connection:
            if once is not None and not _is_new(connection, *once):
                return False
            for name, values in tables.items():
                connection.execute(insert(TABLES[name]), values)
        return True

    def counts(self) -> dict[str, int]:
        """Rows by table: calls, labels, events, texts.

        Raises:
            StoreError: The store fails; so does every method below.
        """
        from .status import count_rows

        with self._database.connection() as connection:
            return count_rows(connection)

    def status(self, since: float | None = None) -> Status:
        """The figures of what came at or after a time in seconds since 1970; None: of everything."""
        from .status import read_status

        with self._database.connection() as connection:
            return read_status(connection, since)

    def calls(self, since: float | None = None, until: float | None = None, *, chunk: int = _CHUNK) -> Iterator[Call]:
        """Calls with since <= time < until, by time and then as they were written; `chunk` of them are read at once."""
        return self._rows("calls", call_of, since, until, chunk)

    def labels(self, since: float | None = None, until: float | None = None, *, chunk: int = _CHUNK) -> Iterator[Label]:
        """Labels, as `calls`."""
        return self._rows("labels", label_of, since, until, chunk)

    def events(self, since: float | None = None, until: float | None = None, *, chunk: int = _CHUNK) -> Iterator[Event]:
        """Events, as `calls`."""
        return self._rows("events", event_of, since, until, chunk)

    def labelled(
        self,
        since: float | None = None,
        until: float | None = None,
        *,
        source: Source | None = None,
        metric: str | None = None,
        chunk: int = _CHUNK,
    ) -> Iterator[Labelled]:
        """Calls with labels, as `calls`, each with its labels and with its texts where they were kept.

        Args:
            since: Of the time of the call.
            until: Of the time of the call.
            source: Only these labels; None: all.
            metric: Only these labels; None: all.
            chunk: Calls read at once.
        """
        from .pages import read_labelled

        return read_labelled(self._database, since, until, source, metric, _checked(chunk))

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        self._database.close()

    def _rows(self, name: str, make: Any, since: float | None, until: float | None, chunk: int) -> Iterator[Any]:
        from .pages import read_rows
        from .tables import TABLES

        return read_rows(self._database, TABLES[name], make, since, until, _checked(chunk))

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({str(self.address)!r})"

    def __reduce__(self) -> tuple[type[Store], tuple[Address]]:
        return type(self), (self.address,)


def _is_new(connection: Any, writer: str, batch: int) -> bool:
    """Note the batch, unless it is there. A commit that is still under way is waited for: it has the row's lock."""
    from sqlalchemy import delete, insert, select, update

    from .tables import WRITERS

    table, now = WRITERS.c, time.time()
    newer = update(WRITERS).where(table.writer == writer, table.batch < batch).values(batch=batch, time=now)
    if connection.execute(newer).rowcount:
        return True
    if connection.execute(select(table.batch).where(table.writer == writer)).first() is not None:
        return False
    connection.execute(delete(WRITERS).where(table.time < now - _MONTH))  # of processes that are long gone
    connection.execute(insert(WRITERS).values(writer=writer, batch=batch, time=now))
    return True


def _checked(chunk: int) -> int:
    if isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1:
        raise ConfigError(f"chunk is {chunk!r}; allowed: a whole number >= 1")
    return chunk
