"""What a store of calls costs: bytes a call, seconds for the status, microseconds for a put, rows a second.

``python benchmarks/bench_store.py [--calls N] [--address A] [--json]``. Beside it a plain ``sqlite3`` inserts
the same rows into the same columns with the same indexes: the difference to it is the price of the library.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import tempfile
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter

from common import machine

from hybrid_router_core.traffic import Call, Store, Writer
from hybrid_router_core.traffic.columns import as_columns

BATCH = 5_000
PUTS = 9_000  # fewer than a queue holds


def calls(number: int, seed: int = 0) -> Iterator[Call]:
    """Calls as a chat application makes them, two a second, one of a hundred in an error."""
    rng = random.Random(seed)
    for i in range(number):
        small = rng.random() < 0.6
        yield Call(
            time=1.7e9 + i / 2 + rng.random(),
            run=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            conversation=f"{rng.getrandbits(64):016x}",
            query_hash=rng.getrandbits(64),
            score=rng.random(),
            threshold=0.7,
            routed="small" if small else "large",
            answered="small" if small else "large",
            reason=rng.choice(("score", "score", "score", "stay", "capacity")),
            input_tokens=rng.randrange(20, 8000),
            output_tokens=rng.randrange(1, 1000),
            cost=rng.random() / 100,
            latency=rng.expovariate(1),
            error="RateLimitError" if rng.random() < 0.01 else None,
        )


def fill(store: Store, number: int) -> float:
    """Seconds to write so many calls by the batch path; making them does not count."""
    seconds, source = 0.0, calls(number)
    while batch := list(islice(source, BATCH)):
        start = perf_counter()
        store.write(batch)
        seconds += perf_counter() - start
    return seconds


def plain(path: Path, number: int) -> float:
    """Seconds of sqlite3 alone."""
    names = list(as_columns(next(calls(1)))[1])
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute(f"CREATE TABLE calls (id INTEGER PRIMARY KEY, {', '.join(names)})")
        db.execute("CREATE INDEX by_time ON calls (time)")
        db.execute("CREATE INDEX by_run ON calls (run)")
        insert = f"INSERT INTO calls ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
        seconds, source = 0.0, calls(number)
        while batch := [tuple(as_columns(call)[1].values()) for call in islice(source, BATCH)]:
            start = perf_counter()
            db.executemany(insert, batch)
            db.commit()
            seconds += perf_counter() - start
    db.close()
    return seconds


def put_times(store: Store) -> list[float]:
    """Seconds of each put, while the thread writes beside it."""
    rows, seconds = list(calls(PUTS, seed=1)), []
    with Writer(store) as writer:
        writer.put(rows[0])  # starts the thread
        for row in rows[1:]:
            start = perf_counter()
            writer.put(row)
            seconds.append(perf_counter() - start)
        writer.flush(None)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--address", help="of an empty database; a file of its own if left out")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, other = Path(folder) / "traffic.db", Path(folder) / "plain.db"
        store = Store.open(given.address or path)
        writing = fill(store, given.calls)
        start = perf_counter()
        status = store.status()
        reading = perf_counter() - start
        store.close()
        size = path.stat().st_size / given.calls if path.exists() else None
        start = perf_counter()
        for _ in store.calls():
            pass
        iterating = perf_counter() - start
        puts = put_times(store)
        store.close()
        bare = plain(other, given.calls)
        bare_size = other.stat().st_size / given.calls
    found = {
        "machine": machine(),
        "calls": status.calls,
        "bytes_a_call": size,
        "status_seconds": reading,
        "iterate_seconds": iterating,
        "put_p50_microseconds": statistics.median(puts) * 1e6,
        "put_p99_microseconds": sorted(puts)[len(puts) * 99 // 100] * 1e6,
        "rows_a_second": given.calls / writing,
        "sqlite3_rows_a_second": given.calls / bare,
        "sqlite3_bytes_a_call": bare_size,
    }
    if given.json:
        print(json.dumps(found))
        return
    print(found.pop("machine"))
    for name, value in found.items():
        if value is not None:
            print(f"{name.replace('_', ' '):24} {value:12,.2f}")


if __name__ == "__main__":
    main()
