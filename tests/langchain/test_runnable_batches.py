"""Batches: one scoring, each input its own config, errors where they belong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from hybrid_router_core import HybridRouter
from langchain_hybrid_router import RunnableHybridRouter, routing_decision
from tests.langchain.fakes import FakeChat, Recorder

EASY = "an easy question about Albania"
HARD = "prove the hard theorem of Borneo"


@pytest.fixture
def scorings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each scoring."""
    sizes: list[int] = []
    score = HybridRouter.score

    def counted(self, queries):
        sizes.append(len(queries))
        return score(self, queries)

    monkeypatch.setattr(HybridRouter, "score", counted)
    return sizes


@pytest.fixture
def real(make: Callable[..., RunnableHybridRouter], trained: HybridRouter, scorings: list[int]) -> RunnableHybridRouter:
    router = make(router=trained)
    scorings.clear()
    return router


def models(messages):
    return [routing_decision(message).model for message in messages]


async def test_a_batch_is_scored_in_one_call_and_keeps_its_order(real, scorings):
    inputs = [EASY, HARD] * 200
    assert models(real.batch(inputs)) == ["small", "large"] * 200
    assert models(await real.abatch(inputs)) == ["small", "large"] * 200
    assert scorings == [400, 400]


async def test_batches_in_order_of_completion_are_scored_in_one_call_too(real, scorings):
    inputs = [EASY, HARD, EASY]
    done = dict(real.batch_as_completed(inputs))
    assert models(done[i] for i in range(3)) == ["small", "large", "small"]
    done = {i: message async for i, message in real.abatch_as_completed(inputs)}
    assert models(done[i] for i in range(3)) == ["small", "large", "small"]
    assert scorings == [3, 3]


async def test_concurrent_async_calls_are_scored_together(real, scorings):
    messages = await asyncio.gather(*(real.ainvoke(text) for text in [EASY, HARD] * 100))
    assert models(messages) == ["small", "large"] * 100
    assert sum(scorings) == 200
    assert len(scorings) <= 3


async def test_an_empty_batch_is_empty(real, scorings):
    assert real.batch([]) == await real.abatch([]) == list(real.batch_as_completed([])) == []
    assert scorings == []


async def test_each_input_has_its_own_config_and_record(real):
    recorders = [Recorder(), Recorder()]
    configs = [{"callbacks": [recorder], "tags": [f"t{i}"]} for i, recorder in enumerate(recorders)]
    for batch in (real.batch, lambda *args: asyncio.run(real.abatch(*args))):
        for recorder in recorders:
            recorder.starts.clear()
        await asyncio.to_thread(batch, [EASY, HARD], configs)
        assert [recorder.metadata["hybrid_router_model"] for recorder in recorders] == ["small", "large"]
        assert [f"t{i}" in recorder.tags for i, recorder in enumerate(recorders)] == [True, True]


async def test_with_return_exceptions_an_input_that_cannot_be_routed_or_answered_does_not_move_the_others(
    make, trained
):
    router = make(router=trained, large=FakeChat(model="l", error=OSError("down")))
    inputs = [EASY, {"a": "dict"}, HARD, EASY]
    configs = [{}, {}, {}, {"configurable": {"hybrid_router_threshold": 7}}]
    done = [
        router.batch(inputs, configs, return_exceptions=True),
        await router.abatch(inputs, configs, return_exceptions=True),
        [
            each
            for _, each in sorted(
                router.batch_as_completed(inputs, configs, return_exceptions=True), key=lambda p: p[0]
            )
        ],
    ]
    for results in done:
        assert routing_decision(results[0]).model == "small"
        assert ["a dict" in str(results[1]), "down" in str(results[2]), "threshold is 7" in str(results[3])] == [
            True
        ] * 3
    with pytest.raises(ValueError, match="a dict"):
        router.batch(inputs, configs)


async def test_max_concurrency_is_kept(make, trained):
    running, most = 0, 0

    class Counted(FakeChat):
        async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):
            nonlocal running, most
            running, most = running + 1, max(most, running + 1)
            await asyncio.sleep(0.002)
            running -= 1
            return self._result(messages, stop, kwargs)

    router = make(router=trained, small=Counted(model="s"), large=Counted(model="l"))
    await router.abatch([EASY, HARD] * 10, {"max_concurrency": 4})
    assert most == 4


def test_a_callable_router_decides_the_calls_of_a_batch_in_parallel(make, scores):
    import time

    scores.delay = 0.1
    start = time.perf_counter()
    assert models(make().batch(["easy", "hard"] * 4, {"max_concurrency": 8})) == ["small", "large"] * 4
    assert time.perf_counter() - start < 0.7


def test_arguments_of_a_batch_reach_the_models(real, small):
    real.batch([EASY, EASY], stop=["x"])
    assert [call["stop"] for call in small.calls] == [["x"], ["x"]]


def test_a_retried_batch_asks_again_only_for_what_failed(make, trained):
    class Flaky(FakeChat):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            result = self._result(messages, stop, kwargs)
            if len(self.calls) == 1:
                raise OSError("once")
            return result

    flaky = Flaky(model="s")
    router = make(router=trained, small=flaky).with_retry(wait_exponential_jitter=False, stop_after_attempt=2)
    assert models(router.batch([EASY, HARD])) == ["small", "large"]
    assert len(flaky.calls) == 2
