"""Which text is scored, and the rules that go before the score."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid

import pytest
from langchain_core.messages import AIMessage, ChatMessage, HumanMessage, HumanMessageChunk, SystemMessage, ToolMessage

from hybrid_router_core import ConfigError, RoutingDecision
from langchain_hybrid_router import routing_decision
from tests.langchain.fakes import EASY, EASY_TOO, HARD, HARD_TOO, FakeChat, Scores, multiply

IMAGE = {"type": "image", "url": "https://example.com/cat.png"}
SUMMARY = HumanMessage("summary: hard things", additional_kwargs={"lc_source": "summarization"})


def decision(router, messages, config=None):
    return routing_decision(router.invoke(messages, config))


def answered_by(model):
    return AIMessage("answer", response_metadata={"hybrid_router_model": model, "hybrid_router_reason": "score"})


class TestQuestion:
    def test_the_last_human_message_is_scored_and_not_what_the_system_a_tool_or_the_model_said(self, router, scores):
        router.invoke(
            [
                SystemMessage("system"),
                HumanMessage(HARD),
                AIMessage("", tool_calls=[{"name": "multiply", "args": {}, "id": "1"}]),
                HumanMessage(EASY),
                ToolMessage("42", tool_call_id="1"),
            ]
        )
        assert scores.queries == [EASY]

    @pytest.mark.parametrize("last", [HumanMessageChunk(EASY), ChatMessage(EASY, role="user")])
    def test_other_classes_of_user_messages_count_as_human(self, router, scores, last):
        router.invoke([HumanMessage(HARD), last])
        assert scores.queries == [EASY]

    def test_a_summary_that_langchain_wrote_in_the_name_of_the_human_is_not_scored(self, router, scores):
        assert decision(router, [SUMMARY, HumanMessage(EASY)]).model == "small"
        assert decision(router, [HumanMessage(EASY), SUMMARY]).model == "small"
        assert decision(router, [SUMMARY]).reason == "no_query"
        assert scores.queries == [EASY, EASY]

    @pytest.mark.parametrize("messages", [[SystemMessage("s")], [HumanMessage("  ")], [], ""])
    def test_without_any_text_of_a_human_the_large_model_answers_and_the_record_says_why(self, make, messages):
        large = FakeChat(model="l", reply=lambda _: AIMessage("ok"))
        found = decision(make(large=large), messages)
        assert (found.model, found.reason, found.score) == ("large", "no_query", None)

    def test_query_from_chooses_the_text_that_is_scored(self, make, scores):
        router = make(query_from=lambda messages: messages[0].text.upper())
        router.invoke([HumanMessage("first"), HumanMessage("second")])
        assert scores.queries == ["FIRST"]
        assert decision(make(query_from=lambda _: None), "easy").reason == "no_query"

    def test_a_query_from_that_raises_goes_to_large_or_raises_as_on_router_error_says(self, make, caplog):
        def broken(messages):
            raise KeyError("a secret of the user")

        with caplog.at_level(logging.WARNING):
            found = decision(make(query_from=broken), "easy")
        assert found == RoutingDecision("large", reason="router_error", detail="query_from: KeyError")
        assert "secret" not in caplog.text
        with pytest.raises(KeyError):
            make(query_from=broken, on_router_error="raise").invoke("easy")

    def test_a_query_from_that_returns_no_text_raises(self, make):
        with pytest.raises(ConfigError, match="query_from returned a HumanMessage; allowed: a string, or None"):
            make(query_from=lambda messages: messages[-1]).invoke("easy")


class TestRouterErrors:
    def test_a_scorer_that_raises_sends_the_call_to_large_and_records_it(self, make):
        def broken(query):
            raise RuntimeError("no weights")

        assert decision(make(router=broken), "easy") == RoutingDecision(
            "large", reason="router_error", detail="RuntimeError"
        )
        with pytest.raises(RuntimeError, match="no weights"):
            make(router=broken, on_router_error="raise").invoke("easy")

    @pytest.mark.parametrize("score", [float("nan"), 1.5, "high"])
    def test_a_score_that_is_none_counts_as_a_router_error(self, make, score):
        assert decision(make(router=lambda query: score), "easy").reason == "router_error"


class TestCapabilities:
    @pytest.mark.parametrize(
        ("block", "key"),
        [
            (IMAGE, "image_inputs"),
            ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}, "image_inputs"),
            ({"type": "audio", "base64": "AA==", "mime_type": "audio/wav"}, "audio_inputs"),
            ({"type": "file", "base64": "AA==", "mime_type": "application/pdf"}, "pdf_inputs"),
        ],
    )
    def test_media_go_to_large_unless_the_small_models_profile_takes_them(self, make, block, key):
        messages = [HumanMessage([{"type": "text", "text": "easy"}, block])]
        found = decision(make(), messages)
        kind = "document" if key == "pdf_inputs" else key.removesuffix("_inputs")
        assert (found.model, found.reason) == ("large", "capability")
        assert found.detail.startswith(f"small is not known to take {kind}")
        able = FakeChat(model="s", profile={key: True})
        assert decision(make(small=able), messages).model == "small"

    def test_an_image_anywhere_in_the_conversation_counts(self, router):
        messages = [HumanMessage([IMAGE]), AIMessage("a cat"), HumanMessage("easy")]
        assert decision(router, messages).reason == "capability"
        messages = [HumanMessage("easy"), ToolMessage([IMAGE], tool_call_id="1")]
        assert decision(router, messages).reason == "capability"

    def test_more_tokens_than_the_small_models_window_go_to_large(self, make):
        router = make(small=FakeChat(model="s", profile={"max_input_tokens": 100}))
        assert decision(router, "easy " * 60).model == "small"
        found = decision(router, "easy " * 90)
        assert (found.model, found.reason, found.detail) == (
            "large",
            "context_window",
            "about 132 tokens, small takes 100 beside an answer of 0",
        )

    def test_tools_and_room_for_the_answer_count(self, make):
        tools = [{"name": f"t{i}", "description": "word " * 40, "parameters": {}} for i in range(10)]
        small = FakeChat(model="s", profile={"max_input_tokens": 400})
        for form in (
            lambda: make(small=small).bind_tools(tools).invoke("easy"),
            lambda: make(small=small).invoke("easy", tools=tools),
            lambda: make(small=small).invoke("easy", max_tokens=399),
            lambda: make(small=FakeChat(model="s", profile={"max_input_tokens": 400}, max_tokens=399)).invoke("easy"),
            lambda: make(small=small.bind(max_tokens=399)).invoke("easy"),
            lambda: make(small=small).invoke(
                [HumanMessage("easy"), AIMessage([{"type": "reasoning", "x": "so " * 700}])]
            ),
        ):
            assert routing_decision(form()).reason == "context_window"
        assert decision(make(small=small), "easy").model == "small"

    def test_what_is_too_long_for_large_alone_goes_to_small_and_what_is_too_long_for_both_to_large(self, make):
        large = FakeChat(model="l", profile={"max_input_tokens": 100})
        found = decision(make(large=large), "hard " * 200)
        assert (found.model, found.reason) == ("small", "context_window")
        both = make(small=FakeChat(model="s", profile={"max_input_tokens": 50}), large=large)
        assert decision(both, "easy " * 200).model == "large"

    @pytest.mark.parametrize(
        "block",
        [
            {"type": "media", "mime_type": "image/png", "data": "AA=="},
            {"type": "video_url", "video_url": {"url": "https://example.com"}},
            {"image": {"format": "png", "source": {"bytes": b"x"}}},
            {"type": "tool_result", "tool_use_id": "1", "content": [IMAGE]},
            {"type": "non_standard", "value": IMAGE},
            {"type": "computer_screenshot", "image_url": "https://example.com"},
            {"type": "of_next_year"},
        ],
    )
    def test_a_block_that_is_not_known_to_be_text_goes_to_large(self, make, block):
        assert decision(make(), [HumanMessage([{"type": "text", "text": "easy"}, block])]).reason == "capability"

    def test_what_a_profile_takes_back_in_places_goes_to_large(self, make):
        def small(**profile):
            return make(small=FakeChat(model="s", profile={"image_inputs": True, **profile}))

        by_tool = [
            HumanMessage("easy"),
            ToolMessage([{"type": "image", "base64": "AA==", "mime_type": "image/png"}], tool_call_id="1"),
        ]
        assert decision(small(), by_tool).model == "small"
        assert decision(small(image_tool_message=False), by_tool).reason == "capability"
        by_url = [HumanMessage([{"type": "text", "text": "easy"}, IMAGE])]
        assert decision(small(image_url_inputs=False), by_url).reason == "capability"
        inline = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
        assert (
            decision(small(image_url_inputs=False), [HumanMessage([{"type": "text", "text": "easy"}, inline])]).model
            == "small"
        )

    @pytest.mark.parametrize("error", [ValueError("tool_choice"), TypeError("strict"), RuntimeError("later")])
    def test_a_side_that_refuses_what_is_bound_is_not_chosen(self, make, error):
        class Picky(FakeChat):
            def bind_tools(self, tools, **kwargs):
                raise error

            def with_structured_output(self, schema, **kwargs):
                raise error

        schema = {"title": "Answer", "type": "object", "properties": {"x": {"type": "integer"}}}
        for sides, question, answers in (
            ({"small": Picky(model="s")}, "easy", "large"),
            ({"large": Picky(model="l")}, "hard", "small"),
        ):
            router = make(**sides)
            found = routing_decision(router.bind_tools([multiply], tool_choice="any").invoke(question))
            assert (found.model, found.reason) == (answers, "unavailable")
            assert type(error).__name__ in found.detail
            assert router.with_structured_output(schema).invoke(question) == {"x": 3}
        with pytest.raises(type(error)):
            make(small=Picky(model="s"), large=Picky(model="l")).bind_tools([multiply])

    def test_chinese_text_is_not_taken_for_a_quarter_of_its_tokens(self, make):
        router = make(small=FakeChat(model="s", profile={"max_input_tokens": 100}))
        assert decision(router, "难" * 140).reason == "context_window"

    def test_tools_that_small_cannot_bind_go_to_large_and_forcing_small_then_raises(self, make):
        for small in (FakeChat(model="s", can_bind=False), FakeChat(model="s", profile={"tool_calling": False})):
            bound = make(small=small).bind_tools([multiply])
            message = bound.invoke("easy")
            assert message.tool_calls[0]["name"] == "multiply"
            found = routing_decision(message)
            assert (found.model, found.reason, found.detail) == ("large", "capability", "tools")
            with pytest.raises(ConfigError, match="'small', which has no tools; allowed here: 'large'"):
                bound.invoke("easy", {"configurable": {"hybrid_router_model": "small"}})

    def test_tools_passed_at_call_time_count_too(self, make):
        small = FakeChat(model="s", profile={"tool_calling": False})
        tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
        assert routing_decision(make(small=small).invoke("easy", tools=tools)).reason == "capability"

    def test_structured_output_that_small_has_not_goes_to_large(self, make, recorder):
        schema = {"title": "Answer", "type": "object", "properties": {"x": {"type": "integer"}}}
        structured = make(small=FakeChat(model="s", can_bind=False)).with_structured_output(schema)
        assert structured.invoke("easy", {"callbacks": [recorder]}) == {"x": 3}
        assert recorder.metadata["hybrid_router_detail"] == "structured output"

    def test_the_callers_choice_goes_before_the_capability_rules(self, router):
        found = decision(router, [HumanMessage([IMAGE])], {"configurable": {"hybrid_router_model": "small"}})
        assert (found.model, found.reason) == ("small", "override")


class TestSticky:
    def test_without_sticky_each_turn_is_scored(self, router):
        talk = [HumanMessage(HARD), answered_by("large")]
        assert decision(router, [*talk, HumanMessage(EASY)]).model == "small"
        assert decision(router, [*talk, HumanMessage("yes, do it")]).reason == "score"

    @pytest.mark.parametrize("first", ["small", "large"])
    def test_sticky_keeps_the_conversation_on_the_model_of_its_first_answer(self, make, first):
        other = "large" if first == "small" else "small"
        history = [HumanMessage(EASY_TOO), answered_by(first), HumanMessage(HARD_TOO), answered_by(other)]
        for question in (EASY, HARD):
            found = decision(make(sticky=True), [*history, HumanMessage(question)])
            assert (found.model, found.reason) == (first, "sticky")

    def test_sticky_up_scores_until_large_has_answered_and_then_stays_there(self, make, scores):
        router = make(sticky="up")
        history = [HumanMessage(EASY_TOO), answered_by("small")]
        assert decision(router, [*history, HumanMessage(EASY)]).reason == "score"
        assert decision(router, [*history, HumanMessage(HARD)]).model == "large"
        found = decision(router, [*history, HumanMessage(HARD_TOO), answered_by("large"), HumanMessage(EASY)])
        assert (found.model, found.reason) == ("large", "sticky")

    def test_a_conversation_of_real_answers_sticks_to_where_it_began(self, make):
        router = make(sticky=True)
        history = [HumanMessage(HARD)]
        history.append(router.invoke(history))
        history.append(HumanMessage(EASY))
        assert decision(router, history).reason == "sticky"

    def test_capability_goes_before_sticky(self, make):
        messages = [HumanMessage(EASY_TOO), answered_by("small"), HumanMessage([IMAGE])]
        assert decision(make(sticky=True), messages).reason == "capability"


class TestFallback:
    @pytest.fixture
    def broken(self):
        return FakeChat(model="s", error=ValueError("small is down"))

    @pytest.mark.parametrize(
        "call",
        [
            lambda r: r.invoke("easy"),
            lambda r: asyncio.run(r.ainvoke("easy")),
            lambda r: next(iter(r.stream("easy"))),
            lambda r: r.batch(["easy", "easy"])[1],
            lambda r: r.generate([[HumanMessage("easy")]]).generations[0][0].message,
            lambda r: r.stream_events("easy", version="v3").output,
        ],
    )
    def test_an_error_of_small_reaches_the_caller_unless_fallback_is_on(self, make, broken, call):
        with pytest.raises(ValueError, match="small is down"):
            call(make(small=broken))
        message = call(make(small=broken, fallback=True))
        assert routing_decision(message) == RoutingDecision("large", 0.9, 0.5, "fallback", "ValueError")
        assert message.text.startswith("large-model")

    def test_within_a_tool_loop_small_is_not_asked_again_after_it_has_failed(self, make, broken):
        router = make(small=broken, fallback=True)
        talk = [HumanMessage("easy")]
        for i in range(2):
            talk += [router.invoke(talk), ToolMessage("42", tool_call_id=str(i))]
        assert [routing_decision(each).reason for each in talk[1::2]] == ["fallback"] * 2
        assert len(broken.calls) == 1
        router.invoke([*talk, HumanMessage(EASY)])
        assert len(broken.calls) == 2

    async def test_async_streams_fall_back_too(self, make, broken):
        router = make(small=broken, fallback=True)
        chunks = [chunk async for chunk in router.astream("easy")]
        assert "".join(chunk.text for chunk in chunks) == "large-model: easy"
        message = await (await router.astream_events("easy", version="v3"))
        assert (message.text, routing_decision(message).reason) == ("large-model: easy", "fallback")
        (result,) = (await router.agenerate([[HumanMessage("easy")]])).generations
        assert routing_decision(result[0].message).reason == "fallback"

    def test_a_stream_that_fails_after_its_first_chunk_is_not_begun_again(self, make, large):
        router = make(small=FakeChat(model="s", fails_after=1), fallback=True)
        stream = router.stream("easy one two")
        assert next(stream).text == "s:"
        with pytest.raises(RuntimeError, match="cut"):
            list(stream)
        assert large.calls == []

    async def test_an_async_stream_that_fails_after_its_first_chunk_is_not_begun_again(self, make, large):
        router = make(small=FakeChat(model="s", fails_after=1), fallback=True)
        stream = router.astream("easy one two")
        assert (await anext(stream)).text == "s:"
        with pytest.raises(RuntimeError, match="cut"):
            [chunk async for chunk in stream]
        assert large.calls == []

    def test_both_runs_are_traced_below_the_callers_run_and_each_says_which_model_it_was(self, make, broken, recorder):
        config = {"callbacks": [recorder], "run_id": uuid.UUID(int=1)}
        make(small=broken, fallback=True).invoke("easy", config)
        found = [start["metadata"]["hybrid_router_model"] for start in recorder.starts]
        assert found == ["small", "large"]
        assert (len(recorder.errors), len(recorder.ended)) == (1, 1)
        assert recorder.chains == 1
        assert [start["parent_run_id"] for start in recorder.starts] == [uuid.UUID(int=1)] * 2
        assert "hybrid_router:small" not in recorder.starts[1]["tags"]

    def test_an_error_of_large_reaches_the_caller(self, make, broken):
        router = make(small=broken, large=FakeChat(model="l", error=OSError("both down")), fallback=True)
        with pytest.raises(OSError, match="both down"):
            router.invoke("easy")

    def test_a_models_own_fallbacks_answer_under_the_record_of_their_side(self, make, broken):
        router = make(small=broken.with_fallbacks([FakeChat(model="spare")]))
        message = router.invoke("easy")
        assert (message.text, routing_decision(message).model) == ("spare: easy", "small")


class TestEventLoop:
    async def test_a_slow_scorer_does_not_block_the_event_loop(self, make):
        router = make(router=Scores(delay=0.3))
        gaps = []

        async def tick():
            last = time.perf_counter()
            while True:
                await asyncio.sleep(0.005)
                now = time.perf_counter()
                gaps.append(now - last)
                last = now

        ticking = asyncio.create_task(tick())
        await router.ainvoke("easy")
        ticking.cancel()
        assert len(gaps) > 10
        assert max(gaps) < 0.15  # half of the scorer's time: what the machine's other work takes is not ours to test
