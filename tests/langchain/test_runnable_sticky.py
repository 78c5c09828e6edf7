"""Conversations that stay: known by records, by the framework's keys or by their words; stores of arms; prices."""

from __future__ import annotations

import copy
import logging
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import ConfigurableFieldSpec
from langchain_core.runnables.history import RunnableWithMessageHistory
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from hybrid_router_core.live import RecentArms
from langchain_hybrid_router import RunnableHybridRouter, routing_decision
from langchain_hybrid_router._sticky import conversation_key
from tests.langchain.conversations import LONG, LOOP, PRICES, WAYS, Hostile, Kept, found, recorded, turns
from tests.langchain.fakes import EASY, EASY_TOO, HARD, HARD_TOO, FakeChat, multiply
from tests.langchain.test_runnable_differential import MODELS, seen
from tests.langchain.test_runnable_differential import WAYS as ALL_WAYS
from tests.langchain.test_runnable_records import History

DONE = [AIMessage("Done.")]
STICKIES: list[Any] = [False, True, "up", "follow_up"]
# After large answered "hard": what "easy" and "continue" get, and after small answered "easy", "hard" and "continue"
EXPECTED: dict[Any, list[tuple[str, str]]] = {
    False: [("small", "score"), ("large", "score"), ("large", "score"), ("small", "score")],
    True: [("large", "sticky"), ("large", "sticky"), ("small", "sticky"), ("small", "sticky")],
    "up": [("large", "sticky"), ("large", "sticky"), ("large", "score"), ("small", "score")],
    "follow_up": [("small", "score"), ("large", "sticky"), ("large", "score"), ("small", "sticky")],
}
PAIRS = [(HARD, EASY), (HARD, "continue"), (EASY, HARD), (EASY, "continue")]
KNOWN_BY_RECORD = pytest.mark.parametrize(
    ("sticky", "pair", "expected"),
    [(sticky, pair, expected) for sticky in STICKIES for pair, expected in zip(PAIRS, EXPECTED[sticky], strict=True)],
)


@KNOWN_BY_RECORD
def test_known_by_the_records_of_its_answers(make, sticky, pair, expected):
    router = make(sticky=sticky)
    first = router.invoke(pair[0])
    assert found(make(sticky=sticky).invoke([HumanMessage(pair[0]), first, HumanMessage(pair[1])])) == expected


@KNOWN_BY_RECORD
def test_known_by_the_words_of_the_user_alone(make, sticky, pair, expected):
    router = make(sticky=sticky)
    router.invoke(pair[0])
    assert found(router.invoke(turns(*pair))) == expected


@pytest.mark.filterwarnings("ignore:.*RunnableWithMessageHistory.*")
@KNOWN_BY_RECORD
def test_known_by_the_session_of_a_history_that_keeps_bare_texts(make, recorder, sticky, pair, expected):
    histories: dict[str, Any] = {}
    prompt = ChatPromptTemplate.from_messages([("system", "brief"), MessagesPlaceholder("past"), ("human", "{q}")])
    chat = RunnableWithMessageHistory(
        prompt | make(sticky=sticky) | StrOutputParser(),
        lambda session_id: histories.setdefault(session_id, History()),
        input_messages_key="q",
        history_messages_key="past",
    )
    config: Any = {"configurable": {"session_id": "1"}, "callbacks": [recorder]}
    for text in pair:
        chat.invoke({"q": text}, config)
    assert [routing_decision(each) for each in histories["1"].messages if isinstance(each, AIMessage)] == [None] * 2
    last = recorder.starts[-1]["metadata"]
    assert (last["hybrid_router_model"], last["hybrid_router_reason"]) == expected


def graph_of(router: Any, *, window: int = 99) -> Any:
    """A chat that keeps no records, and shows its model the last messages alone."""

    def answer(state: MessagesState) -> dict[str, list[Any]]:
        message = router.invoke(state["messages"][-window:])
        return {"messages": [AIMessage(message.text, additional_kwargs={"by": found(message)})]}

    return StateGraph(MessagesState).add_node("chat", answer).add_edge(START, "chat").compile(InMemorySaver())


def say(graph: Any, text: str, thread: str = "1") -> tuple[str, str]:
    state = graph.invoke({"messages": [HumanMessage(text)]}, {"configurable": {"thread_id": thread}})
    return tuple(state["messages"][-1].additional_kwargs["by"])  # type: ignore[return-value]


@KNOWN_BY_RECORD
def test_known_by_its_thread_though_answers_keep_no_records(make, sticky, pair, expected):
    graph = graph_of(make(sticky=sticky))
    say(graph, pair[0])
    assert say(graph, pair[1]) == expected


def test_a_thread_outlives_what_was_cut_from_its_messages(make):
    graph = graph_of(make(sticky="follow_up"), window=3)
    assert say(graph, HARD) == ("large", "score")
    assert [say(graph, text) for text in ("continue", "mach weiter", "继续")] == [("large", "sticky")] * 3


def test_two_users_at_once_do_not_mix(make):
    graph = graph_of(make(sticky="follow_up"))

    def chat(i: int) -> list[tuple[str, str]]:
        return [say(graph, text, str(i)) for text in ((EASY, HARD)[i % 2], "continue", "yes, do it")]

    with ThreadPoolExecutor(8) as pool:
        for i, answers in enumerate(pool.map(chat, range(24))):
            model = ("small", "large")[i % 2]
            assert answers == [(model, "score"), (model, "sticky"), (model, "sticky")]


def test_all_ways_to_ask_stay_and_are_remembered(make):
    for way, ask in WAYS.items():
        for conversation in ((HARD, "continue"), (EASY, "yes, do it")):
            router = make(sticky="follow_up")
            first = found(ask(router, turns(conversation[0]), {}))
            assert found(ask(router, turns(*conversation), {})) == (first[0], "sticky"), way


def test_with_follow_up_what_found_fault_moves_to_large_and_stays_there(make):
    router = make(sticky="follow_up")
    messages = [HumanMessage(EASY), recorded("small"), HumanMessage("that is wrong, try again")]
    first = router.invoke(messages)
    assert found(first) == ("large", "dissatisfied")
    step = LOOP[0].model_copy(update={"response_metadata": first.response_metadata})
    assert found(router.invoke([*messages, step, *LOOP[1:]])) == ("large", "sticky")
    assert found(router.invoke([*messages, first, HumanMessage("continue")])) == ("large", "sticky")
    assert found(router.invoke([*messages, first, HumanMessage(EASY_TOO)])) == ("small", "score")


@pytest.mark.parametrize("sticky", [True, "up"])
def test_by_words_an_exception_for_one_turn_does_not_move_the_conversation(make, sticky):
    router = make(sticky=sticky)
    first, other = (EASY, "large") if sticky is True else (HARD, "small")
    model = routing_decision(router.invoke(first)).model
    router.invoke(turns(first, EASY_TOO), {"configurable": {"hybrid_router_model": other}})
    assert found(router.invoke(turns(first, EASY_TOO, HARD_TOO))) == (model, "sticky")


def test_by_words_a_conversation_is_known_however_long_it_is(make):
    router = make(sticky="follow_up")
    said = [HARD, *["continue"] * 2]
    for i in range(80):
        assert found(router.invoke(turns(*said, f"yes, do it {i}")))[0] == "large"
        said.append(f"yes, do it {i}")
    assert found(router.invoke(turns(*said, "continue"))) == ("large", "sticky")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_memory_is_bounded_and_has_a_lifetime(make):
    clock = Clock()
    graph = graph_of(make(sticky="follow_up", arms=RecentArms(most=2, lifetime=60.0, clock=clock)))
    say(graph, HARD, "a")
    clock.now = 59.0
    assert say(graph, "continue", "a") == ("large", "sticky")
    clock.now = 118.0  # a minute from the last answer, not from the first
    assert say(graph, "continue", "a") == ("large", "sticky")
    clock.now = 178.0
    assert say(graph, "continue", "a") == ("large", "score")
    for thread in ("b", "c"):
        say(graph, HARD, thread)
    assert say(graph, "continue", "a") == ("large", "score")
    assert say(graph, "continue", "c") == ("large", "sticky")


@pytest.mark.parametrize("sticky", [True, "up"])
def test_each_answer_prolongs_the_memory_of_a_conversation_that_stays(make, sticky):
    clock = Clock()
    graph = graph_of(make(sticky=sticky, arms=RecentArms(lifetime=60.0, clock=clock)))
    say(graph, HARD)
    for clock.now in (50.0, 100.0, 150.0):
        assert say(graph, EASY) == ("large", "sticky")


def test_a_store_of_the_users_own_is_shared_by_routers_and_holds_no_text(make):
    store = Kept()
    say(graph_of(make(sticky="follow_up", arms=store)), HARD)
    assert store.arms == {"thread_id=1\x1fchat": "large"}
    make(sticky="follow_up", arms=store).invoke(HARD)
    assert found(make(sticky="follow_up", arms=store).invoke(turns(HARD, "continue"))) == ("large", "sticky")
    assert "hard" not in str(store.arms)


@pytest.mark.parametrize("sticky", STICKIES[1:])
@pytest.mark.parametrize("answer", [None, "medium", 7, ["large"], {"arm": "large"}, object()])
@pytest.mark.parametrize("way", WAYS)
def test_a_store_that_fails_or_answers_nonsense_costs_no_call(make, caplog, way, answer, sticky):
    router = make(sticky=sticky, arms=Hostile(answer))
    config = {"configurable": {"thread_id": "of a user"}}
    with caplog.at_level(logging.WARNING):
        assert found(WAYS[way](router, turns(HARD, EASY), config)) == ("small", "score")
    assert "arms.put failed with ConnectionError" in caplog.text
    assert ("arms.get failed with ConnectionError" in caplog.text) is (answer is None)
    assert ("that is no arm" in caplog.text) is (answer is not None)
    assert not any(secret in caplog.text for secret in ("secret", "of a user", "medium"))


def test_what_ends_a_program_passes_a_store():
    class Ending(Kept):
        def get(self, key: str) -> str | None:
            raise KeyboardInterrupt

    router = RunnableHybridRouter(
        small=FakeChat(model="s"), large=FakeChat(model="l"), router=lambda query: 1.0, sticky=True, arms=Ending()
    )
    with pytest.raises(KeyboardInterrupt):
        router.invoke(turns(HARD, EASY))


KEYS: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"thread_id": "1"}, "thread_id=1"),
    ({"thread_id": 1}, "thread_id=1"),
    ({"thread_id": ""}, None),
    ({"thread_id": None, "session_id": "s"}, "session_id=s"),
    ({"thread_id": "1", "session_id": "s"}, "thread_id=1\x1fsession_id=s"),
    ({"user_id": "u", "conversation_id": "1"}, "user_id=u\x1fconversation_id=1"),
    ({"user_id": "u"}, None),
    ({"thread_id": "1", "checkpoint_ns": "model:a"}, "thread_id=1"),
    ({"thread_id": "1", "checkpoint_ns": "HybridRouterMiddleware.before_agent:b"}, "thread_id=1"),
    ({"thread_id": "1", "checkpoint_ns": "rewrite:a"}, "thread_id=1\x1frewrite"),
    ({"thread_id": "1", "checkpoint_ns": "alice:a|model:b"}, "thread_id=1\x1falice"),
    ({"thread_id": "1", "checkpoint_ns": "tools:a|model:b"}, None),
    ({"thread_id": "1", "checkpoint_ns": "alice:a|tools:b|1|model:c"}, None),
]


@pytest.mark.parametrize(("configurable", "key"), KEYS)
def test_the_key_of_a_conversation(configurable, key):
    assert conversation_key({"configurable": configurable}) == key


@pytest.mark.filterwarnings("ignore:.*RunnableWithMessageHistory.*")
def test_conversations_of_one_name_that_belong_to_two_users_do_not_mix(make, recorder):
    histories: dict[tuple[str, str], Any] = {}

    def history(user_id: str, conversation_id: str) -> Any:
        return histories.setdefault((user_id, conversation_id), History())

    specs = [
        ConfigurableFieldSpec(id=name, annotation=str, name=name, default="", is_shared=True)
        for name in ("user_id", "conversation_id")
    ]
    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("past"), ("human", "{q}")])
    chat = RunnableWithMessageHistory(
        prompt | make(sticky="follow_up") | StrOutputParser(),
        history,
        input_messages_key="q",
        history_messages_key="past",
        history_factory_config=specs,
    )
    for user, text in (("a", EASY), ("b", HARD), ("a", "continue"), ("b", "continue")):
        configurable = {"user_id": user, "conversation_id": "1"}
        chat.invoke({"q": text}, {"configurable": configurable, "callbacks": [recorder]})
    assert [start["metadata"]["hybrid_router_model"] for start in recorder.starts] == ["small", "large"] * 2


def test_another_prompt_in_the_node_of_a_thread_does_not_begin_where_the_first_one_stands(make):
    router = make(sticky=True)

    def answer(state: MessagesState) -> dict[str, list[Any]]:
        router.invoke("easy: rewrite the question for a search")
        return {"messages": [router.invoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("chat", answer).add_edge(START, "chat").compile(InMemorySaver())
    state = graph.invoke({"messages": [HumanMessage(HARD)]}, {"configurable": {"thread_id": "1"}})
    assert found(state["messages"][-1]) == ("large", "score")


class Unpicklable(Kept):
    def __init__(self) -> None:
        super().__init__()
        self.connection = threading.Lock()


@pytest.mark.parametrize("arms", [None, Kept(), Unpicklable()])
def test_copies_share_the_memory_of_conversations_and_the_prices(make, arms):
    schema = {"title": "Answer", "type": "object", "properties": {"x": {"type": "integer"}}}
    router = make(sticky="follow_up", arms=arms, prices=PRICES)
    router.invoke(HARD)
    copies = [
        *(router.model_copy(), router.model_copy(deep=True), copy.copy(router), copy.deepcopy(router)),
        router.model_copy(update={"threshold": 0.4}),
        *(router.bind_tools([multiply]).bound, router.with_structured_output(schema).router, router.bind().bound),
    ]
    for each in copies:
        assert each.arms is router.arms
        assert each._ruling.stay.arms is router.arms
        assert each.prices == each._ruling.price.prices == PRICES
        assert found(each.invoke(turns(HARD, "continue"))) == ("large", "sticky")
    shallow = [copies[0], copies[4], copies[5], copies[6], copies[7]]
    assert all(each._ruling.price is router._ruling.price for each in shallow)


def score_of(query: str) -> float:
    return 0.9 if "easy" in query else 0.1


def test_a_pickled_router_keeps_its_settings_and_a_store_that_can_travel(make):
    store = Kept()
    router = make(router=score_of, sticky="follow_up", arms=store, prices=PRICES)
    router.invoke(HARD)
    other = pickle.loads(pickle.dumps(router))  # noqa: S301
    assert (other.sticky, other.prices, other.arms.arms) == ("follow_up", PRICES, store.arms)
    assert other._ruling.price.prices is other.prices
    assert found(other.invoke(turns(HARD, "continue"))) == ("large", "sticky")
    fresh = pickle.loads(pickle.dumps(make(router=score_of, sticky="follow_up")))  # noqa: S301
    assert found(fresh.invoke(turns(HARD, "continue"))) == ("large", "score")


class TestPrices:
    def conversation(self, router: Any, way: str = "invoke") -> list[tuple[str, str]]:
        first = [SystemMessage(LONG), HumanMessage(HARD)]
        answer = WAYS[way](router, first, {})
        return [found(answer), found(WAYS[way](router, [*first, answer, HumanMessage(EASY)], {}))]

    @pytest.mark.parametrize("way", WAYS)
    def test_a_long_prompt_that_is_warm_on_large_stays_there(self, make, way):
        assert self.conversation(make(prices=PRICES), way) == [("large", "score"), ("large", "price")]

    def test_without_prices_or_with_a_short_prompt_it_does_not(self, make):
        assert self.conversation(make()) == [("large", "score"), ("small", "score")]
        router = make(prices=PRICES)
        assert found(router.invoke(turns(HARD, EASY))) == ("small", "score")
        assert found(router.invoke([SystemMessage(LONG), HumanMessage(EASY)])) == ("small", "score")

    def test_what_the_caller_the_form_or_the_conversation_decided_stays(self, make):
        router = make(prices=PRICES, sticky="follow_up")
        first = [SystemMessage(LONG), HumanMessage(HARD)]
        router.invoke(first)
        forced = {"configurable": {"hybrid_router_model": "small"}}
        assert found(router.invoke([*first, *DONE, HumanMessage(EASY)], forced)) == ("small", "override")
        follow_up = [*first[:1], HumanMessage(EASY), recorded("small"), HumanMessage("continue")]
        assert found(router.invoke(follow_up)) == ("small", "sticky")

    def test_tools_are_part_of_what_is_warm(self, make):
        router = make(prices=PRICES).bind_tools([multiply])
        first = [SystemMessage(LONG), HumanMessage(HARD)]
        router.invoke(first)
        assert found(router.invoke([*first, *DONE, HumanMessage(EASY)])) == ("large", "price")
        assert found(make(prices=PRICES).invoke([*first, *DONE, HumanMessage(EASY)])) == ("small", "score")


@pytest.mark.parametrize("side", ["small", "large"])
@pytest.mark.parametrize("kind", ["plain", "failing", "dying", "cached"])
@pytest.mark.parametrize("way", ALL_WAYS)
def test_what_is_sent_given_and_traced_is_as_of_the_chosen_model_alone(way, kind, side):
    bare, routed, other = MODELS[kind](), MODELS[kind](), FakeChat(model="other", error=AssertionError("was asked"))
    models = {"small": routed, "large": other} if side == "small" else {"small": other, "large": routed}
    router = RunnableHybridRouter(
        **models, router=lambda query: 1.0 if side == "small" else 0.0, sticky="follow_up", arms=Kept(), prices=PRICES
    )
    alone, through = seen(bare, bare, ALL_WAYS[way]), seen(router, routed, ALL_WAYS[way])
    if "structured" in way or way == "raw":  # the model's own chain
        assert {**alone, "runs": len(alone["runs"])} == {**through, "runs": len(through["runs"])}
    else:
        assert alone == through
    assert other.calls == []
