"""Point 14 of the checklist: what is installed, and what an import needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import llama_index_hybrid_router

ROOT = Path(llama_index_hybrid_router.__file__).parents[1]


def test_all_is_sorted_and_everything_that_is_visible() -> None:
    names = llama_index_hybrid_router.__all__
    assert names == ["HybridRouterLLM", "HybridRoutingEvent", "HybridSelector", "capture_decisions"]
    assert names == sorted(names)
    modules = {"events", "llm", "selector"}
    assert {name for name in vars(llama_index_hybrid_router) if not name.startswith("_")} - modules == set(names)


def test_the_package_does_not_shadow_the_namespace_of_llama_index() -> None:
    package = ROOT / "llama_index_hybrid_router"
    assert (package / "py.typed").exists()
    assert not (ROOT / "llama_index").exists()
    assert not list(package.rglob("llama_index/__init__.py"))


def test_the_wheel_holds_the_package_and_no_namespace_init(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(wheel).namelist()
    assert {"llama_index_hybrid_router/llm.py", "llama_index_hybrid_router/py.typed"} <= set(names)
    assert not [name for name in names if name.startswith("llama_index/")]


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_import_needs_no_openai_and_loads_neither_torch_nor_scikit_learn() -> None:
    code = """
import sys
for name in ("openai", "llama_index.llms.openai", "llama_index.llms.openai_like", "langchain_core", "torch"):
    sys.modules[name] = None  # an import of it fails
sys.path[:0] = ["core", "."]
import llama_index_hybrid_router
from llama_index.core.llms import MockLLM
llm = llama_index_hybrid_router.HybridRouterLLM(small=MockLLM(), large=MockLLM(), router=lambda question: 1.0)
print(llm.complete("question").additional_kwargs["hybrid_router"]["model"], "sklearn" in sys.modules)
"""
    assert run(code) == "small False\n"


def test_the_import_installs_no_handler() -> None:
    code = """
import sys
sys.path[:0] = ["core", "."]
from llama_index_instrumentation import root_dispatcher
before = len(root_dispatcher.span_handlers)
import llama_index_hybrid_router
print(len(root_dispatcher.span_handlers) - before)
"""
    assert run(code) == "0\n"


def test_the_examples_in_the_docstrings_are_true() -> None:
    import doctest

    from llama_index_hybrid_router import events, llm, selector

    results = [doctest.testmod(module, raise_on_error=True) for module in (events, llm, selector)]
    assert sum(result.attempted for result in results) >= 6
