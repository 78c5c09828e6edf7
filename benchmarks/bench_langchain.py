# ruff: noqa: ARG002, ARG005 - the fakes have the signatures that LangChain calls
"""What the router adds to a chat model call: latency, concurrency, first token; and against langchain-model-router.

python benchmarks/bench_langchain.py [--calls 1000] [--concurrent 1000]

All models are fakes, so what is measured is the router. Each figure is the median over calls that take turns with
those that it is compared with, in one process. On a busy machine set OMP_NUM_THREADS=1: the threads of BLAS wait for
each other, and a batch of a thousand small rows needs none. For the last comparison: pip install langchain-model-router
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

from common import machine
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from hybrid_router_core import HybridRouter, RoutingDataset
from langchain_hybrid_router import RunnableHybridRouter

QUESTION = "What is the capital of the country in which the Amazon begins, and since when?"
MS = 1e3


class Fake(BaseChatModel):
    """Answers at once, or after a delay that blocks nobody."""

    delay: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "fake"

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("an answer"))])

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        await asyncio.sleep(self.delay)
        return self._generate(messages)

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for word in ("an", " answer"):
            yield ChatGenerationChunk(message=AIMessageChunk(word))

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages):
            yield chunk


def trained() -> HybridRouter:
    """A router with the default embedder and scorer."""
    rows = [
        {"query": f"{form} {i} things, and since when?", "small_quality": quality, "large_quality": 1.0}
        for i in range(200)
        for form, quality in (("What is the capital of", 1.0), ("Prove that there are more than", 0.0))
    ]
    return HybridRouter(mode="deterministic").fit(RoutingDataset.from_records(rows))


def medians(calls: int, **candidates: Callable[[], Any]) -> dict[str, float]:
    """The median time of each in milliseconds; they take turns, so that the machine's moods fall on all alike."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for i in range(calls + calls // 10):
        for name, call in candidates.items():
            start = time.perf_counter()
            call()
            if i >= calls // 10:  # the first tenth warms up
                times[name].append(time.perf_counter() - start)
    return {name: median(each) * MS for name, each in times.items()}


async def amedians(calls: int, **candidates: Callable[[], Awaitable[Any]]) -> dict[str, float]:
    """As `medians`."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for i in range(calls + calls // 10):
        for name, call in candidates.items():
            start = time.perf_counter()
            await call()
            if i >= calls // 10:
                times[name].append(time.perf_counter() - start)
    return {name: median(each) * MS for name, each in times.items()}


def first(model: BaseChatModel) -> None:
    """Until the first chunk."""
    stream = model.stream(QUESTION)
    next(stream)
    stream.close()


async def afirst(model: BaseChatModel) -> None:
    """As `first`."""
    stream = model.astream(QUESTION)
    await anext(stream)
    await stream.aclose()


async def together(model: BaseChatModel, count: int) -> float:
    """Seconds for so many concurrent calls, each with a question of its own."""
    start = time.perf_counter()
    await asyncio.gather(*(model.ainvoke(f"{QUESTION} {i}") for i in range(count)))
    return time.perf_counter() - start


def added(title: str, found: dict[str, float], base: str = "direct") -> None:
    """Print what the routed call costs above the direct one and the decision."""
    above = found["router"] - found[base] - found["route"]
    print(
        f"{title:26} direct {found[base]:.3f} ms, routed {found['router']:.3f} ms, "
        f"the core's route {found['route']:.3f} ms: {above:+.3f} ms beyond the decision"
    )


def other_router() -> BaseChatModel | None:
    """The router of langchain-model-router with a constant strategy, if installed."""
    try:
        package = importlib.import_module("langchain_model_router")
    except ImportError:
        return None
    routes = {"small": Fake(), "large": Fake()}
    return package.ChatRouter(routes=routes, strategy=lambda request: "small", default_route="large")  # type: ignore[no-any-return]


def versions() -> str:
    """Of what matters here."""
    names = ("langchain-core", "langchain-model-router", "numpy", "scikit-learn", "pydantic")
    found = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:  # noqa: PERF203
            found.append(f"{name} -")
    return ", ".join(found)


async def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--concurrent", type=int, default=1000)
    args = parser.parse_args()
    print(machine())
    print(f"{versions()}\nmedians of {args.calls} calls\n")

    core, direct = trained(), Fake()
    router = RunnableHybridRouter(small=Fake(), large=Fake(), router=core)
    sync = {"direct": lambda: direct.invoke(QUESTION), "router": lambda: router.invoke(QUESTION)}
    added("invoke", medians(args.calls, **sync, route=lambda: core.route(QUESTION)))

    async def route() -> None:
        core.route(QUESTION)

    added(
        "ainvoke",
        await amedians(
            args.calls, direct=lambda: direct.ainvoke(QUESTION), router=lambda: router.ainvoke(QUESTION), route=route
        ),
    )
    streams = {"direct": lambda: first(direct), "router": lambda: first(router)}
    added("first chunk of stream", medians(args.calls, **streams, route=lambda: core.route(QUESTION)))
    added(
        "first chunk of astream",
        await amedians(args.calls, direct=lambda: afirst(direct), router=lambda: afirst(router), route=route),
    )

    slow = Fake(delay=0.05)
    routed = RunnableHybridRouter(small=slow, large=slow, router=core)
    await together(routed, 50)
    pairs = [(await together(slow, args.concurrent), await together(routed, args.concurrent)) for _ in range(11)]
    alone, both = (median(each) for each in zip(*pairs, strict=True))
    ratio = median(b / a for a, b in pairs)
    print(
        f"{args.concurrent:,} concurrent ainvoke of a 50 ms model: direct {alone:.3f} s, routed {both:.3f} s, "
        f"ratio {ratio:.2f} (median of 11 pairs)"
    )

    other = other_router()
    if other is None:
        print("\nlangchain-model-router is not installed: pip install langchain-model-router")
        return
    constant = RunnableHybridRouter(small=Fake(), large=Fake(), router=lambda query: 1.0)
    print("\nagainst langchain-model-router's ChatRouter, both with a constant decision")
    for title, found in (
        ("invoke", medians(args.calls, ours=lambda: constant.invoke(QUESTION), theirs=lambda: other.invoke(QUESTION))),
        (
            "ainvoke",
            await amedians(args.calls, ours=lambda: constant.ainvoke(QUESTION), theirs=lambda: other.ainvoke(QUESTION)),
        ),
        ("first chunk of stream", medians(args.calls, ours=lambda: first(constant), theirs=lambda: first(other))),
    ):
        print(
            f"{title:26} ours {found['ours']:.3f} ms, theirs {found['theirs']:.3f} ms, "
            f"ratio {found['ours'] / found['theirs']:.2f}"
        )
    slow_other = type(other)(
        routes={"small": slow, "large": slow}, strategy=lambda request: "small", default_route="large"
    )
    slow_ours = RunnableHybridRouter(small=slow, large=slow, router=lambda query: 1.0)
    pairs = [
        (await together(slow_other, args.concurrent), await together(slow_ours, args.concurrent)) for _ in range(5)
    ]
    ratio = median(b / a for a, b in pairs)
    print(f"{args.concurrent:,} concurrent ainvoke          ours / theirs {ratio:.2f}")


if __name__ == "__main__":
    asyncio.run(main())
