"""What the examples share: two LLMs, a trained router and a few documents, offline or real.

Offline, which is the default, the LLMs are stand-ins that answer from a few rules, and the router is trained on the
spot on 60 made-up examples. For real models behind any OpenAI-compatible endpoint, install
`llama-index-llms-openai-like` and set

    OPENAI_BASE_URL=http://localhost:11434/v1 OPENAI_API_KEY=none SMALL_MODEL=llama3.2:1b LARGE_MODEL=llama3.3:70b

and, for a router of your own, ROUTER=<folder>, as `hybrid-router train` and `HybridRouter.save` make it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any

from llama_index.core import Document, SummaryIndex
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms import LLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection

from hybrid_router_core import HybridRouter, RoutingDataset

EASY = ("What is the capital of {}?", "Which language is spoken in {}?", "On which continent is {}?")
HARD = ("Compare the constitutions of {} and of its neighbours.", "Explain why the economy of {} slowed down.")
COUNTRIES = ("France", "Kenya", "Peru", "Japan", "Norway", "India", "Chile", "Egypt", "Cuba", "Fiji", "Iran", "Mali")
FACTS = {"capital of france": "Paris.", "capital of japan": "Tokyo.", "capital of kenya": "Nairobi."}


class _Offline(FunctionCallingLLM):
    """Knows a few capitals, splits a comparison into two questions, and multiplies with a tool if it has one."""

    model: str

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.model, is_chat_model=True, is_function_calling_model=True)

    def _answer(self, messages: Sequence[ChatMessage], tools: Sequence[str] = ()) -> ChatMessage:
        last = messages[-1].content or ""
        if messages[-1].role == MessageRole.TOOL:
            return ChatMessage(role=MessageRole.ASSISTANT, content=f"It is {last}.")
        numbers = re.findall(r"\d+", last)
        if "multiply" in tools and len(numbers) == 2:
            arguments = {"a": int(numbers[0]), "b": int(numbers[1])}
            call = {"tool_id": "1", "tool_name": "multiply", "tool_kwargs": arguments}
            return ChatMessage(role=MessageRole.ASSISTANT, additional_kwargs={"tool_calls": [call]})
        if "sub-question" in last.lower() and "tools" in last.lower():
            questions = [EASY[0].format(country) for country in ("France", "Kenya")]
            items = [{"sub_question": question, "tool_name": "atlas"} for question in questions]
            return ChatMessage(role=MessageRole.ASSISTANT, content=json.dumps({"items": items}))
        known = [answer for question, answer in FACTS.items() if question in last.lower()]
        text = known[-1] if known else "Here is what I think ..."
        return ChatMessage(role=MessageRole.ASSISTANT, content=text)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=self._answer(messages, kwargs.get("tools", ())))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=self._answer(messages, kwargs.get("tools", ())))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        message = self._answer(messages, kwargs.get("tools", ()))
        return (ChatResponse(message=message, delta=delta) for delta in words(message))

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Any:
        async def parts() -> Any:
            message = self._answer(messages, kwargs.get("tools", ()))
            for delta in words(message):
                yield ChatResponse(message=message, delta=delta)

        return parts()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self._answer([ChatMessage(prompt)]).content or "")

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self._answer([ChatMessage(prompt)]).content or "")

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        return iter([self.complete(prompt)])

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        async def parts() -> Any:
            yield await self.acomplete(prompt)

        return parts()

    def _prepare_chat_with_tools(
        self, tools: Sequence[Any], user_msg: Any = None, chat_history: Any = None, **kwargs: Any
    ) -> dict[str, Any]:
        messages = [*(chat_history or []), *([ChatMessage(user_msg)] if user_msg else [])]
        return {"messages": messages, "tools": [tool.metadata.name for tool in tools]}

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        return [ToolSelection(**call) for call in response.message.additional_kwargs.get("tool_calls", [])]


def words(message: ChatMessage) -> list[str]:
    """The deltas of a stream; a tool call comes in one part without text."""
    return re.findall(r"\S+\s*", message.content or "") or [""]


def llms() -> tuple[LLM, LLM]:
    """The small and the large LLM."""
    if "SMALL_MODEL" not in os.environ:
        return _Offline(model="offline-small"), _Offline(model="offline-large")
    from llama_index.llms.openai_like import OpenAILike

    settings = {
        "api_base": os.environ["OPENAI_BASE_URL"],
        "api_key": os.environ.get("OPENAI_API_KEY", "none"),
        "is_chat_model": True,
        "is_function_calling_model": True,
        "context_window": 16_384,  # that of your models
    }
    small, large = (OpenAILike(model=os.environ[name], **settings) for name in ("SMALL_MODEL", "LARGE_MODEL"))
    return small, large


def trained_router() -> HybridRouter:
    """A router to try things with; for real use, train on the answers of your two models to your questions."""
    if "ROUTER" in os.environ:
        return HybridRouter.load(os.environ["ROUTER"])
    rows = [
        {"query": form.format(country), "small_quality": quality, "large_quality": 1.0}
        for country in COUNTRIES
        for quality, forms in ((1.0, EASY), (0.0, HARD))
        for form in forms
    ]
    return HybridRouter(mode="deterministic", scorer="linear").fit(RoutingDataset.from_records(rows))


def atlas() -> SummaryIndex:
    """Documents full of words that would mislead a router that reads the whole prompt; needs no embeddings."""
    texts = [
        "Compare the constitutions of France and of its neighbours, and explain why the economy slowed down.",
        "Explain why the economy of Kenya slowed down. Compare it with the economies of its neighbours.",
    ]
    return SummaryIndex.from_documents([Document(text=text) for text in texts])
