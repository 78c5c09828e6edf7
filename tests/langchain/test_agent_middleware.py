"""HybridRouterMiddleware, and the router itself, in LangChain's agents."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    ModelFallbackMiddleware,
    ModelRequest,
    ModelResponse,
)
from langchain.agents.structured_output import ToolStrategy
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel

from hybrid_router_core import ConfigError, RoutingDecision
from langchain_hybrid_router import HybridRouterMiddleware, RunnableHybridRouter, routing_decision
from tests.langchain.fakes import EASY, HARD, FakeChat, Recorder, Scores, multiply, tool_loop

# LangGraph on Python 3.10 does not carry callbacks and config into async nodes, whatever the model or the middleware.
ASYNC_LOSES_CONFIG = sys.version_info < (3, 11)


@pytest.fixture
def small() -> FakeChat:
    return FakeChat(model="small-model", reply=tool_loop)


@pytest.fixture
def large() -> FakeChat:
    return FakeChat(model="large-model", reply=tool_loop)


@pytest.fixture
def middleware(small: FakeChat, large: FakeChat, scores: Scores) -> Callable[..., HybridRouterMiddleware]:
    def make(**settings: Any) -> HybridRouterMiddleware:
        return HybridRouterMiddleware(**{"small": small, "large": large, "router": scores, **settings})

    return make


@pytest.fixture
def agent_of(large: FakeChat, middleware: Callable[..., HybridRouterMiddleware]) -> Callable[..., Any]:
    def make(*others: Any, first: Any = None, tools: Any = (multiply,), **settings: Any) -> Any:
        unused = FakeChat(model="never called", error=AssertionError("the agent's own model was called"))
        return create_agent(unused, list(tools), middleware=[first or middleware(), *others], **settings)

    return make


def ask(text):
    return {"messages": [HumanMessage(text)]}


def answers(state):
    return [routing_decision(each).model for each in state["messages"] if isinstance(each, AIMessage)]


def run(agent, inputs, *, is_async, **kwargs):
    return asyncio.run(agent.ainvoke(inputs, **kwargs)) if is_async else agent.invoke(inputs, **kwargs)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(("text", "model"), [("easy", "small"), ("hard", "large")])
def test_one_decision_per_turn_holds_through_the_whole_tool_loop(agent_of, scores, text, model, is_async):
    usage, recorder = UsageMetadataCallbackHandler(), Recorder()
    state = run(agent_of(), ask(text), is_async=is_async, config={"callbacks": [usage, recorder]})
    assert state["messages"][-1].text == "result 42"
    assert answers(state) == [model] * 3
    assert scores.queries == [text]
    assert state["hybrid_router"] == RoutingDecision(model, 0.9 if model == "small" else 0.1, 0.5).to_dict()
    if is_async and ASYNC_LOSES_CONFIG:
        return
    assert {name: used["total_tokens"] for name, used in usage.usage_metadata.items()} == {f"{model}-model": 45}
    assert [start["metadata"]["hybrid_router_model"] for start in recorder.starts] == [model] * 3
    assert all(f"hybrid_router:{model}" in start["tags"] for start in recorder.starts)


def test_each_turn_of_a_thread_is_decided_anew_and_overwrites_the_record(agent_of, scores):
    agent = agent_of(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    agent.invoke(ask(HARD), config)
    state = agent.invoke(ask(EASY), config)
    assert answers(state) == ["large"] * 3 + ["small"] * 3
    assert state["hybrid_router"]["model"] == "small"
    assert scores.queries == [HARD, EASY]


def test_with_sticky_a_thread_stays_with_the_model_that_it_started_with(agent_of, middleware):
    agent = agent_of(first=middleware(sticky=True), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    agent.invoke(ask("hard"), config)
    state = agent.invoke(ask("easy ok"), config)
    assert answers(state) == ["large"] * 6
    assert state["hybrid_router"]["reason"] == "sticky"


@pytest.mark.parametrize("is_async", [False, True])
def test_the_decision_survives_an_interrupt_for_a_human_and_a_resume_in_another_process(
    agent_of, middleware, scores, is_async
):
    if is_async and ASYNC_LOSES_CONFIG:
        pytest.skip("LangGraph on Python 3.10 has no interrupts in async nodes")
    saver = InMemorySaver()
    config = {"configurable": {"thread_id": "1"}}
    human = HumanInTheLoopMiddleware(interrupt_on={"multiply": {"allowed_decisions": ["approve", "reject"]}})
    paused = run(agent_of(human, checkpointer=saver), ask("easy"), is_async=is_async, config=config)
    assert "__interrupt__" in paused
    other = agent_of(human, first=middleware(router=lambda query: 0.0), checkpointer=saver)
    for _ in range(2):
        approve = Command(resume={"decisions": [{"type": "approve"}]})
        state = run(other, approve, is_async=is_async, config=config)
    assert state["messages"][-1].text == "result 42"
    assert answers(state) == ["small"] * 3
    assert scores.queries == ["easy"]


@dataclass
class Context:
    hybrid_router_model: str | None = None
    hybrid_router_threshold: float | None = None


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("call", "model"),
    [
        ({"context": Context(hybrid_router_model="small")}, "small"),
        ({"context": Context(hybrid_router_threshold=0.0)}, "small"),
        ({"context": Context(hybrid_router_threshold=0.5)}, "large"),
        ({"context": Context()}, "large"),
        ({"context": {"hybrid_router_model": "small"}}, "small"),
        ({"config": {"configurable": {"hybrid_router_model": "small"}}}, "small"),
        ({"config": {"configurable": {"hybrid_router_threshold": 0.0}}}, "small"),
    ],
)
def test_the_runtime_context_and_the_config_override_the_decision_of_a_run(agent_of, call, model, is_async):
    if is_async and "config" in call and ASYNC_LOSES_CONFIG:
        pytest.skip("LangGraph on Python 3.10 does not carry the config into async code; the context is for that")
    agent = agent_of(context_schema=Context if isinstance(call.get("context"), Context) else None)
    assert answers(run(agent, ask("hard"), is_async=is_async, **call)) == [model] * 3


def test_an_override_that_is_no_model_raises(agent_of):
    with pytest.raises(ConfigError, match="'medium'"):
        agent_of().invoke(ask("hard"), context={"hybrid_router_model": "medium"})


def test_before_model_fallback_middleware_the_record_is_only_on_the_routed_models_answers(agent_of, middleware, large):
    broken = middleware(small=FakeChat(model="s", error=OSError("down")))
    spare = FakeChat(model="spare", reply=tool_loop)
    state = agent_of(ModelFallbackMiddleware(spare), first=broken).invoke(ask("easy"))
    assert state["messages"][-1].text == "result 42"
    assert [routing_decision(each) for each in state["messages"] if isinstance(each, AIMessage)] == [None] * 3
    assert len(spare.calls) == 3


def test_behind_model_fallback_middleware_each_fallback_is_routed_again_so_it_belongs_before_it(middleware):
    spare = FakeChat(model="spare", reply=tool_loop)
    broken = middleware(small=FakeChat(model="s", error=OSError("down")))
    agent = create_agent(spare, [multiply], middleware=[ModelFallbackMiddleware(spare), broken])
    with pytest.raises(OSError, match="down"):
        agent.invoke(ask("easy"))


def test_the_middlewares_own_fallback_answers_and_the_record_says_so(agent_of, middleware):
    state = agent_of(first=middleware(small=FakeChat(model="s", error=OSError("down")), fallback=True)).invoke(
        ask("easy")
    )
    found = [routing_decision(each) for each in state["messages"] if isinstance(each, AIMessage)]
    assert [(each.model, each.reason) for each in found] == [("large", "fallback")] * 3


def test_a_call_that_small_cannot_take_goes_to_large_in_the_middle_of_a_turn(agent_of, middleware):
    @tool
    def look() -> list[dict[str, str]]:
        """Look."""
        return [{"type": "image", "url": "https://example.com/cat.png"}]

    def looks(messages):
        if isinstance(messages[-1], ToolMessage):
            return AIMessage("a cat")
        return AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "1", "type": "tool_call"}])

    first = middleware(small=FakeChat(model="s", reply=looks), large=FakeChat(model="l", reply=looks))
    state = agent_of(first=first, tools=[look]).invoke(ask("easy"))
    assert answers(state) == ["small", "large"]
    assert routing_decision(state["messages"][-1]).reason == "capability"
    assert state["hybrid_router"]["model"] == "small"


def test_small_without_tools_leaves_the_agent_to_large(agent_of, middleware):
    first = middleware(small=FakeChat(model="s", can_bind=False))
    assert answers(agent_of(first=first).invoke(ask("easy"))) == ["large"] * 3


def test_tools_are_bound_by_the_agent_after_the_choice_and_bare_models_stay_bare(agent_of, small):
    agent_of().invoke(ask("easy"))
    assert [each["function"]["name"] for each in small.calls[0]["tools"]] == ["multiply"]
    small.invoke("x")
    assert "tools" not in small.calls[-1]


def test_the_model_that_the_agent_sees_has_the_profile_of_the_chosen_one(agent_of, middleware):
    seen = []

    class Probe(AgentMiddleware):
        def wrap_model_call(self, request, handler):
            seen.append(request.model.profile)
            return handler(request)

    profiles = {"small": {"tool_calling": True, "structured_output": True}, "large": {"tool_calling": True}}
    models = {side: FakeChat(model=side, reply=tool_loop, profile=profile) for side, profile in profiles.items()}
    agent = agent_of(Probe(), first=middleware(**models))
    for text in ("easy", "hard"):
        agent.invoke(ask(text))
    assert seen == [profiles["small"]] * 3 + [profiles["large"]] * 3


class Weather(BaseModel):
    """The weather."""

    degrees: int


def test_structured_output_of_an_agent_works_with_the_middleware_and_with_the_router_as_the_model(
    agent_of, middleware, scores
):
    models = {"small": FakeChat(model="s"), "large": FakeChat(model="l")}
    with_middleware = agent_of(first=middleware(**models), tools=[], response_format=ToolStrategy(Weather))
    with_router = create_agent(RunnableHybridRouter(**models, router=scores), [], response_format=Weather)
    for agent in (with_middleware, with_router):
        state = agent.invoke(ask("easy"))
        assert state["structured_response"] == Weather(degrees=3)
        assert answers(state) == ["small"]


def test_streamed_messages_of_an_agent_are_not_duplicated_and_name_the_model(agent_of):
    usage = UsageMetadataCallbackHandler()
    parts = list(agent_of().stream(ask("easy"), {"callbacks": [usage]}, stream_mode="messages"))
    chunks = [(each, metadata) for each, metadata in parts if isinstance(each, AIMessageChunk)]
    assert "".join(each.text for each, _ in chunks) == "result 42"
    assert {metadata["hybrid_router_model"] for _, metadata in chunks} == {"small"}
    assert usage.usage_metadata["small-model"]["total_tokens"] == 45


def test_the_router_itself_is_the_model_of_an_agent(make, small, large):
    usage = UsageMetadataCallbackHandler()
    agent = create_agent(make(), [multiply])
    state = agent.invoke(ask("easy"), {"callbacks": [usage]})
    assert state["messages"][-1].text == "result 42"
    assert answers(state) == ["small"] * 3
    assert usage.usage_metadata["small-model"]["total_tokens"] == 45


async def test_event_streams_of_version_3_work_on_agents_and_on_the_router_with_tools(make, agent_of):
    for agent in (create_agent(make(), [multiply]), agent_of()):
        run = await agent.astream_events(ask("easy"), version="v3")
        texts = [await message.text async for message in run.messages]
        assert texts[-1] == "result 42"
        state = await run.output()
        assert answers(state) == ["small"] * 3
    stream = make().bind_tools([multiply]).stream_events("easy", version="v3")
    assert stream.output.tool_calls[0]["name"] == "multiply"
    assert routing_decision(stream.output).model == "small"


@pytest.mark.parametrize("record", [{}, None, {"model": "medium"}])
def test_a_state_without_a_sound_decision_is_routed_call_by_call(middleware, large, record):
    request = ModelRequest(model=large, messages=[HumanMessage("easy")], state={"hybrid_router": record})
    answer = middleware().wrap_model_call(request, lambda asked: ModelResponse([asked.model.invoke(asked.messages)]))
    assert routing_decision(answer.result[0]).model == "small"


@pytest.mark.parametrize("missing", ["langchain", "langgraph"])
def test_without_langchain_the_router_works_and_the_middleware_names_the_pip_command(missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import langchain_hybrid_router as package\n"
        "package.RunnableHybridRouter\n"
        "try:\n    package.HybridRouterMiddleware\nexcept ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = "langchain is not installed. Install it with: pip install 'hybrid-llm-router[langchain]'"
    assert done.stdout.strip() == expected
