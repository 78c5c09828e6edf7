"""Point 4 of the checklist: agents stay on the model of the question, through tool results full of the trigger."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser
from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent, FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.tools import FunctionTool

from llama_index_hybrid_router import HybridRouterLLM, capture_decisions
from tests.llama_index.fakes import (
    ALONE,
    DOCUMENT,
    EASY,
    HARD,
    CountingRouter,
    FakeLLM,
    PlainLLM,
    answered,
    assistant,
    texts,
    tool_call,
    user,
)


class Verdict(BaseModel):
    answer: str


def search(words: str) -> str:
    """Search the documents."""
    return DOCUMENT


def calls_search_twice(messages: list[ChatMessage], kwargs: dict[str, Any]) -> Any:
    if kwargs.get("tools") == ["Verdict"]:
        return tool_call("Verdict", answer="done")
    results = sum(message.role == "tool" for message in messages)
    return tool_call("search", words="x") if results < 2 else "done"


def reacts(messages: list[ChatMessage], kwargs: Any = None) -> str:
    if texts(messages).count("Observation: The") < 2:
        return 'Thought: I need a tool.\nAction: search\nAction Input: {"words": "x"}'
    return "Thought: I can answer without using any more tools.\nAnswer: done"


def writes_code(messages: list[ChatMessage], kwargs: Any) -> str:
    done = "Result of executing" in texts(messages)
    return "done" if done else "<execute>search('x')</execute>"


def pair(answer: Any, **settings: Any) -> tuple[FakeLLM, FakeLLM]:
    small, large = (FakeLLM(name=name, answer=answer, **settings) for name in ("small", "large"))
    return small, large


async def run(agent: Any, question: str, **kwargs: Any) -> tuple[str, list[Any]]:
    with capture_decisions() as decisions:
        handler = agent.run(user_msg=question, **kwargs)
        async for _ in handler.stream_events():
            pass
        output = await handler
    return str(output), decisions


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(("question", "route"), [(EASY, "small"), (HARD, "large")])
@pytest.mark.parametrize("kind", ["function", "workflow", "react", "codeact"])
async def test_the_whole_tool_loop_stays_on_the_model_of_the_question(
    kind: str, question: str, route: str, streaming: bool, router: CountingRouter
) -> None:
    answer = {"react": reacts, "codeact": writes_code}.get(kind, calls_search_twice)
    small, large = pair(answer)
    llm = HybridRouterLLM(small=small, large=large, router=router)
    agent: Any
    if kind == "function":
        agent = FunctionAgent(tools=[search], llm=llm, streaming=streaming)
    elif kind == "workflow":
        agent = AgentWorkflow(agents=[FunctionAgent(name="a", tools=[search], llm=llm, streaming=streaming)])
    elif kind == "react":
        agent = ReActAgent(tools=[search], llm=llm, streaming=streaming)
    else:
        agent = CodeActAgent(code_execute_fn=lambda code: DOCUMENT, tools=[search], llm=llm, streaming=streaming)
    output, decisions = await run(agent, question)
    assert "done" in output
    assert answered(small, large) == [route]
    calls = {"small": small, "large": large}[route].calls
    assert len(calls) == len(decisions) == (2 if kind == "codeact" else 3)
    assert router.queries == [question]


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_mixed_pair_is_no_function_calling_llm_unless_any_is_enough(
    streaming: bool, router: CountingRouter
) -> None:
    small, large = FakeLLM(name="small", calls_functions=False), FakeLLM(name="large", answer=calls_search_twice)
    strict = HybridRouterLLM(small=small, large=large, router=router)
    with pytest.raises(ValueError, match="FunctionCallingLLM"):
        await run(FunctionAgent(tools=[search], llm=strict, streaming=streaming), EASY)
    lenient = HybridRouterLLM(small=small, large=large, router=router, is_function_calling="any")
    output, decisions = await run(FunctionAgent(tools=[search], llm=lenient, streaming=streaming), EASY)
    assert output == "done"
    assert {(d.model, d.reason) for d in decisions} == {("large", "capability")}
    assert (answered(small, large), router.queries) == (["large"], [])


async def test_a_pair_with_a_plain_llm_as_small_serves_tools_from_large(router: CountingRouter) -> None:
    small, large = PlainLLM(name="small"), FakeLLM(name="large", answer=calls_search_twice)
    llm = HybridRouterLLM(small=small, large=large, router=router, is_function_calling="any")
    output, _ = await run(FunctionAgent(tools=[search], llm=llm), EASY)
    assert output == "done"
    assert llm.chat([user(EASY)]).message.content == "small answers"


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_pair_without_functions_works_in_a_react_agent_and_is_refused_clearly_elsewhere(
    streaming: bool, router: CountingRouter
) -> None:
    small, large = PlainLLM(name="small", answer=lambda p: reacts([user(p)])), PlainLLM(name="large")
    llm = HybridRouterLLM(small=small, large=large, router=router)
    output, _ = await run(ReActAgent(tools=[search], llm=llm, streaming=streaming), EASY)
    assert output == "done"
    assert (answered(small, large), router.queries) == (["small"], [EASY])
    with pytest.raises(ValueError, match=r"neither 'small' nor 'large' does\. Use a ReActAgent"):
        llm.chat_with_tools([], user_msg=EASY)


def test_agents_are_chosen_by_what_both_models_can(router: CountingRouter) -> None:
    for small, expected in ((FakeLLM(), FunctionAgent), (PlainLLM(), ReActAgent)):
        llm = HybridRouterLLM(small=small, large=FakeLLM(), router=router)
        workflow = AgentWorkflow.from_tools_or_functions([search], llm=llm)
        assert [type(agent) for agent in workflow.agents.values()] == [expected]


@pytest.mark.parametrize("calls_functions", [True, False])
async def test_codeact_works_with_and_without_functions(calls_functions: bool, router: CountingRouter) -> None:
    small: Any = FakeLLM(name="small", answer=writes_code) if calls_functions else PlainLLM(name="small")
    if not calls_functions:
        small.answer = lambda prompt: writes_code([user(prompt)], {})
    llm = HybridRouterLLM(small=small, large=FakeLLM(name="large"), router=router)
    agent = CodeActAgent(code_execute_fn=lambda code: DOCUMENT, tools=[search], llm=llm)
    output, decisions = await run(agent, EASY)
    assert output == "done"
    assert [d.model for d in decisions] == ["small", "small"]


async def test_a_react_agent_asked_again_after_an_unreadable_answer_stays_on_its_model(router: CountingRouter) -> None:
    said: list[str] = []

    def answer(messages: list[ChatMessage], kwargs: Any) -> str:
        said.append(texts(messages))
        bad = f"Action: {DOCUMENT}" if len(said) == 1 else ""
        return bad or "Thought: I can answer without using any more tools.\nAnswer: done"

    small, large = pair(answer)
    agent = ReActAgent(tools=[search], llm=HybridRouterLLM(small=small, large=large, router=router))
    output, _ = await run(agent, EASY)
    assert output == "done"
    assert "Error while parsing the output" in said[1]
    assert router.queries == [EASY]


async def test_the_output_class_of_an_agent_is_filled_by_the_model_of_the_question(router: CountingRouter) -> None:
    small, large = pair(calls_search_twice)
    llm = HybridRouterLLM(small=small, large=large, router=router)
    agent = FunctionAgent(tools=[search], llm=llm, output_cls=Verdict)
    _, decisions = await run(agent, ALONE, chat_history=[user(HARD), assistant(DOCUMENT)])
    assert [d.model for d in decisions] == ["small"] * 4
    assert (answered(small, large), router.queries) == (["small"], [ALONE])


async def test_the_state_of_a_workflow_is_not_part_of_the_question(router: CountingRouter) -> None:
    small, large = pair(calls_search_twice)
    agent = FunctionAgent(name="a", tools=[search], llm=HybridRouterLLM(small=small, large=large, router=router))
    output, _ = await run(AgentWorkflow(agents=[agent], initial_state={"notes": DOCUMENT}), EASY)
    assert output == "done"
    assert "Current state" in texts(small.calls[0][1])
    assert router.queries == [EASY]


async def test_agents_that_hand_over_each_decide_on_the_question(router: CountingRouter) -> None:
    def first(messages: list[ChatMessage], kwargs: dict[str, Any]) -> Any:
        return tool_call("handoff", to_agent="second", reason=DOCUMENT)

    small, large = pair(first)
    tiny = FakeLLM(name="tiny", answer=calls_search_twice)
    one = FunctionAgent(
        name="first", description="d", llm=HybridRouterLLM(small=small, large=large, router=router), tools=[search]
    )
    two = FunctionAgent(
        name="second", description="d", llm=HybridRouterLLM(small=tiny, large=large, router=router), tools=[search]
    )
    output, _ = await run(AgentWorkflow(agents=[one, two], root_agent="first"), EASY)
    assert output == "done"
    assert answered(small, tiny, large) == ["small", "tiny"]
    assert set(router.queries) == {EASY}


def test_an_untagged_response_is_read_by_the_large_model(router: CountingRouter) -> None:
    llm = HybridRouterLLM(small=FakeLLM(name="small"), large=FakeLLM(name="large"), router=router)
    response = llm.large.chat([user(EASY)]).model_copy(update={"message": tool_call("search", words="x")})
    assert [call.tool_name for call in llm.get_tool_calls_from_response(response)] == ["search"]


def test_tool_calls_are_read_by_the_model_that_made_them() -> None:
    class OtherFormat(FakeLLM):
        def get_tool_calls_from_response(self, response: Any, *args: Any, **kwargs: Any) -> Any:
            assert "hybrid_router" not in response.additional_kwargs
            return ["read by the small model"]

    small = OtherFormat(name="small", answer=lambda m, k: tool_call("search", words="x"))
    llm = HybridRouterLLM(small=small, large=FakeLLM(name="large"), router=lambda q: 1.0)
    nested = HybridRouterLLM(small=llm, large=FakeLLM(name="larger"), router=lambda q: 1.0)
    for router_llm in (llm, nested):
        response = router_llm.chat([user(EASY)])
        assert router_llm.get_tool_calls_from_response(response) == ["read by the small model"]


def test_a_response_of_a_model_without_functions_has_no_tool_calls(router: CountingRouter) -> None:
    llm = HybridRouterLLM(small=PlainLLM(name="small"), large=FakeLLM(name="large"), router=router)
    response = llm.chat([user(EASY)])
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match="the model that answered calls no functions"):
        llm.get_tool_calls_from_response(response)


async def test_predict_and_call_uses_the_tools_of_the_chosen_model(router: CountingRouter) -> None:
    tool = FunctionTool.from_defaults(search)
    small, large = pair(lambda m, k: tool_call("search", words="x"))
    llm = HybridRouterLLM(small=small, large=large, router=router)
    assert llm.predict_and_call([tool], user_msg=EASY).response == DOCUMENT
    assert (await llm.apredict_and_call([tool], user_msg=HARD)).response == DOCUMENT
    assert router.queries == [EASY, HARD]
    assert (len(small.calls), len(large.calls)) == (1, 1)
    mixed = HybridRouterLLM(small=PlainLLM(), large=large, router=router)
    assert mixed.predict_and_call([tool], user_msg=EASY).response == DOCUMENT
    lone = PlainLLM(name="small", answer=lambda p: reacts([user(p)]))
    plain = HybridRouterLLM(small=lone, large=PlainLLM(), router=router)
    parts = {"react_chat_formatter": ReActChatFormatter(), "output_parser": ReActOutputParser()}
    expected = (await lone.apredict_and_call([tool], user_msg=EASY, **parts)).response  # by a ReAct agent
    once = len(lone.calls)
    assert (await plain.apredict_and_call([tool], user_msg=EASY, **parts)).response == expected
    assert len(lone.calls) == 2 * once


def test_prepared_arguments_go_to_the_model_that_prepared_them(router: CountingRouter) -> None:
    small, large = pair(lambda m, k: "done")
    llm = HybridRouterLLM(small=small, large=large, router=router)
    prepared = llm._prepare_chat_with_tools_compat([FunctionTool.from_defaults(search)], user_msg=EASY)
    prepared["messages"] = [user(HARD)]
    with capture_decisions() as decisions:
        record = llm.chat(**prepared).additional_kwargs["hybrid_router"]
    assert (record["model"], record["reason"]) == ("small", "score")
    assert small.calls[0][2] == {"tools": ["search"]}
    assert decisions == []  # reported when it was made
    assert isinstance(llm, FunctionCallingLLM)


def test_a_model_override_that_cannot_take_tools_is_refused(router: CountingRouter) -> None:
    llm = HybridRouterLLM(small=PlainLLM(), large=FakeLLM(), router=router)
    with pytest.raises(ValueError, match="names the small model, which calls no functions"):
        llm.chat_with_tools([], user_msg=EASY, hybrid_router={"model": "small"})


async def test_after_a_fallback_the_turn_stays_on_large():
    def answer(name: str) -> Any:
        def say(messages: list[ChatMessage], kwargs: dict[str, Any]) -> Any:
            if name == "small" and len(small.calls) == 2:
                raise ConnectionError("429")
            results = sum(message.role == "tool" for message in messages)
            return tool_call("search", words="x") if results < 4 else name

        return say

    small, large = FakeLLM(name="small"), FakeLLM(name="large")
    small.answer, large.answer = answer("small"), answer("large")
    llm = HybridRouterLLM(small=small, large=large, router=lambda query: 0.9, fallback=True)
    tool = FunctionTool.from_defaults(search)
    with capture_decisions() as decisions:
        await FunctionAgent(tools=[tool], llm=llm, streaming=False).run("What is it?")
    made = [f"{decision.model}{'!' if decision.reason == 'fallback' else ''}" for decision in decisions]
    assert made == ["small", "small", "large!", "large!", "large!", "large!"]
    with capture_decisions() as decisions:
        await FunctionAgent(tools=[tool], llm=llm, streaming=False).run("What is it?")
    assert decisions[0].model == "small"  # a new turn is decided anew
