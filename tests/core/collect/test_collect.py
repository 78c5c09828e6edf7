"""`collect`: what is asked, kept, written and said; the kills are in test_collect_kills.py."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from hybrid_router_core import ConfigError, DataError, HybridRouterError
from hybrid_router_core.cli.app import app
from hybrid_router_core.collect import (
    AskError,
    CollectError,
    Hooks,
    Model,
    Options,
    Pace,
    Price,
    Settings,
    acollect,
    collect,
    resolve,
)
from hybrid_router_core.collect.errors import from_exception, retry_after
from hybrid_router_core.collect.prices import price_of, read_prices
from hybrid_router_core.collect.queries import source_of
from hybrid_router_core.collect.secrets import redact
from hybrid_router_core.collect.store import Row, Store, query_key
from hybrid_router_core.data import Response, read_responses

pytest.importorskip("aiohttp")
pytest.importorskip("tenacity")

from collect_server import running

KEY = "sk-right-0123456789abcdef"
TABLE = {"s": {"input": 1, "output": 2}, "l": Price(10, 20)}


@pytest.fixture(scope="module")
def server():
    with running() as found:
        yield found


@pytest.fixture
def out(tmp_path):
    return tmp_path / "r.jsonl"


class Echo:
    """A callable that counts, and fails where it is told to."""

    def __init__(self, name, bad=()):
        self.name, self.bad, self.asked = name, set(bad), []

    async def __call__(self, query):
        self.asked.append(query)
        if query in self.bad:
            raise ValueError(f"cannot do {query}")
        return f"{self.name} {len(self.asked)}"


def go(out, queries=("a", "b", "c"), small=None, large=None, samples=2, **settings):
    others = {name: settings.pop(name) for name in ("prices", "names", "hooks", "column") if name in settings}
    small, large = small or Echo("s"), large or Echo("l")
    return collect(queries, small=small, large=large, out=out, settings=Settings(samples=samples, **settings), **others)


def test_rows_keep_their_order_and_their_other_columns(out):
    queries = [{"query": f"q{i}", "id": i, "group": "g", "answers": ["x", 1], "source": {"n": i}} for i in range(30)]
    small = Echo("s")
    done = go(out, queries, small)
    assert done.complete
    assert (done.rows, done.answered, done.failed, done.spent) == (30, 120, 0, None)
    rows = list(read_responses(out))
    assert [row.query for row in rows] == [f"q{i}" for i in range(30)]
    assert rows[3].id == "3"
    assert rows[3].answers == ("x", "1")
    assert rows[3].extra == {"source": {"n": 3}}
    assert (rows[3].small.model, rows[3].large.model) == ("s", "l")
    assert len(small.asked) == 60


async def test_the_same_in_a_running_loop(out):
    done = await acollect(["a"], small=Echo("s"), large=Echo("l"), out=out)
    assert len(next(read_responses(out)).small.responses) == 10
    assert done.complete


def test_more_samples_or_queries_ask_only_for_what_is_missing(out):
    small = Echo("s")
    go(out, ["a", "b"], small)
    assert go(out, ["b", "c", "a"], small, samples=3).answered == 2 * (1 + 3 + 1)
    assert sorted(small.asked) == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    assert [row.query for row in read_responses(out)] == ["b", "c", "a"]
    assert go(out, ["a"], small, samples=1).answered == 0  # fewer of both
    assert [len(row.small.responses) for row in read_responses(out)] == [1]


def test_a_query_that_is_there_twice_is_asked_once(out):
    small, started = Echo("s"), []
    rows = [{"query": "a", "id": 1}, {"query": "b", "id": 2}, {"query": "a", "id": 3}]
    go(out, rows, small, hooks=Hooks(start=started.append))
    assert sorted(small.asked) == ["a", "a", "b", "b"]
    assert [row.id for row in read_responses(out)] == ["1", "2", "3"]
    assert started[0].repeated == 1


def test_other_models_or_settings_are_refused_unless_wanted(out, server):
    urls = {"small": f"{server.base_url}#a", "large": f"{server.base_url}#b"}
    collect(["q"], **urls, out=out, settings=Settings(samples=1))
    with pytest.raises(ConfigError, match=r"model was '.*#b' and is now '.*#c'.*--change-settings"):
        collect(["q"], **{**urls, "large": f"{server.base_url}#c"}, out=out, settings=Settings(samples=1))
    with pytest.raises(ConfigError, match=r"small model: temperature was None and is now 0\.5"):
        collect(["q"], **urls, out=out, settings=Settings(samples=1, temperature=0.5))
    settings = Settings(samples=1, temperature=0.5, change_settings=True)
    assert collect(["q"], **urls, out=out, settings=settings).answered == 2
    assert server.log()["temperatures"]["0.5"] == 2
    settings = Settings(samples=1, change_settings=True)  # and back: both are kept
    assert collect(["q"], **urls, out=out, settings=settings).answered == 0


def test_a_model_with_a_mistake_in_its_name_may_be_put_right(out, server):
    with pytest.raises(CollectError, match="404: the model 'missing' does not exist; check the address and the name"):
        collect(["q"], small=f"{server.base_url}#missing", large=Echo("l"), out=out)
    assert collect(["q"], small=f"{server.base_url}#a", large=Echo("l"), out=out).rows == 1


def test_a_name_outlives_an_address(out, server):
    with running() as second:
        for found, new in ((server, 2), (second, 0)):
            names = ("tiny", None)
            settings = Settings(samples=2)
            done = collect(["z"], small=f"{found.base_url}#a", large=Echo("l"), out=out, settings=settings, names=names)
            assert done.answered in (2 * new, new)
    assert next(read_responses(out)).small.model == "tiny"


def test_what_failed_is_kept_aside_and_tried_again(out):
    small, large = Echo("s"), Echo("l", bad={"b"})
    done = go(out, small=small, large=large)
    assert (done.rows, done.incomplete, done.failed, done.complete) == (2, 1, 1, False)
    assert done.failures[0].reason == "ValueError: cannot do b"
    listed = [json.loads(line) for line in done.failed_path.read_text().splitlines()]
    assert listed == [{"query": "b", "failed": {"large": "ValueError: cannot do b"}}]
    assert [row.query for row in read_responses(out)] == ["a", "c"]
    large.bad.clear()
    done = go(out, small=small, large=large)
    assert done.complete
    assert done.answered == 2
    assert sorted(small.asked) == ["a", "a", "b", "b", "c", "c"]
    assert not (out.parent / "r.failed.jsonl").exists()


def test_incomplete_rows_can_be_wanted(out):
    calls = []

    def twice(query):
        calls.append(query)
        if len(calls) > 2:
            raise ValueError
        return "x"

    done = go(out, ["a"], large=twice, samples=5, concurrency=1, allow_incomplete=True)
    assert (done.rows, done.failed) == (1, 1)
    assert len(next(read_responses(out)).large.responses) == 2


def test_a_model_that_never_answers_ends_the_run(out):
    small = Echo("s", bad={f"q{i}" for i in range(500)})
    with pytest.raises(CollectError, match="the first 20 requests failed, the last: ValueError: cannot do q"):
        go(out, [f"q{i}" for i in range(500)], small)
    assert len(small.asked) < 40


def test_errors_that_pass_are_tried_again(out):
    with running(busy=0.15, broken=0.15, retry_after=0.02) as server:
        urls = {"small": f"{server.base_url}#a", "large": f"{server.base_url}#b"}
        done = collect([f"q{i}" for i in range(15)], **urls, out=out, settings=Settings(samples=2, attempts=12))
        log = server.log()
    assert done.complete
    assert sum(log["answered"].values()) == 60
    assert log["statuses"]["429"] > 0 < log["statuses"]["500"]


def test_retry_after_is_honoured_by_all_requests_to_the_model(out):
    asked, busy = [], True

    async def ask(query):
        nonlocal busy
        asked.append(time.monotonic())
        if busy:
            busy = False
            raise AskError("429", retry=True, after=0.4)
        await asyncio.sleep(0.01)
        return Response("x")

    go(out, [f"q{i}" for i in range(10)], Model("m", ask, "m"), samples=1, concurrency=2)
    assert asked[2] - asked[0] > 0.39
    assert retry_after({"retry-after": "2.5"}) == 2.5
    later = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=30), usegmt=True)
    assert 25 < retry_after({"Retry-After": later}) <= 30
    assert [retry_after(value) for value in (None, {}, {"retry-after": "soon"}, {"retry-after": "-1"})] == [
        None, None, None, 0.0,
    ]  # fmt: skip


def test_a_server_that_asks_for_an_hour_is_left_for_the_next_run(out):
    async def ask(query):
        raise AskError("429: come back later", retry=True, after=3600)

    reason = go(out, ["a"], Model("m", ask, "m"), samples=1).failures[0].reason
    assert re.fullmatch(
        r"429: come back later; the server asks to wait 3,600 s, until \d\d:\d\d UTC; run the same command again then",
        reason,
    )


async def test_the_pace_is_even_and_corrected():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    pace = Pace(60, None, sleep)
    for _ in range(3):
        await pace.take(1000)
    assert slept == pytest.approx([1, 2], abs=0.05)
    slept.clear()
    pace = Pace(None, 6000, sleep)
    await pace.take(100)
    pace.correct(-50)
    await pace.take(100)
    assert slept == pytest.approx([0.5], abs=0.05)


def test_limits_bound_the_requests(out):
    small = Echo("s")
    start = time.monotonic()
    go(out, [f"q{i}" for i in range(4)], small, samples=1, requests_per_minute=600)
    assert time.monotonic() - start > 0.28
    with running(latency=0.03) as server:
        urls = {"small": f"{server.base_url}#a", "large": f"{server.base_url}#b"}
        collect(["a", "b"], **urls, out=out.with_name("n.jsonl"), settings=Settings(samples=6, concurrency=3))
        assert server.log()["most"] <= 6


def test_costs_are_counted_and_bounded(out):
    async def ask(query):
        await asyncio.sleep(0.001)
        return Response("x", 100_000, 50_000)

    small, large = Model("s", ask, "s"), Model("l", ask, "l")  # 0.2 and 2.0 an answer
    queries = [f"q{i}" for i in range(50)]
    started, seen = [], []
    hooks = Hooks(started.append, seen.append)
    done = go(out, queries, small, large, samples=1, prices=TABLE, max_cost=20, concurrency=2, hooks=hooks)
    assert done.stopped == "max_cost"
    assert 15 < done.spent < 20 + 2 * 0.2 + 2 * 2.0
    assert done.rows >= 6  # the cheap model has not run ahead
    assert started[0].plans[1].cost == pytest.approx(50 * (10 * 4.6 + 20 * 300) / 1e6, rel=0.05)
    assert seen[-1].spent == pytest.approx(done.spent)
    again = go(out, queries, small, large, samples=1, prices=TABLE, max_cost=20, concurrency=2)
    assert again.spent <= 20.2  # what earlier runs spent counts, and what an answer cost
    whole = go(out, queries, small, large, samples=1, prices=TABLE)
    assert whole.spent == pytest.approx(50 * 2.2)
    assert sum(row.small.mean_cost + row.large.mean_cost for row in read_responses(out)) == pytest.approx(whole.spent)


def test_without_a_price_the_cost_is_unknown_and_not_bounded(out):
    with pytest.raises(ConfigError, match=r"small: the price of s is not known, so --max-cost cannot be kept"):
        go(out, max_cost=1)
    with pytest.raises(ConfigError, match="large: the price of l"):
        go(out, max_cost=1, prices={"s": TABLE["s"]})


@pytest.mark.parametrize("text", ["m: {input: 1, output: 2e0}", '{"m": {"input": 1, "output": 2}}'])
def test_prices_from_a_file(tmp_path, text):
    (tmp_path / "p.yaml").write_text(text)
    assert read_prices(tmp_path / "p.yaml")["m"].of(1e6, 1e6) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "no prices found"), ("m: 3", "'m': needs input and output"), ("m: {input: -1, output: 1}", "'m': needs"),
     ("{", "neither YAML nor JSON"), ("m: {input: 1, output: 2, cache: 3}", "'m': needs")],
)  # fmt: skip
def test_mistakes_in_prices(tmp_path, text, message):
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_prices(tmp_path / "p.yaml")
    with pytest.raises(ConfigError, match="no such file"):
        read_prices(tmp_path / "none.yaml")


def test_prices_of_genai_prices_where_it_is_installed():
    pytest.importorskip("genai_prices")
    assert price_of(Model("openai:gpt-4o-mini", None, "gpt-4o-mini", "openai")) == Price(0.15, 0.6)
    assert price_of(Model("x", None, "gpt-4o-mini", None, "https://api.openai.com/v1")) == Price(0.15, 0.6)
    assert price_of(Model("x", None, "llama3.2", None, "http://localhost:11434/v1")) is None
    assert price_of(Model("x", None, "no-such", "openai")) is None
    assert price_of(Model("gpt-4o-mini", None, "gpt-4o-mini")) is None  # a callable of that name


class LangChainLike:
    model_name = "chat"

    async def ainvoke(self, query):
        usage = {"input_tokens": 3, "output_tokens": 4}
        about = {"finish_reason": "stop"}
        return SimpleNamespace(content=[{"text": query}, "!"], usage_metadata=usage, response_metadata=about)


class LlamaIndexLike:
    model = "index"

    async def acomplete(self, query):
        usage = SimpleNamespace(prompt_tokens=3, completion_tokens=4)
        raw = SimpleNamespace(usage=usage, choices=[SimpleNamespace(finish_reason="length")])
        return SimpleNamespace(text=f"{query}!", additional_kwargs={}, raw=raw)


async def test_models_of_both_frameworks_by_their_methods():
    for model, name, reason in ((LangChainLike(), "chat", "stop"), (LlamaIndexLike(), "index", "length")):
        found = resolve(model, Options(), side="small")
        answer = await found.ask("hi")
        assert (found.name, answer.text, answer.prompt_tokens, answer.completion_tokens) == (name, "hi!", 3, 4)
        assert answer.finish_reason == reason
    with pytest.raises(ConfigError, match="temperature and max_tokens of a LangChainLike are set where it is made"):
        resolve(LangChainLike(), Options(temperature=1), side="small")
    with pytest.raises(ConfigError, match="small: found int; give a name"):
        resolve(7, Options(), side="small")


def test_real_models_of_both_frameworks(out):
    fakes = pytest.importorskip("langchain_core.language_models.fake_chat_models")
    mock = pytest.importorskip("llama_index.core.llms.mock")
    small = fakes.FakeListChatModel(responses=["chain"])
    done = go(out, ["hello"], small, mock.MockLLM(max_tokens=3), names=("fake", "mock"))
    assert done.complete
    row = next(read_responses(out))
    assert row.small.texts == ["chain", "chain"]
    assert row.large.texts[0]


def test_a_blocking_callable_runs_in_as_many_threads_as_requests(out):
    together, most, lock = 0, 0, threading.Lock()

    def slow(query):
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        time.sleep(0.05)
        with lock:
            together -= 1
        return query

    go(out, [f"q{i}" for i in range(12)], slow, samples=1, concurrency=12, names=("slow", None))
    assert most > 6


def test_a_timeout_is_a_failure(out):
    async def never(query):
        await asyncio.sleep(60)

    done = go(out, ["a"], never, samples=1, timeout=0.05, attempts=1)
    assert done.failures[0].reason == "no answer in 0.05 s"


@pytest.mark.parametrize(
    ("setting", "value"),
    [("samples", 0), ("samples", 1.5), ("concurrency", 0), ("max_cost", -1), ("timeout", 0), ("temperature", 3),
     ("attempts", True), ("max_tokens", 0), ("tokens_per_minute", float("nan"))],
)  # fmt: skip
def test_settings_are_checked(setting, value):
    with pytest.raises(ConfigError, match=f"{setting}="):
        Settings(**{setting: value})


@pytest.mark.parametrize(
    ("name", "text", "queries"),
    [("q.txt", "a\n\n b \n", ["a", "b"]), ("q.jsonl", '{"query": "a"}\n"b"\n', ["a", "b"]),
     ("q.json", '["a", {"query": "b"}]', ["a", "b"]), ("q.csv", 'id,query,answers\n1,"a,\nb","[""x""]"\n', ["a,\nb"])],
)  # fmt: skip
def test_queries_in_every_form(tmp_path, name, text, queries):
    (tmp_path / name).write_text(text)
    found = list(source_of(tmp_path / name)())
    assert [query.text for query in found] == queries
    if name == "q.csv":
        assert found[0].row == {"id": "1", "answers": ["x"]}


def test_queries_in_parquet(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"prompt": ["a"], "id": [7], "answers": [["x"]]}), tmp_path / "q.parquet")
    found = list(source_of(tmp_path / "q.parquet", "prompt")())
    assert (found[0].text, found[0].row) == ("a", {"id": "7", "answers": ["x"]})
    with pytest.raises(DataError, match="no column 'query'; found 'prompt'"):
        list(source_of(tmp_path / "q.parquet")())
    (tmp_path / "bad.parquet").write_text("x")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        list(source_of(tmp_path / "bad.parquet")())


@pytest.mark.parametrize(
    ("rows", "message"),
    [(["a", {"text": "b"}], "item 2: there is no column 'query'; found 'text'"), ([], "no queries found"),
     ([{"query": " "}], "column 'query': found an empty text"), ([7], "found int; a query is"),
     ([{"query": "a", "small": 1}], "the column 'small' is where the answers go")],
)  # fmt: skip
def test_bad_queries_are_told_before_anything_is_asked(out, rows, message):
    small = Echo("s")
    with pytest.raises(DataError, match=message):
        go(out, rows, small)
    assert small.asked == []
    assert not list(out.parent.iterdir())


def test_odd_texts_survive(out):
    odd = "lone \ud800, NUL \0, \U0001f600"

    async def ask(query):
        assert query == odd
        return odd

    go(out, [odd], ask, ask, samples=1, names=("s", "l"))
    assert next(read_responses(out)).small.texts == [odd]


def test_keys_are_nowhere(out, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    with running(key=KEY) as server:
        urls = {"small": f"{server.base_url}#a", "large": f"{server.base_url}#b"}
        done = collect(["a"], **urls, out=out, key_envs=("MY_KEY", "MY_KEY"), settings=Settings(samples=1))
        monkeypatch.setenv("MY_KEY", "sk-wrong-0123456789abcdef")
        with pytest.raises(CollectError, match=r"401: Incorrect API key: \*\*\*; check the key") as caught:
            collect(["b"], **urls, out=out, key_envs=("MY_KEY", "MY_KEY"), settings=Settings(samples=1))
    assert "wrong" not in str(caught.value)
    model = resolve(urls["small"], Options(key_env="MY_KEY"), side="small")
    for text in (repr(done), repr(model), *(path.read_bytes().decode("latin-1") for path in out.parent.iterdir())):
        assert "0123456789abcdef" not in text
    assert redact(f"a {KEY} b http://u:p@h/ Bearer abc") == "a *** b http://***@h/ ***"
    error = from_exception(ValueError(f"key={KEY}"))
    assert KEY not in error.reason
    with pytest.raises(ConfigError, match="no keys in the address"):
        resolve("http://user:secret@host/v1#m", Options(), side="small")


def test_the_store_tells_its_format_and_damage(tmp_path):
    store = Store(tmp_path / "s.sqlite")
    model = store.use("small", {"model": "m"}, change=False)
    store.save([Row(model, query_key("a"), 0, Response("x"))])
    with pytest.raises(CollectError, match="another collect is working on this output"):
        Store(tmp_path / "s.sqlite")
    store._db.execute("UPDATE meta SET value = 9 WHERE name = 'format'")
    store.close()
    with pytest.raises(CollectError, match="is of format 9, this version reads 1; upgrade"):
        Store(tmp_path / "s.sqlite")
    (tmp_path / "t.sqlite").write_text("no database " * 100)
    with pytest.raises(CollectError, match="no store of answers, or a damaged one"):
        Store(tmp_path / "t.sqlite")


def test_an_output_of_somebody_else_is_not_replaced(out):
    out.write_text("mine")
    with pytest.raises(DataError, match="exists already, and not from collect"):
        go(out)
    assert out.read_text() == "mine"


def test_throughput(out):
    """64 in flight against 50 ms; modest, for a machine with other work. benchmarks/bench_collect.py has the figure."""
    with running(latency=0.05) as server:
        urls = {"small": f"{server.base_url}#a", "large": f"{server.base_url}#b"}
        settings = Settings(samples=10, concurrency=32)
        start = time.monotonic()
        done = collect([f"q{i}" for i in range(64)], **urls, out=out, settings=settings)
        seconds = time.monotonic() - start
        assert server.log()["most"] == 64
    assert done.answered == 1280
    assert seconds < 3 * 1280 / 64 * 0.05


# The command, as somebody who is new to it types it.


def said(*words):
    """The exit code, and what was said."""
    result = CliRunner().invoke(app, ["collect", *map(str, words)], catch_exceptions=False)
    return result.exit_code, result.output


@pytest.fixture
def here(tmp_path, monkeypatch, server):
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "NOPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MY_KEY", KEY)
    (tmp_path / "q.txt").write_text("hello\nplease refuse\n")
    (tmp_path / "q.csv").write_text("prompt,id\nhi,1\n")
    (tmp_path / "mine.jsonl").write_text("mine")
    return {"S": f"{server.base_url}#a", "L": f"{server.base_url}#kind", "M": f"{server.base_url}#missing"}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("-i none.txt --small S --large L -o r.jsonl", "none.txt: no such file"),
        ("-i q.csv --small S --large L -o r.jsonl", "q.csv, line 2: there is no column 'query'; found 'prompt', 'id'"),
        (
            "-i q.txt --small openai:gpt-4o --large L -o r.jsonl",
            "small: the environment variable OPENAI_API_KEY is not",
        ),
        (
            "-i q.txt --small S --large L --large-key-env NOPE -o r.jsonl",
            "large: there is no environment variable of the name that --large-key-env gives",
        ),
        (
            "-i q.txt --small http://127.0.0.1:9/v1#m --large L -o r.jsonl",
            "small (http://127.0.0.1:9/v1#m): no connection",
        ),
        ("-i q.txt --small M --large L -o r.jsonl", "404: the model 'missing' does not exist; check the address and"),
        (
            "-i q.txt --small http://localhost/v1 --large L -o r.jsonl",
            "small: the address needs the model's name after a",
        ),
        ("-i q.txt --small : --large L -o r.jsonl", "small: ':' is no model; give provider:model, such as"),
        ("-i q.txt --small S --large S -o r.jsonl", "small and large are both"),
        ("-i q.txt --small S --large L -o none/r.jsonl", "there is no folder none; make it with: mkdir -p none"),
        ("-i q.txt --small S --large L -o r.csv", "r.csv: unknown suffix '.csv'; allowed are .jsonl, .jsonl.gz"),
        ("-i q.txt --small S --large L -o mine.jsonl", "mine.jsonl: exists already, and not from collect"),
        (
            "-i q.txt --small S --large L -o r.jsonl --max-cost 1",
            "is not known, so --max-cost cannot be kept; add --prices",
        ),
        ("-i q.txt --small S --large L -o r.jsonl --prices none.yaml", "none.yaml: no such file"),
        (
            "-i q.txt --small S --large L -o r.jsonl",
            "1 queries failed, such as 'please refuse' (small: 400: content filter)",
        ),
    ],
)
def test_mistakes_are_one_line(here, words, line):
    code, output = said(*(here.get(word, word) for word in words.split()))
    assert code == 1
    errors = [text for text in output.splitlines() if text.startswith("error: ")]
    assert len(errors) == 1
    assert output.splitlines()[-1] == errors[0]
    assert line in errors[0]
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("--samples 0", "samples=0; a whole number ≥ 1 is needed"),
        ("--temp 9", "temperature=9.0; a number from 0 to 2"),
        ("--timeout -1", "timeout=-1.0; a number > 0"),
        ("--max-cost -1", "max_cost=-1.0; a number > 0"),
    ],
)
def test_a_value_that_is_never_allowed_is_wrong_usage(here, option, line):
    code, output = said(*(here.get(word, word) for word in f"-i q.txt --small S --large L -o r.jsonl {option}".split()))
    assert code == 2
    assert line in output.splitlines()[-1]


def test_the_command_tells_what_it_will_cost_and_what_came(here, tmp_path):
    (tmp_path / "p.yaml").write_text(f"{here['S']}: {{input: 1, output: 2}}\n{here['L']}: {{input: 0, output: 0}}\n")
    (tmp_path / "q.txt").write_text("hello\n")
    words = ["-i", "q.txt", "--small", here["S"], "--large", here["L"], "-o", "r.jsonl", "--prices", "p.yaml"]
    code, output = said(*words, "--samples", 3, "--temp", 0, "--max-cost", 0.0001)
    assert code == 0
    assert "3 of 3 answers to ask for; about $0.0018 at 300 tokens an answer" in output
    assert "note: about $0.0018 in all is above --max-cost 0.0001" in output
    assert "note: at temperature 0 the samples of a query are likely all the same" in output
    assert "r.jsonl: 1 rows, 6 new answers, spent $0.0001" in output
    code, output = said(*words, "--samples", 3, "--temp", 0, "--json", "--quiet")
    assert code == 0
    found = json.loads(output)
    assert found.pop("spent") == pytest.approx(0.00006)
    assert found == {
        "out": "r.jsonl", "rows": 1, "incomplete": 0, "failed": 0, "failed_path": None, "answered": 0,
        "stopped": None, "empty": {"small": 0, "large": 0}, "cut_off": {"small": 0, "large": 0}, "notes": [],
    }  # fmt: skip


def test_openai_by_name_needs_no_langchain(here, server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    code, output = said(
        "-i", "q.csv", "--column", "prompt", "--small", "openai:s", "--large", "openai:l", "-o", "r.jsonl"
    )
    assert code == 0, output
    assert next(read_responses("r.jsonl")).small.model == "openai:s"


def test_nothing_heavy_is_imported():
    code = "import sys, hybrid_router_core.collect as c; print([m for m in sys.modules if m in sys.argv])"
    heavy = ["aiohttp", "tenacity", "openai", "langchain_core", "llama_index", "genai_prices", "sklearn", "pyarrow"]
    found = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_errors_are_of_the_family():
    assert issubclass(CollectError, HybridRouterError)
    assert not issubclass(AskError, HybridRouterError)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")
def test_a_bar_with_the_money_at_the_terminal(here, tmp_path, monkeypatch):
    import pty

    (tmp_path / "p.yaml").write_text(f"{here['S']}: {{input: 1, output: 2}}\n{here['L']}: {{input: 0, output: 0}}\n")
    (tmp_path / "q.txt").write_text("hello\n")
    words = ["-i", "q.txt", "--small", here["S"], "--large", here["L"], "-o", "r.jsonl", "--prices", "p.yaml"]
    reader, terminal = pty.openpty()
    command = [sys.executable, "-W", "error", "-m", "hybrid_router_core.cli", "collect", *words, "--json"]
    ended = subprocess.run(command, stderr=terminal, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while part := os.read(reader, 1 << 16):
            shown += part
    os.close(reader)
    assert ended.returncode == 0, shown
    assert json.loads(ended.stdout)["rows"] == 1
    assert b"20/20" in shown
    assert b"$0.0002" in shown
