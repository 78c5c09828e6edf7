"""The examples: each offline in this process, two of them against an OpenAI-compatible endpoint in their own."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.openai_server import OpenAIServer, Reply, Request

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "llama_index"
EXPECTED = {
    "agent.py": ["multiply{'a': 6, 'b': 7} = 42", "It is 42. (asked: small, small)", "(asked: large)"],
    "chat_engine.py": ["(asked: large)\n", "Nairobi. (asked: small, small)", "(asked: large, large)"],
    "conversation.py": [
        "Ann: Yes, go on.\n   large (sticky)",
        "Bob: Thanks!\n   small (sticky)",
        "Ann: That is wrong, try again.\n   large (dissatisfied)",
        "Bob: Mach weiter\n   large (sticky)",
    ],
    "query_engine.py": [
        "France? -> RoutingDecision(model='small'",
        "slowed down. -> RoutingDecision(model='large'",
        "Tokyo.\n",
        "refined on: ['small', 'small']",
        "with the tag: RoutingDecision(model='large', score=None",
    ],
    "selector.py": ["Paris. (quick; small: score 0.", "(thorough; large: score 0."],
    "sub_questions.py": ["large (offline-large", "small (offline-small", "What is the capital of Kenya?", "Nairobi."],
}
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if path.name != "offline.py")


def test_every_example_is_run() -> None:
    assert list(EXPECTED) == SCRIPTS


@pytest.fixture(scope="module")
def countries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = runpy.run_path(str(FOLDER / "offline.py"))["trained_router"]()
    return made.save(tmp_path_factory.mktemp("countries") / "router")


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_example_runs_offline_and_prints_what_it_promises(
    script: str, countries: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SMALL_MODEL", "LARGE_MODEL", "ROUTER"):
        monkeypatch.delenv(name, raising=False)
    if script != "selector.py":  # one of them trains, the others load what it would have trained
        monkeypatch.setenv("ROUTER", str(countries))
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "offline", raising=False)  # other examples have a module of that name
    runpy.run_path(str(FOLDER / script), run_name="__main__")
    monkeypatch.delitem(sys.modules, "offline")
    printed = capsys.readouterr().out
    assert [part for part in EXPECTED[script] if part not in printed] == []


@pytest.mark.parametrize("script", ["agent.py", "query_engine.py"])
def test_examples_run_against_an_openai_compatible_endpoint_named_by_the_environment(
    script: str, countries: Path
) -> None:
    pytest.importorskip("llama_index.llms.openai_like")

    def answer(request: Request) -> Reply:
        last = request.body["messages"][-1]
        if "tools" in request.body and "6 times 7" in str(last["content"]):
            return Reply(tool_calls=[("multiply", {"a": 6, "b": 7})])
        return Reply(f"{request.model} heard {str(last['content'])[-40:]}")

    with OpenAIServer({"small-1": answer, "large-1": answer}) as server:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI")}
        environment |= {"OPENAI_BASE_URL": server.base_url, "SMALL_MODEL": "small-1", "LARGE_MODEL": "large-1"}
        environment["ROUTER"] = str(countries)
        root = FOLDER.parents[1]
        environment["PYTHONPATH"] = os.pathsep.join([str(root / "core"), str(root), environment.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, str(FOLDER / script)], env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "small-1 heard" in done.stdout
    assert {request.model for request in server.requests} == {"small-1", "large-1"}
