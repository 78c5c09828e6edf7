"""Conversations with agents: turns, threads, subagents, hand-offs, and the price of a turn."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

import pytest
from langchain.agents import AgentState, create_agent
from langchain.agents.middleware import AgentMiddleware, SummarizationMiddleware
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode
from langgraph.types import Command

from langchain_hybrid_router import HybridRouterMiddleware, RunnableHybridRouter, routing_decision
from tests.langchain.conversations import LONG, PRICES, Hostile, Kept, found
from tests.langchain.fakes import EASY, EASY_TOO, HARD, HARD_TOO, FakeChat, Scores, multiply, tool_loop
from tests.langchain.test_runnable_differential import Runs, plain

WRONG = "that is wrong, try again"
THREAD: Any = {"configurable": {"thread_id": "1"}}


def settings_of(settings: dict[str, Any]) -> dict[str, Any]:
    models = {"small": FakeChat(model="s", reply=tool_loop), "large": FakeChat(model="l", reply=tool_loop)}
    return {**models, "router": Scores(), **settings}


def agent_of(
    *others: Any, tools: Any = (multiply,), checkpointer: Any = None, name: Any = None, **settings: Any
) -> Any:
    first = HybridRouterMiddleware(**settings_of(settings))
    unused = FakeChat(model="never called", error=AssertionError("the agent's own model was called"))
    return create_agent(unused, list(tools), middleware=[first, *others], checkpointer=checkpointer, name=name)


def bare_agent_of(*others: Any, checkpointer: Any = None, **settings: Any) -> Any:
    router = RunnableHybridRouter(**settings_of(settings))
    return create_agent(router, [multiply], middleware=others, checkpointer=checkpointer)


def say(
    agent: Any, *texts: str, is_async: bool = False, config: Any = THREAD, **call: Any
) -> list[list[tuple[str, str]]]:
    """What each turn was answered by, step for step."""
    answered: list[list[tuple[str, str]]] = []
    for text in texts:
        asked: Any = {"messages": [HumanMessage(text)]}
        state = asyncio.run(agent.ainvoke(asked, config, **call)) if is_async else agent.invoke(asked, config, **call)
        last = max(i for i, each in enumerate(state["messages"]) if isinstance(each, HumanMessage))
        answered.append([found(each) for each in state["messages"][last:] if isinstance(each, AIMessage)])
    return answered


def rounds(*turns: tuple[str, str]) -> list[list[tuple[str, str]]]:
    return [[turn] * 3 for turn in turns]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("make", [agent_of, bare_agent_of])
def test_each_turn_is_decided_by_what_it_goes_on_with_through_its_whole_tool_loop(make, is_async):
    large, small = ("large", "score"), ("small", "score")
    agent = make(checkpointer=InMemorySaver())
    answered = say(agent, HARD, "yes, do it", "mach weiter", "继续", "thanks!", EASY, "continue", is_async=is_async)
    assert answered == rounds(large, large, large, large, small, small, small)
    agent = make(checkpointer=InMemorySaver())
    fault = ("large", "dissatisfied")
    assert say(agent, EASY, WRONG, "continue", EASY_TOO, is_async=is_async) == rounds(small, fault, fault, small)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("sticky", "expected"),
    [
        (False, [("large", "score"), ("large", "score"), ("small", "score"), ("large", "score")]),
        (True, [("large", "score"), *[("large", "sticky")] * 3]),
        ("up", [("large", "score"), *[("large", "sticky")] * 3]),
        ("follow_up", [("large", "score"), ("large", "sticky"), ("small", "score"), ("large", "score")]),
    ],
)
def test_a_thread_stays_as_sticky_says(sticky, expected, is_async):
    agent = agent_of(sticky=sticky, checkpointer=InMemorySaver())
    assert say(agent, HARD, "continue", EASY, HARD_TOO, is_async=is_async) == rounds(*expected)


def test_with_follow_up_a_turn_that_found_fault_is_large_through_its_loop_and_after_it():
    for make in (agent_of, bare_agent_of):
        agent = make(sticky="follow_up", checkpointer=InMemorySaver())
        first, wrong, after = say(agent, EASY, WRONG, "continue")
        assert {model for model, _ in first} == {"small"}
        assert wrong[0] == ("large", "dissatisfied")
        assert {model for model, _ in wrong + after} == {"large"}


class Forgets(AgentMiddleware):
    """Takes the records away, as a history of texts does."""

    def before_model(self, state: Any, runtime: Any) -> Any:
        for message in state["messages"]:
            message.response_metadata = {}


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("call", [{}, {"context": {"hybrid_router_threshold": 0.4}}])
def test_a_thread_is_known_without_records_also_beside_overrides_of_the_context(call, is_async):
    if is_async and sys.version_info < (3, 11):
        pytest.skip("LangGraph on Python 3.10 does not carry the config into async code")
    store = Kept()
    agent = agent_of(Forgets(), sticky="follow_up", arms=store, tools=(), checkpointer=InMemorySaver())
    said = [say(agent, text, is_async=is_async, **call)[0][-1] for text in (HARD, "continue", "mach weiter")]
    assert said == [("large", "score"), ("large", "sticky"), ("large", "sticky")]
    assert store.arms == {"thread_id=1": "large"}


@pytest.mark.parametrize("make", [agent_of, bare_agent_of])
def test_langchains_own_summaries_are_not_scored(make):
    scores = Scores()
    writer = FakeChat(model="writer", reply=lambda _: AIMessage("The user asked easy questions."))
    summarize = SummarizationMiddleware(writer, trigger=("messages", 6), keep=("messages", 2))
    agent = make(summarize, router=scores, sticky="follow_up", checkpointer=InMemorySaver())
    answered = say(agent, HARD, "continue", HARD_TOO, "mach weiter", "yes, do it", EASY)
    assert [{model for model, _ in turn} for turn in answered] == [*[{"large"}] * 5, {"small"}]
    assert writer.calls
    assert set(scores.queries) <= {HARD, HARD_TOO, EASY}


@pytest.mark.parametrize("reminder", ["<system-reminder>easy does it</system-reminder>", "[System notice] easy: done"])
@pytest.mark.parametrize("make", [agent_of, bare_agent_of])
def test_reminders_in_the_midst_of_a_turn_are_not_scored(make, reminder):
    class Reminds(AgentMiddleware):
        def before_model(self, state: Any, runtime: Any) -> Any:
            answered = sum(isinstance(each, ToolMessage) for each in state["messages"])
            return {"messages": [HumanMessage(reminder)]} if answered < 2 else None

    scores, model = Scores(), FakeChat(model="m", reply=lambda _: AIMessage("ok"))
    agent = make(Reminds(), router=scores, small=model, large=model.model_copy(), checkpointer=InMemorySaver())
    agent.invoke({"messages": [HumanMessage(HARD)]}, THREAD)
    agent.invoke({"messages": [HumanMessage("yes, do it")]}, THREAD)
    assert set(scores.queries) == {HARD}


@pytest.mark.parametrize("answer", [None, "medium"])
def test_a_store_that_fails_costs_no_turn(answer):
    agent = agent_of(sticky="follow_up", arms=Hostile(answer), checkpointer=InMemorySaver())
    assert say(agent, HARD, "continue") == rounds(("large", "score"), ("large", "sticky"))


def test_after_a_fallback_the_turn_and_its_follow_ups_stay_on_large():
    small = FakeChat(model="s", error=OSError("down"))
    agent = agent_of(small=small, fallback=True, sticky="follow_up", checkpointer=InMemorySaver())
    fell, stayed = ("large", "fallback"), ("large", "sticky")
    assert say(agent, EASY, "continue", EASY_TOO) == rounds(fell, stayed, fell)
    assert len(small.calls) == 2


def worker_tool(inner: Any) -> Any:
    @tool
    def worker(text: str) -> str:
        """Ask a subagent within the same run."""
        return str(inner.invoke({"messages": [HumanMessage(text)]})["messages"][-1].text)

    return worker


def asks_workers(*texts: str) -> Any:
    def reply(messages: list[Any]) -> AIMessage:
        if isinstance(messages[-1], ToolMessage):
            return AIMessage("done")
        asked = texts if len(messages) == 1 else [*texts[1:], texts[0]]  # in later turns each place has another task
        calls = [
            {"name": "worker", "args": {"text": text}, "id": str(i), "type": "tool_call"}
            for i, text in enumerate(asked)
        ]
        return AIMessage("", tool_calls=calls)

    return reply


@pytest.mark.parametrize("sticky", [True, "up", "follow_up"])
@pytest.mark.parametrize("node", ["tools", "act"])
def test_subagents_of_a_thread_decide_for_themselves_one_after_another_and_side_by_side(sticky, node):
    store = Kept()
    inner = agent_of(sticky=sticky, arms=store, small=FakeChat(model="s"), large=FakeChat(model="l"), tools=())
    heard: list[tuple[str, str]] = []

    @tool
    def worker(text: str) -> str:
        """Ask a subagent within the same run."""
        message = inner.invoke({"messages": [HumanMessage(text)]})["messages"][-1]
        heard.append((text, routing_decision(message).model))
        return str(message.text)

    models = {
        side: FakeChat(model=side, reply=asks_workers(EASY, HARD, EASY_TOO, HARD_TOO)) for side in ("small", "large")
    }
    outer = RunnableHybridRouter(**models, router=Scores(), arms=store).bind_tools([worker])
    graph = StateGraph(MessagesState)
    graph.add_node("chat", lambda state: {"messages": [outer.invoke(state["messages"])]})
    graph.add_node(node, ToolNode([worker]))
    graph.add_edge(START, "chat").add_edge(node, "chat")
    graph.add_conditional_edges("chat", lambda state: node if state["messages"][-1].tool_calls else END, [node, END])
    app = graph.compile(InMemorySaver())
    for question, model in ((HARD, "large"), (EASY, "small")):
        assert say(app, question) == [[(model, "score")] * 2]
    expected = [(EASY, "small"), (HARD, "large"), (EASY_TOO, "small"), (HARD_TOO, "large")]
    assert sorted(heard) == sorted(expected * 2)


def test_a_subagent_in_the_tool_of_an_agent_does_not_move_its_conversation():
    store = Kept()
    inner = agent_of(sticky="follow_up", arms=store)
    texts = asks_workers(EASY, EASY_TOO)
    models = {"small": FakeChat(model="s", reply=texts), "large": FakeChat(model="l", reply=texts)}
    outer = agent_of(tools=[worker_tool(inner)], sticky="follow_up", arms=store, checkpointer=InMemorySaver(), **models)
    assert say(outer, HARD, "continue") == [[("large", "score")] * 2, [("large", "sticky")] * 2]
    assert store.arms["thread_id=1"] == "large"


def test_two_agents_that_are_nodes_of_one_thread_each_have_their_conversation():
    store = Kept()
    answers: dict[str, Any] = {}

    def node(name: str) -> Any:
        agent = agent_of(sticky="follow_up", arms=store, name=name)

        def ask(state: Any) -> dict[str, Any]:  # of other agents' turns each sees nothing, and of its own no records
            past = [AIMessage(each) if i % 2 else HumanMessage(each) for i, each in enumerate(state[name])]
            message = agent.invoke({"messages": past})["messages"][-1]
            answers[name] = found(message)
            return {name: [*state[name], message.text]}

        return ask

    class State(AgentState):
        alice: list[str]
        bob: list[str]

    graph = StateGraph(State).add_node("ask_alice", node("alice")).add_node("ask_bob", node("bob"))
    app = graph.add_edge(START, "ask_alice").add_edge("ask_alice", "ask_bob").compile(InMemorySaver())
    state = app.invoke({"messages": [], "alice": [HARD], "bob": [EASY]}, THREAD)
    assert answers == {"alice": ("large", "score"), "bob": ("small", "score")}
    app.invoke({"alice": [*state["alice"], "continue"], "bob": [*state["bob"], "continue"]}, THREAD)
    assert answers == {"alice": ("large", "sticky"), "bob": ("small", "sticky")}
    assert store.arms == {"thread_id=1\x1fask_alice": "large", "thread_id=1\x1fask_bob": "small"}


def test_after_a_hand_off_the_other_agent_decides_by_the_users_question_and_stays():
    @tool
    def transfer(
        state: Annotated[Any, InjectedState], tool_call_id: Annotated[str, InjectedToolCallId]
    ) -> Command[Any]:
        """Hand over to bob."""
        told = ToolMessage("easy: transferred to bob", tool_call_id=tool_call_id)
        update = {"messages": [*state["messages"], told], "active": "bob"}
        return Command(goto="bob", graph=Command.PARENT, update=update)

    def hands_over(_: Any) -> AIMessage:
        return AIMessage("", tool_calls=[{"name": "transfer", "args": {}, "id": "1", "type": "tool_call"}])

    class Swarm(MessagesState):
        active: str

    scores = Scores()
    alice_models = {side: FakeChat(model=side, reply=hands_over) for side in ("small", "large")}
    alice = agent_of(tools=[transfer], router=scores, sticky="follow_up", name="alice", **alice_models)
    bob_models = {side: FakeChat(model=side) for side in ("small", "large")}
    bob = agent_of(tools=[], router=scores, sticky="follow_up", name="bob", **bob_models)
    graph = StateGraph(Swarm).add_node("alice", alice, destinations=("bob",)).add_node("bob", bob)
    graph.add_conditional_edges(START, lambda state: state.get("active") or "alice", ["alice", "bob"])
    app = graph.compile(InMemorySaver())
    assert say(app, HARD) == [[("large", "score")] * 2]
    assert scores.queries == [HARD] * 2
    assert say(app, "continue", EASY) == [[("large", "sticky")], [("small", "score")]]


def priced(**settings: Any) -> tuple[Any, list[tuple[str, bool]]]:
    """An agent with a long system prompt, and what its price rule was told."""
    middleware = HybridRouterMiddleware(**settings_of({"prices": PRICES, **settings}))
    rule, told = middleware.model._ruling.price, []

    def sent(arm: str, prefix: Any, output_tokens: Any = None, *, further: bool = False) -> None:
        told.append((arm, further))
        type(rule).sent(rule, arm, prefix, output_tokens, further=further)

    rule.sent = sent
    unused = FakeChat(model="never called")
    agent = create_agent(unused, [multiply], middleware=[middleware], system_prompt=LONG, checkpointer=InMemorySaver())
    return agent, told


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("wrap", [lambda model: model, lambda model: model.bind(stop=["x"])])
def test_the_price_of_a_turn_is_decided_once_with_its_tools_and_system_prompt(wrap, is_async):
    models = {side: wrap(FakeChat(model=side, reply=tool_loop)) for side in ("small", "large")}
    agent, told = priced(**models)
    answered = say(agent, HARD, EASY, is_async=is_async)
    assert answered == rounds(("large", "score"), ("large", "price"))
    assert told == [("large", False), ("large", True), ("large", True)] * 2
    state = agent.get_state(THREAD).values
    assert (state["hybrid_router"]["model"], state["hybrid_router"]["reason"]) == ("large", "price")
    assert set(state["hybrid_router"]) == {"model", "score", "threshold", "reason", "detail"}


def test_with_nothing_warm_small_answers():
    agent, told = priced()
    assert say(agent, EASY) == rounds(("small", "score"))
    assert told == [("small", False), ("small", True), ("small", True)]
    assert agent.get_state(THREAD).values["hybrid_router"]["reason"] == "score"


def test_the_callers_choice_goes_before_the_price():
    agent, _ = priced()
    say(agent, HARD)
    assert say(agent, EASY, context={"hybrid_router_model": "small"}) == rounds(("small", "override"))


def test_a_price_that_small_does_not_meet_is_not_undone_by_an_interrupt_of_the_turn():
    agent, _ = priced()
    say(agent, HARD)
    asked: Any = {"messages": [HumanMessage(EASY)]}
    agent.invoke(asked, THREAD, interrupt_before=["tools"])
    for _ in range(2):
        state = agent.invoke(None, THREAD, interrupt_before=["tools"])
    last = [found(each) for each in state["messages"] if isinstance(each, AIMessage)][-3:]
    assert last == [("large", "price")] * 3


def test_the_router_as_the_agents_model_knows_what_is_warm_too():
    router = RunnableHybridRouter(**settings_of({"prices": PRICES}))
    agent = create_agent(router, [multiply], system_prompt=LONG, checkpointer=InMemorySaver())
    assert say(agent, HARD, EASY) == rounds(("large", "score"), ("large", "price"))
    short = create_agent(router, [multiply], system_prompt="short", checkpointer=InMemorySaver())
    assert say(short, HARD, EASY) == rounds(("large", "score"), ("small", "score"))


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("side", ["small", "large"])
def test_with_sticky_and_prices_an_agent_does_as_with_the_chosen_model_alone(side, is_async):
    def runs_of(agent: Any, called: FakeChat) -> Any:
        runs = Runs()
        config = {"callbacks": [runs], **THREAD}
        for i, text in enumerate((HARD, "continue")):
            asked = {"messages": [SystemMessage("be brief", id="0"), HumanMessage(text, id=str(i + 1))]}
            state = asyncio.run(agent.ainvoke(asked, config)) if is_async else agent.invoke(asked, config)
        events = [event for event in runs.events if event[0] in ("start", "end", "token")]
        for _, _, kwargs in events:
            for name in ("langgraph_checkpoint_ns", "checkpoint_ns", "langgraph_step", "langgraph_triggers"):
                kwargs.get("metadata", {}).pop(name, None)
        return plain(state["messages"]), plain(called.calls), plain(events)

    bare, routed = (FakeChat(model="m", reply=tool_loop) for _ in range(2))
    other = FakeChat(model="other", error=AssertionError("was asked"))
    models = {"small": routed, "large": other} if side == "small" else {"small": other, "large": routed}
    settings = {"sticky": "follow_up", "prices": PRICES, "router": lambda query: 1.0 if side == "small" else 0.0}
    middleware = HybridRouterMiddleware(**models, **settings)
    alone = runs_of(create_agent(bare, [multiply], checkpointer=InMemorySaver()), bare)
    agent = create_agent(other, [multiply], middleware=[middleware], checkpointer=InMemorySaver())
    assert alone == runs_of(agent, routed)
