"""Servers that rename, redirect, drip, flood, echo keys or answer at random: one line each, nothing paid is lost."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from odd_replies import GOOD
from typer.testing import CliRunner

from hybrid_router_core import ConfigError, DataError
from hybrid_router_core.cli.app import app
from hybrid_router_core.collect import AskError, CollectError, Hooks, Model, Options, Settings, collect, resolve
from hybrid_router_core.collect.dialect import Dialect
from hybrid_router_core.collect.secrets import redact
from hybrid_router_core.collect.store import Row, Store, query_key
from hybrid_router_core.data import Response, read_responses

pytest.importorskip("aiohttp")
pytest.importorskip("tenacity")

from collect_server import running

KEY = "Zq8fWm3LxT7bPk2Rv9"  # of no form that is known


def go(out, server, model, queries=("a", "b"), hooks=None, key_env=None, prices=None, **settings):
    return collect(
        list(queries),
        small=f"{server.base_url}#{model}",
        large=f"{server.base_url}#l",
        out=out,
        settings=Settings(**{"samples": 1, "attempts": 2, **settings}),
        key_envs=(key_env, None),
        hooks=hooks,
        prices=prices,
    )


def said(*words):
    result = CliRunner().invoke(app, ["collect", *map(str, words)], catch_exceptions=False)
    return result.exit_code, result.output


@pytest.fixture
def out(tmp_path):
    return tmp_path / "r.jsonl"


@pytest.mark.parametrize("seed", range(3))
def test_random_replies_never_end_the_run(out, seed):
    """Hundreds of mutated replies: all rows are told, only answers are stored, and the others go on."""
    with running(seed=seed) as server:
        done = go(out, server, "fuzzed", [f"q{i}" for i in range(150)], samples=2, attempts=1, concurrency=4)
        log = server.log()
    small = [response for row in read_responses(out) for response in row.small.responses]
    assert done.answered >= 300 + len(small)
    assert done.rows + done.incomplete == 150
    assert len(small) > 50
    assert done.failed > 20
    assert sum(log["asked"].values()) == 600  # each once: no answer was asked for twice
    for response in small:
        assert "good" in response.text
        assert not response.empty
    failed = [json.loads(line) for line in done.failed_path.read_text().splitlines()]
    assert len(failed) == done.failed
    for row in failed:
        assert row["failed"].keys() == {"small"}
        assert row["failed"]["small"].isprintable()
        assert 0 < len(row["failed"]["small"]) < 450
        assert not re.search("Traceback|pw@|key=abc", row["failed"]["small"])


def test_what_is_kept_of_a_fuzzed_run_is_not_asked_for_again(out):
    with running(seed=7) as server:
        first = go(out, server, "fuzzed", [f"q{i}" for i in range(60)], attempts=1, allow_incomplete=True)
        for _ in range(40):
            last = go(out, server, "fuzzed", [f"q{i}" for i in range(60)], attempts=2)
            if last.complete:
                break
        assert last.complete
        assert last.rows == 60
        assert first.rows < 60


# Parameters that a provider renamed


@pytest.mark.parametrize(("model", "wasted"), [("wants:max_completion_tokens", 1), ("wants:max_tokens", 0)])
def test_the_length_limit_is_sent_under_the_name_that_is_taken(out, model, wasted):
    with running() as server:
        done = go(out, server, model, [f"q{i}" for i in range(9)], max_tokens=50, concurrency=1)
        assert done.complete
        assert server.log()["statuses"].get("400", 0) == wasted  # once, not for each query


async def test_the_other_direction(monkeypatch):
    with running() as server:
        model = resolve(f"{server.base_url}#wants:max_tokens", Options(max_tokens=5), side="small")
        client = model.ask.__closure__[0].cell_contents.__self__
        client.dialect.parameters = {"max_completion_tokens": 5}  # as for OpenAI's own address
        assert (await model.ask("q")).text
        assert client.dialect.parameters == {"max_tokens": 5}
        await model.close()


def test_a_limit_that_no_name_carries_is_not_left_out(out):
    with running() as server:
        done = go(out, server, "wants:no_length", max_tokens=50)
    assert "max_tokens and max_completion_tokens are not supported" in done.failures[0].reason


def test_a_temperature_that_is_not_taken_is_left_out_and_told(out):
    with running() as server:
        done = go(out, server, "knows:temperature_1", temperature=0.5)
    assert done.complete
    assert done.notes == ("small: temperature 0.5 is not taken by the server; the model's own was used",)


@pytest.mark.parametrize("said", ["invalid temperature: only 1 is allowed for this model", "temperature must be 1"])
def test_a_temperature_that_is_fixed_is_left_out(said):
    dialect = Dialect({"temperature": 0.0})
    assert dialect.learn(dialect.parameters, 400, said)
    assert dialect.parameters == {}


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"success": False, "errors": [{"message": "quota of the day is used up"}]}, "quota of the day is used up"),
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, "insufficient balance"),
        ({"error": {"code": 0, "message": "success"}, "choices": [{"message": {"content": "good"}}]}, None),
    ],
)
def test_the_servers_word_in_other_places(out, body, word):
    with running(raw={"m": {"status": 200, "body": json.dumps(body)}}) as server:
        done = go(out, server, "m", ["q"])
    assert done.complete == (word is None)
    assert word is None or word in done.failures[0].reason


def test_a_list_of_failures_of_somebody_else_stays(out):
    foreign = out.with_name(f"{out.stem}.failed.jsonl")
    foreign.write_text("precious\n")
    with running() as server, pytest.raises(DataError, match=r"failed\.jsonl: exists already, and not from collect"):
        go(out, server, "m")
    assert foreign.read_text() == "precious\n"


def test_a_link_stays_a_link(out):
    target = out.with_name("target.jsonl")
    target.touch()
    out.symlink_to(target)
    target.unlink()
    with running() as server:
        assert go(out, server, "m").complete
    assert out.is_symlink()
    assert target.read_text()


def test_a_key_that_comes_back_as_the_reason_to_end_is_hidden(out, monkeypatch):
    monkeypatch.setenv("THE_KEY", KEY)
    body = {"choices": [{"message": {"content": "good"}, "finish_reason": KEY}]}
    with running(raw={"m": {"status": 200, "body": json.dumps(body)}}) as server:
        go(out, server, "m", ["q"], key_env="THE_KEY")
    for path in out.parent.iterdir():
        assert KEY.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "message",
    ["This model's maximum context length is 4096 tokens; reduce max_tokens, it is not supported",
     "max_tokens is too large: 5000; at most 4096 are supported", "max_tokens must be positive"],
)  # fmt: skip
def test_an_error_about_the_size_is_no_renaming(out, message):
    raw = {"m": {"status": 400, "body": json.dumps({"error": {"message": message}})}}
    with running(raw=raw) as server:
        done = go(out, server, "m", ["q"], max_tokens=5000)
        assert sum(server.log()["asked"].values()) == 2
    assert message in done.failures[0].reason


# The server's own word, and replies that are none


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_by_name(out, status):
    location = "https://user:hush@other.example/v1/chat/completions?sig=hush"
    with running(raw={"m": {"status": status, "headers": {"Location": location}, "body": ""}}) as server:
        done = go(out, server, "m")
        assert server.log()["statuses"] == {str(status): 2, "200": 2}  # not followed, not tried again
    assert done.failures[0].reason == (
        f"{status}: the server redirects to https://***@other.example/v1, and requests are not sent on; give the right "
        "address"
    )


def test_an_error_with_status_200_is_shown(out):
    with running(raw={"m": {"body": '{"error": {"message": "model is overloaded", "code": 502}}'}}) as server:
        done = go(out, server, "m")
    assert done.failures[0].reason == "502: model is overloaded"


def test_empty_and_cut_off_answers_are_in_the_summary(out, monkeypatch):
    def reply(content, finish):
        choice = {"message": {"content": content}, "finish_reason": finish}
        return {
            "body": json.dumps({"choices": [choice], "usage": {"prompt_tokens": 10**6, "completion_tokens": 10**6}})
        }

    (out.parent / "q.txt").write_text("a\nb\n")
    with running(raw={"cut": reply("Well,", "length"), "none": reply("", "length")}) as server:
        for name in ("cut", "none"):
            table = {f"{server.base_url}#{model}": {"input": 1, "output": 2} for model in (name, "l")}
            (out.parent / "p.yaml").write_text(json.dumps(table))
            words = ["-i", out.parent / "q.txt", "--small", f"{server.base_url}#{name}", "--samples", 1]
            words += [
                "--large",
                f"{server.base_url}#l",
                "-o",
                out.parent / f"{name}.jsonl",
                "--prices",
                out.parent / "p.yaml",
            ]
            code, output = said(*words)
            if name == "cut":
                assert code == 0
                assert (
                    "note: the length limit cut off 2 answers of small; a higher --max-tokens lets them end" in output
                )
                continue
            assert code == 1
            last = output.splitlines()[-1]
            assert last.startswith(
                "error: 2 queries failed (2 empty answers of small), such as 'a' (small: the answer is"
            )
            assert "raise --max-tokens" in last
            assert "spent $6.0" in output  # what was no answer is paid all the same
            code, output = said(*words, "--json")
            assert json.loads(output[: output.rindex("}") + 1].partition("\n{")[2].join(["{", ""]))["spent"] > 12


def test_empty_answers_of_an_older_store_are_asked_for_again(out):
    store = Store(out.with_name("r.jsonl.sqlite"))
    with running() as server:
        identity = {"model": f"{server.base_url}#s", "temperature": None, "max_tokens": None}
        number = store.use("small", identity, change=False)
        answers = {"a": Response("", cost=0.25), "b": Response("kept"), "c": Response(" \n", cost=0.5)}
        store.save([Row(number, query_key(text), 0, response) for text, response in answers.items()])
        store._db.execute("DELETE FROM meta WHERE name = 'empty'")  # as an older version left it
        store.close()
        done = go(out, server, "s", ["a", "b", "c"])
        assert done.complete
        assert done.answered == 2 + 3
    assert [row.small.texts for row in read_responses(out)] == [["s 1"], ["kept"], ["s 1"]]
    again = Store(out.with_name("r.jsonl.sqlite"))
    assert again.spent() == 0.75
    again.close()


@contextmanager
def dripping(head, part, pause):
    """A server that never ends its reply."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(connection):
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(head)
                while not over.wait(pause):
                    connection.sendall(part)
            except OSError:
                pass

    def accept():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    over = threading.Event()
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        over.set()
        listening.close()


async def test_a_reply_that_drips_for_ever_ends_with_the_timeout():
    with dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" ", 0.02) as address:
        model = resolve(f"{address}#m", Options(timeout=0.3), side="small")
        with pytest.raises(AskError, match=r"no answer from .* in time"):
            await model.ask("q")
        await model.close()


async def test_a_reply_that_is_huge_is_cut_off():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    part = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    with dripping(head, part, 0.0001) as address:
        model = resolve(f"{address}#m", Options(timeout=30), side="small")
        with pytest.raises(AskError, match="more than 32 MiB") as caught:
            await model.ask("q")
        assert not caught.value.retry
        await model.close()


# One query that is refused, among others


def test_one_refused_query_does_not_end_the_run_but_many_do(out):
    async def ask(query):
        if int(query) >= bad:
            raise AskError("403: flagged", fatal=True)
        return Response("good")

    def run(path):
        small = Model("s", ask, "s")
        return collect([str(i) for i in range(100)], small=small, large=lambda q: q, out=path, settings=settings)

    settings = Settings(samples=1, concurrency=1)
    bad = 99
    assert run(out).rows == 99
    bad = 50
    with pytest.raises(CollectError, match=r"small \(s\): 403: flagged \(50 complete rows"):
        run(out.with_name("many.jsonl"))
    bad = 0
    with pytest.raises(CollectError, match="403: flagged"):  # nothing works: said at once
        run(out.with_name("none.jsonl"))


# Keys


@pytest.mark.parametrize(
    "spec",
    ["http://h/v1#m?api_key=" + KEY, "http://h/v1?api_key=" + KEY + "#m", "http://user:" + KEY + "@h/v1#m",
     "http://" + KEY + "@h/v1#m", "http://h/key=" + KEY + "/v1#m", "openai:gpt?api_key=" + KEY,
     "http://h/v1#m&k=" + KEY,
     "sk-proj-" + KEY, "http://h/v1#sk-proj-" + KEY,
     "http://h/sk-proj-" + KEY + "/v1#m", "openai:sk-proj-" + KEY, "http://[" + KEY + "/v1#m",
     "http://h:" + KEY + "/v1#m"],
)  # fmt: skip
def test_keys_in_addresses_and_names_are_refused_and_not_shown(tmp_path, monkeypatch, spec):
    monkeypatch.setenv("OPENAI_API_KEY", "other-key-0123")
    (tmp_path / "q.txt").write_text("a\n")
    code, output = said(
        "-i", tmp_path / "q.txt", "--small", spec, "--large", "http://h/v1#l", "-o", tmp_path / "r.jsonl"
    )
    assert code == 1
    assert KEY not in output
    assert output.startswith("error: small: ")
    assert [path.name for path in tmp_path.iterdir()] == ["q.txt"]


def test_a_key_in_place_of_the_name_of_its_variable_is_not_shown(tmp_path):
    (tmp_path / "q.txt").write_text("a\n")
    words = [
        "-i",
        tmp_path / "q.txt",
        "--small",
        "http://h/v1#s",
        "--large",
        "http://h/v1#l",
        "-o",
        tmp_path / "r.jsonl",
    ]
    for key in (KEY, "ALL_CAPITALS_KEY", "sk-proj-abcdefghijk", "a\0b", "\ud800"):
        code, output = said(*words, "--small-key-env", key)
        assert (code, key in output) == (1, False)
        assert "there is no environment variable of the name that --small-key-env gives" in output
    assert KEY not in repr(Options(key_env=KEY))
    with pytest.raises(ConfigError, match="--small-key-env is for models by address"):
        resolve(lambda q: q, Options(key_env="MY_KEY"), side="small")


@pytest.mark.parametrize(
    ("key", "kind"),
    [("abc\ndef123", "a line break"), ("abc def123", "white space"), ("ключ-ключ", "a character that is not ASCII")],
)
def test_a_key_that_no_header_takes_is_named_by_its_variable(monkeypatch, key, kind):
    monkeypatch.setenv("MY_KEY", key)
    with pytest.raises(ConfigError, match=f"the key in MY_KEY holds {kind}") as caught:
        resolve("http://h/v1#m", Options(key_env="MY_KEY"), side="small")
    assert key not in str(caught.value)


def test_secrets_in_the_base_url_of_the_environment_are_refused(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for address in (f"http://u:{KEY}@h/v1", f"http://h/v1?key={KEY}", f"http://[{KEY}", KEY):
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        with pytest.raises(ConfigError, match="OPENAI_BASE_URL") as caught:
            resolve("openai:gpt-4o", Options(), side="small")
        assert KEY not in str(caught.value)


def test_a_key_that_the_server_repeats_is_nowhere(out, monkeypatch):
    monkeypatch.setenv("HARMLESS", KEY)
    with running() as server:
        assert go(out, server, "echo", ["q"], key_env="HARMLESS").complete
    for path in out.parent.iterdir():
        assert KEY.encode() not in path.read_bytes()
    assert next(read_responses(out)).small.texts == ["your key is Bearer ***"]
    parts = (KEY, KEY[:12] + "...", f"x{KEY[4:16]}y", "%22" + KEY, f"a\n{KEY}")
    assert all(KEY[5:12] not in redact(f"bad {part}", [KEY]) for part in parts)


# Waits


def test_waits_are_told(out):
    times = 0

    async def ask(query):
        nonlocal times
        times += 1
        if times == 1:
            raise AskError("429: slow down", retry=True, after=7)
        return Response("good")

    lines, started = [], time.monotonic()
    hooks = Hooks(waiting=lines.append, stopping=stopper)
    done = collect(
        ["a"], small=Model("s", ask, "s"), large=lambda q: q, out=out, settings=Settings(samples=1), hooks=hooks
    )
    assert lines == ["small (s): 429: slow down; trying again in 7 s"]
    assert done.stopped == "interrupted"
    assert time.monotonic() - started < 3


@contextmanager
def stopper(stop):
    loop = asyncio.get_running_loop()
    timer = threading.Timer(0.5, lambda: loop.call_soon_threadsafe(stop))
    timer.start()
    yield
    timer.cancel()


def test_a_server_that_hangs_is_told(out, monkeypatch):
    monkeypatch.setattr("hybrid_router_core.collect.runner._QUIET", 1.0)

    async def late(query):
        await asyncio.sleep(2.5)
        return "good"

    lines = []
    go_on = Hooks(waiting=lines.append)
    collect(["a"], small=late, large=lambda q: q, out=out, settings=Settings(samples=1), names=("s", "l"), hooks=go_on)
    assert lines == ["waiting for small: 1 s without an answer; --timeout is 120 s"]


# Settings, before anything is read or asked


@pytest.mark.parametrize(
    ("setting", "value"),
    [("samples", 10**9), ("samples", "2"), ("concurrency", 10**6), ("timeout", "soon"), ("temperature", "hot"),
     ("max_cost", "much"), ("temperature", True), ("max_cost", float("inf"))],
)  # fmt: skip
def test_settings_of_any_type_are_one_line(setting, value):
    with pytest.raises(ConfigError, match=f"{setting}="):
        Settings(**{setting: value})


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 300])
def test_a_name_that_no_file_could_hold_is_refused(name):
    with pytest.raises(ConfigError, match="small: the name is empty, too long or not printable"):
        resolve(lambda q: q, Options(), side="small", name=name)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_a_pipe_is_refused_since_it_is_read_more_than_once(tmp_path):
    os.mkfifo(tmp_path / "q.jsonl")
    words = ["--small", "http://h/v1#s", "--large", "http://h/v1#l", "-o", tmp_path / "r.jsonl"]
    code, output = said("-i", tmp_path / "q.jsonl", *words)
    assert code == 1
    assert "is a pipe or a device, and queries are read more than once" in output


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_an_interrupted_command_ends_in_one_line(tmp_path):
    (tmp_path / "q.txt").write_text("a\nb\n")
    with running(latency=3) as server:
        words = ["-i", "q.txt", "--small", f"{server.base_url}#s", "--large", f"{server.base_url}#l", "-o", "r.jsonl"]
        command = [sys.executable, "-m", "hybrid_router_core.cli", "collect", *words, "--samples", "1"]
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
            while server.log()["now"] < 2:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert told.splitlines()[-1].startswith("interrupted")


def test_good_is_good(out):
    with running(raw={"m": {"body": json.dumps(GOOD)}}) as server:
        assert go(out, server, "m").complete
