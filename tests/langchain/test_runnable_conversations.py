"""Conversations as the router reads them: what a turn goes on with decides, and what no user wrote does not."""

from __future__ import annotations

import time
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    ToolMessageChunk,
)

from langchain_hybrid_router import RunnableHybridRouter, routing_decision
from tests.langchain.conversations import LONG, LOOP, PRICES, WAYS, found, talk, turns
from tests.langchain.fakes import EASY, EASY_TOO, HARD, FakeChat

WRONG = "that is wrong, try again"
SUMMARY = "Summary of the conversation so far: the user asked an easy question and got an answer."
REMINDER = "<system-reminder>\nThis is an easy reminder that the user did not write.\n</system-reminder>"

CONVERSATIONS = [
    ((HARD, "yes, do it"), "large", "score"),
    ((HARD, "continue", "mach weiter"), "large", "score"),
    ((HARD, "yes, do it", "continue", "继续"), "large", "score"),
    ((EASY, "yes, do it"), "small", "score"),
    ((HARD, "thanks!"), "small", "score"),
    ((HARD, "thank you, that helps", "danke"), "small", "score"),
    ((EASY, WRONG), "large", "dissatisfied"),
    ((EASY, WRONG, "continue"), "large", "dissatisfied"),
    ((EASY, WRONG, EASY_TOO), "small", "score"),
    ((HARD, WRONG), "large", "score"),
    ((HARD, "continue", EASY), "small", "score"),
    ((EASY, "yes, do it", HARD), "large", "score"),
]


@pytest.fixture(params=["callable", "trained"])
def routed(request: pytest.FixtureRequest, make: Any) -> RunnableHybridRouter:
    return make() if request.param == "callable" else make(router=request.getfixturevalue("trained"))


@pytest.mark.parametrize(("texts", "model", "reason"), CONVERSATIONS)
def test_a_turn_is_decided_by_what_it_goes_on_with(routed, texts, model, reason):
    assert found(routed.invoke(turns(*texts))) == (model, reason)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("texts", "model", "reason"), [CONVERSATIONS[1], CONVERSATIONS[4], CONVERSATIONS[7]])
def test_all_ways_to_ask_decide_alike(routed, way, texts, model, reason):
    decision = routing_decision(WAYS[way](routed, turns(*texts), {}))
    assert (decision.model, decision.reason) == (model, reason)
    assert decision.score == pytest.approx(routing_decision(routed.invoke(turns(*texts))).score)


@pytest.mark.parametrize(("texts", "model", "reason"), CONVERSATIONS)
def test_in_a_tool_loop_the_question_of_the_turn_decides(routed, texts, model, reason):
    assert found(routed.invoke([*turns(*texts), *LOOP, *LOOP])) == (model, reason)


def test_what_is_scored_is_the_turn_that_goes_on_with_nothing(router, scores):
    for texts in ((HARD, "yes, do it"), (HARD, "continue", "mach weiter"), (EASY, HARD, "continue")):
        router.invoke(turns(*texts))
    assert scores.queries == [HARD] * 3


def test_a_query_from_goes_before_the_reading(make, scores):
    router = make(query_from=lambda messages: messages[-1].text)
    assert found(router.invoke(turns(HARD, "an easy yes"))) == ("small", "score")
    assert found(router.invoke(turns(EASY, "no, that is wrong, try again with easy words"))) == ("small", "score")
    assert scores.queries == ["an easy yes", "no, that is wrong, try again with easy words"]


@pytest.mark.parametrize(
    "injected",
    [
        HumanMessage(SUMMARY),
        HumanMessage("easy", additional_kwargs={"lc_source": "summarization"}),
        HumanMessage("the easy task t_42 has finished", additional_kwargs={"lc_source": "async_subagent"}),
        HumanMessage(REMINDER),
        SystemMessage("easy"),
        ToolMessage("easy", tool_call_id="1"),
        ToolMessageChunk("easy", tool_call_id="1"),
        ChatMessage("easy", role="developer"),
    ],
)
def test_what_no_user_wrote_is_not_scored_wherever_it_stands(router, scores, injected):
    for messages in (
        [injected, HumanMessage(HARD)],
        [HumanMessage(HARD), injected],
        [*turns(EASY_TOO, HARD), injected],
        [*talk(EASY_TOO, "Tirana."), injected, HumanMessage(HARD)],
    ):
        assert found(router.invoke(messages)) == ("large", "score")
    assert scores.queries == [HARD] * 4
    assert found(router.invoke([injected])) == ("large", "no_query")


def test_a_reminder_within_the_users_message_is_cut_out_of_it(router, scores):
    router.invoke([HumanMessage(f"{REMINDER}\n{HARD}")])
    router.invoke([HumanMessage([{"type": "text", "text": REMINDER}, {"type": "text", "text": HARD}])])
    assert [query.strip() for query in scores.queries] == [HARD] * 2


def test_a_follow_up_of_what_only_a_summary_knows_goes_to_large_and_says_why(router):
    decision = routing_decision(router.invoke([HumanMessage(SUMMARY), HumanMessage("yes, do it")]))
    assert (decision.model, decision.reason) == ("large", "no_query")
    assert decision.detail == "what the turn goes on with is not among the messages"


def test_a_kept_pipe_of_texts_is_read_as_messages_are(router):
    pairs = [("human", HARD), ("ai", "Done."), ("human", "continue")]
    dicts = [
        {"role": "user", "content": HARD},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "go on"},
    ]
    assert {found(router.invoke(messages)) for messages in (pairs, dicts)} == {("large", "score")}


BAD: list[tuple[list[BaseMessage], str]] = [
    ([ChatMessage("easy", role="banana")], "the last message has the role 'banana'"),
    ([HumanMessage(EASY), ChatMessage("easy", role="x" * 500)], "the last message has the role 'xxx"),
    ([HumanMessage(EASY), AIMessage("Here it is")], "the messages end with an answer, so there is no question"),
    ([AIMessage("Hello, how can I help?")], "the messages end with an answer, so there is no question"),
    ([HumanMessage([])], "there is no user text to score"),
    ([HumanMessage([""])], "there is no user text to score"),
    ([HumanMessage([{"type": "text"}])], "there is no user text to score"),
    ([HumanMessage([{"type": "text", "text": None}])], "there is no user text to score"),
    ([HumanMessage(" \n\t")], "there is no user text to score"),
    ([SystemMessage(EASY)], "there is no user text to score"),
    ([ToolMessage(EASY, tool_call_id="1")], "there is no user text to score"),
]


@pytest.mark.parametrize(
    "settings", [{}, {"sticky": "follow_up", "prices": PRICES}, {"sticky": "up"}, {"sticky": True}]
)
@pytest.mark.parametrize(("messages", "why"), BAD)
def test_what_holds_no_question_goes_to_large_with_a_clear_reason(make, messages, why, settings):
    router = make(large=FakeChat(model="l", reply=lambda _: AIMessage("ok")), **settings)
    decision = routing_decision(router.invoke(messages))
    assert (decision.model, decision.reason, decision.score) == ("large", "no_query", None)
    assert decision.detail.startswith(why)
    assert len(decision.detail) < 200


def test_a_role_that_is_not_known_in_the_midst_of_a_conversation_is_passed_over(router, scores):
    router.invoke([HumanMessage(HARD), ChatMessage("easy", role="banana"), HumanMessage("yes, do it")])
    assert scores.queries == [HARD]


@pytest.mark.parametrize("settings", [{}, {"sticky": "follow_up", "prices": PRICES}])
def test_ten_thousand_messages_and_a_message_of_a_megabyte_take_less_than_a_second(make, trained, settings):
    router = make(router=trained, **settings)
    many = turns(*[HARD, *(f"{EASY} And number {i}?" for i in range(4998)), "continue"])
    huge = talk(HARD, "Done.", LONG * 26)
    router.invoke(HARD)
    for messages in (many, huge, [HumanMessage(LONG * 26)]):
        begin = time.process_time()
        router._call(router._decision(messages, {}, {}), messages, {}, {}).answered()
        assert time.process_time() - begin < 1


def test_a_fault_of_the_router_in_the_midst_of_a_conversation_goes_to_large(make):
    def broken(query: str) -> float:
        raise OSError("down")

    assert found(make(router=broken).invoke(turns(HARD, "continue"))) == ("large", "router_error")


def test_the_score_of_a_follow_up_is_that_of_its_question(routed):
    alone, after = (routing_decision(routed.invoke(turns(*texts))) for texts in ((HARD,), (HARD, "yes, do it")))
    assert alone.score == pytest.approx(after.score)
    assert routing_decision(routed.invoke(turns(HARD, "thanks!"))).score >= 0.99


def test_a_callable_gets_one_text_of_a_turn_that_refers_to_another(router, scores):
    """Whatever could be scored besides; its score alone is what decides."""
    decision = routing_decision(router.invoke(turns(HARD, "Is there an easy proof of it?")))
    assert (decision.model, decision.score) == ("small", 0.9)
    assert scores.queries == ["Is there an easy proof of it?"]
