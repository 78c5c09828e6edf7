"""Models that misbehave: what bare ones do reaches the caller, and a fallback answers for small's failures alone."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk

from langchain_hybrid_router import routing_decision
from tests.langchain.fakes import FakeChat, Scores


class PanicError(BaseException):
    """As native code may raise."""


class Hostile(FakeChat):
    """Streams what its mode says."""

    mode: str

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        self._calls.append({})
        if self.mode == "panic":
            raise PanicError
        if self.mode == "wrong type":
            return "nonsense"
        raise RuntimeError(self.mode)

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):
        return self._generate(messages)

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        self._calls.append({})
        if self.mode == "panic":
            raise PanicError
        if self.mode == "wrong type":
            yield "nonsense"
        if self.mode in ("empty, then dies", "empty, then ends"):
            for _ in range(2):
                yield ChatGenerationChunk(message=AIMessageChunk(content=""))
        if self.mode == "empty blocks, then dies":
            yield ChatGenerationChunk(message=AIMessageChunk(content=[{"type": "text", "text": "", "index": 0}]))
        if self.mode.endswith("dies"):
            raise RuntimeError("died")

    async def _astream(self, messages, stop=None, run_manager=None, **kwargs):
        for chunk in self._stream(messages):
            yield chunk


def streamed(model: Any) -> list[Any]:
    return list(model.stream("easy"))


def astreamed(model: Any) -> list[Any]:
    async def run() -> list[Any]:
        return [chunk async for chunk in model.astream("easy")]

    return asyncio.run(run())


def invoked(model: Any) -> list[Any]:
    return [model.invoke("easy")]


def ainvoked(model: Any) -> list[Any]:
    return [asyncio.run(model.ainvoke("easy"))]


MODES = ["panic", "wrong type", "nothing", "empty, then dies", "empty, then ends", "empty blocks, then dies"]
CALLS = [streamed, astreamed, invoked, ainvoked]


def outcome(call: Any, model: Any) -> Any:
    try:
        return [chunk.content for chunk in call(model)]
    except BaseException as error:
        return type(error), str(error)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("mode", MODES)
def test_without_fallback_the_caller_gets_what_the_model_alone_gives(make, mode, call):
    assert outcome(call, make(small=Hostile(model="s", mode=mode))) == outcome(call, Hostile(model="s", mode=mode))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("mode", MODES)
def test_with_fallback_large_answers_for_all_but_panics_and_empty_answers(make, mode, call):
    model = Hostile(model="s", mode=mode)
    alone, through = outcome(call, model), outcome(call, make(small=model, fallback=True))
    if mode == "panic" and call is ainvoked:
        assert alone[0] is AttributeError  # LangChain takes it for an answer, and stumbles
    elif mode == "panic" or (mode == "empty, then ends" and call in (streamed, astreamed)):
        assert through == alone
    else:
        assert "".join(through) == "large-model: easy"


def test_before_the_first_token_means_token(make, recorder):
    router = make(small=Hostile(model="s", mode="empty, then dies"), fallback=True)
    chunks = list(router.stream("easy", {"callbacks": [recorder]}))
    assert routing_decision(chunks[0]).reason == "fallback"
    assert recorder.chains == 1
    assert [len(recorder.starts), len(recorder.errors), len(recorder.ended)] == [2, 1, 1]


async def test_streams_that_may_fall_back_are_closed_at_once_too(make, recorder):
    router = make(fallback=True)
    stream = router.astream("easy a b c", {"callbacks": [recorder]})
    await anext(stream)
    await stream.aclose()
    assert len(recorder.errors) == 1
    again = router.stream("easy a b c", {"callbacks": [recorder]})
    next(again)
    again.close()
    assert len(recorder.errors) == 2


def test_a_model_that_keeps_failing_is_left_alone_for_a_while(make, caplog):
    small = FakeChat(model="s", error=OSError("a secret"))
    router = make(small=small, fallback=True)
    with caplog.at_level(logging.WARNING):
        found = [routing_decision(router.invoke("easy")) for _ in range(5)]
    assert [each.reason for each in found] == ["fallback"] * 3 + ["unavailable"] * 2
    assert (found[-1].model, found[-1].score) == ("large", 0.9)
    assert len(small.calls) == 3
    assert caplog.text.count("the small model failed with OSError") == 3
    assert "secret" not in caplog.text
    assert routing_decision(router.bind(stop=["x"]).invoke("easy")).reason == "unavailable"
    router.small = FakeChat(model="new")
    assert router.invoke("easy").text == "new: easy"


def test_without_fallback_a_failing_model_is_asked_each_time(make):
    small = FakeChat(model="s", error=OSError("down"))
    router = make(small=small)
    for _ in range(5):
        with pytest.raises(OSError, match="down"):
            router.invoke("easy")
    assert len(small.calls) == 5


def test_an_answer_ends_the_count_of_failures_and_an_override_asks_anyway(make):
    small = FakeChat(model="s", error=OSError("down"))
    router = make(small=small, fallback=True)
    for _ in range(5):
        forced = router.invoke("x", {"configurable": {"hybrid_router_model": "small"}})
        assert routing_decision(forced).reason == "fallback"
    assert len(small.calls) == 5
    fresh = make(small=FakeChat(model="s", fails_after=1), fallback=True)
    for _ in range(5):
        with pytest.raises(RuntimeError, match="cut"):  # after its first token: it answers, if badly
            list(fresh.stream("easy one two"))


async def test_many_calls_at_once_on_a_slow_model_keep_their_own_records(make):
    router = make(small=FakeChat(model="s", delay=0.01), router=Scores(), fallback=True)
    texts = ["easy", "hard"] * 20
    messages = await asyncio.gather(*(router.ainvoke(text) for text in texts))
    assert [routing_decision(each).model for each in messages] == ["small", "large"] * 20


def test_a_model_that_is_not_thread_safe_is_called_in_the_callers_thread(make):
    threads = []
    small = FakeChat(model="s", reply=lambda messages: threads.append(threading.current_thread()) or AIMessage("ok"))
    for fallback in (False, True):
        make(small=small, fallback=fallback).invoke([HumanMessage("easy")])
    assert set(threads) == {threading.current_thread()}
