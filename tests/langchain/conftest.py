"""No test here leaves the machine: sockets connect to the loopback alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hybrid_router_core import HybridRouter, RoutingDataset
from langchain_hybrid_router import RunnableHybridRouter
from tests.langchain.fakes import FakeChat, Recorder, Scores

# Of LangChain's standard tests, those for which the capability is truly absent. Their classes may not override them.
# Left out rather than skipped: what CI skips fails it.
STANDARD_LEFT_OUT = {
    "test_init_from_env": "the router reads no environment variables; its two models do",
    "test_serdes": "the router is not serializable as LangChain JSON; a trained router is saved as a folder",
    "test_stream_time": "needs recordings of a live API; the router has none",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [i for i in items if i.path.name == "test_langchain_standard.py" and i.name in STANDARD_LEFT_OUT]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    for item in items:
        if "tests/langchain/" in item.path.as_posix():
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]))
            item.add_marker(pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"))


@pytest.fixture
def small() -> FakeChat:
    return FakeChat(model="small-model")


@pytest.fixture
def large() -> FakeChat:
    return FakeChat(model="large-model")


@pytest.fixture
def scores() -> Scores:
    return Scores()


@pytest.fixture
def make(small: FakeChat, large: FakeChat, scores: Scores) -> Callable[..., RunnableHybridRouter]:
    def make(**settings: Any) -> RunnableHybridRouter:
        return RunnableHybridRouter(**{"small": small, "large": large, "router": scores, **settings})

    return make


@pytest.fixture
def router(make: Callable[..., RunnableHybridRouter]) -> RunnableHybridRouter:
    return make()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(scope="session")
def trained() -> HybridRouter:
    """A real router: questions with "easy" in them are for small."""
    topics = [
        f"{place}{ending}" for place in ("Alb", "Bor", "Cal", "Den", "Est", "Fin") for ending in ("ania", "neo", "land")
    ]
    rows = [
        {"query": form.format(topic), "small_quality": quality, "large_quality": 1.0}
        for topic in topics
        for quality, forms in (
            (1.0, ("an easy question about {}", "easy: what is the capital of {}?")),
            (0.0, ("prove the hard theorem of {}", "derive the hard gradient of {} and show each step")),
        )
        for form in forms
    ]
    return HybridRouter(mode="deterministic", scorer="linear").fit(RoutingDataset.from_records(rows))
