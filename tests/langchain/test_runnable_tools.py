"""Tools and structured output."""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts.structured import StructuredPrompt
from langchain_core.runnables import RunnableBinding, RunnableLambda
from langgraph.prebuilt import create_react_agent
from pydantic import BaseModel

from hybrid_router_core import ConfigError
from langchain_hybrid_router import routing_decision
from tests.langchain.fakes import FakeChat, Recorder, multiply, tool_loop


class Answer(BaseModel):
    """An answer."""

    text: str
    number: int


class AnswerDict(TypedDict):
    """An answer."""

    number: int


JSON_SCHEMA = {"title": "Answer", "description": "d", "type": "object", "properties": {"number": {"type": "integer"}}}


def test_bound_tools_reach_the_chosen_model_in_its_own_format(router, small, large):
    bound = router.bind_tools([multiply], tool_choice="multiply", parallel_tool_calls=False)
    assert isinstance(bound, RunnableBinding)
    message = bound.invoke("easy")
    assert message.tool_calls[0]["args"] == {"a": 3, "b": 3}
    assert routing_decision(message).model == "small"
    (call,) = small.calls
    assert call["tools"][0]["function"]["name"] == "multiply"
    assert (call["tool_choice"], call["parallel_tool_calls"]) == ("multiply", False)
    assert large.calls == []
    bound.invoke("hard")
    assert large.calls[0]["tools"] == call["tools"]


def test_binding_tools_leaves_the_router_as_it_was_and_binding_again_replaces_them(router, small):
    router.bind_tools([multiply])
    router.invoke("easy")
    assert "tools" not in small.calls[-1]

    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    router.bind_tools([multiply]).bind_tools([add]).invoke("easy")
    assert [each["function"]["name"] for each in small.calls[-1]["tools"]] == ["add"]


def test_tool_calls_are_streamed_in_pieces_with_one_record(router):
    chunks = list(router.bind_tools([multiply]).stream("easy"))
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    assert total.tool_calls[0]["args"] == {"a": 3, "b": 3}
    assert len([chunk for chunk in chunks if chunk.tool_call_chunks]) == 2
    assert total.response_metadata["hybrid_router_model"] == "small"


def test_with_fallbacks_binds_tools_to_the_router_and_to_the_fallback(make):
    spare = FakeChat(model="spare")
    router = make(small=FakeChat(model="s", error=OSError("down"))).with_fallbacks([spare])
    message = router.bind_tools([multiply]).invoke("easy")
    assert message.tool_calls
    assert spare.calls[0]["tools"]
    assert routing_decision(message) is None


def test_what_is_bound_to_a_model_is_not_lost_when_tools_are_bound_to_the_router(make, small):
    router = make(small=small.bind(stop=["\n"]).with_config(tags=["mine"]))
    recorder = Recorder()
    router.bind_tools([multiply]).invoke("easy", {"callbacks": [recorder]})
    assert small.calls[0]["stop"] == ["\n"]
    assert small.calls[0]["tools"]
    assert "mine" in recorder.tags


def test_a_model_with_retries_keeps_them_when_tools_are_bound(make):
    class Flaky(FakeChat):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            result = self._result(messages, stop, kwargs)
            if len(self.calls) == 1:
                raise OSError("once")
            return result

    flaky = Flaky(model="s")
    router = make(small=flaky.with_retry(wait_exponential_jitter=False))
    assert router.bind_tools([multiply]).invoke("easy").tool_calls
    assert len(flaky.calls) == 2


def test_a_model_with_fallbacks_of_its_own_has_tools_bound_to_all_of_them(make):
    spare = FakeChat(model="spare")
    router = make(small=FakeChat(model="s", error=OSError("down")).with_fallbacks([spare]))
    assert router.bind_tools([multiply]).invoke("easy").tool_calls
    assert spare.calls[0]["tools"]


def test_a_model_that_has_tools_bound_already_is_refused_when_tools_are_bound_to_the_router(make, small):
    with pytest.raises(ConfigError, match="small has tools bound already; pass the bare model"):
        make(small=small.bind_tools([multiply])).bind_tools([multiply])


def test_if_neither_model_has_tools_the_large_one_raises_as_it_would_alone(make):
    unable = {"small": FakeChat(model="s", can_bind=False), "large": FakeChat(model="l", can_bind=False)}
    with pytest.raises(NotImplementedError):
        make(**unable).bind_tools([multiply])


def test_a_large_model_without_tools_leaves_the_calls_to_small(make):
    bound = make(large=FakeChat(model="l", can_bind=False)).bind_tools([multiply])
    message = bound.invoke("hard")
    assert message.tool_calls
    found = routing_decision(message)
    assert (found.model, found.reason, found.detail) == ("small", "capability", "tools")
    with pytest.raises(ConfigError, match="'large', which has no tools; allowed here: 'small'"):
        bound.invoke("hard", {"configurable": {"hybrid_router_model": "large"}})


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (Answer, Answer(text="text", number=3)),
        (AnswerDict, {"number": 3}),
        (JSON_SCHEMA, {"number": 3}),
    ],
)
def test_structured_output_takes_every_kind_of_schema_and_every_entry_point(router, recorder, schema, expected):
    structured = router.with_structured_output(schema)
    config = {"callbacks": [recorder]}

    async def astream():
        return [each async for each in structured.astream("easy", config)]

    assert structured.invoke("easy", config) == expected
    assert asyncio.run(structured.ainvoke("easy", config)) == expected
    assert list(structured.stream("easy", config))[-1] == expected
    assert asyncio.run(astream())[-1] == expected
    assert structured.batch(["easy", "hard"], config) == [expected, expected]
    found = [start["metadata"]["hybrid_router_model"] for start in recorder.starts]
    assert sorted(found) == ["large"] + ["small"] * 5


def test_include_raw_gives_the_stamped_message_the_parsed_value_and_no_error(router):
    structured = router.with_structured_output(Answer, include_raw=True)
    result = structured.invoke("easy")
    assert set(result) == {"raw", "parsed", "parsing_error"}
    assert result["parsed"] == Answer(text="text", number=3)
    assert routing_decision(result["raw"]).model == "small"
    total: Any = None
    for part in structured.stream("hard"):
        total = part if total is None else total + part
    assert total["parsed"] == Answer(text="text", number=3)
    assert routing_decision(total["raw"]).model == "large"


def test_method_and_strict_reach_the_models_and_what_they_refuse_is_raised(make):
    seen = []

    class Picky(FakeChat):
        def with_structured_output(self, schema, *, include_raw=False, **kwargs):
            seen.append((self.model, include_raw, kwargs))
            if kwargs.get("method") == "unknown":
                raise ValueError("no such method")
            return self | RunnableLambda(lambda message: message.text)

    router = make(small=Picky(model="s"), large=Picky(model="l"))
    router.with_structured_output(Answer, method="json_schema", strict=True)
    assert seen == [(name, False, {"method": "json_schema", "strict": True}) for name in ("s", "l")]
    with pytest.raises(ValueError, match="no such method"):
        router.with_structured_output(Answer, method="unknown")


def test_what_is_bound_to_a_model_reaches_its_structured_output_or_is_refused(make, small):
    router = make(small=small.bind(stop=["\n"]))
    router.with_structured_output(Answer).invoke("easy")
    assert small.calls[0]["stop"] == ["\n"]
    with pytest.raises(ConfigError, match="small has stop bound, which include_raw=True would lose"):
        router.with_structured_output(Answer, include_raw=True)


def test_a_structured_prompt_before_the_router_structures_its_output(router, recorder):
    prompt = StructuredPrompt([("human", "{x}")], JSON_SCHEMA)
    assert (prompt | router).invoke({"x": "easy"}, {"callbacks": [recorder]}) == {"number": 3}
    assert recorder.metadata["hybrid_router_model"] == "small"


def test_structured_output_after_bound_tools_drops_them_as_on_any_chat_model(router, small):
    router.bind_tools([multiply]).with_structured_output(Answer).invoke("easy")
    assert [each["function"]["name"] for each in small.calls[-1]["tools"]] == ["Answer"]
    small.bind_tools([multiply]).with_structured_output(Answer).invoke("easy")
    assert [each["function"]["name"] for each in small.calls[-1]["tools"]] == ["Answer"]


@pytest.mark.filterwarnings("ignore::langgraph.warnings.LangGraphDeprecatedSinceV10")
@pytest.mark.parametrize("bind", [False, True])
def test_the_router_drives_langgraphs_prebuilt_agent_bare_or_with_tools_bound(make, bind):
    router = make(small=FakeChat(model="s", reply=tool_loop), large=FakeChat(model="l", reply=tool_loop))
    agent = create_react_agent(router.bind_tools([multiply]) if bind else router, [multiply])
    messages = agent.invoke({"messages": [HumanMessage("easy")]})["messages"]
    assert messages[-1].text == "result 42"
    answers = [message for message in messages if isinstance(message, AIMessage)]
    assert [routing_decision(message).model for message in answers] == ["small"] * 3
