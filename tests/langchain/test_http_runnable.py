"""The real HTTP path: ChatOpenAI on both sides, against an OpenAI-compatible server on the loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from langchain_hybrid_router import HybridRouterMiddleware, RunnableHybridRouter, routing_decision
from tests.langchain.fakes import Scores, multiply
from tests.openai_server import OpenAIServer, Reply

# The errors that httpx and the OpenAI package raise when a connection is cut have no common base below Exception.
CUT = "peer closed connection|Connection error"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer({"small-1": Reply("small says yes"), "large-1": Reply("large says yes")}) as running:
        yield running


@pytest.fixture
def chat(server: OpenAIServer) -> Callable[..., ChatOpenAI]:
    def make(model: str, **settings: Any) -> ChatOpenAI:
        return ChatOpenAI(
            model=model, base_url=server.base_url, api_key="none", stream_usage=True, **{"max_retries": 0, **settings}
        )

    return make


@pytest.fixture
def router_of(chat: Callable[..., ChatOpenAI], scores: Scores) -> Callable[..., RunnableHybridRouter]:
    def make(**settings: Any) -> RunnableHybridRouter:
        models = {"small": chat("small-1"), "large": chat("large-1"), "router": scores}
        return RunnableHybridRouter(**{**models, **settings})

    return make


class Weather(BaseModel):
    """The weather."""

    city: str
    degrees: int


def test_each_question_reaches_the_server_once_under_the_name_of_its_model(router_of, server):
    router = router_of()
    assert router.invoke("easy").text == "small says yes"
    assert router.invoke("hard").text == "large says yes"
    assert [request.model for request in server.requests] == ["small-1", "large-1"]
    assert server.requests[0].body["messages"] == [{"role": "user", "content": "easy"}]


async def test_streamed_chunks_arrive_one_by_one_with_usage_and_one_record_sync_and_async(router_of):
    router = router_of()
    usage = UsageMetadataCallbackHandler()
    config = {"callbacks": [usage]}
    for chunks in (
        list(router.stream("easy", config)),
        [chunk async for chunk in router.astream("easy", config)],
    ):
        assert [chunk.text for chunk in chunks if chunk.text] == ["small", " says", " yes"]
        assert sum("hybrid_router_model" in chunk.response_metadata for chunk in chunks) == 1
    assert usage.usage_metadata["small-1"]["total_tokens"] == 30


async def test_concurrent_calls_over_http_keep_their_answers_apart(router_of):
    router = router_of()
    messages = await asyncio.gather(*(router.ainvoke(text) for text in ["easy", "hard"] * 10))
    assert [message.text for message in messages] == ["small says yes", "large says yes"] * 10


def test_an_agents_tool_loop_runs_over_http_on_the_chosen_model(chat, server, scores):
    call = Reply(tool_calls=[("multiply", {"a": 6, "b": 7})])
    server.models["small-1"] = [call, Reply("42")]
    middleware = HybridRouterMiddleware(small=chat("small-1"), large=chat("large-1"), router=scores)
    state = create_agent(chat("large-1"), [multiply], middleware=[middleware]).invoke(
        {"messages": [HumanMessage("easy")]}
    )
    assert [message.text for message in state["messages"][1:]] == ["", "42", "42"]
    assert [request.model for request in server.requests] == ["small-1", "small-1"]
    assert server.requests[0].body["tools"][0]["function"]["name"] == "multiply"
    assert server.requests[1].body["messages"][-1]["content"] == "42"


def test_streamed_tool_calls_are_put_together(router_of, server):
    server.models["large-1"] = Reply(tool_calls=[("multiply", {"a": 6, "b": 7})])
    total = None
    for chunk in router_of().bind_tools([multiply]).stream("hard"):
        total = chunk if total is None else total + chunk
    assert total.tool_calls[0]["args"] == {"a": 6, "b": 7}
    assert routing_decision(total).model == "large"


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_structured_output_by_every_method_of_the_provider(router_of, server, method):
    values = {"city": "Rome", "degrees": 20}
    server.models["small-1"] = (
        Reply(tool_calls=[("Weather", values)]) if method == "function_calling" else Reply(json.dumps(values))
    )
    structured = router_of().with_structured_output(Weather, method=method, include_raw=True)
    result = structured.invoke("easy weather as JSON")
    assert result["parsed"] == Weather(**values)
    assert routing_decision(result["raw"]).model == "small"
    body = server.requests[0].body
    sent = {
        "json_schema": lambda: body["response_format"]["json_schema"]["name"] == "Weather",
        "function_calling": lambda: body["tool_choice"]["function"]["name"] == "Weather",
        "json_mode": lambda: body["response_format"] == {"type": "json_object"},
    }
    assert sent[method]()


def test_a_429_is_retried_by_the_client_of_the_chosen_model_and_counts_as_one_decision(router_of, chat, server, scores):
    server.models["small-1"] = [Reply(status=429, retry_after=0.01), Reply("at last")]
    message = router_of(small=chat("small-1", max_retries=1)).invoke("easy")
    assert (message.text, routing_decision(message).reason) == ("at last", "score")
    assert len(server.requests) == 2
    assert scores.queries == ["easy"]


@pytest.mark.parametrize(("status", "error"), [(429, openai.RateLimitError), (500, openai.InternalServerError)])
def test_an_error_status_raises_the_clients_error_or_falls_back_if_asked(router_of, server, status, error):
    server.models["small-1"] = Reply(status=status)
    with pytest.raises(error):
        router_of().invoke("easy")
    router = router_of(fallback=True)
    message = router.invoke("easy")
    assert (message.text, routing_decision(message).reason) == ("large says yes", "fallback")
    assert "".join(chunk.text for chunk in router.stream("easy")) == "large says yes"
    assert asyncio.run(router.ainvoke("easy")).text == "large says yes"


def test_a_stream_that_is_cut_in_the_middle_raises_after_its_chunks_and_is_not_answered_twice(router_of, server):
    server.models["small-1"] = Reply("one two three four", cut_after=3)
    seen: list[str] = []
    chunks = router_of(fallback=True).stream("easy")
    with pytest.raises(Exception, match=CUT):
        seen.extend(chunk.text for chunk in chunks)
    assert "".join(seen) == "one two"
    assert server.requests_for("large-1") == []


def test_a_stream_that_is_cut_before_its_first_chunk_falls_back(router_of, server):
    server.models["small-1"] = Reply("one", cut_after=0)
    assert "".join(chunk.text for chunk in router_of(fallback=True).stream("easy")) == "large says yes"


def test_an_answer_that_is_cut_in_the_middle_of_its_body_raises_or_falls_back(router_of, server):
    server.models["small-1"] = Reply("one two three", cut_after=0)
    with pytest.raises(Exception, match=CUT):
        router_of().invoke("easy")
    assert router_of(fallback=True).invoke("easy").text == "large says yes"


def test_with_fallbacks_catches_what_the_router_does_not(router_of, chat, server):
    server.models["large-1"] = Reply(status=500)
    server.models["spare-1"] = Reply("spare says yes")
    assert router_of().with_fallbacks([chat("spare-1")]).invoke("hard").text == "spare says yes"


async def test_an_async_stream_that_is_closed_early_closes_its_connection(router_of, server):
    server.models["small-1"] = Reply("one two three four five six", chunk_delay=0.01)
    stream = router_of().astream("easy")
    async for chunk in stream:
        if chunk.text:
            break
    await stream.aclose()
    assert (await router_of().ainvoke("easy")).text == "one two three four five six"


def test_a_real_router_over_http(router_of, trained, server):
    router = router_of(router=trained)
    router.batch(["an easy question about Albania", "prove the hard theorem of Borneo"])
    assert sorted(request.model for request in server.requests) == ["large-1", "small-1"]
