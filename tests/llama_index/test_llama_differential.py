"""What a model is sent through the router is what it is sent without one, by all ways in which LlamaIndex calls it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from llama_index.core import Document, MockEmbedding, SummaryIndex, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.extractors import KeywordExtractor, QuestionsAnsweredExtractor, TitleExtractor
from llama_index.core.indices.query.query_transform import DecomposeQueryTransform, HyDEQueryTransform
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.memory import Memory
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate, RichPromptTemplate, SelectorPromptTemplate
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.core.tools import FunctionTool
from llama_index_instrumentation.dispatcher import instrument_tags

from llama_index_hybrid_router import HybridRouterLLM
from tests.llama_index.fakes import EASY, CountingRouter, FakeLLM, PlainLLM, tool_call, user

DOCUMENTS = [Document(text="The sky is blue, mostly. " * 5, id_=str(i)) for i in range(2)]
Scenario = Callable[[Any], Awaitable[Any]]


class Out(BaseModel):
    a: str = "x"


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


TOOL = FunctionTool.from_defaults(add)


def answer(messages: list[ChatMessage], kwargs: dict[str, Any]) -> Any:
    tools = kwargs.get("tools")
    if not tools or any(message.role == MessageRole.TOOL for message in messages):
        return '{"a": "1"}'
    return tool_call(tools[0], **({"a": "1"} if tools[0] == "Out" else {"a": 1, "b": 2}))


async def read(value: Any) -> Any:
    """Whatever a method returns, to its end."""
    if inspect.isawaitable(value):
        value = await value
    if hasattr(value, "__aiter__"):
        return [part async for part in value]
    return list(value) if inspect.isgenerator(value) else value


def chat_engine(mode: str) -> Scenario:
    async def run(llm: Any) -> None:
        index = VectorStoreIndex.from_documents(DOCUMENTS, embed_model=MockEmbedding(embed_dim=4))
        engine = index.as_chat_engine(chat_mode=mode, llm=llm)
        engine.chat(EASY)
        "".join(engine.stream_chat("second").response_gen)
        await engine.achat("third")
        streamed = await engine.astream_chat("fourth")
        [token async for token in streamed.async_response_gen()]

    return run


def query_engine(mode: str, **settings: Any) -> Scenario:
    async def run(llm: Any) -> None:
        engine = SummaryIndex.from_documents(DOCUMENTS).as_query_engine(llm=llm, response_mode=mode, **settings)
        engine.query(EASY)
        await engine.aquery(EASY)

    return run


def agent(kind: Any, **settings: Any) -> Scenario:
    async def run(llm: Any) -> None:
        memory = Memory.from_defaults(session_id="s", token_limit=5000)
        made = kind(tools=[add], llm=llm, **settings)
        for question in (EASY, "second"):
            await made.run(question, memory=memory, max_iterations=4)

    return run


def calls(*made: tuple[str, tuple[Any, ...], dict[str, Any]]) -> Scenario:
    async def run(llm: Any) -> None:
        for name, args, kwargs in made:
            for method in (name, f"a{name}"):
                given = {key: own(value) for key, value in kwargs.items()}
                await read(getattr(llm, method)(*map(own, args), **given))

    return run


def own(value: Any) -> Any:
    """The fake writes into the history that it is given, as OpenAI does."""
    return list(value) if isinstance(value, list) else value


def template(text: str = "context {context_str} question {query_str}") -> PromptTemplate:
    return PromptTemplate(text)


FILLED = {"context_str": "c {x}", "query_str": EASY}
CHAT = ChatPromptTemplate(message_templates=[ChatMessage("Be {tone}.", role="system"), user("{query_str}")])
SELECTED = SelectorPromptTemplate(PromptTemplate("plain {query_str}"), [(lambda llm: llm.metadata.is_chat_model, CHAT)])
MAPPED = PromptTemplate("{mine}", template_var_mappings={"query_str": "mine"})


async def structured(llm: Any) -> None:
    made = llm.as_structured_llm(Out)
    for name in ("chat", "achat", "stream_chat", "astream_chat"):
        await read(getattr(made, name)([user(EASY + " {x}")]))
    for name in ("complete", "acomplete"):
        await read(getattr(made, name)(EASY))
    for name in ("predict", "apredict", "stream", "astream"):
        await read(getattr(made, name)(template(), **FILLED))
    made.chat([user(EASY)], temperature=0.4)


async def extractors(llm: Any) -> None:
    for kind in (TitleExtractor, QuestionsAnsweredExtractor, KeywordExtractor):
        await kind(llm=llm, show_progress=False).aextract([TextNode(text="The sky is blue.")])


async def transforms(llm: Any) -> None:
    HyDEQueryTransform(llm=llm).run(EASY)
    DecomposeQueryTransform(llm=llm).run(EASY, {"index_summary": "s"})
    index = VectorStoreIndex.from_documents(DOCUMENTS, embed_model=MockEmbedding(embed_dim=4))
    QueryFusionRetriever([index.as_retriever()], llm=llm, num_queries=2, use_async=False).retrieve(EASY)
    CitationQueryEngine.from_args(index, llm=llm).query(EASY)


SCENARIOS: dict[str, Scenario] = {
    **{f"chat engine {m}": chat_engine(m) for m in ("simple", "context", "condense_question", "condense_plus_context")},
    **{
        f"query engine {mode}": query_engine(mode)
        for mode in ("refine", "compact", "tree_summarize", "simple_summarize", "generation", "accumulate")
    },
    **{
        f"query engine {mode} {next(iter(settings))}": query_engine(mode, **settings)
        for mode in ("refine", "compact")
        for settings in ({"output_cls": Out}, {"structured_answer_filtering": True})
    },
    "function agent": agent(FunctionAgent, system_prompt="S"),
    "function agent whole": agent(FunctionAgent, streaming=False),
    "function agent class": agent(FunctionAgent, output_cls=Out),
    "react agent": agent(ReActAgent),
    "predict": calls(("predict", (template(),), FILLED), ("stream", (template(),), FILLED)),
    "predict chat template": calls(("predict", (CHAT,), {"query_str": EASY, "tone": "kind"})),
    "predict selected template": calls(("predict", (SELECTED,), {"query_str": EASY, "tone": "kind"})),
    "predict mapped template": calls(("predict", (MAPPED,), {"query_str": EASY})),
    "predict rich template": calls(("predict", (RichPromptTemplate("{{ query_str }}!"),), {"query_str": EASY})),
    "predict partial": calls(("predict", (template().partial_format(query_str=EASY),), {"context_str": "c"})),
    "structured predict": calls(
        ("structured_predict", (Out, template()), FILLED),
        ("structured_predict", (Out, template()), {"llm_kwargs": {"temperature": 0.1}, **FILLED}),
        ("stream_structured_predict", (Out, template()), FILLED),
    ),
    "chat": calls(("chat", ([user(EASY)],), {"temperature": 0.3, "foo": 1}), ("stream_chat", ([user(EASY)],), {})),
    "chat with a tuple": calls(("chat", ((user("one"), user(EASY)),), {})),
    "complete": calls(("complete", (EASY, True), {}), ("complete", (EASY,), {"formatted": False, "stop": ["a"]})),
    "chat with tools": calls(
        ("chat_with_tools", ([TOOL], EASY), {}),
        ("chat_with_tools", ([TOOL], user(EASY), [user("h")]), {"tool_required": True, "temperature": 0.2}),
        ("stream_chat_with_tools", ([TOOL],), {"chat_history": [user(EASY)], "verbose": True}),
    ),
    "predict and call": calls(("predict_and_call", ([TOOL], EASY), {"chat_history": [user("h")]})),
    "structured llm": structured,
    "extractors": extractors,
    "transforms": transforms,
}
NEEDS_TOOLS = {"function agent", "function agent whole", "function agent class", "chat with tools", "predict and call"}


def sent(model: FakeLLM) -> str:
    seen = [
        (name, [(m.role, [b.model_dump(exclude_none=True) for b in m.blocks]) for m in messages], kwargs)
        for name, messages, kwargs in model.calls
    ]
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", json.dumps(seen, default=str))


async def compare(scenario: Scenario, **settings: Any) -> None:
    bare, small = (FakeLLM(name="small", answer=answer, window=16_000, **settings) for _ in range(2))
    large = FakeLLM(name="large", answer=answer, **settings)
    await scenario(bare)
    with instrument_tags({"hybrid_router": {"model": "small"}}):
        await scenario(HybridRouterLLM(small=small, large=large, router=CountingRouter(), fallback=True))
    assert sent(small) == sent(bare)
    assert bare.calls
    assert not large.calls


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_function_calling_model_is_sent_what_it_is_sent_without_a_router(name: str) -> None:
    await compare(SCENARIOS[name])


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in NEEDS_TOOLS])
async def test_so_is_one_that_calls_no_functions(name: str) -> None:
    await compare(SCENARIOS[name], calls_functions=False)


@pytest.mark.parametrize("name", ["predict", "predict selected template", "chat engine condense_question"])
async def test_so_is_a_completion_model(name: str) -> None:
    bare, small = PlainLLM(), PlainLLM()
    await SCENARIOS[name](bare)
    with instrument_tags({"hybrid_router": {"model": "small"}}):
        await SCENARIOS[name](HybridRouterLLM(small=small, large=FakeLLM(), router=CountingRouter()))
    assert small.calls == bare.calls
    assert bare.calls


# variables of a template with the names of parameters

METHODS = [
    "predict",
    "apredict",
    "stream",
    "astream",
    "structured_predict",
    "astructured_predict",
    "stream_structured_predict",
    "astream_structured_predict",
]


def parameter_names() -> list[str]:
    names = {"hybrid_router", "args", "self_", "output_parser", "max_tokens", "image_documents", "formatted"}
    for cls in (FunctionCallingLLM, FakeLLM, HybridRouterLLM):
        for name, method in inspect.getmembers(cls, inspect.isfunction):
            if not name.startswith("__"):
                names |= set(inspect.signature(method).parameters)
    return sorted(names)


async def outcome(llm: Any, method: str, name: str, value: Any) -> str:
    prompt = template("{" + name + "} {query_str}")
    args = (Out, prompt) if "structured" in method else (prompt,)
    try:
        return repr(await read(getattr(llm, method)(*args, **{"query_str": EASY, name: value})))
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("method", METHODS)
async def test_a_variable_may_have_the_name_of_any_parameter(method: str) -> None:
    assert {"tools", "output_cls", "llm_kwargs", "prompt", "messages", "chat_history", "self"} <= set(parameter_names())
    for name in parameter_names():
        for value in ("some text", ["a", "list"]):
            bare, small = (FakeLLM(name="small", answer=answer) for _ in range(2))
            llm = HybridRouterLLM(small=small, large=FakeLLM(calls_functions=False), router=lambda q: 0.9)
            assert (name, await outcome(llm, method, name, value)) == (name, await outcome(bare, method, name, value))
            assert sent(small) == sent(bare), name


@pytest.mark.parametrize("value", ["hello", 7, None, {"role": "user", "content": "hello"}, [{"role": "user"}], [7]])
def test_messages_of_any_form_reach_the_model_as_they_are(value: Any) -> None:
    class Takes(FakeLLM):
        def chat(self, messages: Any, **kwargs: Any) -> Any:
            self.calls.append(("chat", messages, kwargs))

    small = Takes()
    llm = HybridRouterLLM(small=small, large=small, router=CountingRouter(), fallback=True)
    llm.chat(value, tools=value, functions=value)
    assert [(messages, kwargs) for _, messages, kwargs in small.calls] == [
        (value, {"tools": value, "functions": value})
    ]


def test_functions_of_a_template_are_called_by_the_model_alone() -> None:
    called = []
    prompt = PromptTemplate("{now} {query_str}", function_mappings={"now": lambda **kwargs: called.append(1) or "noon"})
    small = FakeLLM()
    HybridRouterLLM(small=small, large=small, router=CountingRouter()).predict(prompt, query_str=EASY)
    assert (len(called), small.calls[0][1][0].content) == (1, f"noon {EASY}")
