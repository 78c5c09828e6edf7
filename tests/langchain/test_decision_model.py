"""HybridDecisionModel, alone and as what LangChain's own ModelRouterMiddleware asks; and what older versions say of it.

Decision models came with langchain-core 1.8. Classes of tests that need them are not collected where there are none.
"""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import Any

import langchain_core
import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import ValidationError

import langchain_hybrid_router
from hybrid_router_core import ArtifactError, ConfigError, HybridRouter, NotFittedError, RoutingDecision
from tests.langchain.fakes import EASY, HARD, FakeChat, Scores, multiply, tool_loop

HAS_DECISIONS = find_spec("langchain_core.decisions") is not None

if HAS_DECISIONS:
    from langchain.agents.middleware import ModelChoice, ModelRouterMiddleware
    from langchain_core.decisions import Choice, ChoiceAnswer, ClassifierResponse, Noul

    from langchain_hybrid_router import HybridDecisionModel

WITHOUT = """
import sys
sys.modules["langchain_core.decisions"] = None
import langchain_hybrid_router as package
assert package.RunnableHybridRouter.__name__ in dir(package)
assert "HybridDecisionModel" not in dir(package)
try:
    from langchain_hybrid_router import HybridDecisionModel
except ImportError as error:
    print(error)
"""


def test_without_decision_models_the_rest_works_and_the_name_says_which_version_is_needed():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        f"langchain-core {langchain_core.__version__} has no decision models; HybridDecisionModel needs 1.8 or later. "
        "Install it with: pip install -U 'langchain-core>=1.8,<2' 'langchain>=1.5,<2'"
    )


def test_the_package_offers_the_name_where_there_are_decision_models_and_only_there():
    names: dict[str, Any] = {}
    exec("from langchain_hybrid_router import *", names)  # noqa: S102 - a star is allowed in no function
    assert {"HybridRouterMiddleware", "RunnableHybridRouter"} < set(names)
    assert ("HybridDecisionModel" in names) is HAS_DECISIONS
    if HAS_DECISIONS:
        assert langchain_hybrid_router.HybridDecisionModel.__name__ == "HybridDecisionModel"
    else:
        with pytest.raises(ImportError, match=r"needs 1\.8 or later"):
            _ = langchain_hybrid_router.HybridDecisionModel


def run(runnable: Any, value: Any, *, is_async: bool, **kwargs: Any) -> Any:
    return asyncio.run(runnable.ainvoke(value, **kwargs)) if is_async else runnable.invoke(value, **kwargs)


def broken(query: str) -> float:
    raise OSError("down")


def image(text: str = "easy") -> HumanMessage:
    return HumanMessage([{"type": "text", "text": text}, {"type": "image", "url": "https://example.com/cat.png"}])


def asking(state: Any, *labels: str) -> dict[str, Any]:
    labels = labels or ("small", "large")
    return {"state": state, "questions": {"q": Choice(instructions="Which?", criteria=dict.fromkeys(labels))}}


@pytest.mark.parametrize("is_async", [False, True])
class TestAnswers:
    __test__ = HAS_DECISIONS

    @pytest.mark.parametrize(("text", "model", "score"), [("easy", "small", 0.9), ("hard", "large", 0.1)])
    def test_small_has_the_score_for_its_probability_and_large_the_rest(self, scores, text, model, score, is_async):
        response = run(HybridDecisionModel(router=scores), asking(text), is_async=is_async)
        answer = ChoiceAnswer(
            type="choice", choice=model, probabilities={"small": score, "large": 1 - score}, confidence=0.9
        )
        assert response.answers == response.choices == {"q": answer}
        assert response.decision == RoutingDecision(model, score, 0.5)
        assert isinstance(response, ClassifierResponse)
        assert (response.model, response.usage) == ("hybrid-router", None)

    @pytest.mark.parametrize(
        ("score", "threshold", "choice", "confidence"),
        [(0.3, 0.2, "small", 0.3), (0.9, 0.95, "large", 0.1), (0.7, 0.7, "small", 0.7), (0.0, 0.0, "small", 0.0)],
    )
    def test_the_choice_follows_the_threshold_and_not_the_larger_probability(
        self, score, threshold, choice, confidence, is_async
    ):
        model = HybridDecisionModel(router=lambda query: score, threshold=threshold)
        answer = run(model, asking("x"), is_async=is_async).choices["q"]
        assert (answer.choice, answer.probabilities["small"]) == (choice, score)
        assert answer.confidence == pytest.approx(confidence)

    def test_a_trained_router_answers_with_its_own_score_and_threshold(self, trained, is_async):
        texts = ["an easy question about Albania", "prove the hard theorem of Albania"]
        found = [run(HybridDecisionModel(router=trained), asking(text), is_async=is_async) for text in texts]
        assert [each.choices["q"].choice for each in found] == ["small", "large"]
        shares = [each.choices["q"].probabilities["small"] for each in found]
        assert shares == pytest.approx(trained.score(texts).tolist())
        assert {each.decision.threshold for each in found} == {trained.threshold}

    def test_the_labels_are_the_callers_and_each_question_of_a_request_is_answered_by_one_score(self, scores, is_async):
        model = HybridDecisionModel(router=scores, small="fast", large="smart")
        request = asking("easy", "smart", "fast")
        request["questions"]["again"] = request["questions"]["q"]
        answers = run(model, request, is_async=is_async).choices
        assert {name: each.choice for name, each in answers.items()} == {"q": "fast", "again": "fast"}
        assert answers["q"].probabilities == {"fast": 0.9, "smart": 1 - 0.9}
        assert scores.queries == ["easy"]

    @pytest.mark.parametrize(
        "state",
        [
            EASY,
            HumanMessage(EASY),
            [SystemMessage("hard"), HumanMessage(HARD), AIMessage("hard"), HumanMessage(EASY)],
            [HumanMessage(EASY), AIMessage(""), ToolMessage("hard", tool_call_id="1")],
            [{"role": "user", "content": EASY}],
            {"messages": [HumanMessage(EASY)], "other": 1},
            {"messages": HumanMessage(EASY)},
        ],
    )
    def test_the_question_is_found_in_every_form_of_a_state(self, scores, state, is_async):
        assert run(HybridDecisionModel(router=scores), asking(state), is_async=is_async).choices["q"].choice == "small"
        assert scores.queries == [EASY]

    @pytest.mark.parametrize(
        ("router", "state", "reason", "detail"),
        [
            (broken, "easy", "router_error", "OSError"),
            (lambda query: 7, "easy", "router_error", "DataError"),
            (Scores(), AIMessage("easy"), "no_query", "the messages end with an answer, so there is no question"),
            (Scores(), " ", "no_query", "there is no user text to score"),
            (
                Scores(),
                HumanMessage("easy", additional_kwargs={"lc_source": "summarization"}),
                "no_query",
                "there is no user text to score",
            ),
            (Scores(), image(), "capability", "small is not known to take image, image by URL"),
        ],
    )
    def test_on_any_doubt_the_answer_is_large_with_no_confidence_and_the_decision_says_why(
        self, router, state, reason, detail, is_async
    ):
        model = HybridDecisionModel(router=router, small="fast", large="smart")
        response = run(model, asking(state, "fast", "smart"), is_async=is_async)
        assert response.choices["q"].model_dump() == {
            "type": "choice",
            "choice": "smart",
            "probabilities": {"fast": 0.0, "smart": 1.0},
            "confidence": 0.0,
        }
        assert response.decision == RoutingDecision("large", reason=reason, detail=detail)

    def test_a_fault_of_the_router_reaches_the_caller_who_wants_it(self, is_async):
        with pytest.raises(OSError, match="down"):
            run(HybridDecisionModel(router=broken, on_router_error="raise"), asking("easy"), is_async=is_async)

    def test_the_config_overrides_model_and_threshold(self, scores, is_async):
        model = HybridDecisionModel(router=scores, small="fast", large="smart")

        def answer(**configurable: Any) -> Any:
            config = {"configurable": configurable}
            return run(model, asking("hard", "fast", "smart"), is_async=is_async, config=config)

        forced = answer(hybrid_router_model="small")
        assert forced.choices["q"].probabilities == {"fast": 1.0, "smart": 0.0}
        assert (forced.choices["q"].confidence, forced.decision.reason) == (0.0, "override")
        assert scores.queries == []
        assert answer(hybrid_router_threshold=0.0).choices["q"].choice == "fast"
        with pytest.raises(ConfigError, match="'medium'"):
            answer(hybrid_router_model="medium")
        with pytest.raises(ConfigError, match="threshold is 7"):
            answer(hybrid_router_threshold=7)

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            (("fast", "smart"), r"'q' has the choices \['fast', 'smart'\]; allowed: a Choice between 'small' and"),
            (("small",), r"the choices \['small'\]"),
            (("small", "large", "huge"), "'huge'"),
        ],
    )
    def test_a_question_with_other_labels_is_refused_with_the_remedy(self, scores, labels, message, is_async):
        model = HybridDecisionModel(router=scores)
        with pytest.raises(ConfigError, match=message) as caught:
            run(model, asking("easy", *labels), is_async=is_async)
        assert "pass them to HybridDecisionModel as small= and large=" in str(caught.value)

    def test_a_question_of_another_kind_and_a_state_without_messages_are_refused(self, scores, is_async):
        model = HybridDecisionModel(router=scores)
        with pytest.raises(ConfigError, match="the question 'q' is a Noul; allowed: a Choice between"):
            run(model, {"state": "easy", "questions": {"q": Noul(instructions="Easy?")}}, is_async=is_async)
        with pytest.raises(ConfigError, match=r"the state has the keys \['text'\]; allowed: one of them is 'messages'"):
            run(model, asking({"text": "easy"}), is_async=is_async)

    def test_the_run_in_a_trace_has_the_decision(self, scores, is_async):
        starts, ends = [], []

        class Listener(BaseCallbackHandler):
            def on_chain_start(self, serialized, inputs, **kwargs):
                starts.append(kwargs)

            def on_chain_end(self, outputs, **kwargs):
                ends.append(outputs)

        model = HybridDecisionModel(router=scores, model="my-router")
        run(model, asking("easy"), is_async=is_async, config={"callbacks": [Listener()]})
        assert [(each["name"], each["metadata"]["ls_model_name"]) for each in starts] == [
            ("HybridDecisionModel", "my-router")
        ]
        assert ends[0].model_dump()["decision"] == RoutingDecision("small", 0.9, 0.5).to_dict()


class TestSettings:
    __test__ = HAS_DECISIONS

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"small": "a", "large": "a"}, "small is 'a' and large is 'a'; allowed: two labels that differ"),
            ({"small": ""}, "small is ''"),
            ({"large": None}, "large is None"),
            ({"threshold": 2}, "threshold is 2"),
            ({"on_router_error": "small"}, "on_router_error is 'small'"),
            ({"router": 7}, "router is a int"),
        ],
    )
    def test_a_wrong_one_is_refused_at_once(self, scores, settings, message):
        with pytest.raises(ConfigError, match=message):
            HybridDecisionModel(**{"router": scores, **settings})

    def test_a_router_that_cannot_serve_is_refused_at_once(self, tmp_path):
        with pytest.raises(ArtifactError):
            HybridDecisionModel(router=tmp_path)
        with pytest.raises(NotFittedError):
            HybridDecisionModel(router=HybridRouter())

    def test_they_are_changed_on_a_copy_and_checked_again(self, scores):
        model = HybridDecisionModel(router=scores)
        with pytest.raises(ValidationError, match="frozen"):
            model.threshold = 0.0
        copy = model.model_copy(update={"threshold": 0.0})
        assert [each.invoke(asking("hard")).choices["q"].choice for each in (model, copy)] == ["large", "small"]
        assert model.model_copy().invoke(asking("hard")).choices["q"].choice == "large"
        with pytest.raises(ConfigError, match="threshold is 2"):
            model.model_copy(update={"threshold": 2})

    def test_configurable_fields_take_effect(self, scores):
        from langchain_core.runnables import ConfigurableField

        model = HybridDecisionModel(router=scores).configurable_fields(threshold=ConfigurableField(id="t"))
        found = [model.invoke(asking("hard"), {"configurable": {"t": t}}).decision for t in (0.0, 0.5)]
        assert found == [RoutingDecision("small", 0.1, 0.0), RoutingDecision("large", 0.1, 0.5)]

    def test_a_saved_router_is_read_from_its_folder_and_the_model_survives_a_pickle(self, trained, tmp_path):
        trained.save(tmp_path / "router")
        text = "an easy question about Albania"
        model = HybridDecisionModel(router=tmp_path / "router")
        again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own
        assert [each.invoke(asking(text)).choices["q"].choice for each in (model, again)] == ["small"] * 2


class TestManyAtOnce:
    __test__ = HAS_DECISIONS

    def test_batches_keep_their_order_and_their_errors(self, trained):
        model = HybridDecisionModel(router=trained)
        asked = [asking("an easy question about Albania"), asking("x", "a", "b"), asking("prove the hard theorem")]
        for found in (
            model.batch(asked, return_exceptions=True),
            asyncio.run(model.abatch(asked, return_exceptions=True)),
        ):
            assert [each.choices["q"].choice for each in (found[0], found[2])] == ["small", "large"]
            assert isinstance(found[1], ConfigError)
        assert model.batch([]) == []

    async def test_a_slow_router_does_not_block_the_loop(self):
        model = HybridDecisionModel(router=Scores(delay=0.3))
        task = asyncio.create_task(model.ainvoke(asking("easy")))
        gaps, last = [], time.perf_counter()
        while not task.done():
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - last)
            last = time.perf_counter()
        assert task.result().choices["q"].choice == "small"
        assert max(gaps) < 0.2

    async def test_concurrent_calls_are_scored_together(self, trained, monkeypatch):
        batches: list[int] = []
        score = HybridRouter.score

        def counted(router: HybridRouter, queries: Any) -> Any:
            batches.append(len(queries))
            return score(router, queries)

        model = HybridDecisionModel(router=trained)
        monkeypatch.setattr(HybridRouter, "score", counted)
        await model.abatch([asking(f"an easy question about {n}") for n in range(50)])
        assert sum(batches) == 50
        assert len(batches) < 10

    async def test_an_async_callable_serves_async_calls(self):
        async def router(query: str) -> float:
            await asyncio.sleep(0)
            return 0.9

        model = HybridDecisionModel(router=router)
        assert (await model.ainvoke(asking("x"))).choices["q"].choice == "small"
        with pytest.raises(ConfigError, match="async callable"):
            model.invoke(asking("x"))


@pytest.fixture
def agent_of(scores):
    """An agent with LangChain's own middleware over a router; the agent's own model is never called."""

    def make(router: Any = scores, reply: Any = tool_loop, choices: Any = None, **settings: Any) -> Any:
        models = {side: FakeChat(model=f"{side}-model", reply=reply) for side in ("small", "large")}
        choices = choices or {
            "fast": ModelChoice(models["small"], "Simple, well-scoped tasks."),
            "smart": ModelChoice(models["large"], "Tasks that take reasoning."),
        }
        classifier = HybridDecisionModel(router=router, small="fast", large="smart")
        first = ModelRouterMiddleware(choices=choices, instructions="Which model?", classifier=classifier)
        unused = FakeChat(model="never called", error=AssertionError("the agent's own model was called"))
        return create_agent(unused, [multiply], middleware=[first], **settings)

    return make


def ask(message: Any) -> dict[str, Any]:
    return {"messages": [HumanMessage(message) if isinstance(message, str) else message]}


def answered_by(state: Any) -> list[str]:
    return [each.response_metadata["model_name"] for each in state["messages"] if isinstance(each, AIMessage)]


@pytest.mark.parametrize("is_async", [False, True])
class TestInLangChainsModelRouterMiddleware:
    __test__ = HAS_DECISIONS

    @pytest.mark.parametrize(("text", "label", "model"), [("easy", "fast", "small"), ("hard", "smart", "large")])
    def test_easy_questions_go_to_small_and_hard_ones_to_large_through_the_whole_tool_loop(
        self, agent_of, scores, text, label, model, is_async
    ):
        state = run(agent_of(), ask(text), is_async=is_async)
        assert state["messages"][-1].text == "result 42"
        assert answered_by(state) == [f"{model}-model"] * 3
        assert scores.queries == [text]
        assert state["model_route"].choice == label
        assert state["model_route"].probabilities == {"fast": scores(text), "smart": 1 - scores(text)}

    def test_a_trained_router_routes_an_agent(self, agent_of, trained, is_async):
        agent = agent_of(trained)
        texts = ("easy: what is the capital of Borneo?", "derive the hard gradient of Borneo and show each step")
        found = [set(answered_by(run(agent, ask(text), is_async=is_async))) for text in texts]
        assert found == [{"small-model"}, {"large-model"}]

    def test_each_turn_of_a_thread_is_decided_anew_and_its_answer_survives_the_checkpoint(self, agent_of, is_async):
        agent = agent_of(checkpointer=InMemorySaver())
        config = {"configurable": {"thread_id": "1"}}
        for text, label in (("hard", "smart"), ("easy", "fast")):
            run(agent, ask(text), is_async=is_async, config=config)
            kept = agent.get_state(config).values["model_route"]
            assert type(kept) is ChoiceAnswer
            assert kept.choice == label
        assert answered_by(agent.get_state(config).values) == ["large-model"] * 3 + ["small-model"] * 3

    @pytest.mark.parametrize("doubt", [broken, image()])
    def test_a_router_that_fails_and_an_image_do_not_end_the_run(self, agent_of, scores, doubt, is_async):
        router, message = (doubt, "easy") if callable(doubt) else (scores, doubt)
        state = run(agent_of(router), ask(message), is_async=is_async)
        assert set(answered_by(state)) == {"large-model"}
        assert state["model_route"].confidence == 0.0

    def test_choices_that_are_not_the_routers_end_the_run_with_the_remedy(self, agent_of, is_async):
        choices = {"cheap": ModelChoice(FakeChat(model="x"), "x"), "dear": ModelChoice(FakeChat(model="y"), "y")}
        with pytest.raises(ConfigError, match=r"'model_route' has the choices \['cheap', 'dear'\]; allowed"):
            run(agent_of(choices=choices), ask("easy"), is_async=is_async)

    def test_the_config_of_a_run_overrides_the_decision(self, agent_of, is_async):
        if is_async and sys.version_info < (3, 11):
            return  # LangGraph does not carry the config into async code there
        config = {"configurable": {"hybrid_router_model": "large"}}
        assert set(answered_by(run(agent_of(), ask("easy"), is_async=is_async, config=config))) == {"large-model"}

    def test_streamed_messages_are_those_of_the_chosen_model_alone(self, agent_of, is_async):
        async def streamed() -> list[Any]:
            return [part async for part in agent_of().astream(ask("easy"), stream_mode="messages")]

        parts = asyncio.run(streamed()) if is_async else agent_of().stream(ask("easy"), stream_mode="messages")
        assert "".join(each.text for each, _ in parts if isinstance(each, AIMessageChunk)) == "result 42"
