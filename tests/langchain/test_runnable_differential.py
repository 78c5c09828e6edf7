"""The chosen model alone and through the router: all is equal but the record that the router adds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import Generation, LLMResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import InMemoryRateLimiter

from langchain_hybrid_router import HybridRouterMiddleware, RunnableHybridRouter
from tests.langchain.fakes import HARD, FakeChat, multiply, tool_loop

OURS = "hybrid_router"
SCHEMA = {"title": "Answer", "description": "d", "type": "object", "properties": {"x": {"type": "integer"}}}
TALK = [SystemMessage("be brief"), HumanMessage("one"), AIMessage("two"), HumanMessage(HARD)]
CONFIG = {"tags": ["t"], "metadata": {"m": 1}, "run_name": "mine", "run_id": UUID(int=7), "max_concurrency": 2}


def plain(value: Any) -> Any:
    """What is to be equal: without what the router adds, and without names that are drawn by lot."""
    if isinstance(value, BaseMessage):
        return type(value).__name__.lstrip("_").replace("Routed", "AIMessage"), plain(value.model_dump())
    if isinstance(value, (LLMResult, Generation)):
        return plain(value.model_dump(exclude={"run"}))
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if not str(key).startswith(OURS)}
    if isinstance(value, (list, tuple, set)):
        return [plain(each) for each in value if not str(each).startswith(OURS)]
    if isinstance(value, str):
        return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "id", value)
    return "id" if isinstance(value, UUID) and value.int > 9 else value


class Runs(BaseCallbackHandler):
    """Every event of every run."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def _note(self, name: str, value: Any, kwargs: dict[str, Any]) -> None:
        kept = ("run_id", "parent_run_id", "tags", "metadata", "name", "invocation_params", "options", "chunk")
        self.events.append((name, plain(value), plain({key: kwargs[key] for key in kept if key in kwargs})))

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self._note("start", messages, kwargs)

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        self._note("token", token, kwargs)

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self._note("end", response, kwargs)

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self._note("error", repr(error), kwargs)

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self._note("chain", inputs, kwargs)

    def on_chain_end(self, outputs: Any, **kwargs: Any) -> None:
        self._note("chain end", outputs, kwargs)


async def listed(items: Any) -> list[Any]:
    return [item async for item in items]


async def events_of(model: Any, config: Any) -> list[Any]:
    return [plain(dict(event)) async for event in model.astream_events(TALK, config, version="v2")]


def plain_or_text(value: Any) -> Any:
    return repr(value) if isinstance(value, Exception) else value


def chain(model: Any) -> Any:
    return ChatPromptTemplate.from_messages([("human", "{x}")]) | model | StrOutputParser()


WAYS: dict[str, Callable[[Any, Any], Any]] = {
    "invoke": lambda m, c: m.invoke(TALK, c),
    "ainvoke": lambda m, c: asyncio.run(m.ainvoke(TALK, c)),
    "a string": lambda m, c: m.invoke("a question", c),
    "stream": lambda m, c: list(m.stream(TALK, c)),
    "astream": lambda m, c: asyncio.run(listed(m.astream(TALK, c))),
    "batch": lambda m, c: [
        *map(plain_or_text, m.batch([TALK, "two"], {**c, "run_id": None, "max_concurrency": 1}, return_exceptions=True))
    ],
    "abatch": lambda m, c: asyncio.run(m.abatch([TALK], c)),
    "batch as completed": lambda m, c: list(m.batch_as_completed([TALK], c)),
    "events": lambda m, c: asyncio.run(events_of(m, c)),
    "generate": lambda m, c: m.generate([TALK], **{key: value for key, value in c.items() if key != "max_concurrency"}),
    "agenerate": lambda m, c: asyncio.run(m.agenerate([TALK], callbacks=c["callbacks"])),
    "generate_prompt": lambda m, c: m.generate_prompt([ChatPromptTemplate.from_template("q").invoke({})]),
    "stop and arguments": lambda m, c: m.invoke(TALK, c, stop=["x"], seed=3),
    "bind": lambda m, c: m.bind(stop=["y"]).invoke(TALK, c),
    "with_config": lambda m, c: m.with_config(tags=["more"]).invoke(TALK, c),
    "with_retry": lambda m, c: m.with_retry(stop_after_attempt=2, wait_exponential_jitter=False).invoke(TALK, c),
    "with_fallbacks": lambda m, c: m.with_fallbacks([FakeChat(model="spare")]).invoke(TALK, c),
    "tools": lambda m, c: m.bind_tools([multiply], tool_choice="multiply").invoke(TALK, c),
    "streamed tools": lambda m, c: list(m.bind_tools([multiply]).stream(TALK, c)),
    "structured": lambda m, c: m.with_structured_output(SCHEMA).invoke(TALK, {**c, "run_name": None}),
    "structured stream": lambda m, c: list(m.with_structured_output(SCHEMA).stream(TALK, {**c, "run_name": None})),
    "raw": lambda m, c: m.with_structured_output(SCHEMA, include_raw=True).invoke(TALK, {**c, "run_name": None}),
    "chain": lambda m, c: chain(m).invoke({"x": "q"}, c),
    "streamed chain": lambda m, c: list(chain(m).stream({"x": "q"}, c)),
    "closed early": lambda m, c: (lambda s: (next(s), s.close()))(m.stream(TALK, c)),
    "listeners": lambda m, c: m.with_listeners(on_end=lambda run: c["callbacks"][0].events.append(run.name)).invoke(
        TALK, c
    ),
}

MODELS: dict[str, Callable[[], FakeChat]] = {
    "plain": lambda: FakeChat(model="m"),
    "failing": lambda: FakeChat(model="m", error=OSError("down")),
    "dying": lambda: FakeChat(model="m", fails_after=1, error=OSError("cut")),
    "cached": lambda: FakeChat(model="m", cache=InMemoryCache()),
    "limited": lambda: FakeChat(
        model="m", rate_limiter=InMemoryRateLimiter(requests_per_second=1000, check_every_n_seconds=0.001)
    ),
    "not streaming": lambda: FakeChat(model="m", disable_streaming=True),
    "with tags": lambda: FakeChat(model="m", tags=["own"], metadata={"own": 2}, name="Named"),
}


def seen(model: Any, called: FakeChat, way: Callable[[Any, Any], Any]) -> dict[str, Any]:
    """Two calls, so that caches are hit, and all that can be seen of them."""
    found: dict[str, Any] = {"outcome": []}
    runs, usage = Runs(), UsageMetadataCallbackHandler()
    for _ in range(2):
        try:
            found["outcome"].append(plain(way(model, {**CONFIG, "callbacks": [runs, usage]})))
        except Exception as error:  # noqa: PERF203
            found["outcome"].append(repr(error))
    return {**found, "sent": plain(called.calls), "runs": runs.events, "usage": usage.usage_metadata}


@pytest.mark.parametrize("side", ["small", "large"])
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_sent_given_traced_and_raised_is_as_of_the_chosen_model_alone(way, kind, side):
    bare, routed, other = MODELS[kind](), MODELS[kind](), FakeChat(model="other", error=AssertionError("was asked"))
    models = {"small": routed, "large": other} if side == "small" else {"small": other, "large": routed}
    router = RunnableHybridRouter(**models, router=lambda query: 1.0 if side == "small" else 0.0)
    alone, through = seen(bare, bare, WAYS[way]), seen(router, routed, WAYS[way])
    if "structured" in way or way == "raw":  # the model's own chain
        assert {**alone, "runs": len(alone["runs"])} == {**through, "runs": len(through["runs"])}
    else:
        assert alone == through
    assert other.calls == []


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("side", ["small", "large"])
def test_an_agent_does_as_with_the_chosen_model_alone(side, is_async):
    def agent_runs(agent: Any, called: FakeChat) -> Any:
        runs = Runs()
        call = {"input": {"messages": [HumanMessage("6 times 7", id="1")]}, "config": {"callbacks": [runs]}}
        state = asyncio.run(agent.ainvoke(**call)) if is_async else agent.invoke(**call)
        events = [event for event in runs.events if event[0] in ("start", "end", "token")]
        for _, _, kwargs in events:  # the middleware's node is a step before the model's
            for name in ("langgraph_checkpoint_ns", "checkpoint_ns", "langgraph_step", "langgraph_triggers"):
                kwargs.get("metadata", {}).pop(name, None)
        return plain(state["messages"]), plain(called.calls), plain(events)

    bare, routed = (FakeChat(model="m", reply=tool_loop) for _ in range(2))
    other = FakeChat(model="other", error=AssertionError("was asked"))
    models = {"small": routed, "large": other} if side == "small" else {"small": other, "large": routed}
    middleware = HybridRouterMiddleware(**models, router=lambda query: 1.0 if side == "small" else 0.0)
    alone = agent_runs(create_agent(bare, [multiply]), bare)
    assert alone == agent_runs(create_agent(other, [multiply], middleware=[middleware]), routed)


def test_the_comparison_can_fail():
    bare, other = FakeChat(model="m"), FakeChat(model="n")
    assert seen(bare, bare, WAYS["invoke"]) != seen(other, other, WAYS["invoke"])
    assert plain(AIMessageChunk("a")) != plain(AIMessage("a"))
