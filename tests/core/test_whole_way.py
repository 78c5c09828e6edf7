"""The whole way as a new user walks it: commands as processes, models behind a real server process, no network.

The small model knows the easy half of the queries, the large one nearly all; both are slow, now and then overloaded
(429 with Retry-After) and now and then broken (500, a dropped connection).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SERVER = """
import sys, zlib
from tests.openai_server import OpenAIServer, Reply

def model(name):
    seen = {}

    def reply(request):
        text = request.last_text
        turn = seen[text] = seen.get(text, -1) + 1
        luck = zlib.crc32(f"{name} {turn} {text}".encode()) % 100
        if luck < 4:
            return Reply(status=429, retry_after=0.05)
        if luck < 6:
            return Reply(status=500)
        if luck < 7:
            return Reply(text="cut", cut_after=0)
        number = text.rstrip("?").split()[-1]
        hard = "Prove" in text
        known = zlib.crc32(f"{name} {text}".encode()) % 100 < {"small": 15 if hard else 92, "large": 95}[name]
        answer = f"It is {number}." if known else "I do not know."
        return Reply(answer, usage=(len(text) // 4, 6), delay=0.002 * (luck % 5))

    return reply

with OpenAIServer({"small": model("small"), "large": model("large")}) as server:
    print(server.base_url, flush=True)
    sys.stdin.read()
    counts = {name: len(server.requests_for(name)) for name in ("small", "large")}
    print(counts["small"], counts["large"], flush=True)
"""
ROOT = Path(__file__).resolve().parents[2]
QUERIES = 240
SAMPLES = 2


@pytest.fixture
def server():
    """The address of a server in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        yield process.stdout.readline().strip(), process
        process.stdin.close()
        process.wait(10)


def test_from_two_models_to_routed_queries(tmp_path, server):
    address, process = server
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    environment |= {"OMP_NUM_THREADS": "1", "NO_PROXY": "127.0.0.1"}

    def hybrid_router(*arguments):
        command = [sys.executable, "-m", "hybrid_router_core.cli", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120)
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    forms = ("What is the name of the town with number {}?", "Prove the theorem and give the constant with number {}?")
    asked = [{"id": f"q{i}", "query": forms[i % 2].format(i), "answers": [str(i)]} for i in range(QUERIES)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))

    # fmt: off
    hybrid_router(
        "collect", "--queries", "q.jsonl", "--small", f"{address}#small", "--large", f"{address}#large",
        "--samples", SAMPLES, "--concurrency", 16, "--out", "responses.jsonl",
    )
    # fmt: on
    responses = read(tmp_path / "responses.jsonl")
    assert [row["query"] for row in responses] == [row["query"] for row in asked]
    for row in responses:
        assert len(row["small"]["responses"]) == len(row["large"]["responses"]) == SAMPLES
    process.stdin.close()
    small, large = map(int, process.stdout.readline().split())
    paid = QUERIES * SAMPLES
    assert paid < small < 1.2 * paid, "answers are asked for once; only errors are tried again"
    assert paid < large < 1.2 * paid

    # The server is gone: from here on no model is asked.
    hybrid_router("label", "responses.jsonl", "--metric", "contains", "--out", "dataset.jsonl")
    rows = read(tmp_path / "dataset.jsonl")
    assert len(rows) == QUERIES
    easy, hard = (mean_small(rows, part) for part in ("town", "theorem"))
    assert easy > 0.8
    assert hard < 0.4

    found = json.loads(hybrid_router("inspect", "dataset.jsonl", "--repeats", 2, "--json", "--html", "data.html"))
    assert found["rows"] == QUERIES
    assert found["samples"] == {"small": [SAMPLES, SAMPLES], "large": [SAMPLES, SAMPLES]}
    assert found["verdict"]["answer"] == "yes", found["verdict"]
    assert "<svg" in (tmp_path / "data.html").read_text("utf-8")

    trained = json.loads(hybrid_router("train", "dataset.jsonl", "--out", "router", "--scorer", "linear", "--json"))
    assert trained["data"]["train"]["rows"] < QUERIES
    hybrid_router("calibrate", "router", "dataset.jsonl", "--part", "calibration", "--cost-advantage", 0.45)
    # fmt: off
    measured = json.loads(hybrid_router(
        "evaluate", "router", "dataset.jsonl", "--part", "test", "--report", "report.html", "--json"
    ))
    # fmt: on
    assert measured["seen_in_training"] == 0
    assert measured["measures"]["apgr"]["value"] > 0.6, "the router tells the halves apart"

    new = [forms[i % 2].format(i) for i in range(1000, 1040)]
    (tmp_path / "new.txt").write_text("\n".join(new) + "\n")
    hybrid_router("infer", "router", "--input", "new.txt", "--output", "routed.jsonl", "--route-only")
    routed = read(tmp_path / "routed.jsonl")
    assert [row["query"] for row in routed] == new
    right = sum((row["model"] == "small") == (i % 2 == 0) for i, row in enumerate(routed))
    assert right >= 0.9 * len(new)


def read(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def mean_small(rows, word):
    qualities = [row["small_quality"] for row in rows if word in row["query"]]
    values = [value for quality in qualities for value in (quality if isinstance(quality, list) else [quality])]
    return sum(values) / len(values)
