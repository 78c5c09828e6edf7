"""Point 1 of the checklist: the route follows the question, although every document holds the trigger word."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core import SummaryIndex, get_response_synthesizer
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.schema import NodeWithScore, TextNode

from llama_index_hybrid_router import HybridRouterLLM, capture_decisions
from tests.llama_index.fakes import DOCUMENT, EASY, HARD, CountingRouter, FakeLLM, answered

# how often each mode calls the model over the four documents
MODES = {
    "refine": 4,
    "compact": 1,
    "simple_summarize": 1,
    "tree_summarize": 1,
    "accumulate": 4,
    "compact_accumulate": 1,
    "generation": 1,
}
NO_STREAM = {"accumulate", "compact_accumulate"}
CASES = [
    pytest.param(mode, streaming, asynchronous, id=f"{mode}-{'stream' if streaming else 'whole'}-{kind}")
    for mode in MODES
    for streaming in (False, True)
    for asynchronous, kind in ((False, "sync"), (True, "async"))
    if not (streaming and mode in NO_STREAM)
]


async def ask(engine: Any, question: str, streaming: bool, asynchronous: bool) -> str:
    response = await engine.aquery(question) if asynchronous else engine.query(question)
    if not streaming:
        return str(response)
    if asynchronous:
        return "".join([token async for token in response.async_response_gen()])
    return "".join(response.response_gen)


@pytest.mark.parametrize("track", [True, False], ids=["tracked", "untracked"])
@pytest.mark.parametrize(("question", "route"), [(EASY, "small"), (HARD, "large")], ids=["easy", "hard"])
@pytest.mark.parametrize(("mode", "streaming", "asynchronous"), CASES)
async def test_each_mode_routes_on_the_question_and_scores_it_once(
    mode: str,
    streaming: bool,
    asynchronous: bool,
    question: str,
    route: str,
    track: bool,
    make: Any,
    index: SummaryIndex,
    small: FakeLLM,
    large: FakeLLM,
    router: CountingRouter,
) -> None:
    engine = index.as_query_engine(llm=make(track_questions=track), response_mode=mode, streaming=streaming)
    with capture_decisions() as decisions:
        answer = await ask(engine, question, streaming, asynchronous)
    assert f"{route} answers" in answer
    assert answered(small, large) == [route]
    assert len({"small": small, "large": large}[route].calls) == MODES[mode]
    assert router.queries == [question]
    assert [d.model for d in decisions] == [route] * MODES[mode]


async def test_concurrent_summaries_of_one_query_are_scored_once(
    llm: HybridRouterLLM, large: FakeLLM, router: CountingRouter
) -> None:
    large.window = llm.small.window = 600  # type: ignore[attr-defined]  # so that the tree has several leaves
    nodes = [NodeWithScore(node=TextNode(text=f"{DOCUMENT} {i}")) for i in range(4)]
    synthesizer = get_response_synthesizer(llm=llm, response_mode=ResponseMode.TREE_SUMMARIZE, use_async=True)
    await synthesizer.asynthesize(HARD, nodes)
    assert len(large.calls) > 2
    assert router.queries == [HARD]


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("mode", ["refine", "compact", "tree_summarize"])
async def test_a_synthesizer_used_alone_routes_on_its_query(
    mode: str, streaming: bool, llm: HybridRouterLLM, small: FakeLLM, large: FakeLLM, router: CountingRouter
) -> None:
    synthesizer = get_response_synthesizer(llm=llm, response_mode=ResponseMode(mode), streaming=streaming)
    str(synthesizer.synthesize(EASY, [NodeWithScore(node=TextNode(text=DOCUMENT))]))
    assert (answered(small, large), router.queries) == (["small"], [EASY])
