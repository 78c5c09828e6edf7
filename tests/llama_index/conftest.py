from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Document, Settings, SummaryIndex
from llama_index.core.llms import MockLLM
from llama_index_instrumentation import root_dispatcher

from hybrid_router_core import HybridRouter, RoutingDataset
from llama_index_hybrid_router import HybridRouterLLM
from tests.llama_index.fakes import DOCUMENT, TRIGGER, CountingRouter, FakeLLM

# What LlamaIndex itself does, not this package: its workflows walk over all attributes of pydantic classes and so touch
# those that pydantic has deprecated, its ReAct agent asks its workflow a deprecated question, and a Memory never closes
# its database.
_LLAMA_INDEX = (
    "ignore::pydantic.warnings.PydanticDeprecationWarning",
    "ignore:is_running called from within a step:DeprecationWarning",
    "ignore:.*aiosqlite:ResourceWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            for ignored in _LLAMA_INDEX:
                item.add_marker(pytest.mark.filterwarnings(ignored))


@pytest.fixture(autouse=True, scope="module")
def closed_memories() -> Iterator[None]:
    """Memories left open are collected here, and not in a test that has no such filter."""
    yield
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*aiosqlite", category=ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True)
def clean_llama_index() -> Iterator[None]:
    """What LlamaIndex keeps for the whole process is as it was after each test."""
    spans, events = list(root_dispatcher.span_handlers), list(root_dispatcher.event_handlers)
    Settings._llm = MockLLM()  # else asking for the default LLM imports the OpenAI package and wants a key
    yield
    root_dispatcher.span_handlers, root_dispatcher.event_handlers = spans, events
    Settings._llm = Settings._callback_manager = None


@pytest.fixture
def router() -> CountingRouter:
    return CountingRouter()


@pytest.fixture
def small() -> FakeLLM:
    return FakeLLM(name="small")


@pytest.fixture
def large() -> FakeLLM:
    return FakeLLM(name="large")


@pytest.fixture
def make(small: FakeLLM, large: FakeLLM, router: CountingRouter) -> Callable[..., HybridRouterLLM]:
    def make(**settings: Any) -> HybridRouterLLM:
        return HybridRouterLLM(**{"small": small, "large": large, "router": router, **settings})

    return make


@pytest.fixture
def llm(make: Callable[..., HybridRouterLLM]) -> HybridRouterLLM:
    return make()


@pytest.fixture
def index() -> SummaryIndex:
    """Four documents full of the word that would mislead a router that reads them."""
    return SummaryIndex.from_documents([Document(text=f"{DOCUMENT} {i}") for i in range(4)])


@pytest.fixture(scope="session")
def trained() -> HybridRouter:
    """A real router, trained to send the trigger word to large."""
    rows = []
    for i in range(60):
        hard = i % 2 == 1
        topic = ["sky", "sea", "sun", "rain", "wind", "moon"][i % 6]
        query = f"Prove the {TRIGGER} number {i} on the {topic}." if hard else f"What colour is the {topic} at {i}?"
        rows.append({"query": query, "small_quality": 0.2 if hard else 0.9, "large_quality": 0.9})
    return HybridRouter(mode="deterministic", scorer="linear").fit(RoutingDataset.from_records(rows))


@pytest.fixture(scope="session")
def trained_folder(trained: HybridRouter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained.save(tmp_path_factory.mktemp("router") / "router")
