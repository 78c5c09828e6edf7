"""The examples: offline, and against an OpenAI-compatible endpoint."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.openai_server import OpenAIServer, Reply, Request

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "langchain"
EXPECTED = {
    "agent.py": ["Nairobi. (small;", "It is 42. (small;", "think ... (large;", "'reason': 'sticky'"],
    "batch.py": ["1000 answers", "0 failed", "'small': 600", "'large': 400"],
    "chain.py": ["model='small'", "model='large'", "Tokyo.", "-> large", "Here is what I think"],
    "conversation.py": [
        "[large, score]",
        "[large, sticky]",
        "Tokyo. [small, score]",
        "It is 42. [small, score]",
        "[large, dissatisfied: the user found fault with small's answer]",
        "Tokyo. [large, price: small would",
    ],
    "graph.py": ["[small] Here", "[large] Here", "'offline-small': 15", "'offline-large': 15"],
    "rag.py": ["system message: RoutingDecision(model='small'", "as_selector: Paris.", "assign_route: small"],
}
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if path.name != "offline.py")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., str]]:
    """Runs a script as its own program, but for the imports, which take longer than all the rest."""
    monkeypatch.syspath_prepend(FOLDER)
    for name in ("SMALL_MODEL", "LARGE_MODEL", "ROUTER"):
        monkeypatch.delenv(name, raising=False)

    def run(script: str, **environment: str) -> str:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        runpy.run_path(str(FOLDER / script), run_name="__main__")
        return capsys.readouterr().out

    yield run
    sys.modules.pop("offline", None)


def test_every_example_is_run():
    assert list(EXPECTED) == SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_example_runs_offline_and_prints_what_it_promises(run, script):
    printed = run(script)
    assert [part for part in EXPECTED[script] if part not in printed] == []


@pytest.mark.parametrize("script", ["agent.py", "chain.py"])
def test_examples_run_against_an_openai_compatible_endpoint_named_by_the_environment(run, script):
    def answer(request: Request) -> Reply:
        last = request.body["messages"][-1]
        if "tools" in request.body and "6 times 7" in str(last["content"]):
            return Reply(tool_calls=[("multiply", {"a": 6, "b": 7})])
        return Reply(f"{request.model} heard {last['content']}")

    with OpenAIServer({"small-1": answer, "large-1": answer}) as server:
        environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "none"}
        printed = run(script, SMALL_MODEL="small-1", LARGE_MODEL="large-1", **environment)
    assert "small-1 heard" in printed
    assert "large-1 heard" in printed
