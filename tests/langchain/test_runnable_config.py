"""Construction, overrides per call, and what is refused."""

from __future__ import annotations

import asyncio
import copy
import pickle
import sys
import warnings

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableLambda

from hybrid_router_core import ArtifactError, ConfigError, DataError, HybridRouter, MissingExtraError, NotFittedError
from langchain_hybrid_router import RunnableHybridRouter, routing_decision
from tests.langchain.fakes import FakeChat, Recorder, multiply


def threshold(value):
    return {"configurable": {"hybrid_router_threshold": value}}


def force(model):
    return {"configurable": {"hybrid_router_model": model}}


def model_of(message):
    return routing_decision(message).model


@pytest.mark.parametrize(("value", "model"), [(0.0, "small"), (0.1, "small"), (0.11, "large"), (1.0, "large")])
def test_the_threshold_of_a_call_overrides_the_routers_own_also_when_it_is_zero(router, value, model):
    message = router.invoke("hard", threshold(value))
    assert model_of(message) == model
    assert routing_decision(message).threshold == value


@pytest.mark.parametrize("model", ["small", "large"])
def test_the_model_of_a_call_overrides_the_decision_and_nothing_is_scored(router, scores, model):
    message = router.invoke("hard", force(model))
    assert (model_of(message), routing_decision(message).reason) == (model, "override")
    assert scores.queries == []


def test_a_model_override_that_is_no_model_raises_and_names_the_allowed_values(router):
    with pytest.raises(ConfigError, match="'medium'; allowed: 'small', 'large'"):
        router.invoke("hard", force("medium"))


def test_a_threshold_override_that_is_none_raises_even_if_router_errors_go_to_large(router):
    with pytest.raises(ConfigError, match=r"threshold is 1\.5"):
        router.invoke("hard", threshold(1.5))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda r: r.bind_tools([multiply]),
        lambda r: r.bind(stop=["x"]),
        lambda r: r.with_config(tags=["t"]),
        lambda r: r.with_retry(),
        lambda r: r.with_fallbacks([FakeChat(model="f")]),
        lambda r: RunnableLambda(lambda text: [HumanMessage(text)]) | r,
        lambda r: r.configurable_fields(threshold=ConfigurableField(id="t")).bind_tools([multiply]),
    ],
)
def test_overrides_per_call_work_through_every_wrapper(router, wrap):
    wrapped = wrap(router)
    assert model_of(wrapped.invoke("hard", threshold(0.0))) == "small"
    assert model_of(wrapped.invoke("easy", force("large"))) == "large"
    assert model_of(wrapped.with_config(force("large")).invoke("easy")) == "large"


def test_the_threshold_is_also_a_configurable_field(router):
    configurable = router.configurable_fields(threshold=ConfigurableField(id="t"))
    assert model_of(configurable.invoke("hard")) == "large"
    assert model_of(configurable.invoke("hard", {"configurable": {"t": 0.0}})) == "small"


def test_configurable_fields_work_under_global_defaults_that_a_router_would_refuse(make, monkeypatch):
    monkeypatch.setenv("LC_OUTPUT_VERSION", "v1")
    configurable = make().configurable_fields(threshold=ConfigurableField(id="t"))
    assert model_of(configurable.invoke("hard", {"configurable": {"t": 0.0}})) == "small"


def test_overrides_are_listed_in_config_specs_through_bindings_and_chains(router):
    chain = ChatPromptTemplate.from_template("{x}") | router.bind_tools([multiply]) | StrOutputParser()
    assert {"hybrid_router_model", "hybrid_router_threshold"} <= {spec.id for spec in chain.config_specs}
    structured = router.with_structured_output({"title": "A", "type": "object", "properties": {}})
    assert "hybrid_router_threshold" in {spec.id for spec in structured.config_specs}


def test_a_configurable_field_of_a_model_is_listed_and_reaches_it(make):
    small = FakeChat(model="s").configurable_fields(model=ConfigurableField(id="small_name"))
    router = make(small=small)
    assert "small_name" in {spec.id for spec in router.config_specs}
    assert router.invoke("easy", {"configurable": {"small_name": "renamed"}}).text == "renamed: easy"


def test_per_input_overrides_of_a_batch_apply_to_their_inputs_alone(router):
    messages = router.batch(["hard", "hard", "easy"], [force("small"), {}, threshold(0.95)])
    assert [model_of(message) for message in messages] == ["small", "large", "large"]


def test_the_router_reads_overrides_of_the_surrounding_run(router):
    chain = RunnableLambda(lambda text: router.invoke(text))
    assert model_of(chain.invoke("easy", force("large"))) == "large"


@pytest.mark.parametrize(
    "setting",
    [{"cache": True}, {"disable_streaming": True}, {"output_version": "v1"}, {"verbose": True}],
)
def test_settings_that_would_be_silently_ignored_are_refused_with_the_place_where_they_work(make, setting):
    with pytest.raises(ConfigError, match=r"has no effect on a router; set it on small and on large"):
        make(**setting)


def test_a_misspelt_argument_is_refused(make):
    with pytest.raises(ConfigError, match=r"unknown argument 'treshold'; allowed: .*threshold"):
        make(treshold=0.5)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"threshold": 2}, "threshold is 2"),
        ({"sticky": "down"}, "sticky is 'down'; allowed: False, True, 'up'"),
        ({"on_router_error": "ignore"}, "on_router_error is 'ignore'"),
        ({"query_from": "last"}, "query_from is a str"),
        ({"small": len}, "small is a builtin_function_or_method"),
        ({"large": ChatPromptTemplate.from_template("{x}") | FakeChat(model="m")}, "large is a RunnableSequence"),
        ({"router": 0.5}, "router is a float"),
    ],
)
def test_a_wrong_setting_is_refused_when_the_router_is_made(make, setting, message):
    with pytest.raises(ConfigError, match=message):
        make(**setting)


def test_a_folder_without_a_router_is_refused_when_the_router_is_made(make, tmp_path):
    with pytest.raises(ArtifactError, match="no router at"):
        make(router=tmp_path / "nothing")


def test_an_untrained_router_is_refused_when_the_router_is_made(make):
    with pytest.raises(NotFittedError):
        make(router=HybridRouter())


def test_a_model_may_be_a_string_for_init_chat_model(make, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    router = make(small="openai:gpt-4o-mini")
    assert router.small.model_name == "gpt-4o-mini"


def test_a_model_string_without_langchain_names_the_pip_command(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hybrid-llm-router\[langchain\]'"):
        make(small="openai:gpt-4o-mini")


def test_a_real_router_a_folder_of_it_and_its_threshold_are_accepted(make, trained, tmp_path):
    for form in (trained, trained.save(tmp_path / "router"), str(tmp_path / "router")):
        router = make(router=form)
        assert model_of(router.invoke("an easy question about Albania")) == "small"
        assert model_of(router.invoke("prove the hard theorem of Borneo")) == "large"
        assert routing_decision(router.invoke("easy")).threshold == trained.threshold


def test_a_router_with_a_trained_scorer_survives_pickle_and_deepcopy_and_then_works_async(make, trained):
    router = make(router=trained, query_from=None)
    asyncio.run(router.ainvoke("easy question"))  # so that there is a state of an event loop to leave behind
    for copied in (pickle.loads(pickle.dumps(router)), copy.deepcopy(router), router.model_copy()):  # noqa: S301
        message = asyncio.run(copied.ainvoke("an easy question about Albania"))
        assert model_of(message) == "small"
    bound = pickle.loads(pickle.dumps(router.bind_tools([multiply])))  # noqa: S301
    assert bound.invoke("an easy question about Albania").tool_calls


def test_token_counts_are_the_large_models(make):
    class Counting(FakeChat):
        def get_token_ids(self, text):
            return [1, 2, 3]

    router = make(large=Counting(model="large").bind(stop=["x"]))
    assert router.get_token_ids("a") == [1, 2, 3]
    assert router.get_num_tokens("a") == 3
    assert router.get_num_tokens_from_messages([HumanMessage("a")]) == 3


def test_the_profile_is_what_both_models_can_do(make):
    small = FakeChat(model="s", profile={"tool_calling": True, "image_inputs": False, "max_input_tokens": 1000})
    large = FakeChat(model="l", profile={"tool_calling": True, "image_inputs": True, "max_input_tokens": 9000})
    assert make(small=small, large=large).profile == {
        "tool_calling": True,
        "image_inputs": False,
        "max_input_tokens": 1000,
    }
    assert make(small=small).profile is None
    assert make(small=small, large=large, profile={"tool_calling": False}).profile == {"tool_calling": False}


def test_a_model_name_at_call_time_goes_to_whichever_model_is_chosen_and_the_record_still_says_which(router):
    message = router.invoke("easy", model="renamed")
    assert message.response_metadata["model_name"] == "renamed"
    assert model_of(message) == "small"


@pytest.mark.parametrize(
    "value",
    [
        "easy",
        [HumanMessage("easy")],
        [("system", "be brief"), ("human", "easy")],
        [{"role": "user", "content": "easy"}],
        ["easy"],
        (HumanMessage("easy"),),
        ChatPromptTemplate.from_template("{x}").invoke({"x": "easy"}),
        [HumanMessage([{"type": "text", "text": "easy"}])],
    ],
)
def test_every_input_form_of_a_chat_model_is_routed_on_its_question(router, scores, value):
    assert model_of(router.invoke(value)) == "small"
    assert scores.queries == ["easy"]


@pytest.mark.parametrize("value", [{"question": "easy"}, HumanMessage("easy"), 3, None])
def test_other_inputs_raise_and_a_dict_is_told_of_assign_route(router, value):
    with pytest.raises(ConfigError, match="allowed: a string, a PromptValue or a list of messages") as caught:
        router.invoke(value)
    assert ("assign_route" in str(caught.value)) == isinstance(value, dict)


def test_the_output_type_is_a_message(router):
    assert router.OutputType == AnyMessage


def test_making_and_calling_a_router_warns_of_nothing(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make().invoke("easy", {"callbacks": [Recorder()]})


async def test_concurrent_calls_keep_their_own_overrides(router):
    configs = [force("small"), force("large")] * 10
    messages = await asyncio.gather(*(router.ainvoke("x", config) for config in configs))
    assert [model_of(message) for message in messages] == ["small", "large"] * 10


def test_assign_route_and_as_selector_name_the_key_that_is_missing(router):
    for runnable in (router.assign_route("question"), router.as_selector("question")):
        with pytest.raises(DataError, match=r"keys \['query'\]; 'question' is not among them"):
            runnable.invoke({"query": "easy"})
        with pytest.raises(DataError, match="got a str; allowed: a dict"):
            runnable.invoke("easy")


def test_an_answer_passed_back_keeps_its_record(router):
    first = router.invoke("easy")
    again = AIMessage.model_validate_json(first.model_dump_json())
    assert routing_decision(again) == routing_decision(first)


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    import langchain_hybrid_router

    with pytest.raises(AttributeError, match="Nothing"):
        _ = langchain_hybrid_router.Nothing
    assert langchain_hybrid_router.__all__ == sorted(langchain_hybrid_router.__all__) == dir(langchain_hybrid_router)
    assert RunnableHybridRouter is langchain_hybrid_router.RunnableHybridRouter
