"""What the examples share: two chat models and a trained router, offline or real.

Offline, which is the default, the models are stand-ins that answer from a few rules, and the router is trained on the
spot on 60 made-up examples. For real models behind any OpenAI-compatible endpoint, set

    OPENAI_BASE_URL=http://localhost:11434/v1 OPENAI_API_KEY=none SMALL_MODEL=llama3.2:1b LARGE_MODEL=llama3.3:70b

and, for a router of your own, ROUTER=<folder>, as `hybrid-router train` and `HybridRouter.save` make it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

from hybrid_router_core import HybridRouter, RoutingDataset

EASY = ("What is the capital of {}?", "Which language is spoken in {}?", "On which continent is {}?")
HARD = ("Compare the constitutions of {} and of its neighbours.", "Explain why the economy of {} slowed down.")
COUNTRIES = ("France", "Kenya", "Peru", "Japan", "Norway", "India", "Chile", "Egypt", "Cuba", "Fiji", "Iran", "Mali")
FACTS = {"capital of france": "Paris.", "capital of japan": "Tokyo.", "capital of kenya": "Nairobi."}


class OfflineChat(BaseChatModel):
    """Knows a few capitals, and multiplies with a tool if it has one."""

    model: str

    @property
    def _llm_type(self) -> str:
        return "offline"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """In OpenAI's format."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        message = self._answer(messages, has_tools=bool(kwargs.get("tools")))
        message.usage_metadata = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        message.response_metadata = {"model_name": self.model}
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _answer(self, messages: list[BaseMessage], *, has_tools: bool) -> AIMessage:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            return AIMessage(f"It is {last.text}.")
        numbers = re.findall(r"\d+", last.text)
        if has_tools and len(numbers) == 2:
            arguments = {"a": int(numbers[0]), "b": int(numbers[1])}
            return AIMessage("", tool_calls=[{"name": "multiply", "args": arguments, "id": "1", "type": "tool_call"}])
        fact = next(
            (fact for question, fact in FACTS.items() if question in last.text.lower()), "Here is what I think ..."
        )
        return AIMessage(fact)


def chat_models() -> tuple[BaseChatModel, BaseChatModel]:
    """The small and the large model."""
    if "SMALL_MODEL" not in os.environ:
        return OfflineChat(model="offline-small"), OfflineChat(model="offline-large")
    from langchain_openai import ChatOpenAI  # reads OPENAI_BASE_URL and OPENAI_API_KEY

    return ChatOpenAI(model=os.environ["SMALL_MODEL"]), ChatOpenAI(model=os.environ["LARGE_MODEL"])


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
