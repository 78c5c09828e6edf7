"""A chat model without a network, with the manners of a real one, and observers of the runs that it opens."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, PrivateAttr

# Questions that stand alone wherever they are asked, and what the fake router makes of them
EASY = "What is an easy recipe for pancakes?"
EASY_TOO = "easy: what is the capital of Albania?"
HARD = "prove the hard theorem of Finland"
HARD_TOO = "derive the hard gradient of Albania and show each step"

USAGE = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}


class FakeChat(BaseChatModel):
    """Answers "<name>: <last text>" in as many chunks as words, or as `reply` says; calls a tool if it has any."""

    model: str
    reply: Callable[[list[BaseMessage]], AIMessage] | None = Field(default=None, exclude=True)
    error: Exception | None = Field(default=None, exclude=True)
    fails_after: int | None = None
    delay: float = 0.0
    can_bind: bool = True
    streaming: bool = False
    max_tokens: int | None = None

    _calls: list[dict[str, Any]] = PrivateAttr(default_factory=list)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The messages and the arguments of each call."""
        return self._calls

    @property
    def _llm_type(self) -> str:
        return "fake"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model}

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[Any, AIMessage]:
        if not self.can_bind:
            raise NotImplementedError
        formatted = [convert_to_openai_tool(each) for each in tools]
        return self.bind(tools=formatted, **({"tool_choice": tool_choice} if tool_choice else {}), **kwargs)

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        time.sleep(self.delay)
        return self._result(messages, stop, kwargs)

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        await asyncio.sleep(self.delay)
        return self._result(messages, stop, kwargs)

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        time.sleep(self.delay)
        yield from self._chunks(messages, stop, kwargs, run_manager)

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        await asyncio.sleep(self.delay)
        for chunk in self._chunks(messages, stop, kwargs, None):
            yield chunk

    def _result(self, messages: list[BaseMessage], stop: Any, kwargs: dict[str, Any]) -> ChatResult:
        message = self._answer(messages, stop, kwargs)
        if self.error is not None:
            raise self.error
        message.usage_metadata = USAGE
        message.response_metadata = {"model_name": kwargs.get("model", self.model)}
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _chunks(
        self, messages: list[BaseMessage], stop: Any, kwargs: dict[str, Any], run_manager: Any
    ) -> Iterator[ChatGenerationChunk]:
        answer = self._answer(messages, stop, kwargs)
        if self.error is not None and self.fails_after is None:
            raise self.error
        words = re.findall(r"\s*\S+", answer.text)
        for i, word in enumerate(words):
            if i == self.fails_after:
                raise self.error or RuntimeError("cut")
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))
        for i, call in enumerate(answer.tool_calls):
            args = json.dumps(call["args"], ensure_ascii=False)
            for name, call_id, part in ((call["name"], call["id"], args[:3]), (None, None, args[3:])):
                piece = {"name": name, "args": part, "id": call_id, "index": i, "type": "tool_call_chunk"}
                yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[piece]))
        metadata = {"model_name": kwargs.get("model", self.model)}
        last = AIMessageChunk(content="", usage_metadata=USAGE, response_metadata=metadata, chunk_position="last")
        yield ChatGenerationChunk(message=last)

    def _answer(self, messages: list[BaseMessage], stop: Any, kwargs: dict[str, Any]) -> AIMessage:
        self._calls.append({"messages": messages, "stop": stop, **kwargs})
        if self.reply is not None:
            return self.reply(messages).model_copy()
        chosen = _forced_tool(kwargs)
        if chosen is not None and not (kwargs.get("tool_choice") is None and isinstance(messages[-1], ToolMessage)):
            call = {"name": chosen["name"], "args": _arguments(chosen, messages[-1].text), "id": "call_1"}
            return AIMessage("", tool_calls=[{**call, "type": "tool_call"}])
        return AIMessage(f"{self.model}: {messages[-1].text}")


def _forced_tool(kwargs: dict[str, Any]) -> dict[str, Any] | None:
    tools = {each["function"]["name"]: each["function"] for each in kwargs.get("tools") or [] if "function" in each}
    if not tools:
        return None
    return tools.get(kwargs.get("tool_choice") or "") or next(iter(tools.values()))


def _arguments(function: dict[str, Any], text: str) -> dict[str, Any]:
    """Arguments that fit the schema: what the text quotes, 3 for numbers."""
    quoted = re.findall(r"'([^']+)'", text)
    schema = function.get("parameters", {})
    return {name: _value(spec, quoted) for name, spec in schema.get("properties", {}).items()}


def _value(spec: dict[str, Any], quoted: list[str]) -> Any:
    kinds = [spec, *spec.get("anyOf", [])]
    for kind in kinds:
        if "enum" in kind:
            return kind["enum"][0]
        if kind.get("type") in ("integer", "number"):
            return 3
        if kind.get("type") == "string":
            return quoted[0] if quoted else "text"
        if kind.get("type") == "array":
            return []
    return None


class Recorder(BaseCallbackHandler):
    """Keeps every run that is opened and how it ended."""

    def __init__(self) -> None:
        self.starts: list[dict[str, Any]] = []
        self.ended: list[Any] = []
        self.errors: list[BaseException] = []
        self.tokens: list[str] = []
        self.chains = 0

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.starts.append(kwargs)

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self.chains += 1

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        self.tokens.append(token)

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.ended.append(response)

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.errors.append(error)

    @property
    def metadata(self) -> dict[str, Any]:
        """Of the only run."""
        (start,) = self.starts
        return dict(start["metadata"])

    @property
    def tags(self) -> list[str]:
        """Of the only run."""
        (start,) = self.starts
        return list(start["tags"])


class Scores:
    """A router as a callable: high for queries with "easy" in them. Counts its calls."""

    def __init__(self, delay: float = 0.0) -> None:
        self.queries: list[str] = []
        self.delay = delay

    def __call__(self, query: str) -> float:
        self.queries.append(query)
        time.sleep(self.delay)
        return 0.9 if "easy" in query else 0.1


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def tool_loop(messages: list[BaseMessage]) -> AIMessage:
    """A reply that calls `multiply` twice and then answers."""
    rounds = 0
    for message in reversed(messages):
        if isinstance(message, ToolMessage):
            rounds += 1
        elif not isinstance(message, AIMessage):
            break
    if rounds == 2:
        return AIMessage(f"result {messages[-1].text}")
    call = {"name": "multiply", "args": {"a": 6, "b": 7}, "id": f"call_{rounds}", "type": "tool_call"}
    return AIMessage("", tool_calls=[call])
