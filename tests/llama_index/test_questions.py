"""Points 2 and 3 of the checklist: which text is scored on each path, with and without the spans."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core import Settings, SummaryIndex, VectorStoreIndex, get_response_synthesizer
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine, SimpleChatEngine
from llama_index.core.chat_engine.condense_question import CondenseQuestionChatEngine
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.extractors import TitleExtractor
from llama_index.core.indices.query.query_transform import HyDEQueryTransform
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.memory import InsertMethod, Memory, StaticMemoryBlock
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.query_engine import (
    RetrieverQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.core.selectors import (
    LLMMultiSelector,
    LLMSingleSelector,
    PydanticMultiSelector,
    PydanticSingleSelector,
)
from llama_index.core.tools import QueryEngineTool, ToolMetadata
from llama_index_instrumentation import root_dispatcher
from llama_index_instrumentation.dispatcher import instrument_tags

from hybrid_router_core.conversation import read
from llama_index_hybrid_router import HybridRouterLLM, _tracker, capture_decisions
from llama_index_hybrid_router._messages import plain_of
from tests.llama_index.fakes import (
    ALONE,
    DOCUMENT,
    EASY,
    HARD,
    TRIGGER,
    CountingRouter,
    FakeLLM,
    PlainLLM,
    assistant,
    texts,
    tool_call,
    user,
)

CHOICES = [ToolMetadata(name="one", description=DOCUMENT), ToolMetadata(name="two", description=DOCUMENT)]


class Verdict(BaseModel):
    answer: str


def structured(messages: list[ChatMessage], kwargs: dict[str, Any]) -> Any:
    """Calls whatever tool is offered with arguments that fit."""
    arguments = {
        "SingleSelection": {"index": 1, "reason": "r"},
        "MultiSelection": {"selections": [{"index": 1, "reason": "r"}]},
        "StructuredRefineResponse": {"answer": "a", "query_satisfied": True},
        "Verdict": {"answer": "a"},
    }
    tools = kwargs.get("tools") or []
    return tool_call(tools[0], **arguments[tools[0]]) if tools else "no tool was offered"


@pytest.fixture
def pair(small: FakeLLM, large: FakeLLM) -> tuple[FakeLLM, FakeLLM]:
    small.answer = large.answer = structured
    return small, large


def last_question(messages: list[ChatMessage]) -> str | None:
    turns = read(plain_of(messages)).turns
    return turns[-1] if turns else None


def reply_with(text: str, *models: FakeLLM) -> None:
    for model in models:
        model.answer = lambda messages, kwargs: text


# chat engines


@pytest.mark.parametrize("track", [True, False])
async def test_chat_engines_answer_on_the_question(
    track: bool, make: Any, index: SummaryIndex, router: CountingRouter
) -> None:
    llm, retriever = make(track_questions=track), index.as_retriever()
    engines = [
        SimpleChatEngine.from_defaults(llm=llm, chat_history=[user(HARD), assistant(HARD)]),
        ContextChatEngine.from_defaults(retriever, llm=llm, chat_history=[user(HARD), assistant(HARD)]),
        CondensePlusContextChatEngine.from_defaults(retriever, llm=llm),
    ]
    for engine in engines:
        for streaming in (False, True):
            engine.reset()
            with capture_decisions() as decisions:
                if streaming:
                    "".join(engine.stream_chat(EASY).response_gen)
                else:
                    engine.chat(EASY)
            assert [d.model for d in decisions] == ["small"], engine
        engine.reset()
        await engine.achat(EASY)
        engine.reset()
        response = await engine.astream_chat(EASY)
        assert "small" in "".join([token async for token in response.async_response_gen()])
    assert router.queries == [EASY]


@pytest.mark.parametrize(("track", "asked"), [(True, {ALONE}), (False, None)])
async def test_the_condense_step_routes_on_the_question_when_tracked(
    track: bool, asked: Any, make: Any, index: SummaryIndex, small: FakeLLM, large: FakeLLM, router: CountingRouter
) -> None:
    reply_with("a standalone question", small, large)
    engine = CondensePlusContextChatEngine.from_defaults(
        index.as_retriever(), llm=make(track_questions=track), chat_history=[user(HARD), assistant(DOCUMENT)]
    )
    engine.chat(ALONE)
    if track:
        assert set(router.queries) == asked
    else:  # the limit that a README must state: the whole rendered prompt is all there is
        assert any(TRIGGER in query and ALONE in query for query in router.queries)


def test_the_condense_question_engine_routes_on_the_question(
    llm: HybridRouterLLM, index: SummaryIndex, router: CountingRouter
) -> None:
    engine = CondenseQuestionChatEngine.from_defaults(
        index.as_query_engine(llm=llm), llm=llm, chat_history=[user(HARD), assistant(DOCUMENT)]
    )
    engine.chat(EASY)
    assert router.queries[0] == EASY


# query transformations, selectors, sub-questions


def test_query_generation_of_a_fusion_retriever_routes_on_the_question(
    llm: HybridRouterLLM, index: SummaryIndex, router: CountingRouter, small: FakeLLM
) -> None:
    prompt = "{num_queries} queries about " + DOCUMENT + "\n{query}"
    retriever = QueryFusionRetriever(
        [index.as_retriever()], llm=llm, num_queries=3, query_gen_prompt=prompt, use_async=False
    )
    retriever.retrieve(EASY)
    assert router.queries == [EASY]
    assert TRIGGER in texts(small.calls[0][1])


def test_hyde_routes_on_the_question(llm: HybridRouterLLM, index: SummaryIndex, router: CountingRouter) -> None:
    engine = TransformQueryEngine(index.as_query_engine(llm=llm), HyDEQueryTransform(llm=llm))
    engine.query(EASY)
    assert router.queries == [EASY]


@pytest.mark.parametrize("track", [True, False])
@pytest.mark.parametrize("selector", [LLMSingleSelector, LLMMultiSelector])
async def test_llm_selectors_route_on_the_question(
    selector: Any, track: bool, make: Any, small: FakeLLM, large: FakeLLM, router: CountingRouter
) -> None:
    reply_with(json.dumps([{"choice": 1, "reason": "r"}]), small, large)
    chosen = selector.from_defaults(llm=make(track_questions=track))
    assert chosen.select(CHOICES, EASY).inds == [0]
    assert (await chosen.aselect(CHOICES, EASY)).inds == [0]
    assert router.queries == [EASY]


@pytest.mark.parametrize("selector", [PydanticSingleSelector, PydanticMultiSelector])
async def test_pydantic_selectors_in_a_query_engine_route_on_the_question(
    selector: Any, llm: HybridRouterLLM, pair: Any, index: SummaryIndex, router: CountingRouter
) -> None:
    tools = [QueryEngineTool.from_defaults(index.as_query_engine(llm=llm), description=DOCUMENT) for _ in range(2)]
    engine = RouterQueryEngine.from_defaults(tools, llm=llm, selector=selector.from_defaults(llm=llm))
    engine.query(EASY)
    await engine.aquery(EASY)
    assert router.queries == [EASY]
    assert any("SingleSelection" in str(kwargs) or "MultiSelection" in str(kwargs) for _, _, kwargs in pair[0].calls)


def test_the_default_selector_of_a_router_query_engine_routes_on_the_question(
    llm: HybridRouterLLM, pair: Any, index: SummaryIndex, router: CountingRouter
) -> None:
    tools = [QueryEngineTool.from_defaults(index.as_query_engine(llm=llm), description=DOCUMENT) for _ in range(2)]
    engine = RouterQueryEngine.from_defaults(tools, llm=llm)
    assert isinstance(engine._selector, PydanticSingleSelector)
    engine.query(EASY)
    assert router.queries == [EASY]


@pytest.mark.parametrize("track", [True, False])
def test_a_pydantic_selector_used_alone_needs_the_tracker(
    track: bool, make: Any, pair: Any, router: CountingRouter
) -> None:
    PydanticSingleSelector.from_defaults(llm=make(track_questions=track)).select(CHOICES, EASY)
    (query,) = router.queries
    assert query == EASY if track else (EASY in query and TRIGGER in query)


@pytest.mark.parametrize("track", [True, False])
def test_sub_questions_are_each_routed_on_themselves(
    track: bool, make: Any, index: SummaryIndex, small: FakeLLM, large: FakeLLM, router: CountingRouter
) -> None:
    subs = [{"sub_question": HARD, "tool_name": "docs"}, {"sub_question": "Sky, simply?", "tool_name": "docs"}]

    def answer(messages: list[ChatMessage], kwargs: Any) -> str:
        return json.dumps({"items": subs}) if "sub-question" in texts(messages).lower() else "an answer"

    small.answer = large.answer = answer
    llm = make(track_questions=track)
    tool = QueryEngineTool.from_defaults(index.as_query_engine(llm=llm), name="docs", description=DOCUMENT)
    engine = SubQuestionQueryEngine.from_defaults(
        [tool],
        question_gen=LLMQuestionGenerator.from_defaults(llm=llm),
        response_synthesizer=None,
        llm=llm,
        use_async=False,
        verbose=False,
    )
    engine.query(EASY)
    assert list(dict.fromkeys(router.queries)) == [EASY, HARD, "Sky, simply?"]


# structured output


def filtering_engine(llm: HybridRouterLLM, index: SummaryIndex, *, streaming: bool) -> RetrieverQueryEngine:
    synthesizer = get_response_synthesizer(
        llm=llm, response_mode=ResponseMode.REFINE, structured_answer_filtering=True, streaming=streaming
    )
    return RetrieverQueryEngine(index.as_retriever(), synthesizer)


@pytest.mark.parametrize("streaming", [False, True])
async def test_structured_answer_filtering_routes_on_the_question_when_tracked(
    streaming: bool, llm: HybridRouterLLM, pair: Any, index: SummaryIndex, router: CountingRouter
) -> None:
    try:
        engine = filtering_engine(llm, index, streaming=streaming)
    except ValueError:
        pytest.skip("older versions cannot stream and filter")
    engine.query(EASY)
    await engine.aquery(EASY)
    assert router.queries == [EASY]
    assert len(pair[0].calls) == 2 * 4  # the four chunks, sync and async


def test_structured_answer_filtering_without_the_tracker_sees_only_the_rendered_prompt(
    make: Any, pair: Any, index: SummaryIndex, router: CountingRouter
) -> None:
    filtering_engine(make(track_questions=False), index, streaming=False).query(EASY)
    assert all(TRIGGER in query and EASY in query for query in router.queries)
    assert router.queries


@pytest.mark.parametrize("track", [True, False])
async def test_as_structured_llm_routes_on_the_question_with_and_without_spans(
    track: bool, make: Any, pair: Any, index: SummaryIndex, router: CountingRouter
) -> None:
    engine = index.as_query_engine(llm=make(track_questions=track).as_structured_llm(Verdict))
    assert json.loads(str(engine.query(EASY))) == {"answer": "a"}
    assert json.loads(str(await engine.aquery(EASY))) == {"answer": "a"}
    assert router.queries == [EASY]


def test_as_structured_llm_keeps_its_question_beside_an_override(make: Any, pair: Any, router: CountingRouter) -> None:
    structured_llm = make(track_questions=False).as_structured_llm(Verdict)
    with instrument_tags({"hybrid_router": {"threshold": 1.0}}), capture_decisions() as decisions:
        structured_llm.predict(PromptTemplate(DOCUMENT + "{query_str}"), query_str=EASY)
    assert router.queries == [EASY]
    assert [(d.model, d.threshold) for d in decisions] == [("large", 1.0)]


def test_as_structured_llm_streams_on_the_question(make: Any, pair: Any, index: SummaryIndex, router: Any) -> None:
    structured_llm = make(track_questions=False).as_structured_llm(Verdict)
    "".join(structured_llm.stream(PromptTemplate(DOCUMENT + "{query_str}"), query_str=EASY))
    assert router.queries == [EASY]


def test_a_structured_llm_built_around_the_router_routes_on_the_question(
    llm: HybridRouterLLM, pair: Any, index: SummaryIndex, router: CountingRouter
) -> None:
    index.as_query_engine(llm=StructuredLLM(llm=llm, output_cls=Verdict)).query(EASY)
    assert router.queries == [EASY]


@pytest.mark.parametrize("output_cls", [None, Verdict])
async def test_engines_with_an_output_class_route_on_the_question(
    output_cls: Any, llm: HybridRouterLLM, pair: Any, index: SummaryIndex, router: CountingRouter
) -> None:
    for mode in ("refine", "tree_summarize", "accumulate"):
        engine = index.as_query_engine(llm=llm, response_mode=mode, output_cls=output_cls)
        engine.query(EASY)
        await engine.aquery(EASY)
    assert router.queries == [EASY]


# direct calls


async def test_direct_calls_route_on_the_text(llm: HybridRouterLLM, router: CountingRouter) -> None:
    llm.complete(EASY)
    await llm.acomplete(HARD)
    llm.chat([user(DOCUMENT), assistant("ok"), user(ALONE)])
    llm.predict(PromptTemplate("fourth"))
    llm.predict(PromptTemplate(DOCUMENT + "{question}"), question="fifth")
    llm.predict(
        ChatPromptTemplate(message_templates=[user(DOCUMENT), user("What is the capital of {not_a_variable}?")])
    )
    assert router.queries == [EASY, HARD, ALONE, "fourth", "fifth", "What is the capital of {not_a_variable}?"]


def test_variables_of_a_partial_format_count_and_those_of_the_call_come_first(
    llm: HybridRouterLLM, router: CountingRouter
) -> None:
    prompt = PromptTemplate(DOCUMENT + "{query_str}").partial_format(query_str="partial")
    llm.predict(prompt)
    llm.predict(prompt, query_str="given")
    assert router.queries == ["partial", "given"]


async def test_a_prompt_without_a_question_is_never_scored_and_goes_to_large(
    llm: HybridRouterLLM, router: CountingRouter, large: FakeLLM
) -> None:
    with capture_decisions() as decisions:
        assert llm.predict(PromptTemplate("Summarize {context_str}"), context_str=EASY) == "large answers"
        await TitleExtractor(llm=llm, nodes=1, show_progress=False).aextract([TextNode(text=EASY)])
    assert router.queries == []
    assert {(d.model, d.reason) for d in decisions} == {("large", "no_query")}


@pytest.mark.parametrize("content", ["", "   ", None])
def test_a_user_message_without_text_is_passed_over(content: Any, llm: HybridRouterLLM, router: CountingRouter) -> None:
    llm.chat([user(EASY), assistant("ok"), ChatMessage(role=MessageRole.USER, content=content)])
    assert router.queries == [EASY]


def test_blocks_of_text_are_joined_and_an_image_alone_has_no_question(
    llm: HybridRouterLLM, router: CountingRouter
) -> None:
    image = ImageBlock(image=b"iVBORw0KGgo=", image_mimetype="image/png")
    llm.small_takes = {"image"}
    llm.chat([ChatMessage(role="user", blocks=[TextBlock(text="look:"), image, TextBlock(text="what is it?")])])
    response = llm.chat([ChatMessage(role="user", blocks=[image])])
    assert router.queries == ["look:\nwhat is it?"]
    assert response.additional_kwargs["hybrid_router"]["reason"] == "no_query"


# messages that LlamaIndex wrote


async def test_memory_inserted_into_the_user_message_is_not_part_of_the_question(
    llm: HybridRouterLLM, router: CountingRouter
) -> None:
    memory = Memory.from_defaults(
        insert_method=InsertMethod.USER,
        memory_blocks=[StaticMemoryBlock(name="facts", static_content=[TextBlock(text=DOCUMENT)], priority=0)],
    )
    await memory.aput(user(EASY))
    messages = await memory.aget()
    assert TRIGGER in texts(messages)
    await llm.achat(messages)
    assert router.queries == [EASY]


def test_a_tool_result_in_the_role_of_the_user_is_not_the_question() -> None:
    react = [user(EASY), assistant("Thought: x\nAction: search\nAction Input: {}"), user(f"Observation: {DOCUMENT}")]
    code = [user(EASY), assistant("<execute>1</execute>"), user(f"Result of executing the code given:\n\n{DOCUMENT}")]
    retry = [user(EASY), assistant("gibberish"), user(f"Error while parsing the output: {DOCUMENT}")]
    assert [last_question(m) for m in (react, code, retry, [*react, assistant("y"), *retry[2:]])] == [EASY] * 4


def test_a_user_may_begin_a_message_with_the_words_of_a_tool_result() -> None:
    said = "Observation: my telescope shows two moons. Why?"
    assert last_question([user(said)]) == said
    assert last_question([user("hello"), assistant("hello!"), user(said)]) == said


def test_the_conversation_that_an_agent_packs_as_xml_is_unpacked() -> None:
    from llama_index.core.agent.utils import messages_to_xml_format

    conversation = [
        ChatMessage(role="system", content=DOCUMENT),
        user("first"),
        assistant(DOCUMENT),
        user("<user> and </message>\nsecond"),
        assistant("Thought: x\nAction: search\nAction Input: {}"),
        user(f"Observation: {DOCUMENT}"),
        ChatMessage(role="tool", content=DOCUMENT),
    ]
    assert last_question(messages_to_xml_format(conversation)) == "<user> and </message>\nsecond"
    assert last_question(messages_to_xml_format([assistant(DOCUMENT)])) is None


def test_the_state_that_an_agent_puts_before_the_question_is_cut_off() -> None:
    from llama_index.core.agent.workflow.prompts import DEFAULT_STATE_PROMPT

    assert last_question([user(DEFAULT_STATE_PROMPT.format(state={"notes": DOCUMENT}, msg=EASY))]) == EASY


# overrides


@pytest.mark.parametrize("way", ["keyword", "tags"])
def test_an_override_comes_before_everything(
    way: str, llm: HybridRouterLLM, index: SummaryIndex, router: CountingRouter
) -> None:
    def call(**override: Any) -> Any:
        if way == "keyword":
            return llm.chat([user(EASY)], hybrid_router=override)
        with instrument_tags({"hybrid_router": override}):
            return llm.chat([user(EASY)])

    record = call(model="large").additional_kwargs["hybrid_router"]
    assert (record["model"], record["reason"], router.queries) == ("large", "override", [])
    assert call(query=HARD).additional_kwargs["hybrid_router"]["model"] == "large"
    assert call(threshold=1.0).additional_kwargs["hybrid_router"]["model"] == "large"
    assert call(threshold=0.0, query=HARD).additional_kwargs["hybrid_router"]["model"] == "small"
    assert router.queries == [HARD, EASY, HARD]


def test_an_override_by_tags_reaches_through_a_query_engine(
    llm: HybridRouterLLM, index: SummaryIndex, router: CountingRouter
) -> None:
    with instrument_tags({"hybrid_router": {"model": "large"}}):
        assert str(index.as_query_engine(llm=llm).query(EASY)) == "large answers"
    assert router.queries == []


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"route": "small"}, "allowed: a dict with any of the keys model, query, threshold"),
        ("small", "allowed: a dict"),
        ({"model": "medium"}, "'medium'; allowed: 'small', 'large'"),
        ({"threshold": 1.5}, "allowed: a number from 0"),
    ],
)
def test_a_wrong_override_is_refused(override: Any, message: str, llm: HybridRouterLLM) -> None:
    with pytest.raises(ValueError, match=message):
        llm.chat([user(EASY)], hybrid_router=override)


def test_overrides_reach_templates_and_are_not_handed_to_the_model(
    llm: HybridRouterLLM, pair: Any, router: CountingRouter
) -> None:
    prompt = PromptTemplate("{query_str}")
    llm.predict(prompt, query_str=EASY, hybrid_router={"model": "large"})
    llm.structured_predict(Verdict, prompt, query_str=EASY, hybrid_router={"model": "large"})
    llm.structured_predict(Verdict, prompt, {"hybrid_router": {"model": "large"}, "seed": 1}, query_str=EASY)
    assert not pair[0].calls
    assert all("hybrid_router" not in kwargs for _, _, kwargs in pair[1].calls)
    assert pair[1].calls[-1][2]["seed"] == 1


# the tracker


def test_the_tracker_is_installed_once_and_only_if_wanted(make: Any) -> None:
    root_dispatcher.span_handlers = [h for h in root_dispatcher.span_handlers if h is not _tracker.tracker]
    llm = make(track_questions=False)
    assert _tracker.tracker not in root_dispatcher.span_handlers
    llm.track_questions = True
    make(), make()
    assert sum(handler is _tracker.tracker for handler in root_dispatcher.span_handlers) == 1


async def tokens(engine: Any) -> list[str]:
    response = await engine.aquery(EASY)
    return [token async for token in response.async_response_gen()]


async def test_the_tracker_forgets_every_span_also_after_errors(
    llm: HybridRouterLLM, index: SummaryIndex, small: FakeLLM
) -> None:
    small.failure = RuntimeError("down")
    for streaming in (False, True):
        engine = index.as_query_engine(llm=llm, streaming=streaming)
        with pytest.raises(RuntimeError, match="down"):
            str(engine.query(EASY))
        with pytest.raises(RuntimeError, match="down"):
            await tokens(engine)
    assert _tracker.tracker._open == {}


# one router in another


def test_a_nested_router_decides_again_on_the_same_question(
    make: Any, index: SummaryIndex, router: CountingRouter, small: FakeLLM, large: FakeLLM
) -> None:
    inner_router = CountingRouter()
    inner = HybridRouterLLM(small=FakeLLM(name="tiny"), large=small, router=inner_router)
    outer = make(small=inner)
    assert str(index.as_query_engine(llm=outer).query(EASY)) == "tiny answers"
    outer.chat([user("rendered")], hybrid_router={"query": "named"})
    assert (router.queries, inner_router.queries) == ([EASY, "named"], [EASY, "named"])
    record = outer.chat([user(EASY)]).additional_kwargs["hybrid_router"]
    assert record["model"] == record["inner"]["model"] == "small"
    assert (record["model_name"], record["inner"]["model_name"]) == ("hybrid(tiny|small)", "tiny")


def test_a_vector_index_embeds_without_disturbing_the_route(llm: HybridRouterLLM, router: CountingRouter) -> None:
    Settings.embed_model = MockEmbedding(4)
    index = VectorStoreIndex([TextNode(text=DOCUMENT)])
    index.as_query_engine(llm=llm).query(EASY)
    assert router.queries == [EASY]


def test_a_model_without_tools_can_be_a_part_of_every_engine(index: SummaryIndex, router: CountingRouter) -> None:
    llm = HybridRouterLLM(small=PlainLLM(name="small"), large=PlainLLM(name="large"), router=router)
    assert str(index.as_query_engine(llm=llm).query(EASY)) == "small answers"
    assert router.queries == [EASY]
