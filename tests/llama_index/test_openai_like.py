"""The real OpenAI-compatible LLM of LlamaIndex over HTTP, and point 5 of the checklist."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import SummaryIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool

from llama_index_hybrid_router import HybridRouterLLM, capture_decisions
from tests.llama_index.fakes import DOCUMENT, EASY, HARD, CountingRouter, user
from tests.openai_server import OpenAIServer, Reply, Request

OpenAILike = pytest.importorskip("llama_index.llms.openai_like").OpenAILike


class Verdict(BaseModel):
    """A verdict."""

    answer: str


def search(words: str) -> str:
    """Search the documents."""
    return DOCUMENT


def uses_a_tool(request: Request) -> Reply:
    done = request.body["messages"][-1]["role"] == "tool"
    return Reply("It is done.") if done else Reply(tool_calls=[("search", {"words": "x"})])


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer({"small": Reply("Blue as ever."), "large": Reply("Q. E. D.")}) as server:
        yield server


@pytest.fixture
def llm(server: OpenAIServer, router: CountingRouter) -> HybridRouterLLM:
    return hybrid(server, router)


def child(server: OpenAIServer, name: str, **settings: Any) -> Any:
    defaults = {"is_chat_model": True, "is_function_calling_model": True, "max_retries": 0, "context_window": 8192}
    return OpenAILike(model=name, api_base=server.base_url, api_key="sk-secret", **{**defaults, **settings})


def hybrid(server: OpenAIServer, router: Any, child_settings: Any = None, **settings: Any) -> HybridRouterLLM:
    small, large = (child(server, name, **(child_settings or {})) for name in ("small", "large"))
    return HybridRouterLLM(small=small, large=large, router=router, **settings)


def models(server: OpenAIServer) -> list[str]:
    return [request.model for request in server.requests]


async def test_every_endpoint_reaches_the_model_of_the_question(llm: HybridRouterLLM, server: OpenAIServer) -> None:
    assert str(llm.chat([user(EASY)]).message.content) == "Blue as ever."
    assert str(llm.complete(HARD)) == "Q. E. D."
    assert (await llm.achat([user(HARD)])).message.content == "Q. E. D."
    assert (await llm.acomplete(EASY)).text == "Blue as ever."
    streams = [
        list(llm.stream_chat([user(EASY)])),
        list(llm.stream_complete(HARD)),
        [part async for part in await llm.astream_chat([user(HARD)])],
        [part async for part in await llm.astream_complete(EASY)],
    ]
    texts = ["".join(part.delta or "" for part in parts) for parts in streams]
    assert texts == ["Blue as ever.", "Q. E. D.", "Q. E. D.", "Blue as ever."]
    assert all("hybrid_router" in part.additional_kwargs for parts in streams for part in parts)
    assert models(server) == ["small", "large", "large", "small"] * 2


async def test_a_query_engine_over_misleading_documents(
    llm: HybridRouterLLM, server: OpenAIServer, index: SummaryIndex
) -> None:
    engine = index.as_query_engine(llm=llm)
    assert str(engine.query(EASY)) == "Blue as ever."
    assert str(await engine.aquery(HARD)) == "Q. E. D."
    streaming = index.as_query_engine(llm=llm, streaming=True)
    assert str(streaming.query(EASY)) == "Blue as ever."
    assert models(server) == ["small", "large", "small"]
    assert DOCUMENT.strip() in server.requests[0].last_text


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(("question", "route"), [(EASY, "small"), (HARD, "large")])
async def test_an_agent_with_tools(
    question: str, route: str, streaming: bool, llm: HybridRouterLLM, server: OpenAIServer
) -> None:
    server.models = {"small": uses_a_tool, "large": uses_a_tool}
    with capture_decisions() as decisions:
        output = await FunctionAgent(tools=[search], llm=llm, streaming=streaming).run(user_msg=question)
    assert str(output) == "It is done."
    assert models(server) == [route, route]
    assert [tool["function"]["name"] for tool in server.requests[0].body["tools"]] == ["search"]
    assert [d.model for d in decisions] == [route, route]
    assert all("hybrid_router" not in json.dumps(request.body) for request in server.requests)


@pytest.mark.skipif("should_use_structured_outputs" not in OpenAILike.model_fields, reason="an older OpenAILike")
async def test_native_structured_output_is_kept(server: OpenAIServer, router: CountingRouter) -> None:
    server.models = {"small": Reply('{"answer": "blue"}'), "large": Reply('{"answer": "proved"}')}
    llm = hybrid(server, router, {"should_use_structured_outputs": True})
    prompt = PromptTemplate(DOCUMENT + "{query_str}")
    assert llm.structured_predict(Verdict, prompt, query_str=EASY) == Verdict(answer="blue")
    assert await llm.astructured_predict(Verdict, prompt, query_str=HARD) == Verdict(answer="proved")
    assert list(llm.stream_structured_predict(Verdict, prompt, query_str=EASY))[-1].answer == "blue"
    parts = [p async for p in await llm.astream_structured_predict(Verdict, prompt, query_str=HARD)]
    assert parts[-1].answer == "proved"
    assert json.loads(str(llm.as_structured_llm(Verdict).complete(EASY))) == {"answer": "blue"}
    assert models(server) == ["small", "large", "small", "large", "small"]
    for request in server.requests:
        assert request.body["response_format"]["type"] == "json_schema"
        assert "tools" not in request.body


async def test_structured_output_by_tool_calls(llm: HybridRouterLLM, server: OpenAIServer) -> None:
    server.models = {"small": Reply(tool_calls=[("Verdict", {"answer": "blue"})])}
    prompt = PromptTemplate(DOCUMENT + "{query_str}")
    assert llm.structured_predict(Verdict, prompt, query_str=EASY) == Verdict(answer="blue")
    assert await llm.astructured_predict(Verdict, prompt, query_str=EASY) == Verdict(answer="blue")
    assert list(llm.stream_structured_predict(Verdict, prompt, query_str=EASY))[-1].answer == "blue"
    assert all(request.body["tools"] for request in server.requests)


def test_the_validation_of_the_model_is_kept(llm: HybridRouterLLM, server: OpenAIServer) -> None:
    server.models = {"small": Reply(tool_calls=[("search", {"words": "a"}), ("search", {"words": "b"})])}
    tools = [FunctionTool.from_defaults(search)]
    for parallel, count in ((False, 1), (True, 2)):  # OpenAI cuts to one call unless several are allowed
        response = llm.chat_with_tools(tools, user_msg=EASY, allow_parallel_tool_calls=parallel)
        calls = llm.get_tool_calls_from_response(response)
        lone = llm.small.chat_with_tools(tools, user_msg=EASY, allow_parallel_tool_calls=parallel)  # type: ignore[attr-defined]
        assert calls == llm.small.get_tool_calls_from_response(lone)  # type: ignore[attr-defined]
        assert len(calls) in (count, 2)


async def test_the_history_of_the_caller_is_not_changed_by_openai(llm: HybridRouterLLM, server: OpenAIServer) -> None:
    history = [user("before")]
    tools = [FunctionTool.from_defaults(search)]
    llm.chat_with_tools(tools, user_msg=EASY, chat_history=history)
    await llm.achat_with_tools(tools, user_msg=EASY, chat_history=history)
    assert [m.content for m in history] == ["before"]
    assert [len(request.body["messages"]) for request in server.requests] == [2, 2]


@pytest.mark.parametrize("failure", [Reply(status=500), Reply(status=429), Reply("Blue as ever.", cut_after=0)])
async def test_the_large_model_answers_when_the_small_one_is_down(
    failure: Reply, server: OpenAIServer, router: CountingRouter
) -> None:
    server.models["small"] = failure

    def llm() -> HybridRouterLLM:  # a new one each time, since one that keeps failing is left alone
        return hybrid(server, router, fallback=True)

    response = llm().chat([user(EASY)])
    assert response.message.content == "Q. E. D."
    assert response.additional_kwargs["hybrid_router"]["reason"] == "fallback"
    assert (await llm().acomplete(EASY)).text == "Q. E. D."
    assert "".join(part.delta or "" for part in llm().stream_chat([user(EASY)])) == "Q. E. D."
    parts = [part async for part in await llm().astream_chat([user(EASY)])]
    assert "".join(part.delta or "" for part in parts) == "Q. E. D."
    response = llm().chat_with_tools([FunctionTool.from_defaults(search)], user_msg=EASY, chat_history=[user("before")])
    assert [m["content"] for m in server.requests[-1].body["messages"]] == ["before", EASY]
    assert models(server) == ["small", "large"] * 5


def test_a_small_model_that_keeps_failing_is_left_alone(server: OpenAIServer, router: CountingRouter) -> None:
    server.models["small"] = Reply(status=503)
    llm = hybrid(server, router, fallback=True)
    records = [llm.complete(EASY).additional_kwargs["hybrid_router"] for _ in range(5)]
    assert [record["reason"] for record in records] == ["fallback"] * 3 + ["unavailable"] * 2
    assert records[0]["detail"] == "InternalServerError 503 server_error"
    assert models(server) == ["small", "large"] * 3 + ["large"] * 2


def test_a_connection_cut_in_the_middle_of_a_stream_is_an_error(server: OpenAIServer, router: CountingRouter) -> None:
    import httpx

    server.models["small"] = Reply("one two three four", cut_after=3)
    stream = hybrid(server, router, fallback=True).stream_chat([user(EASY)])
    said = []
    with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012
        for part in stream:
            said += [part.delta]
    assert "".join(said).startswith("one")
    assert models(server) == ["small"]


async def test_tokens_are_those_that_the_server_counted(server: OpenAIServer, router: CountingRouter) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = hybrid(server, router, callback_manager=CallbackManager([counter]))
    llm.chat([user(EASY)])
    await llm.acomplete(HARD)
    assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (20, 10)


def test_a_router_in_use_can_be_copied_with_its_clients(server: OpenAIServer, trained_folder: Path) -> None:
    llm = hybrid(server, trained_folder)
    llm.complete(EASY)
    # not deepcopy: an OpenAI LLM that has made its client holds locks, and cannot be deep-copied, router or not
    assert str(llm.model_copy(update={"threshold": 1.0}).complete(EASY)) == "Q. E. D."


def test_the_saved_router_of_the_core_decides(server: OpenAIServer, trained_folder: Path) -> None:
    llm = hybrid(server, str(trained_folder))
    assert [str(llm.complete(question)) for question in (EASY, HARD)] == ["Blue as ever.", "Q. E. D."]
