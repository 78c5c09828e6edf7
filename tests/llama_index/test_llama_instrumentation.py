"""Points 9, 10 and 11 of the checklist: events, tokens and tags, each once; spans and streams that end."""

from __future__ import annotations

import asyncio
import copy
import json
from collections import Counter
from typing import Any

import pytest
from llama_index.core import Document, Settings, SummaryIndex
from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler, TokenCountingHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionStartEvent,
)
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.llms import LLM
from llama_index_instrumentation import root_dispatcher

from hybrid_router_core import RoutingDecision
from llama_index_hybrid_router import HybridRouterLLM, HybridRoutingEvent, capture_decisions
from tests.llama_index.fakes import DOCUMENT, EASY, HARD, CountingRouter, FakeLLM, answered, user

EIGHT = ["chat", "complete", "stream_chat", "stream_complete", "achat", "acomplete", "astream_chat", "astream_complete"]


class Events(BaseEventHandler):
    seen: list[Any] = []  # noqa: RUF012  # pydantic copies it

    def handle(self, event: Any, **kwargs: Any) -> None:
        self.seen.append(event)

    def of(self, *kinds: type) -> list[Any]:
        return [event for event in self.seen if isinstance(event, kinds)]


@pytest.fixture
def events() -> Events:
    handler = Events()
    root_dispatcher.add_event_handler(handler)
    return handler


async def call(llm: Any, name: str, question: str = EASY) -> list[Any]:
    result = getattr(llm, name)(question if "complete" in name else [user(question)])
    if name.startswith("a"):
        result = await result
    if "stream" not in name:
        return [result]
    return [part async for part in result] if name.startswith("a") else list(result)


def counting() -> tuple[TokenCountingHandler, CallbackManager]:
    handler = TokenCountingHandler(tokenizer=str.split)
    return handler, CallbackManager([handler])


# events and tokens


@pytest.mark.parametrize("name", EIGHT)
async def test_one_pair_of_llm_events_a_call_and_one_routing_event(
    name: str, llm: HybridRouterLLM, events: Events
) -> None:
    await call(llm, name)
    starts = events.of(LLMChatStartEvent, LLMCompletionStartEvent)
    ends = events.of(LLMChatEndEvent, LLMCompletionEndEvent)
    assert (len(starts), len(ends), len(events.of(HybridRoutingEvent))) == (1, 1, 1)
    assert "small" in starts[0].model_dict.values()


@pytest.mark.parametrize("when", ["before", "after", "settings", "in place"])
@pytest.mark.parametrize("name", EIGHT)
async def test_a_token_counter_on_the_router_counts_each_token_once(name: str, when: str, make: Any) -> None:
    counter, manager = counting()
    if when == "before":
        llm = make(callback_manager=manager)
    elif when == "after":
        llm = make()
        llm.callback_manager = manager
    elif when == "in place":
        llm = make()
        llm.callback_manager.add_handler(counter)
    else:
        llm = make()
        Settings.callback_manager = manager
        Settings.llm = llm
        assert Settings.llm is Settings.llm is llm  # each access sets the manager again
    await call(llm, name)
    assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (10, 5)
    assert len(counter.llm_token_counts) == 1


async def test_a_query_engine_counts_each_token_once(make: Any, index: SummaryIndex) -> None:
    counter, manager = counting()
    Settings.callback_manager = manager
    Settings.llm = make()
    for llm in (None, Settings.llm):
        counter.reset_counts()
        engine = index.as_query_engine(llm=llm)
        engine.query(EASY)
        await engine.aquery(EASY)
        assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (20, 10)


def test_a_child_keeps_its_own_handlers_and_both_count_once(make: Any) -> None:
    (own, own_manager), (outer, outer_manager) = counting(), counting()
    small = FakeLLM(name="small", callback_manager=own_manager)
    llm = make(small=small, callback_manager=outer_manager)
    llm.complete(EASY)
    llm.complete(HARD)
    assert (len(own.llm_token_counts), len(outer.llm_token_counts)) == (1, 2)
    small.callback_manager.remove_handler(own)
    small.callback_manager.add_handler(outer)  # the same handler on both sides
    llm.complete(EASY)
    assert (len(own.llm_token_counts), len(outer.llm_token_counts)) == (1, 3)


def test_a_new_callback_manager_takes_the_place_of_the_former(make: Any) -> None:
    (first, first_manager), (second, second_manager) = counting(), counting()
    llm = make(callback_manager=first_manager)
    llm.callback_manager = second_manager
    llm.complete(EASY)
    assert (len(first.llm_token_counts), len(second.llm_token_counts)) == (0, 1)


def test_a_trace_of_callbacks_has_one_llm_event(make: Any) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    llm = make(callback_manager=CallbackManager([debug]))
    llm.chat([user(EASY)])
    assert len(debug.get_llm_inputs_outputs()) == 1


def test_models_are_left_as_they_are_and_each_router_counts_its_own_calls(router: CountingRouter) -> None:
    small, large = FakeLLM(name="small"), FakeLLM(name="large")
    before = [dict(model.__dict__) for model in (small, large)]
    (chat, chat_manager), (batch, batch_manager) = counting(), counting()
    one = HybridRouterLLM(small=small, large=large, router=router, callback_manager=chat_manager)
    two = HybridRouterLLM(small=small, large=large, router=router, callback_manager=batch_manager)
    one.complete(EASY)
    assert (len(chat.llm_token_counts), len(batch.llm_token_counts)) == (1, 0)
    small.complete(EASY)
    two.complete(HARD)
    assert (len(chat.llm_token_counts), len(batch.llm_token_counts)) == (1, 1)
    assert [dict(model.__dict__) for model in (small, large)] == before
    assert all(model.callback_manager is kept["callback_manager"] for model, kept in zip((small, large), before))
    SummaryIndex.from_documents([Document(text="x")]).as_query_engine(llm=small).query(EASY)
    one.complete(EASY)
    assert len(chat.llm_token_counts) == 2
    one.small = FakeLLM(name="new")
    one.complete(EASY)
    assert len(chat.llm_token_counts) == 3


def test_what_a_model_sets_of_itself_while_it_is_called_is_kept(make: Any) -> None:
    class Learns(FakeLLM):
        window: int = -1
        _client: Any = PrivateAttr(default=None)

        def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            self.window = 4096
            self._client = self._client or object()
            assert copy.copy(self).callback_manager
            return super().chat(messages, **kwargs)

    small = Learns(name="small")
    llm = make(small=small, callback_manager=counting()[1])
    llm.chat([user(EASY)])
    client = small._client
    llm.chat([user(EASY)])
    assert small.window == 4096
    assert client is small._client is not None
    assert isinstance(small, Learns)


@pytest.mark.parametrize("own_handlers", [False, True])
def test_the_trace_of_a_query_holds_the_llm_events_and_nothing_is_kept(own_handlers: bool, make: Any) -> None:
    debug, own = LlamaDebugHandler(print_trace_on_end=False), LlamaDebugHandler(print_trace_on_end=False)
    manager = CallbackManager([debug])
    small = FakeLLM(name="small", callback_manager=CallbackManager([own] if own_handlers else []))
    llm = make(small=small, callback_manager=manager)
    Settings.callback_manager = manager
    engine = SummaryIndex.from_documents([Document(text="x")]).as_query_engine(llm=llm)
    for _ in range(20):
        debug.flush_event_logs()
        engine.query(EASY)
    in_trace = {event for events in debug._trace_map.values() for event in events}
    llm_events = [event for event in debug.get_events() if event.event_type == "llm"]
    assert len(llm_events) == 2
    assert all(event.id_ in in_trace for event in llm_events)
    assert sum(map(len, small.callback_manager._trace_map.values())) == 0
    assert sum(map(len, manager._trace_map.values())) < 12
    assert len(own.get_llm_inputs_outputs()) == (20 if own_handlers else 0)


async def test_a_handler_as_of_opentelemetry_sees_each_token_once(llm: HybridRouterLLM, index: SummaryIndex) -> None:
    """Counts usage by the span that an LLM event belongs to, as OpenTelemetry exporters do."""

    class Exporter(Events):
        def usage(self) -> Counter[str]:
            tokens: Counter[str] = Counter()
            for event in self.of(LLMChatEndEvent, LLMCompletionEndEvent):
                tokens[event.span_id.split("-")[0]] += event.response.raw["usage"]["prompt_tokens"]
            return tokens

    exporter = Exporter()
    root_dispatcher.add_event_handler(exporter)
    for name in EIGHT:
        await call(llm, name)
    assert sum(exporter.usage().values()) == 8 * 10
    assert all(span.startswith("FakeLLM.") for span in exporter.usage())  # never the router's own span
    exporter.seen.clear()
    index.as_query_engine(llm=llm, response_mode="refine").query(EASY)
    assert sum(exporter.usage().values()) == 4 * 10


@pytest.mark.skipif(not hasattr(LLM, "to_payload"), reason="older versions put all fields of a model into its events")
def test_no_secret_is_in_a_payload(events: Events, router: CountingRouter) -> None:
    class Keyed(FakeLLM):
        api_key: str = "sk-secret"

    llm = HybridRouterLLM(small=Keyed(name="small"), large=Keyed(name="large"), router=router)
    llm.chat([user(EASY)])
    payloads = [llm.to_payload(), *(event.model_dict for event in events.of(LLMChatStartEvent))]
    assert llm.to_payload()["model_name"] == "hybrid(small|large)"
    assert "sk-secret" not in json.dumps(payloads, default=str)


# the routing event


def test_the_routing_event_is_flat_and_says_everything(llm: HybridRouterLLM, events: Events) -> None:
    llm.chat([user(EASY)])
    (event,) = events.of(HybridRoutingEvent)
    record = event.model_dump()
    assert (event.route, event.model_name, event.score, event.threshold) == ("small", "small", 0.9, 0.5)
    assert (event.reason, event.query, record["class_name"]) == ("score", EASY, "HybridRoutingEvent")
    assert event.latency_ms > 0
    assert event.span_id.startswith("HybridRouterLLM.chat")
    flat = {k: v for k, v in record.items() if k not in ("timestamp", "tags")}
    assert all(isinstance(value, (str, float, type(None))) for value in flat.values())


@pytest.mark.parametrize(("policy", "expected"), [("full", [EASY]), ("no_query", [None]), ("off", [])])
def test_the_routing_event_can_be_without_the_question_or_off(
    policy: str, expected: list[Any], make: Any, events: Events
) -> None:
    make(events=policy).chat([user(EASY)])
    assert [event.query for event in events.of(HybridRoutingEvent)] == expected


# captured decisions


async def test_decisions_are_captured_through_engines_threads_and_tasks(
    llm: HybridRouterLLM, index: SummaryIndex
) -> None:
    engine = index.as_query_engine(llm=llm)
    with capture_decisions() as outer:
        engine.query(EASY)
        with capture_decisions() as inner:
            await engine.aquery(HARD)
            await asyncio.to_thread(engine.query, EASY)
        with capture_decisions() as streamed:
            str(index.as_query_engine(llm=llm, streaming=True).query(HARD))
    engine.query(EASY)
    assert [d.model for d in outer] == ["small", "large", "small", "large"]
    assert [d.model for d in inner] == ["large", "small"]
    assert streamed == [RoutingDecision(model="large", score=0.1, threshold=0.5)]


async def test_ten_concurrent_queries_keep_their_decisions_apart(llm: HybridRouterLLM, index: SummaryIndex) -> None:
    engine = index.as_query_engine(llm=llm)

    async def one(i: int) -> None:
        question = f"{HARD if i % 2 else EASY} {i}"
        with capture_decisions() as decisions:
            answer = str(await engine.aquery(question))
        expected = "large" if i % 2 else "small"
        assert ([d.model for d in decisions], answer) == ([expected], f"{expected} answers")

    await asyncio.gather(*(one(i) for i in range(10)))


# tags


@pytest.mark.parametrize("name", [*EIGHT, "chat_with_tools", "astream_chat_with_tools"])
async def test_the_tag_is_on_every_part_and_never_on_the_message(name: str, llm: HybridRouterLLM) -> None:
    if "tools" in name:
        result = getattr(llm, name)([], user_msg=EASY)
        parts = [part async for part in await result] if name.startswith("a") else [result]
    else:
        parts = await call(llm, name)
    assert len(parts) == (2 if "stream" in name else 1)
    for part in parts:
        assert isinstance(part, (ChatResponse, CompletionResponse))
        tag = part.additional_kwargs["hybrid_router"]
        assert RoutingDecision.from_dict(tag) == RoutingDecision(model="small", score=0.9, threshold=0.5)
        assert json.loads(json.dumps(tag))["model_name"] == "small"
        assert "hybrid_router" not in str(getattr(part, "message", ""))
        assert part.raw == {"usage": {"prompt_tokens": 10, "completion_tokens": 5}}


def test_other_additional_kwargs_of_a_response_are_kept_and_a_cached_response_is_not_changed(make: Any) -> None:
    cached = ChatResponse(message=user("cached"), additional_kwargs={"thinking_delta": "hm"})

    class Caching(FakeLLM):
        def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            return cached

    response = make(small=Caching()).chat([user(EASY)])
    assert response.additional_kwargs["thinking_delta"] == "hm"
    assert cached.additional_kwargs == {"thinking_delta": "hm"}


def test_the_tag_of_an_answer_does_not_travel_into_the_next_request(llm: HybridRouterLLM, small: FakeLLM) -> None:
    answer = llm.chat([user(EASY)]).message
    llm.chat([user(EASY), answer, user(EASY)])
    assert all("hybrid_router" not in str(message) for message in small.calls[-1][1])
    assert "hybrid_router" not in str(small.calls[-1][2])


# spans and streams


@pytest.fixture
def spans() -> SimpleSpanHandler:
    handler = SimpleSpanHandler()
    root_dispatcher.add_span_handler(handler)
    return handler


@pytest.mark.parametrize("name", [*EIGHT, "predict", "chat_with_tools", "astream_chat_with_tools", "predict_and_call"])
async def test_the_span_of_the_router_encloses_that_of_its_model(
    name: str, llm: HybridRouterLLM, spans: SimpleSpanHandler
) -> None:
    if name == "predict":
        from llama_index.core.prompts import PromptTemplate

        llm.predict(PromptTemplate(EASY))
    elif "tool" in name or "call" in name:
        result = getattr(llm, name)(
            tools=[], user_msg=EASY, **({"error_on_no_tool_call": False} if "call" in name else {})
        )
        [part async for part in await result] if name.startswith("a") else result
    else:
        await call(llm, name)
    assert not spans.open_spans
    by_id = {span.id_: span for span in spans.completed_spans}
    ours = [span for span in by_id.values() if span.id_.startswith(f"HybridRouterLLM.{name}-")]
    assert len(ours) == 1
    children = [span for span in by_id.values() if span.parent_id == ours[0].id_]
    assert any(span.id_.startswith("FakeLLM.") for span in children)


@pytest.mark.parametrize("name", EIGHT)
async def test_an_exception_leaves_no_span_open(
    name: str, llm: HybridRouterLLM, small: FakeLLM, spans: SimpleSpanHandler
) -> None:
    small.failure = RuntimeError("down")
    with pytest.raises(RuntimeError, match="down"):
        await call(llm, name)
    assert not spans.open_spans
    assert "stream" in name or spans.dropped_spans


def test_closing_a_stream_early_closes_that_of_the_model(make: Any) -> None:
    held = []  # else the stream would be closed for want of a reference

    class Held(FakeLLM):
        def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
            held.append(super().stream_chat(messages, **kwargs))
            return held[-1]

        def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            held.append(super().stream_complete(prompt, **kwargs))
            return held[-1]

    small = Held(name="small")
    llm = make(small=small)
    for name, argument in (("stream_chat", [user(EASY)]), ("stream_complete", EASY)):
        stream = getattr(llm, name)(argument)
        next(stream)
        assert name not in small._closed
        stream.close()
        assert name in small._closed


async def test_closing_an_async_stream_early_closes_that_of_the_model(llm: HybridRouterLLM, small: FakeLLM) -> None:
    for name, argument in (("astream_chat", [user(EASY)]), ("astream_complete", EASY)):
        stream = await getattr(llm, name)(argument)
        await anext(stream)
        await stream.aclose()
        await asyncio.sleep(0.01)  # LlamaIndex's own wrapper leaves the innermost generator to the event loop
        assert name in small._closed


async def test_the_choice_is_made_before_the_first_token_is_read(llm: HybridRouterLLM, router: CountingRouter) -> None:
    stream = llm.stream_chat([user(EASY)])
    astream = await llm.astream_chat([user(HARD)])
    assert router.queries == [EASY, HARD]
    stream.close()
    await astream.aclose()


def test_two_routers_may_share_a_model(router: CountingRouter) -> None:
    shared = FakeLLM(name="shared")
    llms: list[LLM] = [HybridRouterLLM(small=shared, large=FakeLLM(name=n), router=router) for n in "ab"]
    for llm in llms:
        assert str(llm.complete(EASY)) == "shared answers"
    same = HybridRouterLLM(small=shared, large=shared, router=router)
    assert str(same.complete(DOCUMENT)) == "shared answers"
    assert answered(shared) == ["shared"]
