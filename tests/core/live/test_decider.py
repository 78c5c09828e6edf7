"""What the adapters share: three forms of router, one path for sync and async, faults that go to large."""

import asyncio
import contextvars
import gc
import logging
import os
import pickle
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from hybrid_router_core import ArtifactError, ConfigError, DataError, HybridRouter, NotFittedError
from hybrid_router_core.live import Decider
from hybrid_router_core.live.threads import _pools

EASY = "What is the capital of Norland?"
HARD = "Prove that the ring of integers of Norland is a Dedekind domain."


def length_score(query):
    """Short queries are easy."""
    return 1.0 if len(query) < 40 else 0.0


def broken(query):
    """A router with a fault, whose message quotes the query."""
    raise RuntimeError(f"cannot score {query}")


def test_a_router_its_folder_and_a_callable_are_all_taken(trained, tmp_path):
    for router in (trained, trained.save(tmp_path), str(tmp_path), length_score):
        decider = Decider(router)
        assert decider.decide(EASY).model == "small"
        assert decider.decide(HARD).model == "large"


def test_a_wrong_router_fails_at_the_start(tmp_path):
    with pytest.raises(ConfigError, match="router is a int"):
        Decider(42)
    with pytest.raises(ArtifactError, match="does not exist"):
        Decider(tmp_path / "nowhere")
    with pytest.raises(NotFittedError):
        Decider(HybridRouter())
    with pytest.raises(ConfigError, match="on_router_error is 'small'"):
        Decider(length_score, on_router_error="small")


def test_thresholds_go_from_the_call_over_the_adapter_to_the_router(router):
    router.threshold = 0.9
    assert Decider(router).decide(EASY).threshold == 0.9
    assert Decider(router, threshold=0.0).decide(HARD).model == "small"
    assert Decider(router, threshold=0.0).decide(HARD, threshold=1.0).threshold == 1.0
    with pytest.raises(ConfigError, match="threshold is 7"):
        Decider(router).decide(EASY, threshold=7)


def test_an_override_decides_without_scoring():
    decision = Decider(broken, on_router_error="raise").decide(EASY, model="small")
    assert (decision.model, decision.reason, decision.score) == ("small", "override", None)
    with pytest.raises(ConfigError, match="override is 'medium'"):
        Decider(length_score).decide(EASY, model="medium")


@pytest.mark.parametrize("query", [None, "", "  \n"])
def test_without_a_query_large_answers(query):
    decision = Decider(length_score).decide(query)
    assert (decision.model, decision.reason) == ("large", "no_query")


def test_a_fault_goes_to_large_and_the_record_says_why_without_the_query(caplog):
    with caplog.at_level(logging.INFO):
        decision = Decider(broken).decide("my secret question")
    assert (decision.model, decision.reason, decision.detail) == ("large", "router_error", "RuntimeError")
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("score", [1.5, -0.1, float("nan"), "high", None])
def test_a_score_outside_0_to_1_is_a_fault(score):
    assert Decider(lambda query: score).decide(EASY).reason == "router_error"


def test_a_fault_can_be_raised_instead():
    with pytest.raises(RuntimeError, match="cannot score"):
        Decider(broken, on_router_error="raise").decide(EASY)


def test_one_bad_query_does_not_move_the_others(trained, monkeypatch):
    whole = HybridRouter.score

    def score(self, queries):
        if "bad" in list(queries):
            raise ValueError("bad")
        return whole(self, queries)

    monkeypatch.setattr(HybridRouter, "score", score)
    decisions = Decider(trained).decide_batch([EASY, "bad", None, HARD])
    assert [d.model for d in decisions] == ["small", "large", "large", "large"]
    assert [d.reason for d in decisions] == ["score", "router_error", "no_query", "score"]


async def test_async_decides_as_sync(trained):
    decider = Decider(trained)
    for query in (EASY, HARD, None):
        assert await decider.adecide(query) == decider.decide(query)
    assert await decider.adecide(HARD, model="small") == decider.decide(HARD, model="small")
    assert await decider.adecide(HARD, threshold=0.0) == decider.decide(HARD, threshold=0.0)
    with pytest.raises(ConfigError):
        await decider.adecide(HARD, threshold=-1.0)


async def test_concurrent_queries_are_scored_together(trained, monkeypatch):
    sizes = []
    whole = HybridRouter.score

    def score(self, queries):
        sizes.append(len(queries))
        return whole(self, queries)

    monkeypatch.setattr(HybridRouter, "score", score)
    decider = Decider(trained)
    sizes.clear()
    decisions = await asyncio.gather(*(decider.adecide(q) for q in [EASY, HARD] * 100))
    assert [d.model for d in decisions] == ["small", "large"] * 100
    assert sum(sizes) == 200
    assert len(sizes) <= 3


async def test_a_slow_router_does_not_block_the_loop():
    def slow(query):
        time.sleep(0.2)
        return 1.0

    gaps, last = [], time.perf_counter()

    async def tick():
        nonlocal last
        while True:
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - last)
            last = time.perf_counter()

    ticker = asyncio.create_task(tick())
    started = time.perf_counter()
    await asyncio.gather(*(Decider(slow).adecide(EASY) for _ in range(4)))
    assert time.perf_counter() - started < 0.6  # not 0.8: callables run beside each other
    ticker.cancel()
    assert max(gaps) < 0.15


async def test_a_cancelled_caller_does_not_harm_the_others(trained):
    decider = Decider(trained)
    tasks = [asyncio.create_task(decider.adecide(q)) for q in [EASY] * 20]
    await asyncio.sleep(0)
    tasks[3].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[3], asyncio.CancelledError)
    assert all(r.model == "small" for i, r in enumerate(results) if i != 3)


async def test_each_caller_gets_its_own_error(trained, monkeypatch):
    def score(self, queries):
        raise KeyError("fault")

    decider = Decider(trained, on_router_error="raise")
    monkeypatch.setattr(HybridRouter, "score", score)
    results = await asyncio.gather(*(decider.adecide(EASY) for _ in range(3)), return_exceptions=True)
    assert [type(r) for r in results] == [KeyError] * 3


def test_it_works_in_many_loops_at_once(trained):
    decider = Decider(trained)
    models = []

    def run():
        models.append(asyncio.run(decider.adecide(EASY)).model)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert models == ["small"] * 8


async def test_it_can_be_pickled_even_after_use(trained):
    decider = Decider(trained, threshold=0.3)
    await decider.adecide(EASY)
    twin = pickle.loads(pickle.dumps(decider))  # noqa: S301 - our own bytes
    assert await twin.adecide(EASY) == await decider.adecide(EASY)


class Panic(BaseException):
    """Like a panic of native code, which is no Exception."""


def panicking(monkeypatch, router):
    """The router panics over one query."""
    score = type(router).score

    def boom(self, queries):
        if any("panic" in query for query in queries):
            raise Panic
        return score(self, queries)

    monkeypatch.setattr(type(router), "score", boom)
    return Decider(router)


async def test_a_panic_reaches_nobody_but_its_own_query(monkeypatch, router):
    decider = panicking(monkeypatch, router)
    assert decider.decide("panic").reason == "router_error"
    decisions = await asyncio.wait_for(asyncio.gather(*map(decider.adecide, [EASY, "panic", HARD])), 5)
    assert [decision.reason for decision in decisions] == ["score", "router_error", "score"]


@pytest.mark.parametrize("wrong", [7, b"bytes", ["a"], object()])
async def test_a_query_that_is_no_string_is_an_error_for_its_own_call(router, wrong):
    decider = Decider(router)
    with pytest.raises(DataError, match="the query is a"):
        decider.decide(wrong)
    outcomes = await asyncio.wait_for(
        asyncio.gather(*map(decider.adecide, [EASY, wrong, HARD]), return_exceptions=True), 5
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["RoutingDecision", "DataError", "RoutingDecision"]
    with pytest.raises(DataError):
        await Decider(length_score).adecide(wrong)


@pytest.mark.parametrize("kind", ["router", "callable"])
async def test_without_threads_the_large_model_answers(router, kind, monkeypatch):
    dead = ThreadPoolExecutor(1)
    dead.shutdown()
    monkeypatch.setitem(_pools, os.getpid(), dead)
    decider = Decider(router if kind == "router" else length_score)
    decisions = await asyncio.wait_for(asyncio.gather(*map(decider.adecide, [EASY, HARD])), 5)
    assert [(decision.model, decision.reason) for decision in decisions] == [("large", "router_error")] * 2
    assert [decision.reason for decision in await decider.aoutcomes([EASY, HARD])] == ["router_error"] * 2


@pytest.mark.parametrize("kind", ["router", "callable"])
async def test_the_loops_own_threads_are_not_needed(router, kind):
    """They may be full of user code that waits for a decision."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    decider = Decider(router if kind == "router" else length_score)

    def tool():
        return asyncio.run_coroutine_threadsafe(decider.adecide(EASY), loop).result(5).reason

    assert await asyncio.to_thread(tool) == "score"
    await loop.shutdown_default_executor()
    assert (await decider.adecide(HARD)).reason == "score"


def test_a_fork_has_threads_of_its_own(router):
    decider = Decider(router)
    asyncio.run(decider.adecide(EASY))
    assert set(_pools) == {os.getpid()}
    _pools[-1] = _pools.pop(os.getpid())  # as after a fork, where the parent's threads are not there
    try:
        assert asyncio.run(decider.adecide(EASY)).reason == "score"
    finally:
        del _pools[-1]


async def test_cancelling_every_task_leaves_no_caller_waiting(router, monkeypatch):
    score = type(router).score
    monkeypatch.setattr(type(router), "score", lambda self, queries: time.sleep(0.2) or score(self, queries))
    decider = Decider(router)
    mine = asyncio.current_task()
    calls = [asyncio.create_task(decider.adecide(EASY)) for _ in range(3)]
    await asyncio.sleep(0.05)
    for task in asyncio.all_tasks() - {mine, *calls}:
        task.cancel()  # the worker, as a program does that stops all it knows of
    decisions = await asyncio.wait_for(asyncio.gather(*calls), 5)
    assert {decision.reason for decision in decisions} == {"router_error"}
    assert (await decider.adecide(EASY)).reason == "score"


def test_no_event_loop_outlives_its_program(router):
    decider = Decider(router)
    loops = []

    async def once():
        loops.append(weakref.ref(asyncio.get_running_loop()))
        return await decider.adecide(EASY)

    for _ in range(5):
        assert asyncio.run(once()).reason == "score"
    gc.collect()
    assert [loop() for loop in loops] == [None] * 5


async def test_a_callable_sees_the_context_of_its_caller():
    tenant = contextvars.ContextVar("tenant", default="nobody")
    seen = []

    def route(query):
        seen.append(tenant.get())
        return 0.9

    async def call(name):
        tenant.set(name)
        await Decider(route).adecide(EASY)

    await asyncio.gather(call("a"), call("b"))
    tenant.set("c")
    Decider(route).decide(EASY)
    await Decider(route).aoutcomes([EASY])
    assert sorted(seen[:2]) == ["a", "b"]
    assert seen[2:] == ["c", "c"]


class AsyncRouter:
    """A callable object with an async call."""

    async def __call__(self, query):
        await asyncio.sleep(0)
        return length_score(query)


@pytest.mark.parametrize("router", [AsyncRouter(), AsyncRouter().__call__, lambda query: AsyncRouter()(query)])
async def test_an_async_callable_serves_async_calls_and_is_refused_in_sync_ones(router):
    decider = Decider(router)
    assert (await decider.adecide(EASY)).model == "small"
    assert [decision.model for decision in await decider.aoutcomes([HARD, EASY])] == ["large", "small"]
    with pytest.raises(ConfigError, match="async callable"):
        decider.decide(EASY)


@pytest.mark.parametrize("error", [StopIteration, RuntimeError, Panic])
async def test_whatever_a_callable_raises_is_a_fault_sync_and_async(error):
    def route(query):
        raise error

    async def aroute(query):
        raise error if error is not StopIteration else RuntimeError  # which Python makes of it

    assert Decider(route).decide(EASY).detail == error.__name__
    assert (await asyncio.wait_for(Decider(route).adecide(EASY), 5)).detail == error.__name__
    assert (await asyncio.wait_for(Decider(aroute).adecide(EASY), 5)).reason == "router_error"


def test_a_cancelled_call_does_not_keep_its_event_loop(router, monkeypatch):
    score = type(router).score
    monkeypatch.setattr(type(router), "score", lambda self, queries: time.sleep(0.05) or score(self, queries))
    decider, loops = Decider(router), []
    for _ in range(5):
        loop = asyncio.new_event_loop()
        loops.append(weakref.ref(loop))
        with pytest.raises(asyncio.TimeoutError):
            loop.run_until_complete(asyncio.wait_for(decider.adecide(EASY), 0.01))
        loop.close()
        del loop
    time.sleep(0.5)
    gc.collect()
    assert [ref() for ref in loops] == [None] * 5
