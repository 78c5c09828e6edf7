"""Conversations: how turns are read in chat engines, agents and workflows, and how they stay with a model."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import pickle
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from llama_index.core import SummaryIndex
from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent, FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock, ToolCallBlock
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine, SimpleChatEngine
from llama_index.core.chat_engine.condense_question import CondenseQuestionChatEngine
from llama_index.core.chat_engine.multi_modal_context import MultiModalContextChatEngine
from llama_index.core.memory import (
    ChatMemoryBuffer,
    ChatSummaryMemoryBuffer,
    FactExtractionMemoryBlock,
    InsertMethod,
    Memory,
    SimpleComposableMemory,
    StaticMemoryBlock,
)
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.storage.chat_store import SimpleChatStore
from llama_index.core.workflow import Context, StartEvent, StopEvent, Workflow, step

from hybrid_router_core.conversation import read
from hybrid_router_core.live import Price, Prices, RecentArms
from llama_index_hybrid_router import HybridRouterLLM, capture_decisions
from llama_index_hybrid_router._memories import _objects, key_of
from llama_index_hybrid_router._messages import plain_of
from llama_index_hybrid_router.events import HybridRoutingEvent
from tests.llama_index.fakes import (
    ALONE,
    ALONE_HARD,
    DOCUMENT,
    EASY,
    HARD,
    CountingRouter,
    FakeLLM,
    assistant,
    texts,
    tool_call,
    user,
)

GO_ON = ("yes, do it", "continue", "mach weiter")
WRONG = "that is wrong, try again"
Say = Callable[[str], Any]
# What the user says, and who answers; the condense step of an engine is left out
TALK = [
    (HARD, "large", "score"),
    ("yes, do it", "large", "score"),
    ("thanks!", "small", "score"),
    (ALONE, "small", "score"),
    (WRONG, "large", "dissatisfied"),
    ("What is 6 times 7?", "small", "score"),
]
FOLLOWED = ["score", "sticky", "sticky", "score", "dissatisfied", "score"]


def simple(llm: Any, index: SummaryIndex, **settings: Any) -> Any:
    return SimpleChatEngine.from_defaults(llm=llm, **settings)


def context(llm: Any, index: SummaryIndex, **settings: Any) -> Any:
    return ContextChatEngine.from_defaults(index.as_retriever(), llm=llm, **settings)


def condense_plus(llm: Any, index: SummaryIndex, **settings: Any) -> Any:
    return CondensePlusContextChatEngine.from_defaults(index.as_retriever(), llm=llm, **settings)


def multi_modal(llm: Any, index: SummaryIndex, **settings: Any) -> Any:
    return MultiModalContextChatEngine.from_defaults(index.as_retriever(), multi_modal_llm=llm, **settings)


async def say(engine: Any, text: str, way: str = "achat") -> Any:
    """The decision of the answer; that of a condense step comes before it."""
    with capture_decisions() as decisions:
        if way == "chat":
            engine.chat(text)
        elif way == "stream_chat":
            "".join(engine.stream_chat(text).response_gen)
        elif way == "achat":
            await engine.achat(text)
        else:
            response = await engine.astream_chat(text)
            [token async for token in response.async_response_gen()]
    return decisions[-1]


async def run(agent: Any, text: str, **given: Any) -> list[Any]:
    with capture_decisions() as decisions:
        handler = agent.run(user_msg=text, **given)
        async for _ in handler.stream_events():
            pass
        await handler
    return decisions


# what is read


@pytest.mark.parametrize("way", ["chat", "stream_chat", "achat", "astream_chat"])
@pytest.mark.parametrize("make_engine", [simple, context, condense_plus, multi_modal])
async def test_chat_engines_are_read_turn_by_turn(
    make_engine: Any, way: str, llm: HybridRouterLLM, index: SummaryIndex
) -> None:
    engine = make_engine(llm, index)
    found = [await say(engine, text, way) for text, _, _ in TALK]
    assert [(made.model, made.reason) for made in found] == [(model, reason) for _, model, reason in TALK]


@pytest.mark.parametrize("make_engine", [simple, context])
async def test_without_the_spans_they_are_read_too(make_engine: Any, make: Any, index: SummaryIndex) -> None:
    engine = make_engine(make(track_questions=False, sticky="follow_up"), index)
    found = [await say(engine, text) for text, _, _ in TALK]
    assert [made.model for made in found] == ["large", "large", "large", "small", "large", "small"]


@pytest.mark.parametrize("words", GO_ON)
def test_a_turn_that_says_nothing_by_itself_is_as_hard_as_the_one_it_goes_on_with(
    words: str, llm: HybridRouterLLM, router: CountingRouter
) -> None:
    record = llm.chat([user(HARD), assistant("x"), user(words)]).additional_kwargs["hybrid_router"]
    assert (record["model"], router.queries) == ("large", [HARD])
    llm.chat([user(HARD), assistant("x"), user(words), assistant("y"), user("thanks"), assistant("z"), user(words)])
    assert router.queries == [HARD]  # and one decision serves both


def test_events_tell_the_turn_itself(llm: HybridRouterLLM) -> None:
    from llama_index_instrumentation import root_dispatcher
    from llama_index_instrumentation.event_handlers import BaseEventHandler

    heard: list[Any] = []

    class Listening(BaseEventHandler):
        def handle(self, event: Any, **_: Any) -> None:
            heard.append(event)

    root_dispatcher.add_event_handler(Listening())
    llm.chat([user(HARD), assistant("x"), user("yes, do it")])
    assert [event.query for event in heard if isinstance(event, HybridRoutingEvent)] == ["yes, do it"]


def test_what_the_caller_names_is_scored_as_it_stands(make: Any, router: CountingRouter) -> None:
    messages = [user(HARD), assistant("x"), user("yes, do it")]
    make(query_from=lambda messages: "named").chat(messages)
    make().chat(messages, hybrid_router={"query": "fixed"})
    template = ChatPromptTemplate(message_templates=[user(HARD), assistant("x"), user("{frage}")])
    make(query_from="frage").predict(template, frage="yes, do it")
    assert router.queries == ["named", "fixed", "yes, do it"]
    make().predict(template, frage="yes, do it", query="")  # a variable of an unknown name is no question
    template = ChatPromptTemplate(message_templates=[user(HARD), assistant("x"), user("{query_str}")])
    make().predict(template, query_str="yes, do it")
    assert router.queries[3:] == [HARD]


def test_a_prompt_about_a_question_is_no_conversation(make: Any, router: CountingRouter) -> None:
    examples = [user(HARD), assistant("x"), user("Documents: " + DOCUMENT + "\nQuestion: {query_str}")]
    make().predict(ChatPromptTemplate(message_templates=examples), query_str="yes, do it")
    make().predict(PromptTemplate(DOCUMENT + "{query_str}"), query_str="continue")
    assert router.queries == ["yes, do it", "continue"]


async def test_a_condensed_question_is_what_its_answer_is_routed_on(
    llm: HybridRouterLLM, index: SummaryIndex, router: CountingRouter, small: FakeLLM, large: FakeLLM
) -> None:
    def answer(messages: list[ChatMessage], kwargs: Any) -> str:
        return HARD if "rewrite the message" in texts(messages) else "an answer"

    small.answer = large.answer = answer
    engine = CondenseQuestionChatEngine.from_defaults(index.as_query_engine(llm=llm), llm=llm)
    assert (await say(engine, EASY)).model == "small"
    assert (await say(engine, "yes, do it")).model == "large"
    assert router.queries[-1] == HARD


def test_a_structured_llm_is_read_too(llm: HybridRouterLLM, small: FakeLLM, large: FakeLLM) -> None:
    from tests.llama_index.test_questions import Verdict, structured

    small.answer = large.answer = structured
    messages = [user(HARD), assistant("x"), user("yes, do it")]
    assert llm.as_structured_llm(Verdict).chat(messages).additional_kwargs["hybrid_router"]["model"] == "large"
    template = ChatPromptTemplate(message_templates=[user(HARD), assistant("x"), user("{query_str}")])
    with capture_decisions() as decisions:
        llm.as_structured_llm(Verdict).predict(template, query_str="yes, do it")
    assert decisions[-1].model == "large"


def test_a_router_within_a_router_reads_the_same(make: Any, router: CountingRouter, small: FakeLLM) -> None:
    inner_router = CountingRouter()
    inner = HybridRouterLLM(small=FakeLLM(name="tiny"), large=small, router=inner_router)
    messages = [user(EASY), assistant("x"), user("continue")]
    record = make(small=inner).chat(messages).additional_kwargs["hybrid_router"]
    assert (record["inner"]["model_name"], router.queries, inner_router.queries) == ("tiny", [EASY], [EASY])


def test_messages_that_end_with_an_answer_have_no_question(llm: HybridRouterLLM) -> None:
    record = llm.chat([user(EASY), assistant("x")]).additional_kwargs["hybrid_router"]
    assert (record["model"], record["reason"]) == ("large", "no_query")
    assert record["detail"] == "the messages end with an answer, so there is no question"


# what LlamaIndex wrote


def turns(messages: list[ChatMessage]) -> tuple[str, ...]:
    return read(plain_of(messages)).turns


def test_what_llama_index_wrote_for_the_user_is_no_turn() -> None:
    called = "Thought: x\nAction: search\nAction Input: {}"
    react = [user(HARD), assistant(called), user(f"Observation: {DOCUMENT}"), assistant("Answer: y"), user("continue")]
    code = [user(HARD), assistant("<execute>1</execute>"), user(f"Result of executing the code given:\n\n{DOCUMENT}")]
    retry = [user(HARD), user(HARD), assistant("gibberish"), user(f"Error while parsing the output: {DOCUMENT}")]
    state = [user(f"Current state:\n{{'notes': '{DOCUMENT}'}}\n\nCurrent message:\n{HARD}\n"), *react[1:]]
    assert (turns(react), turns(code), turns(retry), turns(state)) == (
        (HARD, "continue"),
        (HARD,),
        (HARD,),
        (HARD, "continue"),
    )
    assert not read(plain_of(retry)).found_fault  # the question was not asked again by the user


def test_a_question_sent_twice_without_an_answer_is_one_and_with_one_a_complaint() -> None:
    assert not read(plain_of([user(ALONE), user(ALONE)])).found_fault
    assert read(plain_of([user(ALONE), assistant("x"), user(ALONE)])).found_fault


@pytest.mark.parametrize(
    "calling",
    [
        tool_call("search", words="x"),
        ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_name="search", tool_kwargs={})]),
    ],
)
def test_a_turn_goes_on_after_a_call_of_a_tool(calling: ChatMessage) -> None:
    assert turns([user(HARD), calling]) == (HARD,)
    assert turns([user(HARD), calling, ChatMessage(role="tool", content=DOCUMENT)]) == (HARD,)
    assert turns([user(HARD), ChatMessage(role="chatbot", content="x"), user("continue")]) == (HARD, "continue")


def test_a_conversation_packed_as_xml_is_one(llm: HybridRouterLLM, router: CountingRouter) -> None:
    from llama_index.core.agent.utils import messages_to_xml_format

    packed = messages_to_xml_format([user(HARD), assistant("x"), user("yes, do it"), assistant(DOCUMENT)])
    llm.chat(packed)
    assert router.queries == [HARD]
    assert turns(messages_to_xml_format([assistant("x")])) == ()


async def test_summaries_and_memory_blocks_are_no_questions(
    llm: HybridRouterLLM, router: CountingRouter, large: FakeLLM
) -> None:
    large.answer = lambda messages, kwargs: f"Summary of the conversation: the user wants to know of the {DOCUMENT}"
    memory: Any = ChatSummaryMemoryBuffer.from_defaults(
        llm=llm, token_limit=60, chat_history=[user(DOCUMENT), assistant("x"), user(ALONE)]
    )
    with capture_decisions() as decisions:
        messages = memory.get()
    assert [(made.model, made.reason) for made in decisions] == [("large", "no_query")]
    llm.chat(messages)
    assert router.queries == [ALONE]
    # A user who goes on with what is known by its summary alone goes on with nothing that could be scored
    record = llm.chat([messages[0], user("continue")]).additional_kwargs["hybrid_router"]
    assert (record["reason"], router.queries) == ("no_query", [ALONE])
    facts = StaticMemoryBlock(name="facts", static_content=[TextBlock(text=DOCUMENT)], priority=0)
    for method in (InsertMethod.SYSTEM, InsertMethod.USER):
        memory = Memory.from_defaults(insert_method=method, memory_blocks=[facts])
        await memory.aput_messages([user(ALONE), assistant("x"), user("continue")])
        assert turns(await memory.aget()) == (ALONE, "continue")


async def test_the_extraction_of_facts_is_no_question_of_the_user(llm: HybridRouterLLM, router: CountingRouter) -> None:
    with capture_decisions() as decisions:
        await FactExtractionMemoryBlock(llm=llm).aput([user(ALONE), assistant("x"), user("continue")])
    assert {made.reason for made in decisions} == {"no_query"}
    assert router.queries == []


# agents and workflows


def search(words: str) -> str:
    """Search the documents."""
    return DOCUMENT


def calls_a_tool(messages: list[ChatMessage], kwargs: Any) -> Any:
    return "done" if messages[-1].role == MessageRole.TOOL else tool_call("search", words="x")


def reacts(messages: list[ChatMessage], kwargs: Any = None) -> str:
    done = (messages[-1].content or "").startswith("Observation:")
    if done:
        return "Thought: I can answer without using any more tools.\nAnswer: done"
    return 'Thought: I need a tool.\nAction: search\nAction Input: {"words": "x"}'


def writes_code(messages: list[ChatMessage], kwargs: Any) -> str:
    done = (messages[-1].content or "").startswith("Result of executing")
    return "done" if done else "<execute>search('x')</execute>"


def agent_of(kind: str, llm: Any, *, streaming: bool) -> Any:
    if kind == "react":
        return ReActAgent(tools=[search], llm=llm, streaming=streaming)
    if kind == "codeact":
        return CodeActAgent(code_execute_fn=lambda code: DOCUMENT, tools=[search], llm=llm, streaming=streaming)
    agent = FunctionAgent(name="one", tools=[search], llm=llm, streaming=streaming)
    return agent if kind == "function" else AgentWorkflow(agents=[agent])


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("sticky", [False, "follow_up"])
@pytest.mark.parametrize("kind", ["function", "react", "codeact", "workflow"])
async def test_the_turns_of_agents_are_read_and_each_loop_stays_on_one_model(
    kind: str, sticky: Any, streaming: bool, make: Any, small: FakeLLM, large: FakeLLM
) -> None:
    small.answer = large.answer = {"react": reacts, "codeact": writes_code}.get(kind, calls_a_tool)
    agent, memory = agent_of(kind, make(sticky=sticky), streaming=streaming), Memory.from_defaults()
    found = [await run(agent, text, memory=memory) for text, _, _ in TALK]
    expected = [model for _, model, _ in TALK]
    if sticky:
        expected[2] = "large"  # thanks for large's answer stay with large
        assert [made[0].reason for made in found] == FOLLOWED
    assert [{each.model for each in made} for made in found] == [{model} for model in expected]
    assert {len(made) for made in found} == {2}


@pytest.mark.parametrize("kind", ["function", "react", "codeact"])
async def test_a_turn_that_fell_stays_on_large_and_so_does_what_goes_on_with_it(
    kind: str, make: Any, small: FakeLLM, large: FakeLLM
) -> None:
    large.answer = {"react": reacts, "codeact": writes_code}.get(kind, calls_a_tool)
    small.failure = ConnectionError("down")
    agent = agent_of(kind, make(fallback=True, sticky="follow_up"), streaming=False)
    memory = Memory.from_defaults()
    first = await run(agent, EASY, memory=memory)
    assert [(made.model, made.reason) for made in first] == [
        ("small", "score"),
        ("large", "fallback"),
        ("large", "fallback"),
    ]
    small.failure = None
    small.answer = large.answer
    again = await run(agent, "continue", memory=memory)
    assert {(made.model, made.reason) for made in again} == {("large", "sticky")}
    assert {made.model for made in await run(agent, ALONE, memory=memory)} == {"small"}


@pytest.mark.parametrize("named", [True, False])
async def test_agents_that_hand_over_stay_each_for_itself(
    named: bool, make: Any, small: FakeLLM, tmp_path: Any
) -> None:
    """The second agent's calls fail on small, so that it goes on with large; the first one goes on with small."""

    def answer(messages: list[ChatMessage], kwargs: Any) -> Any:
        if "You are second" in texts(messages):
            raise ConnectionError("down")
        return tool_call("handoff", to_agent="second", reason=DOCUMENT)

    small.answer = answer
    llm = make(fallback=True, sticky="follow_up")
    agents = [
        FunctionAgent(name=name, description=name, system_prompt=f"You are {name}.", llm=llm, streaming=streaming)
        for name, streaming in (("first", True), ("second", False))
    ]
    uri = {"async_database_uri": f"sqlite+aiosqlite:///{tmp_path}/chats.db"} if named else {}
    memory = Memory.from_defaults(session_id="my_session", **uri)
    assert key_of(memory).is_name == named
    workflow = AgentWorkflow(agents=agents, root_agent="first")
    made = [(each.model, each.reason) for each in await run(workflow, EASY, memory=memory)]
    assert made == [("small", "score"), ("small", "score"), ("large", "fallback")]
    small.answer = lambda messages, kwargs: tool_call("handoff", to_agent="second", reason=DOCUMENT)
    made = [(each.model, each.reason) for each in await run(workflow, "continue", memory=memory)]
    assert made == [("small", "sticky"), ("large", "sticky")]


class Chat(Workflow):
    """A workflow of the user's own, which keeps what was said in its context."""

    def __init__(self, llm: Any, *, streaming: bool = False) -> None:
        super().__init__()
        self.llm, self.streaming = llm, streaming

    @step
    async def answer(self, ctx: Context, ev: StartEvent) -> StopEvent:
        said = [*await ctx.store.get("said", default=[]), ["user", ev.text]]
        messages = [ChatMessage(role=role, content=text) for role, text in said]
        if self.streaming:
            last = [part async for part in await self.llm.astream_chat(messages)][-1]
        else:
            last = await self.llm.achat(messages)
        await self.llm.acomplete("Is this polite? " + DOCUMENT)  # in the same step, and no part of the conversation
        await ctx.store.set("said", [*said, ["assistant", last.message.content]])
        return StopEvent(result=last.additional_kwargs["hybrid_router"])


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_workflow_of_the_users_own_with_a_context(streaming: bool, make: Any) -> None:
    workflow = Chat(make(sticky="follow_up"), streaming=streaming)
    ctx: Context[Any] = Context(workflow)
    found = [await workflow.run(text=text, ctx=ctx) for text, _, _ in TALK]
    assert [made["model"] for made in found] == ["large", "large", "large", "small", "large", "small"]
    assert [made["reason"] for made in found] == FOLLOWED


# sticky

STAYING = {
    False: ["small", "large", "large", "small", "small"],
    True: ["small"] * 5,
    "up": ["small", "large", "large", "large", "large"],
    "follow_up": ["small", "large", "large", "large", "small"],
}
SAID = [ALONE, ALONE_HARD, "yes, do it", "thanks!", "What is 6 times 7?"]


@pytest.mark.parametrize("sticky", [False, True, "up", "follow_up"])
@pytest.mark.parametrize("make_engine", [simple, context, condense_plus])
async def test_each_way_of_staying(make_engine: Any, sticky: Any, make: Any, index: SummaryIndex) -> None:
    engine = make_engine(make(sticky=sticky), index)
    assert [(await say(engine, text)).model for text in SAID] == STAYING[sticky]


@pytest.mark.parametrize("sticky", [False, True, "up", "follow_up"])
@pytest.mark.parametrize("kind", ["engine", "agent"])
async def test_two_users_at_the_same_time_are_not_mixed(
    kind: str, sticky: Any, make: Any, index: SummaryIndex, small: FakeLLM, large: FakeLLM
) -> None:
    small.delay = large.delay = 0.002
    llm = make(sticky=sticky)
    agent = FunctionAgent(llm=llm, streaming=False)

    async def talk(said: list[str]) -> list[str]:
        engine, memory = simple(llm, index), Memory.from_defaults(session_id="my_session")
        found = []
        for text in said:
            if kind == "engine":
                found.append((await say(engine, text, "astream_chat")).model)
            else:
                found.append((await run(agent, text, memory=memory))[-1].model)
        return found

    other = [HARD, *GO_ON, "thanks!"]
    stays = {False: ["large"] * 4 + ["small"]}.get(sticky, ["large"] * 5)
    for _ in range(2):  # and again with new memories, which are other conversations
        assert await asyncio.gather(talk(SAID), talk(other), talk(SAID)) == [STAYING[sticky], stays, STAYING[sticky]]


def test_a_history_that_the_caller_keeps_is_known_by_its_words(make: Any, index: SummaryIndex) -> None:
    """One engine serves everybody, and the history comes with the question."""
    engine = simple(make(sticky="follow_up"), index)

    def ask(text: str, *before: str) -> Any:
        history = [message for each in before for message in (user(each), assistant("x"))]
        with capture_decisions() as decisions:
            engine.chat(text, chat_history=history)
        return decisions[-1].model, decisions[-1].reason

    assert ask(HARD) == ("large", "score")
    assert ask(ALONE) == ("small", "score")
    assert ask("continue", HARD) == ("large", "sticky")
    assert ask("continue", ALONE) == ("small", "sticky")
    # what nobody here has answered is decided by what was said, and not by what the engine answered last
    assert ask("continue", ALONE, ALONE_HARD) == ("large", "score")


async def test_a_memory_that_has_forgotten_the_beginning_is_known_by_itself(make: Any, index: SummaryIndex) -> None:
    memory = ChatMemoryBuffer.from_defaults(token_limit=40)
    engine = simple(make(sticky=True), index, memory=memory)
    found = [await say(engine, text) for text in (HARD, *[ALONE, "What is 6 times 7?"] * 5)]
    assert len(memory.get()) <= 8
    assert [made.model for made in found] == ["large"] * 11


@pytest.mark.parametrize("sticky", [True, "up", "follow_up"])
async def test_an_engine_that_is_reset_begins_anew(sticky: Any, make: Any, index: SummaryIndex) -> None:
    engine = simple(make(sticky=sticky), index)
    for text in (HARD, *GO_ON):
        assert (await say(engine, text)).model == "large"
    engine.reset()
    assert [(await say(engine, text)).model for text in (ALONE, *GO_ON)] == ["small"] * 4


async def test_the_memory_of_conversations_is_bounded(make: Any, index: SummaryIndex) -> None:
    arms = RecentArms(most=20)
    llm = make(sticky="follow_up", arms=arms)
    for number in range(30):
        engine = simple(llm, index)
        for text in (f"What is {number} times 7?", "continue"):
            await engine.achat(text)
    assert len(arms._kept) == 20
    del engine
    gc.collect()
    assert not [name for name, (thing, _) in _objects._names.items() if thing() is None]


# keys


def test_a_name_counts_where_it_leads_to_a_database_and_else_the_object() -> None:
    one, two = (Memory.from_defaults(session_id="my_session") for _ in range(2))
    first, second = key_of(one), key_of(two)
    assert first is not None
    assert first != second
    assert not first.is_name
    asyncio.run(one.aput(user("x")))  # opens its database
    assert key_of(one) == first
    durable = [
        Memory.from_defaults(session_id=name, async_database_uri="postgresql+asyncpg://me:secret@host/db")
        for name in ("a", "a", "b")
    ]
    keys = [key_of(memory) for memory in durable]
    assert keys[0] == keys[1] != keys[2]
    assert all(key is not None and key.is_name and "secret" not in key.text for key in keys)


def test_the_key_of_a_buffer_counts_with_its_store() -> None:
    store = SimpleChatStore()
    ann, bob, ann_again = (
        key_of(ChatMemoryBuffer.from_defaults(chat_store=store, chat_store_key=name, token_limit=99))
        for name in ("ann", "bob", "ann")
    )
    assert ann == ann_again != bob
    assert key_of(ChatMemoryBuffer.from_defaults(token_limit=99)) != key_of(
        ChatMemoryBuffer.from_defaults(token_limit=99)
    )

    class Elsewhere(SimpleChatStore.__mro__[1]):  # type: ignore[misc]  # a store that keeps messages elsewhere
        def __getattr__(self, name: str) -> Any:
            raise AttributeError(name)

    Elsewhere.__abstractmethods__ = frozenset()
    far = [
        key_of(ChatMemoryBuffer.from_defaults(chat_store=Elsewhere(), chat_store_key=name, token_limit=99))
        for name in ("chat_history", "ann", "ann")
    ]
    assert far[0] is None  # everybody's
    assert far[1] == far[2]
    assert far[1] is not None
    assert far[1].is_name
    composed = SimpleComposableMemory.from_defaults(
        ChatMemoryBuffer.from_defaults(chat_store=store, chat_store_key="ann", token_limit=99)
    )
    assert key_of(composed) == ann
    assert key_of(None) is None


# prices

PRICES = Prices(small=Price(1.0, 2.0, 0.5), large=Price(1.25, 2.5, 0.05))
LONG = ChatMessage(role="system", content="Be brief and true. " * 6000)


@pytest.mark.parametrize("way", ["sync", "async", "stream", "astream"])
async def test_a_prompt_that_large_has_in_its_cache_stays_there_if_small_saves_nothing(way: str, make: Any) -> None:
    models = {name: FakeLLM(name=name, window=10**6) for name in ("small", "large")}
    llm = make(**models, prices=PRICES)

    async def ask(*messages: ChatMessage) -> Any:
        given = [LONG, *messages]
        if way == "sync":
            return llm.chat(given)
        if way == "async":
            return await llm.achat(given)
        if way == "stream":
            return list(llm.stream_chat(given))[-1]
        return [part async for part in await llm.astream_chat(given)][-1]

    async def decided(*messages: ChatMessage) -> Any:
        record = (await ask(*messages)).additional_kwargs["hybrid_router"]
        return record["model"], record["reason"]

    assert await decided(user(HARD)) == ("large", "score")
    assert await decided(user(HARD), assistant("x"), user(ALONE)) == ("large", "price")
    llm = make(**models)
    assert await decided(user(HARD), assistant("x"), user(ALONE)) == ("small", "score")


def test_the_model_that_really_answered_has_read_the_prompt(make: Any) -> None:
    models = {name: FakeLLM(name=name, window=10**6) for name in ("small", "large")}
    models["small"].failure = ConnectionError("down")
    llm = make(**models, prices=PRICES, fallback=True)
    assert llm.chat([LONG, user(ALONE)]).additional_kwargs["hybrid_router"]["reason"] == "fallback"
    models["small"].failure = None
    record = llm.chat([LONG, user(ALONE), assistant("x"), user("What is 6 times 7?")]).additional_kwargs[
        "hybrid_router"
    ]
    assert (record["model"], record["reason"]) == ("large", "price")


def test_what_the_caller_or_a_sticky_conversation_decides_has_no_price(make: Any) -> None:
    models = {name: FakeLLM(name=name, window=10**6) for name in ("small", "large")}
    llm = make(**models, prices=PRICES, sticky=True)
    llm.chat([LONG, user(HARD)])
    llm.chat([LONG, user(ALONE)], hybrid_router={"model": "small"})
    follow = llm.chat([LONG, user(ALONE), assistant("x"), user("What is 6 times 7?")])
    record = follow.additional_kwargs["hybrid_router"]
    assert (record["model"], record["reason"]) == ("small", "sticky")


# settings


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("sticky", "down", r"sticky is 'down'; allowed: False, True, 'up', 'follow_up'"),
        ("sticky", 1, r"sticky is 1; allowed: False, True, 'up', 'follow_up'"),
        ("arms", 7, r"arms is a int; allowed: an object with get\(key\) and put\(key, arm\)"),
        ("prices", 7, r"prices is a int; allowed: Prices\(small=..., large=...\)"),
        ("prices", {"small": {"input": -1, "output": 1}, "large": {"input": 1, "output": 1}}, r"input is -1; allowed"),
        ("prices", {"tiny": 1}, r"prices has the keys tiny; allowed: those of Prices"),
    ],
)
def test_a_wrong_setting_is_refused_when_it_is_made_and_when_it_is_set(
    name: str, value: Any, message: str, make: Any
) -> None:
    with pytest.raises(ValueError, match=message):
        make(**{name: value})
    llm = make()
    with pytest.raises(ValueError, match=message):
        setattr(llm, name, value)
    with pytest.raises(ValueError, match=message):
        llm.model_copy(update={name: value})
    assert llm.chat([user(EASY)]).message.content == "small answers"


def test_settings_count_as_soon_as_they_are_set(llm: HybridRouterLLM) -> None:
    messages = [user(HARD), assistant("x"), user(ALONE)]

    def reason(llm: HybridRouterLLM) -> str:
        return str(llm.chat(messages).additional_kwargs["hybrid_router"]["reason"])

    llm.chat(messages[:1])
    assert reason(llm) == "score"
    llm.sticky = True
    assert reason(llm) == "score"
    llm.chat(messages[:1])
    assert reason(llm) == "sticky"
    assert reason(llm.model_copy()) == reason(deepcopy(llm)) == "sticky"
    llm.arms = RecentArms()
    assert reason(llm) == "score"


def test_they_survive_saving(make: Any, trained_folder: Any) -> None:
    llm = make(router=trained_folder, sticky="up", prices=PRICES, arms=RecentArms(most=5))
    data = json.loads(llm.to_json())
    assert "arms" not in data
    assert data["prices"]["large"] == {"input": 1.25, "output": 2.5, "cached_input": 0.05, "cache_write": None}
    loaded = HybridRouterLLM.from_dict(data, small=FakeLLM(), large=FakeLLM())
    assert (loaded.sticky, loaded.prices) == ("up", PRICES)
    again = pickle.loads(pickle.dumps(llm))  # noqa: S301
    assert (again.sticky, again.prices, again.arms.most) == ("up", PRICES, 5)
    assert "sticky='up'" in repr(llm)
    assert "arms" not in repr(llm)
    assert HybridRouterLLM.model_json_schema()["properties"]["sticky"]["default"] is False


def test_a_store_that_cannot_be_copied_or_pickled_is_shared_or_refused(make: Any) -> None:
    class Connection(RecentArms):
        def __reduce__(self) -> Any:
            raise TypeError("a connection")

    llm = make(arms=Connection(), sticky=True, router=lambda question: 0.9)
    assert deepcopy(llm).arms is llm.arms
    with pytest.raises(ValueError, match="cannot be pickled"):
        pickle.dumps(make(arms=Connection(), router=trained_name))


def trained_name(question: str) -> float:
    return 0.9


# hostile


class Broken:
    def get(self, key: str) -> str | None:
        raise RuntimeError(f"a secret of {key}")

    def put(self, key: str, arm: str) -> None:
        raise RuntimeError(f"a secret of {key}")


@pytest.mark.parametrize("sticky", [True, "up", "follow_up"])
@pytest.mark.parametrize("way", ["chat", "stream_chat", "achat", "astream_chat"])
async def test_a_store_that_raises_is_gone_on_without(
    way: str, sticky: Any, make: Any, index: SummaryIndex, caplog: pytest.LogCaptureFixture
) -> None:
    engine = simple(make(sticky=sticky, arms=Broken(), on_router_error="raise"), index)
    with caplog.at_level(logging.WARNING):
        found = [(await say(engine, text, way)).model for text in (HARD, "continue", ALONE)]
    assert found == ["large", "large", "small"]
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_hostile_messages(make: Any, router: CountingRouter) -> None:
    models = {name: FakeLLM(name=name, window=10**9) for name in ("small", "large")}
    llm = make(**models, sticky="follow_up", prices=PRICES)
    none = ChatMessage(role="user", content=None)
    assert llm.chat([user(HARD), assistant("x"), none]).additional_kwargs["hybrid_router"]["model"] == "large"
    record = llm.chat([none, ChatMessage(role="assistant", content=None), none]).additional_kwargs["hybrid_router"]
    assert record["reason"] == "no_query"
    assert llm.chat([user("\ud800?")]).message.content
    assert llm.chat([user("<memory>" * 1000), user("Current state:\n" * 1000)]).message.content
    assert llm.chat([]).message.content


@pytest.mark.parametrize(
    "messages",
    [
        [message for i in range(5000) for message in (user(f"What is {i} times 7?"), assistant("x"))],
        [user(f"Observation: {i}") for i in range(10_000)],
        [ChatMessage(role="tool", content="x")] * 10_000,
        [user("Why? " * 200_000), assistant("x")],
        [user("<user_query> " * 80_000), assistant("Action: " * 1000)],
    ],
    ids=["turns", "observations", "tools", "long", "tags"],
)
def test_long_conversations_are_read_in_no_time(messages: list[ChatMessage]) -> None:
    started = time.perf_counter()
    read(plain_of([*messages, user("continue")]))
    assert time.perf_counter() - started < 1


def test_users_with_as_many_turns_as_you_like_are_known_again(make: Any) -> None:
    llm = make(small=FakeLLM(window=10**9), large=FakeLLM(window=10**9), sticky=True, track_questions=False)
    messages = [user(HARD)]
    for number in range(150):
        assert llm.chat(messages).additional_kwargs["hybrid_router"]["model"] == "large"
        messages += [assistant("x"), user(f"What is {number} times 7?")]
