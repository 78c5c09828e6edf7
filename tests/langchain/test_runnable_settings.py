"""Settings that are set after the router was made: they take effect, checked, or are refused."""

from __future__ import annotations

import copy
import pickle

import pytest
from langchain_core.caches import InMemoryCache

from hybrid_router_core import ConfigError
from langchain_hybrid_router import HybridRouterMiddleware, routing_decision
from tests.langchain.fakes import FakeChat, Recorder, multiply

JSON_SCHEMA = {"title": "Answer", "description": "d", "type": "object", "properties": {"number": {"type": "integer"}}}


def by_attribute(router, name, value):
    setattr(router, name, value)
    return router


def by_copy(router, name, value):
    return router.model_copy(update={name: value})


def by_deep_copy(router, name, value):
    return router.model_copy(update={name: value}, deep=True)


WAYS = [by_attribute, by_copy, by_deep_copy]


def fails(query):
    raise RuntimeError("no weights")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "value", "question", "expected"),
    [
        ("threshold", 0.95, "easy", "large-model: easy"),
        ("threshold", 0.0, "hard", "small-model: hard"),
        ("small", FakeChat(model="other"), "easy", "other: easy"),
        ("large", FakeChat(model="other"), "hard", "other: hard"),
        ("router", lambda query: 0.0, "easy", "large-model: easy"),
        ("query_from", lambda messages: None, "easy", "large-model: easy"),
    ],
)
def test_a_setting_that_is_set_later_takes_effect(make, way, name, value, question, expected):
    assert way(make(), name, value).invoke(question).text == expected


@pytest.mark.parametrize("way", WAYS)
def test_policies_that_are_set_later_take_effect(make, way):
    broken = make(router=fails)
    assert broken.invoke("easy").text == "large-model: easy"
    with pytest.raises(RuntimeError, match="no weights"):
        way(broken, "on_router_error", "raise").invoke("easy")
    down = make(small=FakeChat(model="s", error=OSError("down")))
    assert way(down, "fallback", True).invoke("easy").text == "large-model: easy"
    talk = [("human", "hard"), make().invoke("hard"), ("human", "easy")]
    assert routing_decision(way(make(), "sticky", True).invoke(talk)).reason == "sticky"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("threshold", "abc", "threshold is 'abc'"),
        ("threshold", 7, "threshold is 7"),
        ("threshold", True, "threshold is True"),
        ("small", None, "small is a NoneType"),
        ("large", 3, "large is a int"),
        ("router", 0.5, "router is a float"),
        ("sticky", "down", "sticky is 'down'"),
        ("sticky", 1, "sticky is 1"),
        ("fallback", "yes", "fallback is 'yes'; allowed: True, False"),
        ("query_from", "last", "query_from is a str"),
        ("on_router_error", "ignore", "on_router_error is 'ignore'"),
        ("cache", InMemoryCache(), "has no effect on a router; set it on small and on large"),
        ("verbose", True, "has no effect on a router"),
        ("disable_streaming", True, "has no effect on a router"),
        ("treshold", 0.5, "unknown argument 'treshold'"),
    ],
)
def test_a_wrong_value_is_refused_and_leaves_the_router_as_it_was(make, way, name, value, message):
    router = make()
    with pytest.raises(ConfigError, match=message):
        way(router, name, value)
    assert router.invoke("easy").text == "small-model: easy"
    assert router.threshold is None


def test_a_copy_that_is_changed_leaves_the_original_alone(make):
    router = make()
    for copied in (router.model_copy(), copy.copy(router), copy.deepcopy(router)):
        copied.threshold = 0.95
        assert copied.invoke("easy").text == "large-model: easy"
        assert router.invoke("easy").text == "small-model: easy"


def test_what_is_bound_stays_bound_when_a_model_is_exchanged(make):
    router, other = make(), FakeChat(model="other")
    bound, structured = router.bind_tools([multiply]), router.with_structured_output(JSON_SCHEMA)
    bound.bound.small = other
    assert bound.invoke("easy").tool_calls
    router.small = other
    assert structured.invoke("easy") == {"number": 3}
    assert [call["tools"][0]["function"]["name"] for call in other.calls] == ["multiply", "Answer"]
    again = pickle.loads(pickle.dumps(bound))  # noqa: S301
    again.bound.small = FakeChat(model="third")
    assert again.invoke("easy").response_metadata["model_name"] == "third"


def test_a_model_that_cannot_be_dressed_is_refused_and_the_old_one_stays(make, small):
    bound = make().bind_tools([multiply])
    with pytest.raises(ConfigError, match="small has tools bound already"):
        bound.bound.small = small.bind_tools([multiply])
    assert bound.invoke("easy").tool_calls


def test_the_profile_follows_the_models_unless_it_was_given(make):
    able = FakeChat(model="m", profile={"tool_calling": True, "max_input_tokens": 10})
    router = make()
    router.small = router.large = able
    assert router.profile == able.profile
    given = make(profile={"tool_calling": False})
    given.small = given.large = able
    assert given.profile == {"tool_calling": False}


def test_tags_metadata_and_callbacks_that_are_set_later_reach_the_run(make, recorder):
    router = make()
    router.tags, router.metadata, router.callbacks = ["late"], {"team": "b"}, [recorder]
    router.invoke("easy")
    assert "late" in recorder.tags
    assert recorder.metadata["team"] == "b"


def test_settings_of_the_middleware_are_those_of_its_router(small, large, scores):
    middleware = HybridRouterMiddleware(small=small, large=large, router=scores)
    with pytest.raises(ConfigError, match=r"set middleware\.model\.threshold"):
        middleware.threshold = 0.9
    with pytest.raises(ConfigError, match="model is a FakeChat; allowed: a RunnableHybridRouter"):
        middleware.model = small
    middleware.model.threshold = 0.95
    assert middleware.model.invoke("easy", {"callbacks": [Recorder()]}).text == "large-model: easy"
