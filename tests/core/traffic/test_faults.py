"""The store fails and comes back, while answers go on: what was put meanwhile is there in the end, once."""

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
from store_waiting import runs, until

from hybrid_router_core.traffic import Store, StoreError, Texts, Writer

pytestmark = pytest.mark.usefixtures("short_pauses")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "traffic.db"


def fail(writer, call, caplog, number=20):
    """Put rows into a store that fails, until it was told."""
    for i in range(number):
        assert writer.put(call(f"during{i}"))
    until(lambda: "the store fails" in caplog.text)


def check(address, caplog, number=20):
    assert sorted(runs(address)) == sorted(["before", *(f"during{i}" for i in range(number))])
    assert caplog.text.count("the store fails") == 1


def test_a_folder_that_may_not_be_written_for_a_while(path, call, caplog, unprivileged):
    path.parent.chmod(0o500)
    with Writer(path, interval=0.01) as writer:
        writer.put(call("before"))
        # The thread has the privileges that this one had when it was started.
        fail(writer, call, caplog)
        path.parent.chmod(0o700)
        assert writer.flush()
    check(path, caplog)


def test_a_folder_that_is_not_there_yet(tmp_path, call, caplog):
    path = tmp_path / "later" / "traffic.db"
    with Writer(path, interval=0.01) as writer:
        writer.put(call("before"))
        fail(writer, call, caplog)
        path.parent.mkdir()
        assert writer.flush()
    check(path, caplog)


def test_a_file_that_is_moved_away_is_not_written_to_any_more(path, call):
    with Writer(path, interval=0.01) as writer:
        writer.put(call("a"))
        assert writer.flush()
        path.rename(path.with_name("old.db"))
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).rename(path.with_name("old.db" + end))
        writer.put(call("b"))
        assert writer.flush()
    assert runs(path.with_name("old.db")) == ["a"]
    assert runs(path) == ["b"]


def test_a_file_that_is_damaged_and_moved_away(path, call, caplog):
    path.write_bytes(b"this is no database. " * 1000)
    with Writer(path, interval=0.01) as writer:
        writer.put(call("before"))
        fail(writer, call, caplog)
        assert "is no store of calls, or a damaged one; move it away" in caplog.text
        path.rename(path.with_name("damaged"))
        assert writer.flush()
    check(path, caplog)


def test_a_store_that_another_program_holds_for_long(path, call, caplog, monkeypatch):
    monkeypatch.setattr("hybrid_router_core.traffic.database.BUSY", 0.1)
    with Writer(path, interval=0.01) as writer:
        writer.put(call("before"))
        assert writer.flush()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            fail(writer, call, caplog)
            assert "another process holds it" in caplog.text
            assert writer.store.counts()["calls"] == 1  # reading goes on
            other.execute("ROLLBACK")
        assert writer.flush()
    check(path, caplog)


FULL = """
import logging, resource, signal, sys, time
from hybrid_router_core.traffic import Call, Texts, Writer
logging.basicConfig(format="%(message)s")
writer = Writer(sys.argv[1], interval=0.05)
def put(run):
    writer.put(Call(time=time.time(), run=run, routed="small", answered="small", reason="score"))
put("before")
assert writer.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
for i in range(20):
    writer.put(Texts(time=1.0, run=f"during{i}", answers={"small": "x" * 100_000}))
    put(f"during{i}")
assert not writer.flush(3)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert writer.close(20)
"""


def test_a_disk_that_is_full_for_a_while(path):
    """A limit of a process stands for the disk: SQLite meets the same refusal to let a file grow."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the store fails") == 1
    assert "the disk is full" in done.stderr
    assert sorted(runs(path)) == sorted(["before", *(f"during{i}" for i in range(20))])
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_database_with_no_page_left(path, call):
    with Store.open(path) as store:
        store.write([call("before")])
        with store._database.connection() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(StoreError, match="the disk is full; free some space"):
            store.write([Texts(time=1.0, run="r", answers={"small": "x" * 1_000_000})])
        assert store.counts() == {"calls": 1, "labels": 0, "events": 0, "texts": 0}


def test_stores_that_are_opened_at_once_are_made_once(address):
    stores, errors = [Store(address) for _ in range(8)], []

    def use(store):
        try:
            store.counts()
        except Exception as error:
            errors.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=use, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_many_threads_use_one_store(store, call):
    def use(number):
        for i in range(10):
            store.write([call(f"{number}-{i}")])
            store.status()

    threads = [threading.Thread(target=use, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.counts()["calls"] == 50


def test_a_connection_that_the_server_ends_is_made_again(schema, call):
    import psycopg

    with Store.open(schema) as store:
        store.write([call("a")])
        with store._database.connection() as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with psycopg.connect(schema.replace("+psycopg", ""), autocommit=True) as db:
            db.execute("SELECT pg_terminate_backend(%s)", (pid,))
        store.write([call("b")])
        assert store.counts()["calls"] == 2


def test_a_database_that_goes_away_and_comes_back(schema, call, caplog):
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    plain = schema.replace("+psycopg", "")
    name = f"away_{conninfo_to_dict(plain)['options'][-8:]}"
    address = schema.replace("/postgres?", f"/{name}?").partition("&options")[0]
    with psycopg.connect(plain, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
        try:
            with Writer(address, interval=0.01) as writer:
                writer.put(call("before"))
                assert writer.flush()
                db.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
                db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
                fail(writer, call, caplog)
                time.sleep(0.2)
                db.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
                assert writer.flush(10)
            check(address, caplog)
        finally:
            db.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
