"""LLMs that behave like an integration (events, callbacks, streams, tool calls) without a network."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
    TextBlock,
)
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.llms import LLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection

from hybrid_router_core import HybridRouter
from hybrid_router_core.conversation import Judged, Reading

TRIGGER = "theorem"
EASY = "What colour is the sky?"
HARD = f"Prove the {TRIGGER}."
# About nothing that was said before
ALONE = "What is the capital of Kenya?"
ALONE_HARD = f"Explain the central limit {TRIGGER} to a mathematician."
DOCUMENT = f"The {TRIGGER} is a {TRIGGER} about a {TRIGGER}. " * 20

Answer = Callable[[list[ChatMessage], dict[str, Any]], "str | ChatMessage"]


class CountingRouter(HybridRouter):
    """Sends a question with the trigger word to large, and remembers what it was asked; made without training."""

    def __init__(self) -> None:
        super().__init__(mode="deterministic")
        self.queries: list[str] = []

    def _fitted(self) -> Any:
        return self

    def judge(self, readings: Sequence[Reading], score: Any = None) -> list[Judged]:
        return [Judged(self.score(reading.texts).tolist()) for reading in readings]

    def score(self, queries: Sequence[str]) -> Any:
        self.queries.extend(queries)
        return np.array([0.1 if TRIGGER in query else 0.9 for query in queries])


def tool_call(name: str, **kwargs: Any) -> ChatMessage:
    call = {"tool_id": "call-0", "tool_name": name, "tool_kwargs": kwargs}
    return ChatMessage(role=MessageRole.ASSISTANT, additional_kwargs={"tool_calls": [call]})


class FakeLLM(FunctionCallingLLM):
    """Answers with its name, or with what `answer(messages, kwargs)` returns."""

    name: str = "fake"
    window: int = 4096
    num_output: int = 256
    chats: bool = True
    calls_functions: bool = True
    answer: Any = Field(default=None, exclude=True)
    failure: Any = Field(default=None, exclude=True)
    fail_after: int = 0
    usage: tuple[int, int] = (10, 5)
    delay: float = 0.0

    _calls: list[tuple[str, list[ChatMessage], dict[str, Any]]] = PrivateAttr(default_factory=list)
    _closed: list[str] = PrivateAttr(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        return "FakeLLM"

    @property
    def calls(self) -> list[tuple[str, list[ChatMessage], dict[str, Any]]]:
        return self._calls

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            context_window=self.window,
            num_output=self.num_output,
            is_chat_model=self.chats,
            is_function_calling_model=self.calls_functions,
            model_name=self.name,
        )

    def _reply(self, method: str, messages: Sequence[ChatMessage], kwargs: dict[str, Any]) -> ChatMessage:
        messages = list(messages)
        self._calls.append((method, messages, kwargs))
        if self.failure is not None and self.fail_after == 0:
            raise self.failure
        reply = self.answer(messages, kwargs) if self.answer else f"{self.name} answers"
        return ChatMessage(role=MessageRole.ASSISTANT, content=reply) if isinstance(reply, str) else reply

    @property
    def _raw(self) -> dict[str, Any]:
        return {"usage": {"prompt_tokens": self.usage[0], "completion_tokens": self.usage[1]}}

    def _chunks(self, message: ChatMessage) -> list[ChatResponse]:
        if not message.content:
            return [ChatResponse(message=message, delta="", raw=self._raw)]
        words = re.findall(r"\S+\s*", message.content)
        so_far = ["".join(words[: i + 1]) for i in range(len(words))]
        return [
            ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=text), delta=word, raw=self._raw)
            for text, word in zip(so_far, words, strict=True)
        ]

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=self._reply("chat", messages, kwargs), raw=self._raw)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        await asyncio.sleep(self.delay)
        return ChatResponse(message=self._reply("achat", messages, kwargs), raw=self._raw)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        def gen() -> Any:
            try:
                for i, chunk in enumerate(self._chunks(self._reply("stream_chat", messages, kwargs))):
                    if self.failure is not None and i == self.fail_after:
                        raise self.failure
                    yield chunk
            finally:
                self._closed.append("stream_chat")

        return gen()

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        async def gen() -> Any:
            try:
                await asyncio.sleep(self.delay)
                for i, chunk in enumerate(self._chunks(self._reply("astream_chat", messages, kwargs))):
                    if self.failure is not None and i == self.fail_after:
                        raise self.failure
                    yield chunk
            finally:
                self._closed.append("astream_chat")

        return gen()

    def _completion(self, method: str, prompt: str, kwargs: dict[str, Any]) -> CompletionResponse:
        reply = self._reply(method, [ChatMessage(prompt, role=MessageRole.USER)], kwargs)
        return CompletionResponse(text=reply.content or "", raw=self._raw)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return self._completion("complete", prompt, kwargs)

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        await asyncio.sleep(self.delay)
        return self._completion("acomplete", prompt, kwargs)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        def gen() -> Any:
            try:
                text = self._completion("stream_complete", prompt, kwargs).text
                for i, word in enumerate(re.findall(r"\S+\s*", text)):
                    if self.failure is not None and i == self.fail_after:
                        raise self.failure
                    yield CompletionResponse(text=word, delta=word, raw=self._raw)
            finally:
                self._closed.append("stream_complete")

        return gen()

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        async def gen() -> Any:
            try:
                text = self._completion("astream_complete", prompt, kwargs).text
                for i, word in enumerate(re.findall(r"\S+\s*", text)):
                    if self.failure is not None and i == self.fail_after:
                        raise self.failure
                    yield CompletionResponse(text=word, delta=word, raw=self._raw)
            finally:
                self._closed.append("astream_complete")

        return gen()

    def _prepare_chat_with_tools(
        self, tools: Any, user_msg: Any = None, chat_history: Any = None, tool_required: bool = False, **kwargs: Any
    ) -> dict[str, Any]:
        messages = chat_history if chat_history is not None else []
        if user_msg:
            # as OpenAI does: into the caller's own list
            messages.append(ChatMessage(user_msg) if isinstance(user_msg, str) else user_msg)
        kwargs.pop("verbose", None), kwargs.pop("allow_parallel_tool_calls", None)
        return {"messages": messages, "tools": [tool.metadata.name for tool in tools], **kwargs}

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        calls = [ToolSelection(**call) for call in response.message.additional_kwargs.get("tool_calls", [])]
        if not calls and error_on_no_tool_call:
            raise ValueError("no tool call")
        return calls


class PlainLLM(CustomLLM):
    """A completion model without any notion of tools."""

    name: str = "plain"
    window: int = 4096
    answer: Any = Field(default=None, exclude=True)
    _calls: list[tuple[str, str, dict[str, Any]]] = PrivateAttr(default_factory=list)

    @property
    def calls(self) -> list[tuple[str, str, dict[str, Any]]]:
        return self._calls

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=self.window, num_output=256, model_name=self.name)

    def _text(self, method: str, prompt: str, kwargs: dict[str, Any]) -> str:
        self._calls.append((method, prompt, kwargs))
        return str(self.answer(prompt)) if self.answer else f"{self.name} answers"

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self._text("complete", prompt, kwargs))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        text = self._text("stream_complete", prompt, kwargs)

        def gen() -> Any:
            yield CompletionResponse(text=text, delta=text)

        return gen()


def user(text: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.USER, content=text)


def assistant(text: str) -> ChatMessage:
    return ChatMessage(role=MessageRole.ASSISTANT, content=text)


def texts(messages: Sequence[ChatMessage]) -> str:
    return "\n".join(b.text for m in messages for b in m.blocks if isinstance(b, TextBlock))


def answered(*models: LLM) -> list[str]:
    """The names of the models in order of the number of calls; a helper for asserting who was called at all."""
    return [m.metadata.model_name for m in models if m.calls]  # type: ignore[attr-defined]
