"""Point 13 of the checklist: the selector of two query engines or retrievers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from llama_index.core import SummaryIndex
from llama_index.core.query_engine import RouterQueryEngine
from llama_index.core.retrievers import RouterRetriever
from llama_index.core.schema import QueryBundle, TextNode
from llama_index.core.tools import QueryEngineTool, RetrieverTool, ToolMetadata

from llama_index_hybrid_router import HybridSelector, capture_decisions
from tests.llama_index.fakes import EASY, HARD, CountingRouter, FakeLLM, answered

CHOICES = [ToolMetadata("everything", name="deep"), ToolMetadata("titles", name="quick")]


@pytest.mark.parametrize(
    ("small", "large", "easy", "hard"), [(0, 1, 0, 1), (1, 0, 1, 0), ("quick", "deep", 1, 0), ("quick", 0, 1, 0)]
)
async def test_a_choice_is_named_by_index_or_by_tool(
    small: Any, large: Any, easy: int, hard: int, router: CountingRouter
) -> None:
    selector = HybridSelector(router, small=small, large=large)
    assert selector.select(CHOICES, EASY).ind == easy
    assert (await selector.aselect(CHOICES, QueryBundle(HARD))).ind == hard
    assert router.queries == [EASY, HARD]


async def test_the_reason_says_why(router: CountingRouter) -> None:
    selector = HybridSelector(router, threshold=0.25)
    assert selector.select(CHOICES, EASY).reason == "small: score 0.900 >= threshold 0.250"
    assert (await selector.aselect(CHOICES, HARD)).reason == "large: score 0.100 < threshold 0.250"
    assert selector.select(CHOICES, " ").reason == "large: no_query there is no user text to score"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_other_number_of_choices_is_refused(count: int, router: CountingRouter) -> None:
    with pytest.raises(ValueError, match=f"there are {count} choices; a HybridSelector selects between exactly 2"):
        HybridSelector(router).select(CHOICES[:1] * count, EASY)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"small": "slow"}, r"0 of the choices are named 'slow'; the names are \['deep', 'quick'\]"),
        ({"small": "quick", "large": 1}, "are the same choice"),
        ({"small": 1}, "are both 1"),
        ({"small": 2}, "small is 2; allowed: the index 0 or 1, or the name of a tool"),
        ({"large": True}, "large is True"),
        ({"threshold": 7}, "allowed: a number from 0"),
        ({"on_router_error": "small"}, "allowed: 'large', 'raise'"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, Any], message: str, router: CountingRouter) -> None:
    with pytest.raises(ValueError, match=message):
        HybridSelector(router, **settings).select(CHOICES, EASY)


def test_two_tools_of_one_name_are_refused(router: CountingRouter) -> None:
    with pytest.raises(ValueError, match="2 of the choices are named 'deep'"):
        HybridSelector(router, small="deep").select(CHOICES[:1] * 2, EASY)


def test_a_failing_router_selects_large_or_raises_as_set() -> None:
    def broken(query: str) -> float:
        raise RuntimeError("no scores today")

    assert HybridSelector(broken).select(CHOICES, EASY).reason == "large: router_error RuntimeError"
    with pytest.raises(RuntimeError, match="no scores today"):
        HybridSelector(broken, on_router_error="raise").select(CHOICES, EASY)


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_router_query_engine_selects_without_calling_an_llm(
    streaming: bool, index: SummaryIndex, small: FakeLLM, large: FakeLLM, router: CountingRouter
) -> None:
    tools = [
        QueryEngineTool.from_defaults(index.as_query_engine(llm=model, streaming=streaming), name=model.name)
        for model in (small, large)
    ]
    engine = RouterQueryEngine(HybridSelector(router, small="small", large="large"), tools, llm=large)
    with capture_decisions() as decisions:
        first, second = engine.query(EASY), await engine.aquery(HARD)
        answers = [str(first), "".join([t async for t in second.async_response_gen()]) if streaming else str(second)]
    assert answers == ["small answers", "large answers"]
    assert [d.model for d in decisions] == ["small", "large"]
    assert first.metadata["selector_result"].reason == "small: score 0.900 >= threshold 0.500"
    assert second.metadata["selector_result"].ind == 1
    assert (len(small.calls), len(large.calls)) == (1, 1)


async def test_a_router_retriever_selects_without_calling_an_llm(
    small: FakeLLM, large: FakeLLM, router: CountingRouter
) -> None:
    tools = [
        RetrieverTool.from_defaults(SummaryIndex([TextNode(text=name)]).as_retriever(), description=name, name=name)
        for name in ("quick", "deep")
    ]
    retriever = RouterRetriever(HybridSelector(router, small="quick", large="deep"), tools, llm=large)
    assert [node.text for node in retriever.retrieve(EASY)] == ["quick"]
    assert [node.text for node in await retriever.aretrieve(HARD)] == ["deep"]
    assert answered(small, large) == []


def test_a_saved_router_selects(trained_folder: Path) -> None:
    selector = HybridSelector(trained_folder)
    assert [selector.select(CHOICES, query).ind for query in (EASY, HARD)] == [0, 1]


def test_it_has_no_prompts(router: CountingRouter) -> None:
    selector = HybridSelector(router)
    assert selector.get_prompts() == {}
    selector.update_prompts({})
