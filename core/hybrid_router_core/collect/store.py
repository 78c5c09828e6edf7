"""Where answers are kept until all are there: one SQLite file beside the output.

SQLite and not a file of lines: one commit covers the answer and its bookkeeping, a torn write is undone by the library
and not by our own checks, and "which samples are missing" is a look at an index in place of reading everything again.
WAL with synchronous=FULL forces each commit to the disk. Locking mode EXCLUSIVE keeps a second run from paying for the
same answers, and the system frees the lock however the process ends.

An answer's key is its model with its settings, a hash of the query's text and the number of the sample: the order of
the queries, their other columns and their number may change between runs.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from hybrid_router_core.data import Response
from hybrid_router_core.errors import ConfigError

from .errors import CollectError
from .replies import EMPTY

__all__ = ["Row", "Store", "query_key"]

_FORMAT = 1  # raise it when a table changes; `Store` refuses a newer one
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS models (model INTEGER PRIMARY KEY, identity TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
    model INTEGER, query BLOB, sample INTEGER, text BLOB NOT NULL, prompt_tokens INTEGER, completion_tokens INTEGER,
    seconds REAL, finish_reason TEXT, cost REAL, PRIMARY KEY (model, query, sample)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (
    model INTEGER, query BLOB, sample INTEGER, reason TEXT NOT NULL, PRIMARY KEY (model, query, sample)) WITHOUT ROWID;
"""


class Row(NamedTuple):
    """One answer, or the reason why there is none."""

    model: int
    query: bytes
    sample: int
    outcome: Response | str
    lost: float = 0.0  # money for a reply that is no answer


def query_key(query: str) -> bytes:
    """A query's hash; a model sees white space, so it counts here."""
    return blake2b(query.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Store:
    """The open file; for one thread at a time.

    Raises:
        CollectError: It cannot be opened, is no such file, is of a newer version, or another run has it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            self._db = sqlite3.connect(path, timeout=0.5, isolation_level=None, check_same_thread=False)
        try:
            with self._explained():
                self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
                self._db.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
                version = int(self._meta("format", _FORMAT))
                if version == _FORMAT and not self._meta("empty", 0):
                    self._drop_empty()
            if version > _FORMAT:
                raise CollectError(f"{path}: is of format {version}, this version reads {_FORMAT}; upgrade")
        except BaseException:
            self._db.close()
            raise

    def use(self, side: str, identity: Mapping[str, Any], *, change: bool) -> int:
        """The number of a model with its settings.

        Raises:
            ConfigError: This side had others before, and `change` does not allow it.
        """
        text = json.dumps(identity, sort_keys=True)
        with self._explained():
            # A model that never answered, such as one with a mistake in its name, may be replaced.
            before = self._one(_ANSWERED, int(self._meta(side, 0)))
            if before is not None and before != text and not change:
                was = json.loads(before)
                differing = [
                    f"{name} was {was.get(name)!r} and is now {identity.get(name)!r}"
                    for name in sorted({*was, *identity})
                    if was.get(name) != identity.get(name)
                ]
                raise ConfigError(
                    f"{self.path}: holds answers of another {side} model: {', '.join(differing)}. Name another --out, "
                    "or add --change-settings to ask anew for this output; the old answers stay in the store"
                )
            self._db.execute("INSERT OR IGNORE INTO models (identity) VALUES (?)", (text,))
            model = int(self._one("SELECT model FROM models WHERE identity = ?", text))
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (side, model))
        return model

    def missing(self, model: int, keys: Sequence[bytes], samples: int) -> list[list[int]]:
        """For each query the numbers of the samples that are not there."""
        with self._explained():
            found = (
                {number for (number,) in self._db.execute(_SAMPLES, (model, key, samples))} if keys else set()
                for key in keys
            )
            return [[sample for sample in range(samples) if sample not in there] for there in found]

    def save(self, rows: Sequence[Row]) -> None:
        """Keep all of these or, when that fails, none."""
        with self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for model, query, sample, outcome, lost in rows:
                    key = (model, query, sample)
                    if isinstance(outcome, str):
                        self._db.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", (*key, outcome))
                        if lost:
                            self._db.execute(_LOSE, (lost,))
                        continue
                    response = vars(outcome)
                    text = response["text"].encode("utf-8", "surrogatepass")
                    self._db.execute(_INSERT, (*key, text, *(response[name] for name in _COLUMNS)))
                    self._db.execute("DELETE FROM failures WHERE model = ? AND query = ? AND sample = ?", key)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def responses(self, model: int, key: bytes, samples: int) -> tuple[Response, ...]:
        """The answers to a query, by number of sample."""
        with self._explained():
            rows = self._db.execute(_ANSWERS, (model, key, samples)).fetchall()
        return tuple(Response(text.decode("utf-8", "surrogatepass"), *rest) for text, *rest in rows)

    def reason(self, model: int, key: bytes, samples: int) -> str | None:
        """Why a sample of this query is missing, if it was tried."""
        with self._explained():
            found = self._one(_REASON, model, key, samples)
        return None if found is None else str(found)

    def spent(self) -> float:
        """Money for all answers in the file, of all models and runs, and for replies that were none."""
        with self._explained():
            return float(self._one("SELECT TOTAL(cost) FROM answers")) + float(self._meta("lost", 0.0))

    def means(self, model: int) -> tuple[float | None, float | None]:
        """Mean length, in tokens, and mean cost of this model's answers so far."""
        with self._explained():
            row = self._db.execute(_MEANS, (model,)).fetchone()
        return row[0], row[1]

    def close(self) -> None:
        """Close the file; everything in it is on the disk already."""
        try:
            self._db.close()
        except sqlite3.Error:  # a full disk refuses the checkpoint, and the next run does it
            return

    def _drop_empty(self) -> None:
        """Older versions kept replies without text as answers: they are asked for again, and stay paid."""
        self._db.execute("BEGIN IMMEDIATE")
        found = (row for row in self._db.execute(_ALL) if Response(row[3].decode("utf-8", "surrogatepass")).empty)
        for model, query, sample, _, cost in list(found):
            key = (model, query, sample)
            self._db.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", (*key, f"{EMPTY}: no text came"))
            self._db.execute("DELETE FROM answers WHERE model = ? AND query = ? AND sample = ?", key)
            self._db.execute(_LOSE, (cost or 0.0,))
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('empty', 1)")
        self._db.execute("COMMIT")

    def _meta(self, name: str, default: Any) -> Any:
        if name == "format":
            self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, default))
        found = self._one("SELECT value FROM meta WHERE name = ?", name)
        return default if found is None else found

    def _one(self, query: str, *values: Any) -> Any:
        row = self._db.execute(query, values).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            text = str(error)
            if "locked" in text:
                remedy = "another collect is working on this output; wait for it or name another --out"
            elif "full" in text or "I/O" in text:
                remedy = "the disk is full or broken; free some space and run the same command again: answers are kept"
            elif "not a database" in text or "malformed" in text:
                remedy = "is no store of answers, or a damaged one; name another --out"
            else:
                remedy = "cannot be used; is the folder there, and may you write to it?"
            raise CollectError(f"{self.path}: {remedy} ({text})") from None


_LOSE = "INSERT INTO meta VALUES ('lost', ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
_ALL = "SELECT model, query, sample, text, cost FROM answers WHERE length(text) < 65536"
_COLUMNS = ("prompt_tokens", "completion_tokens", "seconds", "finish_reason", "cost")
_ANSWERED = "SELECT identity FROM models WHERE model = ? AND model IN (SELECT model FROM answers)"
_SAMPLES = "SELECT sample FROM answers WHERE model = ? AND query = ? AND sample < ?"
_INSERT = "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ANSWERS = (
    f"SELECT text, {', '.join(_COLUMNS)} FROM answers WHERE model = ? AND query = ? AND sample < ? ORDER BY sample"  # noqa: S608
)
_MEANS = "SELECT AVG(completion_tokens), AVG(cost) FROM answers WHERE model = ?"
_REASON = "SELECT reason FROM failures WHERE model = ? AND query = ? AND sample < ? ORDER BY sample LIMIT 1"
