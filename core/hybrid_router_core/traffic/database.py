"""One connection to the database of a store; importing this file imports SQLAlchemy.

SQLite must not carry an open file through a fork: the child would believe in locks that it does not have. So the
connection is closed before a fork and opened again, by each side for itself, when it is next needed.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet, finalize

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc

from hybrid_router_core.errors import ConfigError, DataError, MissingExtraError

from .address import Address
from .errors import StoreError
from .schema import is_current, make_current
from .sqlite import BUSY, begin, remedy_of, set_up

__all__ = ["Database"]

_POSTGRES: dict[str, Any] = {
    "connect_timeout": 5,  # seconds
    "tcp_user_timeout": 10_000,  # milliseconds: a network that swallows packets is a fault, not a wait
    "prepare_threshold": None,  # a pooler between us and the database knows no prepared statements
}


class Database:
    """Opens itself when it is first used, and again after a fault; for any thread, one at a time.

    Raises:
        ConfigError: The address cannot be read.
        MissingExtraError: The driver is not installed.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._lock = threading.RLock()
        self._file: tuple[int, int] | None = None  # device and inode
        self._ready = False
        self._renew()
        _open.add(self)

    @contextmanager
    def connection(self, *, write: bool = False) -> Iterator[Connection]:
        """A transaction, committed at the end.

        Raises:
            StoreError: The database fails.
            DataError: It cannot hold a value.
        """
        with self._lock, self._explained():
            if self._ready and self._moved():
                self.close()
            if not self._ready:
                with self._transaction(write=False) as connection:
                    current = is_current(connection)
                if not current:
                    with self._transaction(write=True) as connection:
                        make_current(connection)
                self._file = self._on_disk()
                self._ready = True
            with self._transaction(write=write) as connection:
                yield connection

    def close(self) -> None:
        """Close the connection; the next use opens one."""
        with self._lock:
            self._ready = False
            self._engine.dispose()

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Connection]:
        with self._engine.connect() as connection, connection.execution_options(write=write).begin():
            yield connection

    def _make_engine(self) -> Engine:
        try:
            if self.address.path is not None:
                engine = create_engine(
                    URL.create("sqlite", database=str(self.address.path)),
                    hide_parameters=True,
                    connect_args={"timeout": BUSY, "check_same_thread": False},
                )
                event.listen(engine, "connect", set_up)
                event.listen(engine, "begin", begin)
                return engine
            named = self.address.url.partition("?")[2]
            settings = {name: value for name, value in _POSTGRES.items() if name not in named}
            return create_engine(
                self.address.url,
                hide_parameters=True,
                pool_size=1,
                pool_pre_ping=True,
                connect_args=settings,
            )
        except ImportError:
            raise MissingExtraError("psycopg", "live") from None
        except (exc.SQLAlchemyError, ValueError, TypeError):
            raise ConfigError(f"the address of the store cannot be read: {self.address}") from None

    def _renew(self) -> None:
        self._ready = False
        self._engine = self._make_engine()
        # A store that nobody holds closes its connection; at the end of the program the system does.
        self._closing = finalize(self, self._engine.dispose)
        self._closing.atexit = False

    def _on_disk(self) -> tuple[int, int] | None:
        try:
            found = None if self.address.path is None else self.address.path.stat()
        except OSError:
            return None
        return None if found is None else (found.st_dev, found.st_ino)

    def _moved(self) -> bool:
        """Whether the file is not the one that is open: what is written to that one nobody finds again."""
        return self.address.path is not None and self._on_disk() != self._file

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (exc.DataError, OverflowError, UnicodeError) as error:  # its message may quote the value
            raise DataError(f"{self.address}: a row holds a value that cannot be stored ({_name(error)})") from None
        except StoreError as error:
            self.close()
            raise StoreError(f"{self.address}: {error}") from None
        except exc.SQLAlchemyError as error:
            self.close()
            said = str(getattr(error, "orig", None) or error).strip()
            if self.address.path is not None:
                remedy = remedy_of(said)
            else:
                remedy = "cannot be used; does the server run, and may you use this database?"
            # Of PostgreSQL the first line alone: further ones may quote a row.
            first = self.address.hide(said.splitlines()[0]) if said else ""
            raise StoreError(f"{self.address}: {remedy} ({_name(error)}{': ' if first else ''}{first})") from None


def _name(error: BaseException) -> str:
    return type(getattr(error, "orig", None) or error).__name__


_open: WeakSet[Database] = WeakSet()
_locked: defaultdict[int, list[Database]] = defaultdict(list)  # by the thread that forks
_left: list[Engine] = []  # of the parent, where it could not be closed: never touched, never collected


def _before_fork() -> None:
    for database in list(_open):
        if database._lock.acquire(timeout=BUSY + 1 if database.address.path is not None else 0.1):
            _locked[threading.get_ident()].append(database)
            database.close()


def _after_fork_in_parent() -> None:
    for database in _locked.pop(threading.get_ident(), ()):
        database._lock.release()


def _after_fork_in_child() -> None:
    closed = _locked.pop(threading.get_ident(), [])
    _locked.clear()
    for database in list(_open):
        if database not in closed:
            _left.append(database._engine)
        database._closing.detach()
        database._lock = threading.RLock()
        database._renew()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
