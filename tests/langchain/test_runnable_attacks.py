"""What was found by attack: one test for each, beside the tests of its kind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGenerationChunk
from langgraph.checkpoint.memory import InMemorySaver

from hybrid_router_core import RoutingDecision
from langchain_hybrid_router import HybridRouterMiddleware, RunnableHybridRouter, routing_decision
from langchain_hybrid_router._turn import kept, written
from tests.langchain.fakes import EASY, HARD, FakeChat, Scores, multiply


def to_small(_: str) -> float:
    return 0.9


class Picky(FakeChat):
    """Refuses an argument, as a provider's client does."""

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        if kwargs.get("top_k"):
            raise TypeError("unexpected keyword argument 'top_k'")
        return super()._generate(messages, stop, run_manager, **kwargs)


def test_mistakes_of_one_caller_do_not_take_small_away_from_others():
    small, large = (Picky(model=name, disable_streaming=True) for name in ("s", "l"))
    model = RunnableHybridRouter(small=small, large=large, router=to_small, fallback=True)
    for _ in range(3):
        with pytest.raises(TypeError):
            model.invoke("q", top_k=3)
    assert routing_decision(model.invoke("an innocent question")).reason == "score"


def test_failures_that_large_mends_do():
    small = FakeChat(model="s", error=ConnectionError("down"), disable_streaming=True)
    model = RunnableHybridRouter(small=small, large=FakeChat(model="l"), router=to_small, fallback=True)
    reasons = [routing_decision(model.invoke("q")).reason for _ in range(4)]
    assert reasons == ["fallback"] * 3 + ["unavailable"]
    streamed = RunnableHybridRouter(small=small, large=FakeChat(model="l"), router=to_small, fallback=True)
    for _ in range(3):
        list(streamed.stream("q"))
    assert routing_decision(streamed.invoke("q")).reason == "unavailable"


class Dying(InMemorySaver):
    """Killed once, between a step's writes and the checkpoint that holds them."""

    dies = False

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        if self.dies and "branch:to:model" in checkpoint["channel_values"]:
            self.dies = False
            raise OSError("killed")
        return super().put(config, checkpoint, metadata, new_versions)


def test_a_turn_that_is_resumed_has_its_own_decision():
    saver, config = Dying(), {"configurable": {"thread_id": "1"}}
    middleware = HybridRouterMiddleware(small=FakeChat(model="s"), large=FakeChat(model="l"), router=Scores())
    agent = create_agent(FakeChat(model="x"), [], middleware=[middleware], checkpointer=saver)
    agent.invoke({"messages": [("human", EASY)]}, config)
    saver.dies = True
    with pytest.raises(OSError, match="killed"):
        agent.invoke({"messages": [("human", HARD)]}, config, durability="sync")
    state = agent.invoke(None, config)
    assert state["messages"][-1].text == f"l: {HARD}"
    assert state["hybrid_router"]["model"] == "large"
    assert set(state["hybrid_router"]) == {"model", "score", "threshold", "reason", "detail"}


def test_the_mark_of_a_record_outlives_json_and_is_not_kept():
    decision = RoutingDecision("large", 0.1, 0.5, "score")
    update = json.loads(json.dumps(written(decision)))
    assert kept({}, update) == decision.to_dict()
    assert kept({"model": "small"}, decision.to_dict()) == {"model": "small"}  # a subagent's
    assert kept({"model": "small"}, None) == {"model": "small"}


def test_tools_from_a_generator_are_bound_to_both():
    model = RunnableHybridRouter(small=FakeChat(model="s"), large=FakeChat(model="l"), router=Scores())
    for question in ("easy", "hard"):
        assert model.bind_tools(tool for tool in [multiply]).invoke(question).tool_calls


PROFILE = {"max_input_tokens": 4000, "tool_calling": True, "image_inputs": True}
CODE = "x = 1\n" * 5000
CALL = {"name": "run", "args": {"code": CODE}, "id": "1", "type": "tool_call"}
BAD_CALL = {"name": "run", "args": CODE, "id": "1", "error": "", "type": "invalid_tool_call"}
IMAGE = {"type": "image", "base64": "eA==", "mime_type": "image/png"}


@pytest.mark.parametrize(
    "messages",
    [
        [AIMessage("I run it", tool_calls=[CALL]), ToolMessage("ok", tool_call_id="1")],
        [AIMessage([{"type": "text", "text": "I run it"}], tool_calls=[CALL]), ToolMessage("ok", tool_call_id="1")],
        [AIMessage([], tool_calls=[CALL]), ToolMessage("ok", tool_call_id="1")],
        [AIMessage("", invalid_tool_calls=[BAD_CALL]), ToolMessage("ok", tool_call_id="1")],
        [AIMessage("", additional_kwargs={"function_call": {"name": "f", "arguments": CODE}})],
        [HumanMessage([{"type": "text", "text": "compare"}, *[IMAGE] * 50])],
    ],
)
def test_all_that_is_sent_is_counted(messages):
    small = FakeChat(model="s", profile=PROFILE)
    model = RunnableHybridRouter(
        small=small, large=FakeChat(model="l", profile={"image_inputs": True}), router=to_small
    )
    decision = routing_decision(model.invoke([HumanMessage("easy"), *messages]))
    assert (decision.model, decision.reason) == ("large", "context_window")


def test_a_spoken_answer_in_the_history_goes_to_large():
    spoken = AIMessage("", additional_kwargs={"audio": {"id": "audio_1", "transcript": "hi"}})
    model = RunnableHybridRouter(small=FakeChat(model="s"), large=FakeChat(model="l"), router=to_small)
    decision = routing_decision(model.invoke([HumanMessage("easy"), spoken, HumanMessage("and now?")]))
    assert (decision.model, decision.reason) == ("large", "capability")


class Other(FakeChat):
    """Of another provider."""


def test_a_providers_own_tool_goes_to_the_large_one_of_the_other():
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 1}
    ours = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    for large, tool, reason in (
        (Other(model="l"), search, "capability"),
        (FakeChat(model="l"), search, "score"),
        (Other(model="l"), ours, "score"),
    ):
        model = RunnableHybridRouter(small=FakeChat(model="s"), large=large, router=to_small)
        assert routing_decision(model.invoke("news?", tools=[tool])).reason == reason


class Begins(FakeChat):
    """Opens a block and fails."""

    first: Any = ""

    def _stream(self, *_: Any, **__: Any) -> Any:
        yield ChatGenerationChunk(message=AIMessageChunk(content=self.first))
        raise ConnectionError("overloaded")


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "", "signature": "", "index": 0},
        {"type": "reasoning", "summary": [], "id": "rs_1", "index": 0},
        {"type": "text", "text": "", "index": 0},
    ],
)
def test_a_block_that_only_begins_is_no_token(block):
    small = Begins(model="s", first=[block])
    model = RunnableHybridRouter(small=small, large=FakeChat(model="l"), router=to_small, fallback=True)
    assert "".join(chunk.text for chunk in model.stream("q")) == "l: q"
