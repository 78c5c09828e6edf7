"""Points 6, 7 and 8 of the checklist, and that no public method of an LLM is left behind."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import Any

import pytest
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.llms import LLMMetadata
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.core.types import BaseOutputParser, PydanticProgramMode

from llama_index_hybrid_router import HybridRouterLLM, capture_decisions
from tests.llama_index.fakes import (
    EASY,
    HARD,
    CountingRouter,
    FakeLLM,
    PlainLLM,
    answered,
    texts,
    tool_call,
    user,
)


class Verdict(BaseModel):
    answer: str


def search(words: str) -> str:
    """Search."""
    return "found"


TOOL = FunctionTool.from_defaults(search)
PROMPT = PromptTemplate("{query_str}")
ENDPOINTS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "chat": (([user(EASY)],), {}),
    "complete": ((EASY,), {}),
    "predict": ((PROMPT,), {"query_str": EASY}),
    "chat_with_tools": (([TOOL],), {"user_msg": EASY}),
    "structured_predict": ((Verdict, PROMPT), {"query_str": EASY}),
    "predict_and_call": (([TOOL],), {"user_msg": EASY}),
    "stream_chat": (([user(EASY)],), {}),
    "stream_complete": ((EASY,), {}),
    "stream": ((PROMPT,), {"query_str": EASY}),
    "stream_chat_with_tools": (([TOOL],), {"user_msg": EASY}),
    "stream_structured_predict": ((Verdict, PROMPT), {"query_str": EASY}),
}
ALL = [*ENDPOINTS, *(f"a{name}" for name in ENDPOINTS)]


def answer(messages: Any, kwargs: dict[str, Any]) -> Any:
    tools = kwargs.get("tools")
    return (
        tool_call(tools[0], **({"answer": "a"} if tools == ["Verdict"] else {"words": "x"})) if tools else "two words"
    )


async def call(llm: Any, name: str, **more: Any) -> list[Any]:
    """The parts of the answer of any endpoint: one, or those of the stream."""
    args, kwargs = ENDPOINTS[name.removeprefix("a")]
    result = getattr(llm, name)(*args, **{**kwargs, **more})
    if name.startswith("a"):
        result = await result
    if "stream" not in name:
        return [result]
    return [part async for part in result] if name.startswith("a") else list(result)


@pytest.fixture
def pair(small: FakeLLM, large: FakeLLM) -> tuple[FakeLLM, FakeLLM]:
    small.answer = large.answer = answer
    return small, large


def plain(parts: list[Any]) -> list[Any]:
    """The answers without what differs by nature: the tag."""
    dumped = [part.model_dump() if isinstance(part, BaseModel) else part for part in parts]
    for part in dumped:
        if isinstance(part, dict):
            part.pop("additional_kwargs", None)
    return dumped


@pytest.mark.parametrize("name", ALL)
async def test_each_endpoint_answers_as_the_chosen_model_does(
    name: str, llm: HybridRouterLLM, pair: Any, router: CountingRouter
) -> None:
    alone = FakeLLM(name="small", answer=answer)
    expected = await call(alone, name)
    assert plain(await call(llm, name)) == plain(expected)
    assert expected
    assert answered(*pair) == ["small"]
    assert [(m, [texts([x]) for x in messages], kw) for m, messages, kw in pair[0].calls] == [
        (m, [texts([x]) for x in messages], kw) for m, messages, kw in alone.calls
    ]
    assert router.queries == [EASY]


def test_no_public_method_of_a_function_calling_llm_is_left_to_the_base_class() -> None:
    # what concerns the object and not a model's answer
    own = {"class_name", "from_dict", "from_json", "to_dict", "to_json", "to_payload", "dict", "json", "metadata"}
    pydantic = set(dir(BaseModel))
    methods = {
        name
        for name in dir(FunctionCallingLLM)
        if not name.startswith("_") and name not in pydantic and inspect.isfunction(getattr(FunctionCallingLLM, name))
    } - own
    # validators are functions as well
    methods -= {"check_callback_manager", "check_prompts", "set_messages_to_prompt", "set_completion_to_prompt"}
    methods -= {"custom_model_dump"}
    assert {"chat", "astream_structured_predict", "apredict_and_call", "as_structured_llm"} <= methods
    assert [name for name in sorted(methods) if name not in vars(HybridRouterLLM)] == []


@pytest.mark.parametrize("name", ALL)
def test_each_endpoint_keeps_the_signature_of_the_base_class(name: str) -> None:
    ours, base = getattr(HybridRouterLLM, name), getattr(FunctionCallingLLM, name)
    assert inspect.signature(ours) == inspect.signature(base)
    assert inspect.iscoroutinefunction(ours) == name.startswith("a")


def test_converting_messages_is_done_by_the_chosen_model_and_reported_by_nobody(make: Any) -> None:
    class Converts(FakeLLM):
        def convert_chat_messages(self, messages: Any) -> list[Any]:
            return [self.name]

    llm = make(small=Converts(name="small"), large=Converts(name="large"))
    with capture_decisions() as decisions:
        assert [llm.convert_chat_messages([user(question)]) for question in (EASY, HARD)] == [["small"], ["large"]]
    assert decisions == []


# the arguments


@pytest.mark.parametrize("name", ["chat_with_tools", "achat_with_tools", "stream_chat_with_tools", "predict_and_call"])
async def test_the_history_of_the_caller_is_not_changed(name: str, llm: HybridRouterLLM, pair: Any) -> None:
    history = [user("before")]
    await call(llm, name, chat_history=history)
    assert [m.content for m in history] == ["before"]
    assert [m.content for m in pair[0].calls[0][1]] == ["before", EASY]


async def test_the_llm_kwargs_of_the_caller_are_not_changed(make: Any) -> None:
    class Adds(FakeLLM):
        def structured_predict(self, output_cls: Any, prompt: Any, llm_kwargs: Any = None, **kwargs: Any) -> Any:
            llm_kwargs["tool_choice"] = "required"
            return output_cls(answer=str(llm_kwargs))

    given = {"seed": 1}
    assert "required" in make(small=Adds()).structured_predict(Verdict, PROMPT, given, query_str=EASY).answer
    assert given == {"seed": 1}


def test_the_prompt_of_the_caller_is_not_changed(make: Any, pair: Any) -> None:
    prompt = PromptTemplate("{query_str}")
    llm = make(small=PlainLLM(name="small", answer=lambda prompt: '{"answer": "a"}'))
    assert llm.structured_predict(Verdict, prompt, query_str=EASY).answer == "a"
    assert prompt.output_parser is None


async def test_extra_keywords_reach_the_model(llm: HybridRouterLLM, pair: Any) -> None:
    for name in ("chat", "acomplete", "stream_chat", "astream_chat_with_tools"):
        await call(llm, name, temperature=0.7)
    assert [kwargs["temperature"] for _, _, kwargs in pair[0].calls] == [0.7] * 4


# fallback


@pytest.mark.parametrize("name", ALL)
async def test_the_large_model_answers_when_the_small_one_fails(name: str, make: Any, pair: Any) -> None:
    small, large = pair
    small.failure = RuntimeError("down")
    with pytest.raises(RuntimeError, match="down"):
        await call(make(), name)
    with capture_decisions() as decisions:
        parts = await call(make(fallback=True), name)
    assert plain(parts) == plain(await call(FakeLLM(name="large", answer=answer), name))
    assert [(d.model, d.reason, d.detail) for d in decisions] == [
        ("small", "score", ""),
        ("large", "fallback", "RuntimeError"),
    ]
    assert decisions[1].score == decisions[0].score
    tags = [part.additional_kwargs["hybrid_router"] for part in parts if hasattr(part, "additional_kwargs")]
    assert {(tag["model"], tag["reason"]) for tag in tags} <= {("large", "fallback")}
    assert [m.content for m in large.calls[0][1]].count(EASY) == 1  # the question is not said twice


@pytest.mark.parametrize("name", ["stream_chat", "astream_chat", "stream_complete", "astream", "stream"])
async def test_after_the_first_part_of_a_stream_the_error_is_raised(name: str, make: Any, pair: Any) -> None:
    small, large = pair
    small.failure, small.fail_after = RuntimeError("cut"), 1
    seen = []
    with pytest.raises(RuntimeError, match="cut"):  # noqa: PT012
        args, kwargs = ENDPOINTS[name.removeprefix("a")]
        if name.startswith("a"):
            async for part in await getattr(make(fallback=True), name)(*args, **kwargs):
                seen += [part]
        else:
            for part in getattr(make(fallback=True), name)(*args, **kwargs):
                seen += [part]
    assert len(seen) == 1
    assert not large.calls


async def test_there_is_no_fallback_from_large_nor_to_a_model_that_cannot(make: Any, pair: Any) -> None:
    small, large = pair
    small.failure = large.failure = RuntimeError("down")
    with capture_decisions() as decisions, pytest.raises(RuntimeError, match="down"):
        make(fallback=True).complete(HARD)
    with pytest.raises(RuntimeError, match="down"):
        make(fallback=True, large=PlainLLM()).chat_with_tools([TOOL], user_msg=EASY)
    assert len(decisions) == 1


async def test_a_cancelled_call_does_not_fall_back(make: Any, pair: Any) -> None:
    small, large = pair
    small.delay = 10
    task = asyncio.create_task(make(fallback=True).achat([user(EASY)]))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not large.calls


# mixed pairs, prompts of the router and of its models


@pytest.mark.parametrize("name", [name for name in ALL if "tools" not in name and "stream_structured" not in name])
@pytest.mark.parametrize("question", [EASY, HARD])
async def test_a_completion_model_and_a_chat_model_make_a_pair(name: str, question: str, router: Any) -> None:
    def text(prompt: str) -> str:
        if "Verdict" in prompt or '"answer"' in prompt:
            return '{"answer": "a"}'
        return "Thought: x\nAnswer: a"

    small, large = PlainLLM(name="small", answer=text), FakeLLM(name="large", answer=answer)
    llm = HybridRouterLLM(small=small, large=large, router=router)
    assert (llm.metadata.is_chat_model, llm.metadata.is_function_calling_model) == (True, False)
    more = {"hybrid_router": {"query": question}}
    assert await call(llm, name, **more)
    expected = "large" if question == HARD or "call" in name else "small"
    assert answered(small, large) == [expected]


class Shout(BaseOutputParser):
    def parse(self, output: str) -> str:
        return output.upper()

    def format(self, query: str) -> str:
        return f"{query} Loudly."


@pytest.mark.parametrize("chats", [True, False])
@pytest.mark.parametrize("name", ["predict", "apredict", "stream", "astream"])
async def test_the_system_prompts_of_the_router_and_of_its_model_are_both_used(
    name: str, chats: bool, make: Any, pair: Any, router: CountingRouter
) -> None:
    small, _ = pair
    small.chats, small.system_prompt = chats, "Child."
    await call(make(), name)
    await call(make(system_prompt="Router."), name)
    alone, both = (texts(messages) for _, messages, _ in small.calls)
    assert ("Child." in alone, "Router." in alone) == (True, False)
    assert [said for said in ("Child.", "Router.", EASY) if said not in both] == []
    assert router.queries == [EASY, EASY]


async def test_the_output_parser_of_the_router_or_else_of_its_model_is_used(make: Any, pair: Any) -> None:
    small, _ = pair
    small.output_parser = Shout()
    assert (await call(make(), "predict")) == ["TWO WORDS"]
    assert (await call(make(system_prompt="Router."), "apredict")) == ["TWO WORDS"]
    small.output_parser = None
    assert (await call(make(output_parser=Shout()), "predict")) == ["TWO WORDS"]
    assert texts(small.calls[-1][1]).endswith("Loudly.")


async def test_a_system_prompt_and_a_program_mode_of_the_router_shape_structured_output(make: Any, pair: Any) -> None:
    small, _ = pair
    llm = make(system_prompt="Router.")
    assert (await call(llm, "structured_predict"))[0].answer == "a"
    assert "Router." in texts(small.calls[-1][1])
    small.answer = lambda messages, kwargs: '{"answer": "as text"}'
    llm = make(pydantic_program_mode=PydanticProgramMode.LLM)
    assert (await call(llm, "astructured_predict"))[0].answer == "as text"
    assert "tools" not in small.calls[-1][2]


async def test_a_call_formatted_by_the_router_is_decided_and_reported_once(make: Any, pair: Any, router: Any) -> None:
    with capture_decisions() as decisions:
        await call(make(system_prompt="Router."), "predict")
    assert (len(decisions), router.queries, len(pair[0].calls)) == (1, [EASY], 1)
    pair[0].failure = RuntimeError("down")
    with capture_decisions() as decisions:
        assert await call(make(system_prompt="Router.", fallback=True), "predict") == ["two words"]
        assert "".join(await call(make(system_prompt="Router.", fallback=True), "astream")) == "two words"
    assert [d.reason for d in decisions] == ["score", "fallback"] * 2


@pytest.mark.skipif("rate_limiter" not in FunctionCallingLLM.model_fields, reason="this LlamaIndex has no limiters")
async def test_the_rate_limiter_of_the_router_is_asked_once_a_call(make: Any, pair: Any) -> None:
    class Limiter:
        def __init__(self) -> None:
            self.asked = 0

        def acquire(self, num_tokens: int = 0) -> None:
            self.asked += 1

        async def async_acquire(self, num_tokens: int = 0) -> None:
            self.asked += 1

    for settings in ({}, {"system_prompt": "Router."}):
        limiter = Limiter()
        llm = make(rate_limiter=limiter, **settings)
        for name in ("chat", "apredict", "stream", "astream_structured_predict"):
            await call(llm, name)
        assert limiter.asked == 4


# metadata and windows


def test_metadata_promises_what_both_models_keep(make: Any) -> None:
    metadata = make(
        small=FakeLLM(name="s", window=4096, num_output=256, chats=False, calls_functions=False),
        large=FakeLLM(name="l", window=128_000, num_output=16_384),
    ).metadata
    assert metadata == LLMMetadata(
        context_window=4096,
        num_output=256,
        is_chat_model=True,
        is_function_calling_model=False,
        model_name="hybrid(s|l)",
    )


@pytest.mark.parametrize(
    ("small", "large"), [((4096, 256), (128_000, 16_384)), ((4096, 256), (8192, 8000)), ((4096, -1), (4096, 512))]
)
def test_the_room_for_a_prompt_fits_both_models(small: Any, large: Any, make: Any) -> None:
    models = [FakeLLM(window=w, num_output=n) for w, n in (small, large)]
    metadata = make(small=models[0], large=models[1]).metadata
    assert metadata.context_window - metadata.num_output == min(small[0] - small[1], large[0] - large[1])
    assert metadata.context_window <= 4096
    PromptHelper.from_llm_metadata(metadata).repack(PROMPT, ["text"])  # raises when there is no room


def test_with_the_smaller_window_no_prompt_overflows_the_small_model(make: Any, pair: Any) -> None:
    from llama_index.core import SummaryIndex
    from llama_index.core.schema import TextNode
    from llama_index.core.utils import get_tokenizer

    small, large = pair
    small.window, large.window = 1200, 100_000
    index = SummaryIndex([TextNode(text="blue sky " * 1500)])
    index.as_query_engine(llm=make()).query(EASY)
    assert len(small.calls) > 2
    assert max(len(get_tokenizer()(texts(messages))) for _, messages, _ in small.calls) <= 1200 - small.num_output


@pytest.mark.parametrize("name", ["chat", "apredict", "complete", "achat_with_tools", "structured_predict"])
async def test_with_the_larger_window_long_calls_go_to_large(name: str, make: Any, pair: Any, router: Any) -> None:
    small, large = pair
    small.window, large.window = 4096, 100_000
    llm = make(context_window="large")
    assert llm.metadata.context_window == 100_000
    await call(llm, name)
    assert (answered(small, large), router.queries) == (["small"], [EASY])
    long = "blue sky " * 4000
    where = {
        "chat": {"messages": [user(long)]},
        "complete": {"prompt": long},
        "achat_with_tools": {"chat_history": [user(long)]},
    }.get(name, {"prompt": PromptTemplate(long + "{query_str}")})
    args, kwargs = ENDPOINTS[name.removeprefix("a")]
    positional = {"chat": (), "complete": (), "apredict": (), "structured_predict": args[:1]}.get(name, args)
    with capture_decisions() as decisions:
        result = getattr(llm, name)(*positional, **{**kwargs, **where})
        await result if name.startswith("a") else None
    assert [(d.model, d.reason, d.score) for d in decisions] == [("large", "context_window", None)]


def test_a_long_call_that_fits_is_routed_as_ever(make: Any, pair: Any, router: CountingRouter) -> None:
    pair[0].window = 4096
    text = "sky " * 3000  # 12,000 bytes, but 3,000 tokens
    make(context_window="large").complete(text)
    assert router.queries == [text]


# errors at the start


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"small": "gpt-4o-mini"}, "small is a str; allowed: a LlamaIndex LLM"),
        ({"router": 3}, "router is a int; allowed: a HybridRouter"),
        ({"router": "no/such/folder"}, "the folder does not exist"),
        ({"threshold": 1.5}, "less than or equal to 1"),
        ({"context_window": "max"}, "'min' or 'large'"),
        ({"is_function_calling": "some"}, "'all' or 'any'"),
        ({"on_router_error": "small"}, "'large' or 'raise'"),
        ({"treshold": 0.5}, "treshold"),
        ({"messages_to_prompt": str}, "messages_to_prompt has no effect on a router; set it on the small"),
    ],
)
def test_a_wrong_setting_is_refused_when_the_llm_is_made(settings: dict[str, Any], message: str, make: Any) -> None:
    with pytest.raises(ValueError, match=message):
        make(**settings)


def test_a_failing_router_sends_to_large_or_raises_as_set(make: Any, pair: Any) -> None:
    def broken(query: str) -> float:
        raise RuntimeError("no scores today")

    record = make(router=broken).chat([user(EASY)]).additional_kwargs["hybrid_router"]
    assert (record["model"], record["reason"]) == ("large", "router_error")
    with pytest.raises(RuntimeError, match="no scores today"):
        make(router=broken, on_router_error="raise").chat([user(EASY)])


async def test_the_threshold_may_be_changed_while_running(make: Any, pair: Any) -> None:
    llm = make()
    assert llm.chat([user(EASY)]).additional_kwargs["hybrid_router"]["model"] == "small"
    llm.threshold = 1.0
    assert llm.chat([user(EASY)]).additional_kwargs["hybrid_router"]["model"] == "large"
    assert (await llm.achat([user(EASY)])).additional_kwargs["hybrid_router"]["threshold"] == 1.0
    llm.threshold = None
    assert llm.chat([user(EASY)]).additional_kwargs["hybrid_router"]["threshold"] == 0.5


# concurrency


async def test_a_slow_router_does_not_block_the_event_loop(make: Any, pair: Any) -> None:
    def slow(query: str) -> float:
        time.sleep(0.1)
        return 0.9

    llm = make(router=slow)
    beats = 0

    async def heart() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.005)
            beats += 1

    beating = asyncio.create_task(heart())
    started = time.perf_counter()
    await asyncio.gather(*(llm.achat([user(f"{EASY} {i}")]) for i in range(4)))
    elapsed = time.perf_counter() - started
    beating.cancel()
    assert elapsed < 0.3
    assert beats > 5


class Slow(CountingRouter):
    def score(self, queries: Any) -> Any:
        if queries:
            time.sleep(0.1)
        return super().score(queries)


async def test_a_cancelled_caller_does_not_take_the_decision_from_the_others(make: Any, pair: Any) -> None:
    slow = Slow()
    llm = make(router=slow)
    first, second = (asyncio.create_task(llm.achat([user(EASY)])) for _ in range(2))
    await asyncio.sleep(0.03)
    first.cancel()
    assert (await second).message.content == "two words"
    assert slow.queries == [EASY]


async def test_a_router_that_fails_is_asked_again(make: Any, pair: Any) -> None:
    class Flaky(CountingRouter):
        def score(self, queries: Any) -> Any:
            scores = super().score(queries)
            if len(self.queries) == 1:
                raise RuntimeError("not yet")
            return scores

    flaky = Flaky()
    llm = make(router=flaky)
    models = [(await llm.achat([user(EASY)])).additional_kwargs["hybrid_router"]["model"] for _ in range(3)]
    assert (models, len(flaky.queries)) == (["large", "small", "small"], 2)
