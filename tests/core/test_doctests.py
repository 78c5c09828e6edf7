"""The examples in the docstrings run."""

import doctest
import importlib

import pytest

MODULES = [
    "hybrid_router_core.router",
    "hybrid_router_core.embedders.text",
    "hybrid_router_core.watch.drift",
    "hybrid_router_core.watch.watch",
    "llama_index_hybrid_router.llm",
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    if name.startswith("llama_index"):
        pytest.importorskip("llama_index.core", reason="needs the extra llama-index")
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
