"""What HybridRouterLLM costs: over its chosen model, beside the core's own `route`, and with 100 queries at once.

    python benchmarks/bench_llama_index.py [--calls 300]

Everything runs in this process with a model that answers at once, so that nothing but the router is measured. The three
kinds of call alternate, each question is new (a question seen before is not scored again), and medians are shown.
"""

# ruff: noqa: ARG002  # the stand-in has the signatures of an LLM and looks at nothing

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

from common import machine
from llama_index.core import Document, SummaryIndex
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM

from hybrid_router_core import HybridRouter, RoutingDataset
from llama_index_hybrid_router import HybridRouterLLM, capture_decisions


class _Instant(CustomLLM):
    """Answers with its name; the async calls after a delay."""

    name: str = "small"
    delay: float = 0.0

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True, model_name=self.name)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=self.name))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        if self.delay:
            await asyncio.sleep(self.delay)
        return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=self.name))

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self.name)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        return iter([CompletionResponse(text=self.name, delta=self.name)])


def question(i: int) -> str:
    return f"Prove the theorem number {i} of the collection." if i % 2 else f"What colour is the sky on day {i}?"


def trained_router() -> HybridRouter:
    rows = [
        {"query": question(-i), "small_quality": 0.2 if i % 2 else 0.9, "large_quality": 0.9} for i in range(1, 201)
    ]
    return HybridRouter(mode="deterministic").fit(RoutingDataset.from_records(rows))


def milliseconds(function: Callable[[], Any]) -> float:
    started = time.perf_counter()
    function()
    return (time.perf_counter() - started) * 1000


async def amilliseconds(function: Callable[[], Any]) -> float:
    started = time.perf_counter()
    await function()
    return (time.perf_counter() - started) * 1000


def show(name: str, values: list[float]) -> float:
    values = sorted(values)
    median = statistics.median(values)
    print(f"  {name:34} p50 {median:8.3f} ms   p95 {values[int(len(values) * 0.95)]:8.3f} ms")
    return median


async def overhead(router: HybridRouter, calls: int, *, asynchronous: bool) -> None:
    small = _Instant()
    llm = HybridRouterLLM(small=small, large=_Instant(name="large"), router=router)
    direct, routed, core, again = [], [], [], []
    for i in range(-20, calls):
        messages = [ChatMessage(question(10_000 + i), role=MessageRole.USER)]
        text = question(20_000 + i)
        measured = []
        for target in (small, llm, llm):
            if asynchronous:
                measured.append(await amilliseconds(partial(target.achat, messages)))
            else:
                measured.append(milliseconds(partial(target.chat, messages)))
        route = milliseconds(partial(router.route, text))
        if i >= 0:  # the first calls only warm up
            for values, value in zip((direct, routed, again, core), (*measured, route), strict=True):
                values.append(value)
    print("achat" if asynchronous else "chat")
    base = show("the model directly", direct)
    alone = show("the core's route", core)
    full = show("the router LLM, a new question", routed)
    cached = show("the router LLM, the same again", again)
    print(f"  above the model and the core's route: {full - base - alone:+.3f} ms; same again: {cached - base:+.3f} ms")


async def longest_pause(work: Callable[[], Any]) -> tuple[float, float]:
    """How long the work took, and for how long at most nothing else could run, in ms."""
    pauses: list[float] = []

    async def heart() -> None:
        while True:
            pauses.append(await amilliseconds(lambda: asyncio.sleep(0.001)))

    beating = asyncio.create_task(heart())
    await asyncio.sleep(0.01)
    took = await amilliseconds(work)
    await asyncio.sleep(0.01)
    beating.cancel()
    return took, max(pauses)


async def concurrent(router: HybridRouter, queries: int = 100) -> None:
    small, large = _Instant(delay=0.05), _Instant(name="large", delay=0.05)
    llm = HybridRouterLLM(small=small, large=large, router=router)
    index = SummaryIndex.from_documents([Document(text="The theorem is a theorem about a theorem. " * 20)])
    routed, direct = index.as_query_engine(llm=llm), index.as_query_engine(llm=small)
    expected = {question(i): router.route(question(i)).model for i in range(5 * queries)}
    wrong = 0

    async def one(i: int) -> None:
        nonlocal wrong
        with capture_decisions() as decisions:
            answer = str(await routed.aquery(question(i)))
        wrong += answer != expected[question(i)] or [d.model for d in decisions] != [answer]

    await direct.aquery("warm up")
    print(f"{queries} concurrent aquery, a model of 50 ms; the best of five rounds")
    rounds: dict[str, list[tuple[float, float]]] = {"the model directly": [], "the router LLM": []}
    for start in range(0, 5 * queries, queries):
        ids = range(start, start + queries)
        rounds["the model directly"].append(
            await longest_pause(lambda ids=ids: asyncio.gather(*(direct.aquery(question(i)) for i in ids)))
        )
        rounds["the router LLM"].append(await longest_pause(lambda ids=ids: asyncio.gather(*(one(i) for i in ids))))
    for name, measured in rounds.items():
        took, pause = min(measured)
        print(f"  {name:34} {took:8.1f} ms, longest pause of the event loop {pause:8.1f} ms")
    print(f"  wrong routes: {wrong}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=300)
    calls = parser.parse_args().calls
    packages = ("llama-index-core", "llama-index-instrumentation", "numpy", "scikit-learn")
    print(machine())
    print(", ".join(f"{name} {version(name)}" for name in packages))
    router = trained_router()
    asyncio.run(overhead(router, calls, asynchronous=False))
    asyncio.run(overhead(router, calls, asynchronous=True))
    asyncio.run(concurrent(router))


if __name__ == "__main__":
    main()
