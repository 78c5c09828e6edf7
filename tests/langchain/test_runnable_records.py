"""The record on messages and chunks: on what a run ends with, through sums, copies and damaged histories."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.load import dumpd, load
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    message_chunk_to_message,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables.history import RunnableWithMessageHistory
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langchain_hybrid_router import routing_decision
from tests.langchain.fakes import EASY, EASY_TOO, HARD, FakeChat, multiply
from tests.langchain.test_runnable_runs import WAYS, sum_of


class Ends(BaseCallbackHandler):
    def __init__(self) -> None:
        self.messages: list[Any] = []

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.messages.append(response.generations[0][0].message)


@pytest.mark.parametrize("way", WAYS)
def test_the_message_that_the_run_ends_with_has_the_record(router, way):
    ends = Ends()
    way(router, {"callbacks": [ends]})
    assert [routing_decision(message).model for message in ends.messages] == ["small"]


async def test_events_end_with_the_record(router):
    events = [event async for event in router.astream_events("hard", version="v2")]
    (output,) = [event["data"]["output"] for event in events if event["event"] == "on_chat_model_end"]
    assert routing_decision(output).model == "large"


class History(BaseChatMessageHistory):
    def __init__(self) -> None:
        self.messages = []

    def add_messages(self, messages: Any) -> None:
        self.messages = [*self.messages, *messages]

    def clear(self) -> None:
        self.messages = []


@pytest.mark.filterwarnings("ignore:.*RunnableWithMessageHistory.*")
@pytest.mark.parametrize("fallback", [False, True])
def test_a_history_keeps_answers_with_their_records_so_that_sticky_works(make, fallback):
    history = History()
    router = make(sticky="up", fallback=fallback)
    talk = RunnableWithMessageHistory(router, lambda session: history)
    config = {"configurable": {"session_id": "1"}}
    found = [routing_decision(talk.invoke([HumanMessage(text)], config)) for text in (EASY, HARD, EASY_TOO)]
    assert [(each.model, each.reason) for each in found] == [
        ("small", "score"),
        ("large", "score"),
        ("large", "sticky"),
    ]
    assert [message.type for message in history.messages] == ["human", "ai"] * 3
    assert all(routing_decision(each) for each in history.messages if each.type == "ai")


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream", "batch"])
def test_listeners_see_a_fallback_end_as_with_langchains_own_fallbacks(make, large, way):
    small = FakeChat(model="s", error=RuntimeError("down"))

    def heard(model: Any) -> list[str]:
        events: list[str] = []
        listened = model.with_listeners(
            on_start=lambda run: events.append("start"),
            on_end=lambda run: events.append("end"),
            on_error=lambda run: events.append("error"),
        )

        async def run() -> None:
            if way == "ainvoke":
                await listened.ainvoke("easy")
            else:
                assert [chunk async for chunk in listened.astream("easy")]

        if way in ("ainvoke", "astream"):
            asyncio.run(run())
        elif way == "stream":
            assert list(listened.stream("easy"))
        else:
            assert listened.batch(["easy"]) if way == "batch" else listened.invoke("easy")
        return events

    expected = ["start", "end"]
    assert heard(small.with_fallbacks([large])) == expected
    assert heard(make(small=small, fallback=True)) == expected
    assert heard(make(fallback=True)) == expected


def test_chunks_of_several_answers_add_up_with_the_record_of_the_last(router):
    total = sum_of([*router.stream("easy a"), *router.stream("hard b"), *router.stream("hard c")])
    assert total.text == "small-model: easy alarge-model: hard blarge-model: hard c"
    assert routing_decision(total).model == "large"
    sums = sum_of([sum_of(router.stream("hard a")), sum_of(router.stream("easy b"))])
    assert (routing_decision(sums).model, routing_decision(sums).score) == ("small", 0.9)


def test_sums_in_every_form_keep_one_record(router):
    bare, easy, hard = AIMessageChunk("a"), next(router.stream("easy")), next(router.stream("hard"))
    assert routing_decision(bare + easy).model == "small"
    assert routing_decision(easy + bare).model == "small"
    assert routing_decision(easy.__add__([bare, hard])).model == "large"
    generations = ChatGenerationChunk(message=easy).__add__([ChatGenerationChunk(message=hard)])
    assert routing_decision(generations.message).model == "large"
    restored = AIMessageChunk.model_validate_json(easy.model_dump_json())
    assert routing_decision(restored + hard).model == "large"
    with pytest.raises(TypeError):
        _ = easy + 3


def test_tool_calls_of_a_sum_are_whole(router):
    total = sum_of(router.bind_tools([multiply]).stream("easy"))
    assert total.tool_calls[0]["args"] == {"a": 3, "b": 3}


def test_a_chunk_with_a_record_is_a_chunk_in_every_other_respect(router):
    chunk = next(router.stream("easy"))
    plain = AIMessageChunk(**chunk.model_dump())
    serializer = JsonPlusSerializer()
    assert chunk == plain
    assert chunk.__class__ is AIMessageChunk
    assert repr(chunk) == repr(plain)
    assert type(pickle.loads(pickle.dumps(chunk))) is AIMessageChunk  # noqa: S301
    assert copy.deepcopy(chunk) == plain
    assert load(dumpd(chunk), allowed_objects="messages") == plain
    assert serializer.loads_typed(serializer.dumps_typed(chunk)) == plain
    assert type(messages_from_dict(messages_to_dict([chunk]))[0]) is AIMessageChunk
    message = message_chunk_to_message(chunk)
    assert type(message) is AIMessage
    assert routing_decision(message).model == "small"


@pytest.mark.parametrize(
    "record",
    [
        {"hybrid_router_model": "largelarge"},
        {"hybrid_router_model": None},
        {"hybrid_router_model": ["small"]},
        {"hybrid_router_model": {}},
        {"hybrid_router_model": "small", "hybrid_router_score": "high"},
        {"hybrid_router_model": "small", "hybrid_router_score": float("nan")},
        {"hybrid_router_model": "small", "hybrid_router_threshold": 7},
        {"hybrid_router_model": "small", "hybrid_router_reason": 3},
    ],
)
def test_a_damaged_record_in_the_history_is_ignored(make, record):
    damaged = AIMessage("answer", response_metadata=record)
    assert routing_decision(damaged) is None
    talk = [HumanMessage("a"), damaged, HumanMessage("easy")]
    assert routing_decision(make(sticky=True).invoke(talk)).reason == "score"


def test_a_record_of_another_version_with_more_keys_is_read():
    message = AIMessage("a", response_metadata={"hybrid_router_model": "small", "hybrid_router_arm": "nano"})
    assert routing_decision(message).model == "small"


def test_as_tool_and_schemas_work_on_selectors(router):
    for runnable in (router.assign_route("question"), router.as_selector("question")):
        assert runnable.get_input_jsonschema()["type"] == "object"
        assert runnable.get_output_jsonschema()["type"] == "object"
        made = runnable.as_tool(name="route", description="d", arg_types={"question": str})
        assert "small" in str(made.invoke({"question": "easy"}))
