"""Stores of older versions are read, of newer ones refused; damaged files and files of others are named."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from hybrid_router_core.errors import MissingExtraError
from hybrid_router_core.traffic import Store, StoreError, schema

GOLDEN = Path(__file__).parent / "golden"


def set_version(store, value):
    with store._database.connection(write=True) as connection:
        connection.execute(text("UPDATE router_store SET value = :value WHERE name = 'version'"), {"value": value})


def test_a_newer_store_is_refused_and_left_as_it_is(address, store, call):
    store.write([call()])
    set_version(store, str(schema.VERSION + 1))
    said = f"is of version {schema.VERSION + 1}, and this release reads up to {schema.VERSION}; upgrade it with: pip"
    with pytest.raises(StoreError, match=said):
        Store.open(address)
    with pytest.raises(StoreError, match=said):
        Store(address).write([call()])
    store.close()
    with pytest.raises(StoreError, match=said):
        store.status()


def test_an_older_store_is_upgraded_and_keeps_its_rows(address, store, call, monkeypatch):
    store.write([call("old")])
    store.close()
    monkeypatch.setattr(schema, "VERSION", 3)
    steps = {1: ["ALTER TABLE router_calls ADD COLUMN model TEXT"], 2: ["UPDATE router_calls SET model = 'm'"]}
    monkeypatch.setattr(schema, "UPGRADES", steps)
    with Store.open(address) as new:
        assert [row.run for row in new.calls()] == ["old"]
        new.write([call("new")])
        with new._database.connection() as connection:
            assert connection.execute(text("SELECT model FROM router_calls ORDER BY id")).scalars().all() == ["m", None]
    with Store.open(address) as again:
        assert again.counts()["calls"] == 2


def test_an_upgrade_that_fails_changes_nothing(address, store, call, monkeypatch):
    store.write([call("old")])
    store.close()
    with monkeypatch.context() as patch:
        patch.setattr(schema, "VERSION", 2)
        patch.setattr(
            schema, "UPGRADES", {1: ["ALTER TABLE router_calls ADD COLUMN model TEXT", "UPDATE nothing SET a = 1"]}
        )
        with pytest.raises(StoreError):
            Store.open(address)
    with Store.open(address) as same, same._database.connection() as connection:
        assert "model" not in connection.execute(text("SELECT * FROM router_calls")).mappings().one()


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("version_*.sql")), ids=lambda path: path.stem)
def test_every_version_that_was_released_is_read(path, tmp_path):
    """A dump (``sqlite3 traffic.db .dump``) of a store with one row of each kind."""
    with closing(sqlite3.connect(tmp_path / "traffic.db")) as db:
        db.executescript(path.read_text(encoding="utf-8"))
    with Store.open(tmp_path / "traffic.db") as store:
        (found,) = store.labelled()
        assert (found.call.run, found.call.query_hash, found.call.score) == ("golden", 2**64 - 1, 0.75)
        assert found.qualities == {"small": 0.5}
        assert found.messages == [{"role": "user", "content": "Where is Köln?"}]
        assert next(store.events()).detail == {"level": 0.05}


def test_there_is_a_dump_of_each_version():
    assert [path.stem for path in sorted(GOLDEN.iterdir())] == [f"version_{n + 1}" for n in range(schema.VERSION)]


@pytest.mark.parametrize("value", ["", "one", "1.5"])
def test_a_table_of_another_program(address, store, value):
    set_version(store, value)
    with pytest.raises(StoreError, match="has no version; it is damaged, or a table of another program"):
        Store.open(address)


def test_tables_of_others_in_the_same_database_stay_as_they_are(tmp_path, call):
    path = tmp_path / "shared.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE calls (mine); INSERT INTO calls VALUES (1); CREATE TABLE labels (mine);")
    with Store.open(path) as store:
        store.write([call()])
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT mine FROM calls").fetchall() == [(1,)]


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "traffic.db"
    path.write_bytes(b"not a database, but longer than the head of one. " * 100)
    with pytest.raises(StoreError, match="is no store of calls, or a damaged one; move it away"):
        Store.open(path)
    assert path.read_bytes().startswith(b"not a database")


def test_a_damaged_file(tmp_path, call):
    path = tmp_path / "traffic.db"
    with Store.open(path) as store:
        store.write(call(f"r{number}") for number in range(5000))
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)
    with Store(path) as store, pytest.raises(StoreError, match="damaged"):
        list(store.calls())


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match="is the folder there, and may you write to it"):
        Store.open(tmp_path / "nowhere" / "traffic.db")


def test_a_folder_that_may_not_be_written(tmp_path, unprivileged):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="is the folder there, and may you write to it"):
            Store.open(tmp_path / "traffic.db")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(("package", "scheme"), [("sqlalchemy", "sqlite:///a.db"), ("psycopg", "postgresql://h/d")])
def test_a_missing_package_is_named_with_its_remedy(monkeypatch, package, scheme):
    for name in [name for name in sys.modules if name.split(".")[0] == package or name.endswith("traffic.database")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingExtraError, match=rf"{package} is not installed.*pip install 'hybrid-llm-router\[live\]'"
    ):
        Store(scheme)
