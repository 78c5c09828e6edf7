"""Within a turn: the chosen model itself is seen, the decision is the agent's own, and a failure moves it to large."""

from __future__ import annotations

import asyncio
import copy
import gc
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRetryMiddleware
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import Field, PrivateAttr

from langchain_hybrid_router import HybridRouterMiddleware, RunnableHybridRouter, routing_decision
from tests.langchain.fakes import EASY, EASY_TOO, FakeChat, Recorder, Scores, multiply, tool_loop


class House(FakeChat):
    """Of one provider."""

    @property
    def _llm_type(self) -> str:
        return "house"

    def _get_ls_params(self, stop: Any = None, **kwargs: Any) -> Any:
        return {"ls_provider": "house", "ls_model_name": self.model, "ls_model_type": "chat"}


class Claude(FakeChat):
    """Of another, with marks for its cache."""

    @property
    def _llm_type(self) -> str:
        return "anthropic-chat"


class Seen(AgentMiddleware):
    """Keeps the models that it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.models: list[Any] = []

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        self.models.append(request.model)
        return handler(request)


class Outer(AgentMiddleware):
    """Sets what the agent's own model takes, as Anthropic's caching does."""

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        mark = {"cache_control": {"type": "ephemeral"}}
        system = SystemMessage([{"type": "text", "text": "be brief", **mark}])
        marked = [each.model_copy(update={"extras": mark}) for each in request.tools]
        settings = {**request.model_settings, **mark, "temperature": 0}
        return handler(request.override(system_message=system, tools=marked, model_settings=settings))


def ask(text: str) -> dict[str, Any]:
    return {"messages": [HumanMessage(text)]}


def middleware_of(**settings: Any) -> HybridRouterMiddleware:
    models = {"small": FakeChat(model="small", reply=tool_loop), "large": FakeChat(model="large", reply=tool_loop)}
    return HybridRouterMiddleware(**{**models, "router": Scores(), **settings})


def agent_with(*middleware: Any, **settings: Any) -> Any:
    unused = FakeChat(model="never called", error=AssertionError("the agent's own model was called"))
    return create_agent(settings.pop("model", unused), [multiply], middleware=list(middleware), **settings)


def run(agent: Any, text: str, *, is_async: bool = False, **call: Any) -> Any:
    return asyncio.run(agent.ainvoke(ask(text), **call)) if is_async else agent.invoke(ask(text), **call)


def answers(state: Any) -> list[tuple[str, str]]:
    found = [routing_decision(each) for each in state["messages"] if isinstance(each, AIMessage)]
    return [(each.model, each.reason) for each in found if each is not None]


def test_within_a_turn_others_see_the_chosen_model_itself():
    small, large, seen = House(model="s", reply=tool_loop), Claude(model="l", reply=tool_loop), Seen()
    agent = agent_with(middleware_of(small=small, large=large), seen)
    for text, model in (("easy", small), ("hard", large)):
        seen.models.clear()
        run(agent, text)
        for found in seen.models:
            assert isinstance(found, type(model))
            assert found.__class__ is type(model)
            assert type(found).__name__ == type(model).__name__
            assert (found._llm_type, found.model, found.profile) == (model._llm_type, model.model, model.profile)
            assert found._get_ls_params() == model._get_ls_params()
            assert found._get_llm_string() == model._get_llm_string()
            assert found == model
            assert copy.deepcopy(found) == model


@pytest.mark.parametrize(
    "wrap", [lambda m: m.bind(stop=["x"]), lambda m: m.with_retry(), lambda m: m.with_config(tags=["t"])]
)
def test_bindings_and_retries_as_models_answer_for_what_they_hold(wrap):
    seen = Seen()
    agent = agent_with(middleware_of(small=wrap(House(model="s", reply=tool_loop))), seen)
    assert answers(run(agent, "easy")) == [("small", "score")] * 3
    assert {(found._llm_type, found._get_ls_params()["ls_provider"]) for found in seen.models} == {("house", "house")}


def test_a_copy_that_another_middleware_makes_of_the_model_is_called():
    class Renamed(AgentMiddleware):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            return handler(request.override(model=request.model.model_copy(update={"model": "renamed"})))

    state = run(agent_with(middleware_of(), Renamed()), "easy")
    assert {each.response_metadata["model_name"] for each in state["messages"] if isinstance(each, AIMessage)} == {
        "renamed"
    }
    assert answers(state) == [("small", "score")] * 3


def test_what_middleware_set_for_the_agents_own_model_does_not_reach_another_provider(caplog):
    small, large = House(model="s", reply=tool_loop), Claude(model="l", reply=tool_loop)
    agent = agent_with(Outer(), middleware_of(small=small, large=large), model=large)
    run(agent, "easy")
    assert "cache_control" not in str(small.calls)
    assert "put HybridRouterMiddleware first" in caplog.text
    assert {call["temperature"] for call in small.calls} == {0}
    run(agent, "hard")
    assert all("cache_control" in call for call in large.calls)
    assert all("cache_control" in str(call["messages"][0]) for call in large.calls)


def test_a_model_that_counts_on_itself_counts_in_agents_too_and_is_not_closed():
    class Counting(FakeChat):
        count: int = 0
        _private: int = PrivateAttr(default=0)
        closed: list[int] = Field(default_factory=list)

        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            self.count += 1
            self._private += 1
            return super()._generate(*args, **kwargs)

        def __del__(self) -> None:
            self.closed.append(1)

    small = Counting(model="s", reply=tool_loop)
    run(agent_with(middleware_of(small=small)), "easy")
    gc.collect()
    assert (small.count, small._private, small.closed) == (3, 3, [])


def test_the_cache_of_the_chosen_model_is_shared_with_the_bare_one():
    small = FakeChat(model="s", cache=InMemoryCache())
    agent = create_agent(FakeChat(model="unused"), [], middleware=[middleware_of(small=small)])
    run(agent, "easy")
    state = run(agent, "easy")
    assert len(small.calls) <= 2
    assert answers(state) == [("small", "score")]
    assert routing_decision(small.invoke([HumanMessage("easy")])) is None


def test_the_runs_of_an_agent_end_with_the_record():
    recorder = Recorder()
    run(agent_with(middleware_of()), "easy", config={"callbacks": [recorder]})
    ends = [routing_decision(response.generations[0][0].message).model for response in recorder.ended]
    assert ends == ["small"] * 3


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: m.bind(stop=["x"])])
def test_after_a_fallback_the_turn_stays_on_large_and_its_record_says_so(is_async, wrap):
    small = FakeChat(model="s", error=OSError("down"))
    state = run(agent_with(middleware_of(small=wrap(small), fallback=True)), "easy", is_async=is_async)
    assert answers(state) == [("large", "fallback")] * 3
    assert len(small.calls) == 1
    assert (state["hybrid_router"]["model"], state["hybrid_router"]["detail"]) == ("large", "OSError")


def test_the_next_turn_is_decided_anew_until_small_is_left_alone():
    small = FakeChat(model="s", error=OSError("down"))
    agent = agent_with(middleware_of(small=small, fallback=True), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    questions = [EASY, EASY_TOO, EASY, EASY_TOO, EASY]  # asked twice in a row, one would find fault with the answer
    reasons = [run(agent, text, config=config)["hybrid_router"]["reason"] for text in questions]
    assert reasons == ["fallback"] * 3 + ["unavailable"] * 2
    assert len(small.calls) == 3


@pytest.mark.parametrize("before", [True, False])
def test_an_error_of_another_middleware_is_no_failure_of_small(before):
    calls = []

    class Broken(AgentMiddleware):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            calls.append(1)
            if not before:
                handler(request)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(agent_with(middleware_of(fallback=True), Broken()), "easy")
    assert len(calls) == 1


def test_a_retry_below_the_middleware_is_exhausted_before_large_answers():
    small = FakeChat(model="s", error=OSError("down"))
    retry = ModelRetryMiddleware(max_retries=1, initial_delay=0, jitter=False, on_failure="error")
    assert answers(run(agent_with(middleware_of(small=small, fallback=True), retry), "easy"))[0] == (
        "large",
        "fallback",
    )
    assert len(small.calls) == 2


@pytest.mark.parametrize("is_async", [False, True])
def test_a_side_that_refuses_the_agents_tools_is_not_chosen(is_async):
    class Picky(FakeChat):
        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            raise ValueError("no such tool_choice")

    picky = Picky(model="p")
    state = run(agent_with(middleware_of(small=picky)), "easy", is_async=is_async)
    assert answers(state) == [("large", "unavailable")] * 3
    assert state["hybrid_router"]["detail"] == "tools cannot be bound to small: ValueError"
    assert (
        answers(run(agent_with(middleware_of(large=picky)), "hard", is_async=is_async))
        == [("small", "unavailable")] * 3
    )
    for settings, call in (
        ({"small": picky, "large": picky}, {}),
        ({"small": picky}, {"context": {"hybrid_router_model": "small"}}),
    ):
        with pytest.raises(ValueError, match="no such tool_choice"):
            run(agent_with(middleware_of(**settings)), "easy", is_async=is_async, **call)


def test_the_decision_is_the_agents_own_whatever_subagents_come_back_with():
    inner = agent_with(middleware_of())

    @tool
    def ask_worker(text: str, tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Ask a subagent, and take over its state as deepagents does."""
        state = inner.invoke(ask(text))
        answer = ToolMessage(state["messages"][-1].text, tool_call_id=tool_call_id)
        return Command(update={"messages": [answer], "hybrid_router": state["hybrid_router"]})

    def reply(messages: list[Any]) -> AIMessage:
        if isinstance(messages[-1], ToolMessage):
            return AIMessage("done")
        calls = [
            {"name": "ask_worker", "args": {"text": f"easy {i}"}, "id": str(i), "type": "tool_call"} for i in (1, 2)
        ]
        return AIMessage("", tool_calls=calls)

    large = FakeChat(model="l", reply=reply)
    agent = create_agent(large, [ask_worker], middleware=[middleware_of(large=large)])
    state = agent.invoke({**ask("hard"), "hybrid_router": {"model": "small"}})
    assert answers(state) == [("large", "score")] * 2
    assert state["hybrid_router"]["model"] == "large"
    assert "hybrid_router" not in str(agent.get_input_jsonschema())


def test_a_router_as_a_side_of_the_middleware_works_as_a_model():
    nested = RunnableHybridRouter(
        small=FakeChat(model="a", reply=tool_loop), large=FakeChat(model="b", reply=tool_loop), router=lambda query: 0.7
    )
    assert answers(run(agent_with(middleware_of(small=nested)), "easy")) == [("small", "score")] * 3
