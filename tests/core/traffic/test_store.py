"""What is written is read again: in figures, in rows by time, and as calls with their labels."""

import json
import math
import pickle
from decimal import Decimal
from enum import Enum

import numpy as np
import pytest

from hybrid_router_core.data.hashes import query_hash
from hybrid_router_core.errors import ConfigError, DataError
from hybrid_router_core.traffic import Call, Event, Label, Store, StoreError, Texts

FULL = Call(
    time=1700000000.25,
    run="1f0c",
    routed="small",
    answered="large",
    reason="fallback",
    conversation="c0ffee",
    query_hash=2**64 - 1,
    score=0.75,
    threshold=0.5,
    input_tokens=120,
    output_tokens=7,
    cost=0.0012,
    latency=0.8,
    error="TimeoutError",
)


def label(run, arm="small", quality=1.0, **changes):
    return Label(**{"time": 2000.0, "run": run, "arm": arm, "quality": quality, "source": "shadow"} | changes)


def test_each_kind_of_row_comes_back_as_it_was(store, call):
    rows = [FULL, label("1f0c", metric="judge", probability=0.1), Event(time=3.0, kind="alarm", detail={"level": 0.05})]
    assert store.write([*rows, call(query_hash=query_hash("What is 3 + 4?"))])
    assert [*store.calls()] == [call(query_hash=query_hash("What is 3 + 4?")), FULL]
    assert [*store.labels()] == rows[1:2]
    assert [*store.events()] == rows[2:]
    assert store.counts() == {"calls": 2, "labels": 1, "events": 1, "texts": 0}


def test_all_or_none_is_written(store, call):
    with pytest.raises(DataError, match="a row is a dict; allowed: Call, Label, Event, Texts"):
        store.write([call(), {"time": 1.0}])
    assert store.counts()["calls"] == 0


def test_a_batch_of_a_writer_is_written_once(store, call):
    assert store.write([call("a")], once=("writer", 1))
    assert not store.write([call("a")], once=("writer", 1))
    assert store.write([call("b")], once=("writer", 2))
    assert store.write([call("c")], once=("other", 1))
    assert [row.run for row in store.calls()] == ["a", "b", "c"]


def test_the_status_counts(store, call):
    store.write(
        [
            call(time=10.0, input_tokens=5, output_tokens=1, cost=0.5, latency=1.0),
            call(time=20.0, answered="large", reason="fallback", input_tokens=7, cost=0.25, latency=3.0),
            call(time=30.0, routed="large", answered="large", error="TimeoutError"),
            label("r"),
            label("r", source="user"),
            label("r", arm="large"),
            Event(time=15.0, kind="certified"),
        ]
    )
    status = store.status()
    assert status.calls == 3
    assert status.routed == {"small": 2, "large": 1}
    assert status.answered == {"small": 1, "large": 2}
    assert status.reasons == {"score": 2, "fallback": 1}
    assert status.errors == {"TimeoutError": 1}
    assert (status.input_tokens, status.output_tokens, status.cost, status.latency) == (12, 1, 0.75, 2.0)
    assert (status.first, status.last) == (10.0, 30.0)
    assert status.labels == {"small": {"shadow": 1, "user": 1}, "large": {"shadow": 1}}
    assert status.events == {"certified": 1}
    later = store.status(since=20.0)
    assert (later.calls, later.events, later.first) == (2, {}, 20.0)


def test_the_status_of_nothing(store):
    status = store.status()
    assert (status.calls, status.routed, status.cost, status.latency, status.first) == (0, {}, 0.0, None, None)


def test_the_status_of_a_thousand_kinds(store, call):
    store.write([call(error=f"Error{number}") for number in range(1000)])
    status = store.status()
    assert len(status.errors) == 1000
    assert status.routed == {"small": 1000}
    assert status.calls == 1000


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_rows_come_in_time_order_and_then_as_they_were_written(store, call, chunk):
    times = [5.0, 3.0, 3.0, -1.0, 3.0, 9.0, 3.0]  # the clock jumps back
    store.write([call(f"r{number}", time=time) for number, time in enumerate(times)])
    found = [(row.time, row.run) for row in store.calls(chunk=chunk)]
    assert found == sorted((time, f"r{number}") for number, time in enumerate(times))
    assert [row.run for row in store.calls(since=3.0, until=5.0, chunk=chunk)] == ["r1", "r2", "r4", "r6"]


def test_who_reads_keeps_nobody_from_writing(address, store, call):
    store.write([call(f"r{number}", time=float(number)) for number in range(4)])
    rows = store.calls(chunk=2)
    assert next(rows).run == "r0"
    with Store.open(address) as other:
        other.write([call("new", time=2.5)])
    store.write([call("newest", time=2.7)])
    assert [row.run for row in rows] == ["r1", "r2", "new", "newest", "r3"]


@pytest.mark.parametrize("chunk", [0, -1, 1.5, True])
def test_a_chunk_is_a_number_of_rows(store, chunk):
    with pytest.raises(ConfigError, match="chunk is"):
        store.calls(chunk=chunk)


@pytest.mark.parametrize("chunk", [1, 10_000])
def test_calls_with_their_labels(store, call, chunk):
    chat = [{"role": "user", "content": "Where is Oslo?"}]
    store.write(
        [
            call("a", time=1.0, score=0.9, query_hash=7),
            *(call(run, time=time) for run, time in (("b", 2.0), ("c", 3.0), ("d", 4.0))),
            label("a"),
            label("a", "large", 0.5, probability=0.1),
            label("a", "large", 0.25, time=2001.0),
            label("c", source="user", metric="thumbs"),
            label("d", quality=None),
            label("nobody"),
            Texts(time=1.0, run="a", messages=chat, answers={"small": "Norway"}),
            Texts(time=2.0, run="a", answers={"large": "In Norway."}),
            Texts(time=2.0, run="b", messages=chat),
        ]
    )
    found = [*store.labelled(chunk=chunk)]
    assert [row.call.run for row in found] == ["a", "c", "d"]
    first = found[0]
    assert (first.call.score, first.call.query_hash) == (0.9, 7)
    assert first.qualities == {"small": 1.0, "large": 0.25}
    assert first.probability == 0.1
    assert first.messages == chat
    assert first.answers == {"small": "Norway", "large": "In Norway."}
    assert (found[1].probability, found[1].messages, found[1].answers) == (None, None, {})
    assert found[2].qualities == {}
    assert [row.call.run for row in store.labelled(source="user")] == ["c"]
    assert [row.call.run for row in store.labelled(metric="thumbs", since=3.0)] == ["c"]
    assert [*store.labelled(since=1.5, source="shadow", until=3.5)] == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e300, 10**400, "0.5", object(), None, 1j])
def test_a_number_that_is_none_is_stored_as_none(store, call, bad):
    names = ("score", "threshold", "cost", "latency", "input_tokens", "output_tokens")
    store.write([call(**dict.fromkeys(names, bad)), label("r", quality=bad, probability=bad)])
    found = next(store.calls())
    assert [getattr(found, name) for name in names] == [None] * len(names)
    assert (next(store.labels()).quality, next(store.labels()).probability) == (None, None)


def test_numbers_of_other_kinds_are_numbers(store, call):
    store.write([call(score=np.float32(0.5), input_tokens=np.int64(3), output_tokens=7.25, cost=Decimal("0.125"))])
    found = next(store.calls())
    assert (found.score, found.input_tokens, found.output_tokens, found.cost) == (0.5, 3, 7, 0.125)


@pytest.mark.parametrize("number", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_hashes_of_64_bits(store, call, number):
    store.write([call(query_hash=number)])
    assert next(store.calls()).query_hash == number


@pytest.mark.parametrize("number", [-1, 2**64, 10**400, math.nan, "7"])
def test_what_is_no_hash_of_64_bits(store, call, number):
    store.write([call(query_hash=number, input_tokens=-1, latency=-0.5), label("r", probability=0)])
    assert next(store.calls()) == call()
    assert next(store.labels()).probability is None


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (FULL.__class__(time=math.nan, run="r", routed="s", answered="s", reason="s"), "time is no finite number"),
        (FULL.__class__(time=1.0, run=None, routed="s", answered="s", reason="s"), "run is a NoneType"),
        (FULL.__class__(time=1.0, run="r", routed="s", answered="s", reason=5), "reason is a int"),
        (label("r", source="rumour"), "source of a label is 'rumour'; allowed: shadow, feedback, judge, user"),
        (Event(time=1.0, kind="x", detail=[1]), "detail is a list"),
        (Texts(time=1.0, run="r", messages="hello"), "messages is a str"),
        (Texts(time=1.0, run="r", answers=["a"]), "answers is a list"),
    ],
)
def test_a_row_without_what_it_needs_is_refused(store, row, said):
    with pytest.raises(DataError, match=said):
        store.write([row])


class Odd(float):
    def __float__(self):
        raise RuntimeError("a text of the user")


def test_a_value_that_fails_while_it_is_read_is_a_bad_row(store, call):
    with pytest.raises(DataError, match=r"a Call cannot be stored: RuntimeError$"):
        store.write([call(score=Odd(1.0))])
    with pytest.raises(DataError, match="a Texts is longer than 16,000,000 characters"):
        store.write([Texts(time=1.0, run="r", answers={"small": "x" * 16_000_001})])


def test_a_name_of_an_enumeration_is_its_value(store, call):
    store.write([call(routed=Enum("Arm", {"SMALL": "small"}, type=str).SMALL)])
    assert next(store.calls()).routed == "small"


HOSTILE = [
    "\x00",
    "a\x00b",
    "\ud800",
    "x\udfffy",
    "'; DROP TABLE router_calls; --",
    "%s %(a)s :b ?",
    "𝕏" * 100,
    "\u202e",
    "",
]


@pytest.mark.parametrize("text", [*HOSTILE, "é" * 1_000_000])
def test_texts_come_back_letter_by_letter(store, call, text):
    messages = [{"role": "user", "content": text, text[:50]: [text[:50], math.nan, 1, None, True]}]
    store.write([call("a"), label("a"), Texts(time=1.0, run="a", messages=messages, answers={"small": text})])
    found = next(store.labelled())
    messages[0][text[:50]][1] = None
    assert found.messages == messages
    assert found.answers == {"small": text}


@pytest.mark.parametrize("text", [*HOSTILE, "e" * 1_000_000, "\ud800" * 5000])
def test_names_and_ids_of_any_kind_find_each_other(store, call, text):
    names = ("run", "routed", "answered", "reason", "conversation", "error")
    store.write([call(**dict.fromkeys(names, text)), label(text, text, metric=text), Event(time=1.0, kind=text)])
    (found,) = store.labelled()
    assert len(found.call.run) <= 128
    assert found.call.run == found.labels[0].run
    assert store.status().calls == 1


def test_long_ids_that_differ_at_the_end_stay_two(store, call):
    store.write([call("x" * 1000 + "a"), call("x" * 1000 + "b")])
    assert len({row.run for row in store.calls()}) == 2


def test_what_json_does_not_know_is_named_and_not_shown(store):
    detail = {"secret": object(), "set": {1}, "when": b"bytes", ("a",): 1, 5: "five"}
    store.write([Event(time=1.0, kind="x", detail=detail)])
    assert next(store.events()).detail == {"secret": "object", "set": "set", "when": "bytes", "5": "five"}
    circle = {}
    circle["self"] = circle
    with pytest.raises(DataError, match="cannot be written as JSON"):
        store.write([Event(time=1.0, kind="x", detail=circle)])


def test_texts_stand_in_their_own_table_alone(address, store, call):
    store.write([call("a"), label("a"), Texts(time=1.0, run="a", messages=[{"content": "SECRET"}])])
    from hybrid_router_core.traffic.tables import TABLES

    with store._database.connection() as connection:
        for name, table in TABLES.items():
            assert ("SECRET" in str(connection.execute(table.select()).all())) == (name == "texts")


def test_a_closed_store_opens_itself_and_a_pickle_is_its_address(store, call):
    store.write([call("a")])
    store.close()
    store.close()
    assert store.counts()["calls"] == 1
    with pickle.loads(pickle.dumps(store)) as other:  # noqa: S301
        other.write([call("b")])
    assert [row.run for row in store.calls()] == ["a", "b"]


def test_a_plain_path_a_file_with_odd_letters_and_a_folder_of_today(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    for address in (tmp_path / "a?b#c%20 d.db", "e.db", "sqlite:///f.db", f"sqlite:///{tmp_path}/g.db"):
        with Store.open(address) as store:
            store.write([call()])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a?b#c%20 d.db", "e.db", "f.db", "g.db"]
    store = Store("h.db")
    monkeypatch.chdir("/")
    store.write([call()])
    assert (tmp_path / "h.db").exists()


@pytest.mark.parametrize(
    "address",
    ["", "sqlite://", "sqlite:///", "mysql://root:hidden@host/db", "sqlite:///:memory:", ":memory:", 5, None, b"a"],
)
def test_other_addresses_are_refused(address):
    with pytest.raises(ConfigError) as caught:
        Store(address)
    assert "hidden" not in str(caught.value)


PASSWORDS = [
    "postgresql+psycopg://me:hidden@127.0.0.1:1/db",
    "postgres://me:hid%2fhidden@127.0.0.1:1/db",
    "postgresql://me:a@hidden/hidden:@127.0.0.1:1/db",
    "postgresql+psycopg://me@127.0.0.1:1/db?password=hidden&sslpassword=hidden",
    "postgresql+psycopg://me:hidden@127.0.0.1:notaport/db",
    "postgresql+psycopg://me:hidden@[::1/db",
]


@pytest.mark.parametrize("address", PASSWORDS)
def test_no_password_is_ever_shown(address):
    said = []
    try:
        store = Store(address)
        said += [repr(store), str(store.address), repr(store.address)]
        store.counts()
    except (ConfigError, StoreError) as error:
        said.append(str(error))
        assert "***" in str(error)
    assert said
    assert [text for text in said if "hidden" in text] == []


def test_a_call_takes_few_bytes(tmp_path):
    rng = np.random.default_rng(0)
    with Store.open(tmp_path / "traffic.db") as store:
        store.write(
            Call(
                time=1.7e9 + number,
                run=rng.bytes(18).hex(),
                routed="small",
                answered="small",
                reason="score",
                conversation=rng.bytes(8).hex(),
                query_hash=int.from_bytes(rng.bytes(8), "little"),
                score=rng.random(),
                threshold=rng.random(),
                input_tokens=int(rng.integers(10_000)),
                output_tokens=int(rng.integers(10_000)),
                cost=rng.random(),
                latency=rng.random(),
            )
            for number in range(20_000)
        )
    assert (tmp_path / "traffic.db").stat().st_size / 20_000 < 300


def test_a_message_of_json_stays_readable_for_other_programs(store, call):
    store.write([Texts(time=1.0, run="r", messages=[{"content": "Wo ist Köln?"}])])
    from hybrid_router_core.traffic.tables import TEXTS

    with store._database.connection() as connection:
        text = connection.execute(TEXTS.select()).mappings().one()["messages"]
    assert "Köln" in text
    assert json.loads(text) == [{"content": "Wo ist Köln?"}]
