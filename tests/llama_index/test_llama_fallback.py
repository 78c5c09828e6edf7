"""What is asked of a model that is down or fails, what is repeated, and what is said of it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest
from llama_index.core import SummaryIndex
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata, ToolCallBlock
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool

from hybrid_router_core.errors import ConfigError
from llama_index_hybrid_router import HybridRouterLLM, capture_decisions
from llama_index_hybrid_router._failure import reason_of
from tests.llama_index.fakes import EASY, HARD, FakeLLM, PlainLLM, answered, tool_call, user


class Down(FakeLLM):
    """As Ollama: what it says of itself is asked of its server, which is down until it is up."""

    up: bool = False
    asked: int = 0

    @property
    def metadata(self) -> LLMMetadata:
        self.asked += 1
        if not self.up:
            raise ConnectionError(f"no server for {EASY}")
        return FakeLLM.metadata.fget(self)  # type: ignore[attr-defined]

    def _reply(self, method: str, messages: Any, kwargs: Any) -> ChatMessage:
        if not self.up:
            raise ConnectionError("no server")
        return super()._reply(method, messages, kwargs)


async def every(llm: Any, question: str) -> list[str]:
    messages = [user(question)]
    return [
        str(llm.chat(messages).message.content),
        str((await llm.achat(messages)).message.content),
        llm.complete(question).text,
        "".join(part.delta for part in llm.stream_chat(messages)),
        "".join([part.delta async for part in await llm.astream_complete(question)]),
        llm.predict(PromptTemplate("{query_str}"), query_str=question),
        llm.chat_with_tools([TOOL], user_msg=question).message.content,
    ]


def search(words: str) -> str:
    """Search."""
    return "found"


TOOL = FunctionTool.from_defaults(search)


async def test_a_model_that_is_down_at_start_costs_its_own_calls_alone(make: Any, index: SummaryIndex) -> None:
    small = Down(name="small")
    llm = make(small=small)
    assert (llm.metadata.context_window, llm.metadata.model_name) == (4096, "hybrid(Down|large)")
    assert "Down(Down)" in repr(llm)
    assert set(await every(llm, HARD)) == {"large answers"}
    assert str(index.as_query_engine(llm=llm).query(HARD)) == "large answers"
    with pytest.raises(ConnectionError):
        llm.complete(EASY)
    assert set(await every(make(small=Down(), fallback=True), EASY)) == {"large answers"}
    assert make(small=make(small=Down()), large=Down(name="l", up=True)).metadata.num_output == 256
    with pytest.raises(ConnectionError):
        _ = make(small=Down(), large=Down()).metadata


def test_a_model_is_asked_about_itself_once_until_it_answers_or_is_changed(make: Any) -> None:
    class Counts(FakeLLM):
        @property
        def metadata(self) -> LLMMetadata:
            asked.append(1)
            return FakeLLM.metadata.fget(self)  # type: ignore[attr-defined]

    asked: list[int] = []
    llm = make(large=Counts(name="large"))
    for _ in range(5):
        llm.complete(EASY)
        assert llm.metadata.context_window == 4096
    assert len(asked) == 1
    llm.large.window = 100
    assert (llm.metadata.context_window, len(asked)) == (100, 2)


def test_what_a_model_says_of_itself_counts_when_it_is_back(make: Any) -> None:
    small = Down(name="small", window=2000)
    llm = make(small=small, context_window="large")
    assert llm.metadata.model_name == "hybrid(Down|large)"
    small.up = True
    assert llm.complete(EASY).additional_kwargs["hybrid_router"]["model"] == "small"
    assert llm.metadata.model_name == "hybrid(small|large)"
    assert llm.complete("word " * 3000).additional_kwargs["hybrid_router"]["reason"] == "context_window"


# what is repeated


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("kind", [FakeLLM, PlainLLM])
async def test_a_tool_never_runs_twice(kind: Any, asynchronous: bool, make: Any) -> None:
    charged = []

    def charge(amount: int) -> str:
        """Charge the card."""
        charged.append(amount)
        raise TimeoutError("no answer from the bank")

    if kind is FakeLLM:
        models = [FakeLLM(name=n, answer=lambda m, k: tool_call("charge", amount=10)) for n in ("small", "large")]
    else:
        text = 'Thought: x\nAction: charge\nAction Input: {"amount": 10}'
        models = [PlainLLM(name=n, answer=lambda prompt: text) for n in ("small", "large")]  # type: ignore[misc]
    llm = make(small=models[0], large=models[1], fallback=True)
    tools = [FunctionTool.from_defaults(charge)]
    with pytest.raises((ValueError, TimeoutError)) if kind is FakeLLM else _nothing():
        if asynchronous:
            await llm.apredict_and_call(tools, user_msg="Pay 10", error_on_tool_error=True, **REACT)
        else:
            llm.predict_and_call(tools, user_msg="Pay 10", error_on_tool_error=True, **REACT)
    assert charged == [10]
    assert not models[1].calls


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def _react() -> dict[str, Any]:
    from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser

    return {"react_chat_formatter": ReActChatFormatter(), "output_parser": ReActOutputParser()}


REACT = _react()


async def test_a_model_that_fails_before_the_tool_is_replaced(make: Any, small: FakeLLM, large: FakeLLM) -> None:
    small.failure = RuntimeError("down")
    large.answer = lambda m, k: tool_call("search", words="x")
    llm = make(fallback=True)
    with capture_decisions() as decisions:
        assert llm.predict_and_call([TOOL], user_msg=EASY).response == "found"
        assert (await llm.apredict_and_call([TOOL], user_msg=EASY)).response == "found"
    assert [d.reason for d in decisions] == ["score", "fallback"] * 2


async def test_a_model_that_names_no_tool_is_replaced_and_large_is_asked_once(make: Any, large: FakeLLM) -> None:
    large.answer = lambda m, k: tool_call("search", words="x")
    llm = make(fallback=True)  # the small one answers in prose
    assert llm.predict_and_call([TOOL], user_msg=EASY).response == "found"
    assert (await llm.apredict_and_call([TOOL], user_msg=EASY)).response == "found"
    large.failure = RuntimeError("down")
    with pytest.raises(RuntimeError, match="down"):
        llm.predict_and_call([TOOL], user_msg=EASY)
    assert len(large.calls) == 3


def test_a_react_step_of_a_model_that_is_down_falls_back(make: Any) -> None:
    text = 'Thought: x\nAction: search\nAction Input: {"words": "x"}'
    small, large = PlainLLM(name="small", answer=lambda prompt: 1 / 0), PlainLLM(answer=lambda prompt: text)
    assert (
        make(small=small, large=large, fallback=True).predict_and_call([TOOL], user_msg=EASY, **REACT).response
        == "found"
    )


async def test_a_model_whose_server_hangs_does_not_hold_the_event_loop(make: Any) -> None:
    class Hangs(FakeLLM):
        @property
        def metadata(self) -> LLMMetadata:
            time.sleep(0.3)
            raise ConnectionError

    calls = asyncio.gather(*(make(small=Hangs()).achat([user(HARD)]) for _ in range(3)))
    started = time.perf_counter()
    await asyncio.sleep(0.01)
    assert time.perf_counter() - started < 0.25
    assert [answer.message.content for answer in await calls] == ["large answers"] * 3


def test_a_model_that_runs_tools_in_its_own_way_is_not_repeated(make: Any, large: FakeLLM) -> None:
    ran = []

    class Own(FakeLLM):
        def predict_and_call(self, tools: Any, *args: Any, **kwargs: Any) -> Any:
            ran.append(1)
            raise TimeoutError

    with pytest.raises(TimeoutError):
        make(small=Own(), fallback=True).predict_and_call([TOOL], user_msg=EASY)
    assert (ran, large.calls) == ([1], [])


def test_the_callers_mistake_is_not_tried_again(make: Any, small: FakeLLM, large: FakeLLM) -> None:
    llm = make(fallback=True)
    with pytest.raises(ConfigError):
        llm.complete(EASY, hybrid_router={"threshold": "high"})
    with pytest.raises(TypeError, match="multiple values for argument 'prompt'"):
        llm.complete(EASY, prompt=EASY)
    assert not small.calls + large.calls


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
async def test_what_is_no_failure_of_the_model_ends_the_call(error: Any, make: Any, large: FakeLLM) -> None:
    llm = make(small=FakeLLM(failure=error()), fallback=True)
    with pytest.raises(error):
        llm.chat([user(EASY)])
    with pytest.raises(error):
        next(llm.stream_chat([user(EASY)]))
    assert not large.calls


# until the first token


def chunk(content: str = "", delta: str = "", **more: Any) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role="assistant", content=content, **more), delta=delta)


class Verdict(BaseModel):
    answer: str | None = None


EMPTY = [
    chunk(),
    ChatResponse(message=ChatMessage(role="assistant", content=None), delta=None),
    CompletionResponse(text="", delta=""),
    Verdict(),
    "",
]
BEGUN = [
    chunk(delta="a"),
    chunk("a"),
    chunk(additional_kwargs={"tool_calls": [{"id": "1"}]}),
    ChatResponse(message=ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_name="f", tool_kwargs={})])),
    ChatResponse(message=ChatMessage(role="assistant"), additional_kwargs={"thinking_delta": "hm"}),
    CompletionResponse(text="a", delta=""),
    Verdict(answer="a"),
    "a",
]


def dies_after(parts: list[Any]) -> FakeLLM:
    class Dies(FakeLLM):
        def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
            yield from parts
            raise ConnectionError("cut")

        async def astream_chat(self, messages: Any, **kwargs: Any) -> Any:
            async def gen() -> Any:
                for part in parts:
                    yield part
                raise ConnectionError("cut")

            return gen()

    return Dies()


@pytest.mark.parametrize("part", EMPTY)
async def test_before_the_first_token_large_begins_anew(part: Any, make: Any) -> None:
    llm = make(small=dies_after([part, part]), fallback=True)
    assert "".join(p.delta for p in llm.stream_chat([user(EASY)])) == "large answers"
    assert "".join([p.delta async for p in await llm.astream_chat([user(EASY)])]) == "large answers"


@pytest.mark.parametrize("part", BEGUN)
async def test_after_it_the_error_is_the_callers(part: Any, make: Any, large: FakeLLM) -> None:
    llm = make(small=dies_after([chunk(), part]), fallback=True)
    seen: list[Any] = []
    with pytest.raises(ConnectionError):
        seen.extend(iter(llm.stream_chat([user(EASY)])))
    with pytest.raises(ConnectionError):
        [seen.append(p) async for p in await llm.astream_chat([user(EASY)])]  # type: ignore[func-returns-value]
    assert (len(seen), large.calls) == (4, [])


async def test_parts_that_were_held_back_come_in_their_order(make: Any) -> None:
    class Slow(FakeLLM):
        def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
            return iter([chunk(), chunk(), chunk("a", "a"), chunk("ab", "b")])

    parts = list(make(small=Slow(), fallback=True).stream_chat([user(EASY)]))
    assert [part.delta for part in parts] == ["", "", "a", "b"]
    assert {part.additional_kwargs["hybrid_router"]["model"] for part in parts} == {"small"}


async def test_a_model_that_returns_nothing_is_no_worse_than_alone(make: Any) -> None:
    class Nothing(FakeLLM):
        def chat(self, messages: Any, **kwargs: Any) -> Any:
            return None

        def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
            return None

        async def astream_chat(self, messages: Any, **kwargs: Any) -> Any:
            return None

    llm = make(small=Nothing(), fallback=True)
    assert llm.chat([user(EASY)]) is None
    assert "".join(p.delta for p in llm.stream_chat([user(EASY)])) == "large answers"
    assert "".join([p.delta async for p in await llm.astream_chat([user(EASY)])]) == "large answers"


# a model that keeps failing


def test_a_model_that_keeps_failing_is_left_alone_but_not_against_the_callers_word(make: Any, small: FakeLLM) -> None:
    small.failure = RuntimeError("down")
    llm = make(fallback=True)
    reasons = [llm.complete(EASY).additional_kwargs["hybrid_router"]["reason"] for _ in range(5)]
    assert reasons == ["fallback"] * 3 + ["unavailable"] * 2
    asked = len(small.calls)
    llm.complete(EASY, hybrid_router={"model": "small"})
    assert len(small.calls) == asked + 1


def test_a_call_that_no_model_can_answer_is_not_held_against_the_small_one(make: Any) -> None:
    def refuses(messages: Any, kwargs: Any) -> str:
        if "bad" in str(messages):
            raise ValueError("refused")
        return "fine"

    llm = make(small=FakeLLM(name="small", answer=refuses), large=FakeLLM(answer=refuses), fallback=True)
    for _ in range(5):
        with pytest.raises(ValueError, match="refused"):
            llm.complete("bad")
    assert llm.complete(EASY).additional_kwargs["hybrid_router"]["model"] == "small"


# what is said


def test_one_line_is_logged_without_query_or_key(make: Any, small: FakeLLM, caplog: pytest.LogCaptureFixture) -> None:
    class RateLimitError(Exception):
        status_code = 429
        code = "insufficient_quota"

    small.failure = RateLimitError(f"You asked {EASY!r} with key sk-secret")
    with caplog.at_level(logging.INFO):
        record = make(fallback=True).chat([user(EASY)]).additional_kwargs["hybrid_router"]
    assert record["detail"] == "RateLimitError 429 insufficient_quota"
    assert [r.getMessage() for r in caplog.records] == [
        "the small model failed with RateLimitError 429 insufficient_quota; the large model answers"
    ]
    assert EASY not in caplog.text
    assert "sk-secret" not in caplog.text


def test_the_reason_names_the_cause_and_only_what_looks_like_a_code() -> None:
    class Odd(Exception):
        status_code = "what is it?"
        code = ("a", 1)

    error = Odd("x")
    error.__cause__ = OSError(111, "refused")
    assert reason_of(error) == "Odd from ConnectionRefusedError 111"


def test_models_are_named_when_the_large_one_alone_answers(make: Any, small: FakeLLM, large: FakeLLM) -> None:
    small.failure = RuntimeError("down")
    llm: HybridRouterLLM = make(fallback=True)
    assert llm.complete(EASY).additional_kwargs["hybrid_router"]["model_name"] == "large"
    assert answered(large) == ["large"]
