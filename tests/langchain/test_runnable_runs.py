"""Runs, usage, metadata, tags and the record on the message."""

from __future__ import annotations

import asyncio
import gc
import json
import uuid
from typing import Annotated, Any, TypedDict

import numpy as np
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages

from hybrid_router_core import RoutingDecision
from langchain_hybrid_router import RunnableHybridRouter, routing_decision
from tests.langchain.fakes import FakeChat

SMALL = {
    "hybrid_router_model": "small",
    "hybrid_router_score": 0.9,
    "hybrid_router_threshold": 0.5,
    "hybrid_router_reason": "score",
}


class State(TypedDict):
    messages: Annotated[list[Any], add_messages]


def graph_of(model, **compile_settings):
    builder = StateGraph(State)
    builder.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_edge(START, "model")
    return builder.compile(**compile_settings)


def sync_invoke(model, config):
    return model.invoke("easy question", config)


def sync_stream(model, config):
    return sum_of(model.stream("easy question", config))


def async_invoke(model, config):
    return asyncio.run(model.ainvoke("easy question", config))


def async_stream(model, config):
    async def collect():
        return [chunk async for chunk in model.astream("easy question", config)]

    return sum_of(asyncio.run(collect()))


def batched(model, config):
    return model.batch(["easy question"], config)[0]


def generated(model, config):
    return model.generate([[HumanMessage("easy question")]], **config).generations[0][0].message


def events_v3(model, config):
    return model.stream_events("easy question", config, version="v3").output


def async_events_v3(model, config):
    async def collect():
        return await (await model.astream_events("easy question", config, version="v3"))

    return asyncio.run(collect())


WAYS = [sync_invoke, sync_stream, async_invoke, async_stream, batched, generated, events_v3, async_events_v3]


def sum_of(chunks):
    total = None
    for chunk in chunks:
        total = chunk if total is None else total + chunk
    return total


@pytest.mark.parametrize("way", WAYS)
def test_each_entry_point_opens_one_run_and_counts_usage_once(router, recorder, way):
    usage = UsageMetadataCallbackHandler()
    message = way(router, {"callbacks": [recorder, usage]})
    assert message.text == "small-model: easy question"
    assert len(recorder.starts) == len(recorder.ended) == 1
    assert recorder.chains == 0
    assert recorder.metadata["ls_model_name"] == "small-model"
    assert {name: used["total_tokens"] for name, used in usage.usage_metadata.items()} == {"small-model": 15}


@pytest.mark.parametrize("way", WAYS)
def test_each_entry_point_records_the_decision_in_the_run_the_tags_and_the_message(router, recorder, way):
    message = way(router, {"callbacks": [recorder]})
    assert {key: recorder.metadata[key] for key in SMALL} == SMALL
    assert "hybrid_router:small" in recorder.tags
    assert {key: message.response_metadata[key] for key in SMALL} == SMALL
    assert routing_decision(message) == RoutingDecision("small", 0.9, 0.5)


def test_routing_decision_of_a_message_that_no_router_wrote_is_none():
    assert routing_decision(AIMessage("hello")) is None


def test_a_tracer_sees_the_run_of_the_chosen_model_with_the_decision_and_nothing_above_it(router):
    collector = RunCollectorCallbackHandler()
    router.invoke("hard question", {"callbacks": [collector]})
    (run,) = collector.traced_runs
    assert (run.name, run.child_runs, run.parent_run_id) == ("FakeChat", [], None)
    assert run.extra["metadata"]["hybrid_router_model"] == "large"
    assert "hybrid_router:large" in run.tags


def test_exactly_one_chunk_of_a_stream_is_stamped_so_that_the_sum_holds_one_record(router):
    chunks = list(router.stream("an easy question with words"))
    stamped = [chunk for chunk in chunks if "hybrid_router_model" in chunk.response_metadata]
    assert [chunk is chunks[0] for chunk in stamped] == [True]
    assert sum_of(chunks).response_metadata["hybrid_router_model"] == "small"


def test_usage_is_counted_once_through_a_chain_in_langgraph_with_no_duplicated_tokens(router):
    usage = UsageMetadataCallbackHandler()
    prompt = ChatPromptTemplate.from_messages([("system", "be brief"), ("placeholder", "{messages}")])
    graph = graph_of(RunnableLambda(lambda messages: {"messages": messages}) | prompt | router)
    inputs = {"messages": [HumanMessage("easy one two")]}
    parts = list(graph.stream(inputs, {"callbacks": [usage]}, stream_mode="messages"))
    chunks = [message for message, _ in parts if isinstance(message, AIMessageChunk)]
    assert "".join(chunk.text for chunk in chunks) == "small-model: easy one two"
    assert len(parts) == len(chunks)
    assert {metadata["ls_model_name"] for _, metadata in parts} == {"small-model"}
    assert {metadata["hybrid_router_model"] for _, metadata in parts} == {"small"}
    assert usage.usage_metadata["small-model"]["total_tokens"] == 15


def test_a_numpy_score_is_recorded_as_a_plain_float_and_survives_json_and_a_langgraph_checkpoint(make):
    router = make(router=lambda query: np.float32(0.75))
    message = router.invoke("x")
    assert type(message.response_metadata["hybrid_router_score"]) is float
    json.dumps(message.response_metadata)
    message.model_dump_json()
    graph = graph_of(router, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    graph.invoke({"messages": [HumanMessage("x")]}, config)
    restored = graph.get_state(config).values["messages"][-1]
    assert routing_decision(restored) == RoutingDecision("small", 0.75, 0.5)


async def test_astream_events_v2_shows_the_chosen_model_and_no_run_of_the_router(router):
    events = [event async for event in router.astream_events("easy a b", version="v2")]
    starts = [event for event in events if event["event"].endswith("_start")]
    assert [(event["event"], event["name"]) for event in starts] == [("on_chat_model_start", "FakeChat")]
    assert starts[0]["metadata"]["hybrid_router_model"] == "small"
    text = "".join(event["data"]["chunk"].text for event in events if event["event"] == "on_chat_model_stream")
    assert text == "small-model: easy a b"


async def test_an_astream_that_is_closed_early_ends_the_run_of_the_model_at_once(router, recorder):
    stream = router.astream("easy a b c d", {"callbacks": [recorder]})
    await anext(stream)
    gc.disable()  # else the collector could close it
    try:
        await stream.aclose()
        assert (len(recorder.starts), len(recorder.errors), len(recorder.ended)) == (1, 1, 0)
    finally:
        gc.enable()


def test_a_stream_that_is_closed_early_ends_the_run_of_the_model_at_once(router, recorder):
    stream = router.stream("easy a b c d", {"callbacks": [recorder]})
    next(stream)
    stream.close()
    assert (len(recorder.starts), len(recorder.errors), len(recorder.ended)) == (1, 1, 0)


@pytest.fixture
def global_cache():
    cache = InMemoryCache()
    set_llm_cache(cache)
    yield cache
    set_llm_cache(None)


def test_two_routers_share_a_global_cache_without_getting_each_others_answers(make, global_cache):
    first, second = make(), make(small=FakeChat(model="other-small"))
    assert first.invoke("easy").text == "small-model: easy"
    assert second.invoke("easy").text == "other-small: easy"


def test_a_cache_hit_is_stamped_with_its_own_decision_and_the_cached_message_is_not_touched(
    make, small, large, global_cache
):
    router = make()
    router.invoke("easy")
    again = make(threshold=0.2).invoke("easy")
    assert len(small.calls) == 1
    assert routing_decision(again) == RoutingDecision("small", 0.9, 0.2)
    assert routing_decision(small.invoke("easy")) is None


def test_a_models_own_cache_and_rate_limiter_are_in_force(make):
    limiter = InMemoryRateLimiter(requests_per_second=20, check_every_n_seconds=0.005)
    small = FakeChat(model="s", cache=InMemoryCache(), rate_limiter=limiter)
    router = make(small=small)
    limiter.available_tokens = 0.0
    for _ in range(3):
        router.invoke("easy")
    assert len(small.calls) == 1
    assert limiter.last is not None


def test_run_id_run_name_tags_and_metadata_of_the_caller_reach_the_run(router, recorder):
    run_id = "018f0000-0000-7000-8000-000000000001"
    config = {"run_id": uuid.UUID(run_id), "run_name": "mine", "tags": ["t"], "metadata": {"m": 1}}
    router.invoke("easy", {**config, "callbacks": [recorder]})
    (start,) = recorder.starts
    assert (str(start["run_id"]), start["name"]) == (run_id, "mine")
    assert "t" in recorder.tags
    assert recorder.metadata["m"] == 1


@pytest.mark.parametrize("way", WAYS)
def test_tags_metadata_and_callbacks_of_the_router_itself_reach_the_chosen_models_run(make, recorder, way):
    way(make(tags=["own"], metadata={"team": "a"}, callbacks=[recorder]), {})
    assert "own" in recorder.tags
    assert recorder.metadata["team"] == "a"


def test_generate_gives_each_conversation_its_model_and_keeps_the_order_and_the_runs(router, recorder):
    conversations = [[HumanMessage("easy")], [SystemMessage("s"), HumanMessage("hard")]]
    result = router.generate(conversations, callbacks=[recorder], tags=["t"])
    assert [row[0].text for row in result.generations] == ["small-model: easy", "large-model: hard"]
    assert [run.run_id for run in result.run] == [start["run_id"] for start in recorder.starts]
    assert all("t" in start["tags"] for start in recorder.starts)
    same = asyncio.run(router.agenerate(conversations))
    assert [row[0].text for row in same.generations] == ["small-model: easy", "large-model: hard"]
    assert router.generate([]).generations == []


def test_generate_keeps_what_is_bound_to_a_model_and_refuses_a_wrapper_that_cannot_generate(make, small, large):
    router = make(small=small.bind(stop=["\n"]).with_config(tags=["bound"]), large=large.with_retry())
    router.generate([[HumanMessage("easy")]])
    assert small.calls[0]["stop"] == ["\n"]
    with pytest.raises(ValueError, match="generate needs a chat model or its bindings, and large is a RunnableRetry"):
        router.generate([[HumanMessage("hard")]])


def test_of_nested_routers_the_message_holds_the_outer_record_and_the_run_the_inner_one(make, large, recorder):
    inner = make(small=FakeChat(model="middle"), router=lambda query: 0.6)
    outer = make(large=inner)
    message = outer.invoke("hard", {"callbacks": [recorder]})
    assert message.text == "middle: hard"
    assert routing_decision(message) == RoutingDecision("large", 0.1, 0.5)
    assert (recorder.metadata["hybrid_router_model"], recorder.metadata["hybrid_router_score"]) == ("small", 0.6)


def test_a_model_that_wraps_the_router_by_its_private_methods_counts_usage_once(router):
    class Wrapper(FakeChat):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            return router._generate(messages, stop, run_manager, **kwargs)

    usage = UsageMetadataCallbackHandler()
    message = Wrapper(model="w", disable_streaming=True).invoke("easy", {"callbacks": [usage]})
    assert message.text == "small-model: easy"
    assert usage.usage_metadata["small-model"]["total_tokens"] == 15


def test_the_router_is_a_chat_model_that_a_type_check_accepts(router):
    assert isinstance(router, RunnableHybridRouter)
    assert router._llm_type == "hybrid-router"
    assert router._identifying_params == {"small": {"model": "small-model"}, "large": {"model": "large-model"}}
