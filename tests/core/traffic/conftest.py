"""The same tests on SQLite and, where HYBRID_ROUTER_POSTGRES holds an address, on PostgreSQL; a fresh store each."""

from __future__ import annotations

import os
import uuid

import pytest

from hybrid_router_core.traffic import Call, Store, worker

POSTGRES = "HYBRID_ROUTER_POSTGRES"


@pytest.fixture
def schema():
    """An address of PostgreSQL in which nothing is yet."""
    server = os.environ.get(POSTGRES)
    if not server:
        pytest.skip(f"{POSTGRES} is not set; run: sh scripts/with_postgres.sh make test")
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    plain = server.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as db:
        db.execute(f"CREATE SCHEMA {name}")
    yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{name}"
    with psycopg.connect(plain, autocommit=True) as db:
        db.execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    """Of a store that is not there yet."""
    return f"sqlite:///{tmp_path}/traffic.db" if request.param == "sqlite" else request.getfixturevalue("schema")


@pytest.fixture
def store(address):
    with Store.open(address) as store:
        yield store


@pytest.fixture
def call():
    """Makes a call; the arguments change it."""

    def call(run="r", **changes):
        usual = {"time": 1000.0, "run": run, "routed": "small", "answered": "small", "reason": "score"}
        return Call(**usual | changes)

    return call


@pytest.fixture
def short_pauses(monkeypatch):
    """A writer tries again soon."""
    monkeypatch.setattr(worker, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(worker, "LONGEST_PAUSE", 0.05)
