"""A writer never makes its caller wait, never fails in its face, and loses nothing that the queue can hold."""

import asyncio
import copy
import gc
import logging
import os
import pickle
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from store_waiting import runs, until

from hybrid_router_core.errors import ConfigError
from hybrid_router_core.traffic import Event, Label, Store, StoreError, Texts, Writer, worker

PROGRAM = Path(__file__).with_name("store_program.py")


pytestmark = pytest.mark.usefixtures("short_pauses")


@pytest.fixture
def writer(address):
    with Writer(address, interval=0.02) as writer:
        yield writer


class Broken(Store):
    """A store that fails while told to."""

    broken = True
    tries = 0

    def write(self, rows, *, once=None):
        self.tries += 1
        if self.broken:
            raise StoreError("it fails")
        return super().write(rows, once=once)


def ended(address, how, seconds=60):
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", str(PROGRAM), str(address), how],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.returncode, done.stderr, time.monotonic() - start


def test_rows_arrive_by_themselves_and_in_order(address, writer, call):
    rows = [call(f"r{number}", time=5.0) for number in range(100)]
    assert all(writer.put(row) for row in rows)
    until(lambda: writer.store.counts()["calls"] == 100)
    assert [*writer.store.calls()] == rows
    assert writer.dropped == 0


def test_half_a_second_is_the_longest_that_a_row_waits(address, call):
    with Writer(address) as writer, Store.open(address) as store:
        writer.put(call("first"))
        assert writer.flush()
        start = time.monotonic()
        writer.put(call("second"))
        until(lambda: store.counts()["calls"] == 2)
        assert time.monotonic() - start < 1


def test_a_put_takes_microseconds(address, call):
    rows, seconds = [call(f"r{number}") for number in range(5000)], []
    with Writer(address) as writer:
        for row in rows:
            start = time.perf_counter()
            writer.put(row)
            seconds.append(time.perf_counter() - start)
        assert writer.flush(30)
    assert statistics.median(seconds) < 10e-6


async def test_the_event_loop_goes_on_while_the_store_is_stuck(tmp_path, call):
    stuck = threading.Event()

    class Stuck(Store):
        def write(self, rows, *, once=None):
            stuck.wait(10)
            return super().write(rows, once=once)

    writer = Writer(Stuck(tmp_path / "traffic.db"), interval=0.01)
    writer.put(call())
    await asyncio.sleep(0.05)
    start = time.perf_counter()
    for number in range(1000):
        writer.put(call(f"r{number}"))
    assert time.perf_counter() - start < 0.2
    stuck.set()
    assert writer.close(10)
    assert writer.store.counts()["calls"] == 1001


def test_flush_waits_for_what_was_put_and_no_longer_than_told(address, tmp_path, call):
    with Writer(address, interval=30) as writer:
        assert writer.flush()
        writer.put(call())
        start = time.monotonic()
        assert writer.flush(10)
        assert writer.flush(10)
        assert time.monotonic() - start < 8
        assert writer.store.counts()["calls"] == 1
    broken = Broken(tmp_path / "broken.db")
    with Writer(broken) as writer:
        writer.put(call())
        start = time.monotonic()
        assert not writer.flush(0.1)
        assert time.monotonic() - start < 2
        broken.broken = False


def test_a_closed_writer_drops(writer, call):
    writer.put(call("a"))
    assert writer.close()
    assert writer.close()
    assert not writer.put(call("b"))
    assert writer.dropped == 1
    assert [row.run for row in writer.store.calls()] == ["a"]


@pytest.mark.parametrize("settings", [{"size": 0}, {"size": 1.5}, {"size": True}, {"interval": 0}, {"interval": "1"}])
def test_settings_that_are_none(tmp_path, settings):
    with pytest.raises(ConfigError, match=r"(size|interval) is .*; allowed: "):
        Writer(tmp_path / "traffic.db", **settings)


def test_rows_wait_for_a_store_that_fails_and_the_fault_is_told_once(address, call, caplog):
    store = Broken(address)
    with caplog.at_level(logging.DEBUG), Writer(store, interval=0.01) as writer:
        for number in range(50):
            writer.put(call(f"r{number}"))
        until(lambda: store.tries > 5)
        writer.put(call("later"))
        store.broken = False
        assert writer.flush()
    assert runs(address) == [*(f"r{number}" for number in range(50)), "later"]
    said = [record.getMessage() for record in caplog.records if record.name.startswith("hybrid_router_core")]
    assert len(said) == 2
    assert said[0] == "calls are kept in memory, as the store fails: it fails"
    assert said[1].endswith("takes calls again")


def test_pauses_grow(tmp_path, call, monkeypatch):
    monkeypatch.setattr(worker, "LONGEST_PAUSE", 30.0)
    store = Broken(tmp_path / "traffic.db")
    writer = Writer(store, interval=0.01)
    writer.put(call())
    time.sleep(0.5)
    assert 3 <= store.tries <= 7
    store.broken = False
    assert writer.close(5)


def test_what_the_queue_cannot_hold_is_dropped_and_counted_in_the_store(address, call):
    store = Broken(address)
    with Writer(store, size=10, interval=0.01) as writer:
        kept = [writer.put(call(f"r{number}")) for number in range(25)]
        until(lambda: store.tries)
        kept += [writer.put(call(f"s{number}")) for number in range(25)]
        assert 10 <= sum(kept) <= 11  # one may be on its way from the queue to the thread
        dropped = writer.dropped
        assert dropped == 50 - sum(kept)
        assert f"dropped={dropped}" in repr(writer)
        store.broken = False
        assert writer.flush()
        until(lambda: store.counts()["events"] == 1)
        assert writer.put(call("last"))
        assert writer.flush()
    assert len(runs(address)) == sum(kept) + 1
    (event,) = store.events()
    assert (event.kind, event.detail) == ("dropped", {"rows": dropped})
    store.close()


def test_texts_that_wait_are_bounded_by_their_length(tmp_path, call):
    store = Broken(tmp_path / "traffic.db")
    with Writer(store) as writer:
        kept = sum(
            writer.put(Texts(time=1.0, run=f"r{number}", answers={"small": "x" * 10_000_000})) for number in range(10)
        )
        assert kept == 6
        assert writer.put(call())
        store.broken = False
        assert writer.flush(60)
        assert writer.put(Texts(time=1.0, run="again", messages=[{"content": "x"}]))
    assert store.counts()["texts"] == 7


def test_a_row_that_no_store_can_hold_takes_no_other_along(address, call, caplog):
    bad = [
        None,
        "text",
        object(),
        call(time=float("nan")),
        Event(time=1.0, kind=5),
        Texts(time=1.0, run="r", messages=5),
    ]
    bad += [
        Label(time=1.0, run="r", arm="a", quality=1, source="rumour"),
        Texts(time=1.0, run="r", answers={1: object()}, messages=[5]),
    ]
    good = [call(f"r{number}") for number in range(20)]
    with Writer(address, interval=0.05) as writer:
        for number, row in enumerate(good):
            writer.put(row)
            if number < len(bad):
                writer.put(bad[number])
        assert writer.flush()
        assert writer.dropped == len(bad) - 1
        counts = writer.store.counts()
    assert (counts["calls"], counts["texts"], counts["events"]) == (20, 1, 1)


def test_a_fault_that_nobody_thought_of_is_a_fault_like_others(tmp_path, call):
    class Odd(Store):
        tries = 0

        def write(self, rows, *, once=None):
            self.tries += 1
            if self.tries < 3:
                raise ZeroDivisionError("with a row in it")
            return super().write(rows, once=once)

    with Writer(Odd(tmp_path / "traffic.db"), interval=0.01) as writer:
        writer.put(call())
        assert writer.flush()
        assert writer.store.counts()["calls"] == 1


def test_a_commit_whose_answer_was_lost_is_not_made_twice(address, call):
    class Deaf(Store):
        tries = 0

        def write(self, rows, *, once=None):
            super().write(rows, once=once)
            self.tries += 1
            if self.tries % 2:
                raise StoreError("the connection broke")
            return True

    with Writer(Deaf(address), interval=0.01) as writer:
        for number in range(5):
            writer.put(call(f"r{number}"))
            assert writer.flush()
    assert runs(address) == [f"r{number}" for number in range(5)]


def test_a_copy_and_a_pickle_are_writers_of_their_own(address, writer, call):
    writer.put(call("a"))
    for number, other in enumerate((pickle.loads(pickle.dumps(writer)), copy.deepcopy(writer))):  # noqa: S301
        with other:
            assert (other.size, other.interval, other.dropped) == (10_000, 0.02, 0)
            other.put(call(f"b{number}"))
    assert writer.flush()
    assert sorted(runs(address)) == ["a", "b0", "b1"]


def test_the_thread_of_a_writer_that_nobody_holds_ends(tmp_path, call):
    writer = Writer(tmp_path / "traffic.db", interval=0.01)
    writer.put(call())
    thread = writer._thread
    del writer
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()
    assert runs(tmp_path / "traffic.db") == ["r"]


def test_without_a_thread_to_be_had_rows_wait(tmp_path, call, monkeypatch):
    with Writer(tmp_path / "traffic.db", interval=0.01) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", lambda self: (_ for _ in ()).throw(RuntimeError("no thread")))
            assert writer.put(call("a"))
        assert writer.put(call("b"))
        assert writer.flush()
    assert runs(tmp_path / "traffic.db") == ["a", "b"]


def test_no_password_in_the_log_or_the_repr(caplog):
    writer = Writer("postgresql+psycopg://me:hidden@127.0.0.1:1/db?sslpassword=hidden", interval=0.01)
    writer.put(Event(time=1.0, kind="x"))
    until(lambda: caplog.records)
    assert not writer.close(0.1)
    assert "hidden" not in caplog.text + repr(writer)
    assert len(caplog.records[0].getMessage().splitlines()) == 1


@pytest.mark.parametrize("how", ["forgotten", "error", "usual"])
def test_what_is_queued_when_a_program_ends_is_written(address, how):
    code, stderr, _ = ended(address, how)
    assert (code, stderr) == (3 if how == "error" else 0, "")
    assert len(set(runs(address))) == len(runs(address)) == (1000 if how == "usual" else 100)


def test_a_program_without_a_store_ends_soon_and_in_silence_but_for_one_line(tmp_path):
    _, _, usual = ended(tmp_path / "traffic.db", "forgotten")
    code, stderr, seconds = ended(tmp_path / "nowhere" / "traffic.db", "unreachable")
    assert code == 0
    assert len(stderr.splitlines()) == 1
    assert seconds < usual + 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_in_the_middle_writes_each_row_once(address):
    code, stderr, _ = ended(address, "fork")
    assert (code, stderr) == (0, "")
    expected = {f"{who}{g}-{i}" for who in ("parent", "child", "after") for g in range(20) for i in range(100)}
    found = Counter(runs(address))
    assert set(found) == expected
    assert max(found.values()) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_of_multiprocessing_write_what_they_queued(address):
    code, stderr, _ = ended(address, "multiprocessing")
    assert (code, stderr) == (0, "")
    assert Counter(runs(address)) == Counter(
        f"{who}{number}" for who in ("parent", "forked", "spawned") for number in range(100)
    )
