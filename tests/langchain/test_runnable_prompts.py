"""What follows the router in a chain: prompts, selectors and routes."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder, PromptTemplate
from langchain_core.runnables import RunnablePassthrough, RunnableSequence
from langchain_core.runnables.router import RouterRunnable

from hybrid_router_core import ConfigError
from tests.langchain.fakes import EASY, HARD, multiply

FIRST = ChatPromptTemplate.from_template("easy {x}")
NEXT = ChatPromptTemplate.from_template("rate this: {answer}")
STRING = PromptTemplate.from_template("rate this: {answer}")

POSITIONS = {
    "first": lambda r, p: r | p,
    "piped": lambda r, p: r.pipe(p),
    "middle": lambda r, p: FIRST | r | p,
    "middle of a sequence made by hand": lambda r, p: RunnableSequence(FIRST, r, p),
    "grouped": lambda r, p: FIRST | (r | p),
    "configured": lambda r, p: FIRST | r.with_config(tags=["t"]) | p,
    "bound": lambda r, p: FIRST | r.bind(stop=["x"]) | p,
    "with tools": lambda r, p: FIRST | r.bind_tools([multiply]) | p,
    "with retries": lambda r, p: FIRST | r.with_retry() | p,
    "with fallbacks": lambda r, p: FIRST | r.with_fallbacks([r]) | p,
    "as a value of a dict": lambda r, p: FIRST | {"answer": r} | p,
    "assigned": lambda r, p: RunnablePassthrough.assign(answer=FIRST | r) | p,
}
WAYS = {
    "invoke": lambda chain: chain.invoke({"x": "question"}),
    "stream": lambda chain: list(chain.stream({"x": "question"})),
    "batch": lambda chain: chain.batch([{"x": "question"}, {"x": "other"}]),
}


@pytest.mark.parametrize("prompt", [NEXT, STRING], ids=["chat", "string"])
@pytest.mark.parametrize("position", POSITIONS)
def test_a_prompt_after_the_router_is_refused_with_the_right_form_in_every_position(router, position, prompt):
    start = "easy question" if position in ("first", "piped") else {"x": "question"}
    with pytest.raises(ConfigError, match=r"router \| StrOutputParser\(\) \| prompt.*assign_route"):
        POSITIONS[position](router, prompt).invoke(start)


@pytest.mark.parametrize("way", WAYS)
def test_a_prompt_after_the_router_is_refused_by_every_entry_point(router, way):
    with pytest.raises(ConfigError, match="would print its repr"):
        WAYS[way](FIRST | router | NEXT)


async def test_a_prompt_after_the_router_is_refused_in_async_code(router):
    chain = FIRST | router | NEXT
    with pytest.raises(ConfigError, match="would print its repr"):
        await chain.ainvoke({"x": "question"})
    with pytest.raises(ConfigError, match="would print its repr"):
        [part async for part in chain.astream({"x": "question"})]


@pytest.mark.parametrize("way", WAYS)
def test_with_a_text_parser_between_them_the_answer_flows_into_the_next_prompt(router, way):
    chain = FIRST | router | StrOutputParser() | NEXT
    expected = NEXT.invoke({"answer": "small-model: easy question"})
    result = WAYS[way](chain)
    assert (result[0] if isinstance(result, list) else result) == expected


def test_prompts_that_may_take_a_message_still_do(router):
    answer = router.invoke("easy question")
    history = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{x}")])
    assert len(history.invoke({"history": [HumanMessage("a"), answer], "x": "b"}).to_messages()) == 3
    unused = ChatPromptTemplate.from_template("only {x}")
    assert unused.invoke({"answer": answer, "x": "b"}).to_messages()[0].text == "only b"
    other = AIMessage("of another model")
    assert "of another model" in NEXT.invoke(other).to_messages()[0].text


def test_assign_route_decides_on_the_raw_question_and_the_route_flows_on_with_it(router, scores):
    prompt = ChatPromptTemplate.from_template("[{route}] hard context: {context} question: {question}")
    chain = router.assign_route("question") | prompt
    rendered = chain.invoke({"question": "easy", "context": "long"}).to_messages()[0].text
    assert rendered == "[small] hard context: long question: easy"
    assert scores.queries == ["easy"]


async def test_as_selector_sends_the_whole_input_to_the_branch_of_the_chosen_model(router, small, large, scores):
    short, long = ChatPromptTemplate.from_template("{question}"), ChatPromptTemplate.from_template("think: {question}")
    chain = router.as_selector("question") | RouterRunnable({"small": short | small, "large": long | large})
    assert chain.invoke({"question": "easy"}).text == "small-model: easy"
    assert (await chain.ainvoke({"question": "hard"})).text == "large-model: think: hard"
    assert [each.text for each in chain.batch([{"question": "easy"}, {"question": "hard"}])] == [
        "small-model: easy",
        "large-model: think: hard",
    ]
    assert scores.queries == ["easy", "hard", "easy", "hard"]


async def test_selectors_obey_the_overrides_of_a_call_sync_and_async(router):
    config = {"configurable": {"hybrid_router_model": "small"}}
    assert router.assign_route("q").invoke({"q": "hard"}, config)["route"] == "small"
    assert (await router.assign_route("q").ainvoke({"q": "hard"}, config))["route"] == "small"
    assert router.as_selector("q").invoke({"q": "hard"}, config) == {"key": "small", "input": {"q": "hard"}}


def test_assign_route_reads_a_list_of_messages_as_a_model_would(router):
    messages = [HumanMessage(EASY), AIMessage("a"), HumanMessage(HARD)]
    assert router.assign_route("messages").invoke({"messages": messages})["route"] == "large"
