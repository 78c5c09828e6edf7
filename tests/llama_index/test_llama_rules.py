"""What settles a call before it is scored, what is remembered of a score, and what may be set."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from llama_index.core import DocumentSummaryIndex, MockEmbedding, SummaryIndex
from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.extractors import TitleExtractor
from llama_index.core.memory import ChatSummaryMemoryBuffer, FactExtractionMemoryBlock
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate, RichPromptTemplate
from llama_index.core.schema import Document, TextNode
from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index_instrumentation.dispatcher import instrument_tags

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.errors import ConfigError
from llama_index_hybrid_router import HybridRouterLLM, HybridSelector, capture_decisions
from llama_index_hybrid_router._messages import is_a_task
from tests.llama_index.fakes import EASY, HARD, TRIGGER, CountingRouter, FakeLLM, PlainLLM, texts, user


class Verdict(BaseModel):
    answer: str


def record(response: Any) -> tuple[str, str]:
    tag = response.additional_kwargs["hybrid_router"]
    return tag["model"], tag["reason"]


# kinds beyond text

IMAGE = ImageBlock(url="http://example.org/x.png")
PDF = DocumentBlock(data=b"%PDF", document_mimetype="application/pdf")
KINDS = {
    "image": IMAGE,
    "document": PDF,
    "audio": AudioBlock(url="http://example.org/x.wav"),
    "video": VideoBlock(url="http://example.org/x.mp4"),
    "citable": CitableBlock(title="t", source="s", content=[PDF]),
    "citation": CitationBlock(cited_content=IMAGE, source="s", title="t", additional_location_info={}),
}
TEXTS = [
    CachePoint(cache_control={"type": "ephemeral"}),
    ThinkingBlock(content="hm"),
    ToolCallBlock(tool_name="f", tool_kwargs={"a": 1}),
    CitableBlock(title="t", source="s", content=[TextBlock(text="x")]),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ["user", "tool"])
def test_what_small_is_not_known_to_take_goes_to_large(kind: str, role: str, make: Any) -> None:
    message = ChatMessage(role=role, blocks=[TextBlock(text="What is this?"), KINDS[kind]])
    history = [message, user(EASY)]
    llm = make()
    assert record(llm.chat(history)) == ("large", "capability")
    assert record(llm.chat_with_tools([], user_msg=EASY, chat_history=[message])) == ("large", "capability")
    takes = {"image", "document", "audio", "video"}
    assert record(make(small_takes=takes).chat(history)) == ("small", "score")


@pytest.mark.parametrize("block", TEXTS)
def test_blocks_of_text_go_by_the_score(block: Any, make: Any) -> None:
    message = ChatMessage(role="assistant", blocks=[block])
    assert record(make().chat([message, user(EASY)])) == ("small", "score")


def test_media_in_templates_and_keywords_count(make: Any, large: FakeLLM, small: FakeLLM) -> None:
    llm = make()
    chat = ChatPromptTemplate(
        message_templates=[ChatMessage(role="user", blocks=[TextBlock(text="{query_str}"), IMAGE])]
    )
    llm.predict(chat, query_str=EASY)
    llm.complete(EASY, image_documents=[IMAGE])
    rich = RichPromptTemplate("{% chat role='user' %}{{ query_str }} {{ picture | image }}{% endchat %}")
    llm.predict(rich, query_str=EASY, picture="http://example.org/x.png")
    assert (len(large.calls), small.calls) == (3, [])


# length


def tool(words: int) -> FunctionTool:
    return FunctionTool.from_defaults(lambda a: a, name="f", description="word " * words)


LONG = "blue sky " * 4000  # some 8,000 tokens


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("chat", ([user(LONG)],), {}),
        ("chat", ([user(EASY)],), {"max_tokens": 4090}),
        ("chat", ([ChatMessage(role="assistant", blocks=[ThinkingBlock(content=LONG)]), user(EASY)],), {}),
        ("chat", ([ChatMessage(role="assistant", additional_kwargs={"tool_calls": [LONG]}), user(EASY)],), {}),
        (
            "chat",
            ([ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_name="f", tool_kwargs={"a": LONG})])],),
            {},
        ),
        ("chat", ([user(EASY)],), {"tools": [{"type": "function", "function": {"description": LONG}}]}),
        ("chat_with_tools", ([tool(8000)], EASY), {}),
        ("predict", (PromptTemplate(LONG + "{query_str}"),), {"query_str": EASY}),
        ("predict", (PromptTemplate("{context_str}{query_str}"),), {"query_str": EASY, "context_str": LONG}),
        ("predict", (PromptTemplate("{tools}{query_str}"),), {"query_str": EASY, "tools": LONG}),
        ("structured_predict", (Verdict, PromptTemplate(LONG + "{query_str}")), {"query_str": EASY}),
        ("complete", ("слово " * 3000,), {}),
    ],
)
@pytest.mark.parametrize("window", ["min", "large"])
async def test_what_is_too_long_for_small_goes_to_large(
    name: str, args: Any, kwargs: Any, window: str, make: Any, large: FakeLLM
) -> None:
    large.window = 100_000
    large.answer = lambda m, k: '{"answer": "a"}'
    large.calls_functions = name != "structured_predict"
    llm = make(context_window=window)
    with capture_decisions() as decisions:
        getattr(llm, name)(*args, **kwargs)
        await getattr(llm, f"a{name}")(*args, **kwargs)
    assert {(d.model, d.reason) for d in decisions} == {("large", "context_window")}


def test_the_system_prompt_of_a_model_counts(make: Any, small: FakeLLM, large: FakeLLM) -> None:
    large.window = 100_000
    small.system_prompt = LONG
    assert record(make().complete(EASY)) == ("large", "context_window")


def test_a_call_too_long_for_large_alone_goes_to_small(make: Any, small: FakeLLM) -> None:
    small.window = 100_000
    assert record(make().complete(LONG + TRIGGER)) == ("small", "context_window")


def test_a_prompt_that_fits_to_the_last_token_is_scored(make: Any, router: CountingRouter) -> None:
    text = "international " * 700  # so many tokens, and 2,800 by the estimate
    make(small=FakeLLM(name="small", window=1300)).complete(text)
    assert router.queries == [text]


# calls without a question


async def test_calls_without_a_question_go_where_the_setting_says(make: Any, router: CountingRouter) -> None:
    for model in ("small", "large"):
        llm = make(no_query=model)
        with capture_decisions() as decisions:
            await TitleExtractor(llm=llm, nodes=1, show_progress=False).aextract([TextNode(text=EASY)])
            llm.complete("  ")
        assert {(d.model, d.reason) for d in decisions} == {(model, "no_query")}
    assert router.queries == []


async def test_tasks_of_llama_index_are_no_questions(make: Any, router: CountingRouter) -> None:
    llm = make()
    DocumentSummaryIndex.from_documents([Document(text=EASY)], llm=llm, embed_model=MockEmbedding(4))
    await FactExtractionMemoryBlock(name="f", llm=llm).aput([user(EASY)])
    memory = ChatSummaryMemoryBuffer.from_defaults(llm=llm, token_limit=20)
    for _ in range(4):
        memory.put(user("word " * 12))
    memory.get()
    assert router.queries == []
    assert not is_a_task(f"Describe what the sky is about. {EASY}")


def test_the_tasks_are_worded_as_llama_index_words_them() -> None:
    from llama_index.core.extractors.metadata_extractors import DEFAULT_EXTRACT_TEMPLATE_STR
    from llama_index.core.indices.document_summary.base import DEFAULT_SUMMARY_QUERY
    from llama_index.core.memory.memory_blocks import fact
    from llama_index.core.node_parser.relational.base_element import DEFAULT_SUMMARY_QUERY_STR

    prompts = [fact.DEFAULT_FACT_EXTRACT_PROMPT.template_str, fact.DEFAULT_FACT_CONDENSE_PROMPT.template_str]
    tasks = [DEFAULT_EXTRACT_TEMPLATE_STR, DEFAULT_SUMMARY_QUERY, DEFAULT_SUMMARY_QUERY_STR, *prompts]
    assert [task[:60] for task in tasks if not is_a_task(task)] == []


def test_the_question_can_be_named(make: Any, router: CountingRouter) -> None:
    prompt = PromptTemplate("On {topic}: {tone}")
    with capture_decisions() as decisions:
        make().predict(prompt, topic=EASY, tone="kind")
    assert decisions[0].detail.endswith(
        "none of the template's variables (topic, tone) is known to hold the question; name it in query_from"
    )
    make(query_from="topic").predict(prompt, topic=EASY, tone="kind")
    make(query_from=["other", "tone"]).predict(prompt, topic=HARD, tone="kind")
    make(query_from=lambda messages: texts(messages).upper()).predict(prompt, topic="a", tone="b")
    make(query_from=lambda messages: messages[0].content).chat([user("first"), user("last")])
    assert router.queries == [EASY, "kind", "ON A: B", "first"]
    for name in ("user_query", "user_question", "user_input", "input"):
        make().predict(PromptTemplate("{%s}" % name), **{name: name})  # noqa: UP031
    assert router.queries[4:] == ["user_query", "user_question", "user_input", "input"]


def test_a_query_from_that_fails_is_a_fault_of_the_router(make: Any) -> None:
    def fails(messages: Any) -> str:
        raise KeyError(EASY)

    tag = make(query_from=fails).complete(EASY).additional_kwargs["hybrid_router"]
    assert (tag["model"], tag["reason"], tag["detail"]) == ("large", "router_error", "query_from: KeyError")
    with pytest.raises(KeyError):
        make(query_from=fails, on_router_error="raise").complete(EASY)
    with pytest.raises(ConfigError, match="query_from returned a int"):
        make(query_from=lambda messages: 7).complete(EASY)


# overrides


async def test_a_query_that_is_no_string_is_an_error_for_that_call_alone(make: Any, trained: HybridRouter) -> None:
    llm = make(router=trained)
    calls = [llm.acomplete(EASY, hybrid_router={"query": 42}), *(llm.acomplete(f"{EASY} {i}") for i in range(3))]
    outcomes = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)
    assert str(outcomes[0]) == "hybrid_router['query'] is a int; allowed: a string to be scored"
    assert [type(o).__name__ for o in outcomes] == ["ConfigError"] + ["CompletionResponse"] * 3


async def test_the_selector_honours_the_tag(router: CountingRouter) -> None:
    selector, choices = HybridSelector(router), [ToolMetadata("fast", "fast"), ToolMetadata("deep", "deep")]
    for override, expected in (({"model": "large"}, 1), ({"threshold": 1.0}, 1), ({"query": HARD}, 1), ({}, 0)):
        with instrument_tags({"hybrid_router": override}):
            assert selector.select(choices, EASY).ind == (await selector.aselect(choices, EASY)).ind == expected
    with instrument_tags({"hybrid_router": {"model": "medium"}}), pytest.raises(ConfigError):
        selector.select(choices, EASY)


async def test_structured_llms_honour_overrides_and_carry_the_record(make: Any, small: Any, large: Any) -> None:
    small.answer = large.answer = lambda m, k: '{"answer": "a"}'
    small.calls_functions = large.calls_functions = False
    made = make().as_structured_llm(Verdict)
    fixed: dict[str, Any] = {"hybrid_router": {"model": "large"}}
    prompt, messages = PromptTemplate("{query_str}"), [user(EASY)]
    answers = [
        made.chat(messages, **fixed),
        await made.achat(messages, **fixed),
        made.complete(EASY, **fixed),
        await made.acomplete(EASY, **fixed),
        *made.stream_chat(messages, **fixed),
        *[part async for part in await made.astream_chat(messages, **fixed)],
    ]
    assert len(answers) > 5
    assert {record(answer) for answer in answers} == {("large", "override")}
    assert all("inner" not in answer.additional_kwargs["hybrid_router"] for answer in answers)
    with capture_decisions() as decisions:
        made.predict(prompt, query_str=EASY, **fixed)
        await made.apredict(prompt, query_str=EASY, **fixed)
        list(made.stream(prompt, query_str=EASY, **fixed))
        [token async for token in await made.astream(prompt, query_str=EASY, **fixed)]
    assert {(d.model, d.reason) for d in decisions} == {("large", "override")}
    assert (len(decisions), small.calls) == (4, [])
    assert record(made.chat(messages)) == ("small", "score")
    assert "hybrid_router" not in str([kwargs for _, _, kwargs in large.calls])


async def test_the_record_of_a_structured_answer_names_the_fallback(make: Any, small: Any, large: Any) -> None:
    small.failure = RuntimeError("down")
    large.answer, large.calls_functions = (lambda m, k: '{"answer": "a"}'), False
    made = make(fallback=True).as_structured_llm(Verdict)
    assert record(made.chat([user(EASY)])) == ("large", "fallback")
    assert {record(part) for part in made.stream_chat([user(EASY)])} == {("large", "fallback")}


# memory of decisions


def data(good: str) -> RoutingDataset:
    return RoutingDataset.from_records(
        [
            {"query": f"{word} number {i}?", "small_quality": float(word == good), "large_quality": 0.5}
            for i in range(20)
            for word in ("easy", "hard")
        ]
    )


async def test_a_router_trained_anew_is_asked_anew(make: Any) -> None:
    router = HybridRouter(mode="deterministic", scorer="linear").fit(data("easy"))
    llm = make(router=router)
    scores = []
    for good in ("easy", "hard"):
        router.fit(data(good))
        for response in (llm.complete("easy number 5?"), await llm.acomplete("easy number 5?")):
            scores.append(response.additional_kwargs["hybrid_router"]["score"])
            assert scores[-1] == pytest.approx(float(router.score(["easy number 5?"])[0]))
    assert scores[0] > 0.5 > scores[2]


async def test_a_callable_is_asked_each_time(make: Any) -> None:
    budget = [0.1, 0.9, 0.1]
    llm = make(router=lambda query: budget.pop())
    models = [llm.complete(EASY), await llm.acomplete(EASY), llm.complete(EASY)]
    assert [record(model)[0] for model in models] == ["large", "small", "large"]


def test_no_prompt_is_kept(make: Any, router: CountingRouter) -> None:
    llm = make(small=FakeLLM(window=10**9), large=FakeLLM(window=10**9))
    for i in range(300):
        llm.complete(f"{i} " * 1000)
    router.queries.clear()
    kept = llm._decisions._kept
    assert len(kept) == 128
    assert sum(sys.getsizeof(key) + sys.getsizeof(key.reading) for key in kept) < 128 * 200


# settings

WRONG: list[tuple[str, Any, str]] = [
    ("threshold", 7, "threshold is 7; input should be less than or equal to 1"),
    ("threshold", "high", "threshold is 'high'"),
    ("context_window", "lrage", "context_window is 'lrage'; input should be 'min' or 'large'"),
    ("is_function_calling", "some", "'all' or 'any'"),
    ("events", "none", "'full', 'no_query' or 'off'"),
    ("no_query", "medium", "'small' or 'large'"),
    ("small_takes", {"smell"}, "'image', 'audio', 'video' or 'document'"),
    ("query_from", 7, "query_from is 7; allowed: the name of the template variable"),
    ("query_from", "", "query_from is ''"),
    ("fallback", "maybe", "fallback is 'maybe'"),
    ("large", None, "large is a NoneType; allowed: a LlamaIndex LLM"),
    ("small", "gpt", "small is a str; allowed: a LlamaIndex LLM"),
    ("messages_to_prompt", str, "has no effect on a router"),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG)
def test_a_wrong_value_is_refused_however_it_is_set(name: str, value: Any, message: str, make: Any) -> None:
    llm = make()
    before = getattr(llm, name)
    for how in (
        lambda: make(**{name: value}),
        lambda: setattr(llm, name, value),
        lambda: llm.model_copy(update={name: value}),
    ):
        with pytest.raises(ConfigError) as caught:
            how()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    assert getattr(llm, name) is before


def test_what_is_set_takes_effect_and_what_cannot_is_refused(make: Any) -> None:
    llm = make()
    other = FakeLLM(name="other")
    llm.small = other
    assert llm.complete(EASY).text == "other answers"
    assert llm.model_copy(update={"large": other}).complete(HARD).text == "other answers"
    with pytest.raises(ConfigError, match=r"router: field is frozen; make another one with llm\.model_copy"):
        llm.router = lambda query: 0.1
    with pytest.raises(ValueError, match="treshold"):
        llm.treshold = 0.5
    for update in ({"router": 3}, {"on_router_error": "small"}, {"treshold": 0.5}):
        with pytest.raises(ValueError, match=r"router|treshold"):
            llm.model_copy(update=update)


async def test_an_async_callable_is_awaited_also_in_sync_calls(make: Any) -> None:
    async def score(query: str) -> float:
        await asyncio.sleep(0)
        return 0.9

    class Scores:
        async def __call__(self, query: str) -> float:
            return await score(query)

    for router in (score, Scores()):
        llm = make(router=router)
        assert record(llm.complete(EASY)) == ("small", "score")
        assert record(await llm.acomplete(EASY)) == ("small", "score")
    with pytest.raises(ConfigError, match="async callable"):
        make(router=lambda query: score(query)).complete(EASY)


def test_new_settings_survive_a_round_trip(make: Any, trained_folder: Any) -> None:
    llm = make(router=trained_folder, no_query="small", query_from="topic", small_takes={"image"})
    loaded = HybridRouterLLM.from_json(llm.to_json())
    assert (loaded.no_query, loaded.query_from, loaded.small_takes) == ("small", ("topic",), frozenset({"image"}))
    own = make(router=trained_folder, query_from=lambda messages: None)
    assert own.to_dict()["hybrid_router"] == {"left_out": ["query_from"]}
    assert HybridRouterLLM.from_dict(own.to_dict()).query_from is None


def test_a_plain_model_in_an_engine_is_measured_too(index: SummaryIndex, router: CountingRouter) -> None:
    llm = HybridRouterLLM(small=PlainLLM(name="small", window=1500), large=PlainLLM(name="large"), router=router)
    with capture_decisions() as decisions:
        index.as_query_engine(llm=llm).query(EASY)
    assert {d.reason for d in decisions} == {"score"}  # the prompts were packed to fit
