"""Answers of ``infer`` from servers that hang, refuse, fail, or say something else."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.core.cli.running import done, failed, run

pytest.importorskip("aiohttp")


@pytest.fixture
def here(router, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    router.threshold = 0.0  # all to small
    router.save("router")
    return tmp_path


@pytest.fixture
def says():
    """Starts a server that answers as given: status, headers, body; or after so many seconds."""
    servers = []

    def start(body=b"", status=200, headers=(), delay=0.0):
        over = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                asked.append(self.path)
                if over.wait(delay):
                    return
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        asked = []
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        servers.append((server, thread, over))
        configure(f"http://127.0.0.1:{server.server_port}/v1")
        return asked

    yield start
    for server, thread, over in servers:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def configure(url):
    Path("c.yaml").write_text(f"api_endpoint: {url}\nmodel_path: {{load_model_path: router}}\nsmall: s\nlarge: l\n")


def error_of(*more):
    result = run("infer", "--config", "c.yaml", "--query", "a", "--json", *more)
    assert result.exit_code == 1
    assert "Traceback" not in result.output + result.stderr
    assert result.stderr.endswith("error: 1 of 1 queries got no answer; see 'error' in the results\n")
    record = json.loads(result.stdout)
    assert record["response"] is None
    return record["error"], result.stderr


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b'{"error": {"message": "model s is not loaded"}}', 400, "400: model s is not loaded"),
        (b"<html><body>Bad Gateway</body></html>", 404, "404: Bad Gateway; check the address"),
        (b"[]", 401, "check the key; small.api_key_env"),
    ],
)
def test_what_a_server_says_instead_of_an_answer(here, says, body, status, message):
    says(body, status)
    assert message in error_of()[0]


@pytest.mark.parametrize(
    "body",
    [b'{"error": {"message": "overloaded"}}', b"<html></html>", b"", b"null", b"[1]", b'{"choices": []}', b"\xff"],
)
def test_a_success_without_an_answer(here, says, body, monkeypatch):
    monkeypatch.setattr("hybrid_router_core.cli.asking.ATTEMPTS", 1)
    says(body)
    error, _ = error_of()
    assert error


def test_a_server_that_hangs_is_named_and_left(here, says, monkeypatch):
    monkeypatch.setattr("hybrid_router_core.cli.answer.QUIET", 0.1)
    says(delay=30)
    started = time.monotonic()
    error, told = error_of("--timeout", 0.5)
    assert time.monotonic() - started < 5
    assert error.endswith("in 0.5 s, the --timeout")
    assert "waiting for small (http://127.0.0.1:" in told
    assert "of at most 0.5 s" in told
    assert "waiting" not in error_of("--timeout", 0.3, "--quiet")[1]


def test_a_wait_that_the_server_asks_for_is_named(here, says, monkeypatch):
    says(b'{"error": "slow down"}', 429, [("Retry-After", "3600")])
    started = time.monotonic()
    assert "429: slow down; the server asks to wait 3600 s, --timeout is 120 s" in error_of()[0]
    assert time.monotonic() - started < 5
    monkeypatch.setattr("hybrid_router_core.cli.asking.LONG", 0.5)
    asked = says(b'{"error": "slow down"}', 429, [("Retry-After", "1")])
    assert "trying again in 1 s" in error_of("--timeout", 1.5)[1]
    assert len(asked) == 2


def test_a_model_that_can_never_be_asked_is_asked_once(here, says, monkeypatch):
    monkeypatch.setattr("hybrid_router_core.cli.asking.WORKERS", 1)
    asked = says(b'{"error": "no such model"}', 404)
    Path("q.txt").write_text("a\nb\nc\n")
    assert "3 of 3" in failed("infer", "--config", "c.yaml", "-i", "q.txt", "-o", "out.jsonl")
    assert len(asked) == 1
    assert "no such model" in Path("out.jsonl").read_text().splitlines()[2]


def test_nobody_listens(here):
    configure("http://127.0.0.1:9/v1")
    assert "no connection to http://127.0.0.1:9/v1" in error_of("--timeout", 20)[0]


def test_an_answer_that_is_slow_is_an_answer(here, says):
    says(b'{"choices": [{"message": {"content": "Yes."}}]}', delay=0.3)
    assert json.loads(done("infer", "--config", "c.yaml", "--query", "a", "--json").stdout)["response"] == "Yes."


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_at_once_and_keeps_what_was_answered(here, says):
    asked = says(delay=60)
    Path("q.txt").write_text("a\n" * 50)
    command = ["-m", "hybrid_router_core.cli", "infer", "--config", "c.yaml", "-i", "q.txt", "-o", "o.jsonl"]
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not asked:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - started < 5
    assert (process.returncode, out, err) == (130, "", "interrupted\n")
    assert not list(here.glob("o.jsonl*"))


def test_a_key_in_the_place_of_its_variable_is_not_shown(here):
    configure("http://127.0.0.1:9/v1")
    config = Path("c.yaml").read_text().replace("small: s", "small: {name: s, api_key_env: sk-1234567890}")
    Path("c.yaml").write_text(config)
    line = failed("infer", "--config", "c.yaml", "--query", "a")
    assert "small.api_key_env" in line
    assert "sk-1" not in line


@pytest.mark.parametrize(
    "options", [("--timeout", "0"), ("--timeout", "nan"), ("--temp", "-1"), ("--temp", "inf"), ("--max-tokens", "0")]
)
def test_limits_are_checked_first(here, options):
    failed("infer", "none", "--query", "a", *options, code=2)


@pytest.mark.parametrize(
    "url",
    ["ftp://host/v1", "no address", "http://ho st/v1", "http://host:99999/v1", "http://[::1", "http:///v1",
     "http://me:sk-secret@host/v1", "http://host/v1?api_key=sk-secret", "http://host/v1#sk-secret"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_and_not_shown(here, url):
    configure(f"'{url}'")
    line = failed("infer", "--config", "c.yaml", "--query", "a")
    assert line.startswith("error: small.base_url: allowed is an address such as http://localhost:8000/v1")
    assert "secret" not in line


def test_results_of_a_stopped_run_are_not_written_over(here):
    Path("q.txt").write_text("a\n")
    Path("o.jsonl.partial").write_text("paid\n")
    arguments = ("infer", "router", "-i", "q.txt", "-o", "o.jsonl")
    assert "holds the results of a run that was stopped; move it away, or add --overwrite" in failed(*arguments)
    assert Path("o.jsonl.partial").read_text() == "paid\n"
    done(*arguments, "--overwrite")
    assert not Path("o.jsonl.partial").exists()
