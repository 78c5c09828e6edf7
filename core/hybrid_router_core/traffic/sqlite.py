"""What SQLite needs to serve several processes; importing this file imports SQLAlchemy.

WAL: who reads keeps nobody from writing, and a process that is killed leaves a sound file. With synchronous=NORMAL a
machine that loses its power may lose the last commits, but never the file.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import Connection

__all__ = ["BUSY", "begin", "remedy_of", "set_up"]

BUSY = 5.0  # seconds to wait while another process writes
_PRAGMAS = ("synchronous=NORMAL", "temp_store=MEMORY", "cache_size=-16000")
_REMEDIES = (  # what SQLite says, and what that means
    ("not a database", "is no store of calls, or a damaged one; move it away and a new one is made"),
    ("malformed", "is damaged; move it away and a new one is made"),
    ("locked", "another process holds it; is a program stuck while it writes?"),
    ("is full", "the disk is full; free some space"),
    ("disk I/O", "the disk is full or broken; free some space"),
    ("", "cannot be used; is the folder there, and may you write to it?"),
)


def remedy_of(said: str) -> str:
    """What to do about a message of SQLite."""
    return next(remedy for sign, remedy in _REMEDIES if sign in said)


def set_up(connection: Any, _record: Any) -> None:
    """Prepare a new connection."""
    connection.isolation_level = None  # transactions are begun by `begin`
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    end = time.monotonic() + BUSY
    while not _uses_wal(connection, last=time.monotonic() > end):
        time.sleep(0.02)


def _uses_wal(connection: Any, *, last: bool) -> bool:
    try:
        if connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
            connection.execute("PRAGMA journal_mode=WAL")  # a file system without shared memory keeps its own mode
    except sqlite3.OperationalError:  # another process does the same, and SQLite does not always wait here
        if last:
            raise
        return False
    return True


def begin(connection: Connection) -> None:
    """Begin a transaction."""
    # A transaction that is to write takes its lock at once: one that read before could not wait for it.
    write = connection.get_execution_options().get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
