"""A router with a guard: strangers go to large, in every way of asking, and the guarantee holds."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from hybrid_router_core import HybridRouter, RoutingDataset, RoutingDecision
from hybrid_router_core.artifact import load_artifact, save_artifact
from hybrid_router_core.calibration import calibrate_threshold
from hybrid_router_core.data import joined
from hybrid_router_core.errors import ArtifactError, CalibrationError, ConfigError
from hybrid_router_core.live import Decider

CHINESE = "请问珠穆朗玛峰的高度是多少？它位于哪个国家？"
STRANGE = [CHINESE, "QmFzZTY0IGlzIG5vdCBhIHF1ZXN0aW9uIGFuZCBpdCBuZXZlciB3aWxsIGJl" * 4, "xq zzv kkwj qpt vvxz jjq" * 3]
NOUNS = ["river", "castle", "garden", "teacher", "winter", "market", "bridge", "letter", "window", "forest"]
PLACES = ["Norland", "Westfall", "Eastmere", "Highcliff", "Lakeside", "Greenhill", "Stonebury", "Fairwater"]


def asked(n, seed=0):
    """Plain questions; small fails where a proof is wanted."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        noun, place, number = rng.choice(NOUNS), rng.choice(PLACES), rng.integers(1000)
        hard = bool(rng.random() < 0.5)
        text = f"Prove that the {noun} of {place} has {number} parts." if hard else f"How old is the {noun} of {place}?"
        rows.append(
            {
                "query": f"{text} Note {(7919 * i + 104_729 * seed) % 1_000_003:06d}.",
                "small_quality": float(not hard),
                "large_quality": 1.0,
            }
        )
    return RoutingDataset.from_records(rows)


def strange_rows():
    """Queries unlike all of `asked`, in which small fails."""
    return RoutingDataset.from_records(
        [{"query": text, "small_quality": 0.0, "large_quality": 1.0} for text in STRANGE]
    )


@pytest.fixture(scope="module")
def router():
    train, calibration = asked(600).split((0.5, 0.5))
    return HybridRouter(scorer="linear").fit(train).calibrate(calibration, max_quality_drop=0.1)


def test_a_guarantee_comes_with_a_guard(router):
    assert router.calibration.strangers <= 0.02
    assert [router.route(text, threshold=0.0).reason for text in STRANGE] == ["unknown"] * 3
    decision = router.route(CHINESE, threshold=0.0)
    assert (decision.model, decision.threshold) == ("large", 0.0)
    assert decision.detail.startswith("unlike the calibration queries (p = 0.0")
    assert CHINESE not in str(decision)
    assert RoutingDecision.from_dict(decision.to_dict()) == decision
    plain = router.route("How old is the bridge of Lakeside? Note 770123.")
    assert (plain.model, plain.reason) == ("small", "score")


def test_what_goes_to_large_by_its_score_says_so(router):
    assert router.route(CHINESE, threshold=1.0).reason == "score"


def test_every_way_of_asking_agrees(router):
    queries = [*STRANGE, "How old is the river of Norland? Note 512345."]
    one = [router.route(query, threshold=0.0) for query in queries]
    decider = Decider(router, threshold=0.0)
    for others in (
        router.route_batch(queries, threshold=0.0),
        decider.decide_batch(queries),
        [asyncio.run(decider.adecide(query)) for query in queries],
    ):
        assert [(d.model, d.reason, d.detail) for d in others] == [(d.model, d.reason, d.detail) for d in one]
        np.testing.assert_allclose([d.score for d in others], [d.score for d in one], rtol=1e-12)
    np.testing.assert_allclose(router.score(queries), [d.score for d in one], rtol=1e-12)


def test_ordinary_queries_are_lost_no_more_often_than_said(router):
    fresh = asked(1500, seed=1)
    reasons = [decision.reason for decision in router.route_batch(fresh.queries, threshold=0.0)]
    assert reasons.count("unknown") / len(fresh) <= 0.02 + 2 * np.sqrt(0.02 / 300)  # the cut is from 300 queries
    report = router.evaluate(fresh, resamples=50)
    assert report.strangers == reasons.count("unknown") / len(fresh)
    assert report.to_dict()["strangers"] == report.strangers


def user(text):
    return {"role": "user", "content": text}


def test_conversations_are_known_by_what_they_ask(router):
    easy = "How old is the castle of Fairwater? Note 345678."
    follow = router.route(messages=[user(easy), user("continue")], threshold=0.0)
    assert (follow.model, follow.reason) == ("small", "score")
    strange = router.route(messages=[user(STRANGE[1]), user("continue")], threshold=0.0)
    assert (strange.model, strange.reason) == ("large", "unknown")
    thanks = router.route(messages=[user(STRANGE[1]), user("thank you, goodbye")], threshold=0.9)
    assert (thanks.model, thanks.reason) == ("small", "score")


def test_it_is_saved_and_loaded(router, tmp_path):
    loaded = HybridRouter.load(router.save(tmp_path))
    record = json.loads((tmp_path / "router.json").read_text())
    assert record["format_version"] == 3
    assert record["guard"] == "auto"
    assert [loaded.route(text, threshold=0.0) for text in STRANGE] == [router.route(t, threshold=0.0) for t in STRANGE]
    assert (
        loaded.save(tmp_path / "again").joinpath("router.json").read_bytes() == (tmp_path / "router.json").read_bytes()
    )


def test_when_there_is_one():
    train, calibration = asked(300).split((0.5, 0.5))
    share = HybridRouter(scorer="linear").fit(train).calibrate(calibration, cost_advantage=0.5)
    assert share.calibration.strangers is None
    assert share.route(CHINESE, threshold=0.0).model == "small"
    asked_for = HybridRouter(scorer="linear", guard=0.05).fit(train).calibrate(calibration, cost_advantage=0.5)
    assert asked_for.route(CHINESE, threshold=0.0).reason == "unknown"
    none = HybridRouter(scorer="linear", guard=None).fit(train).calibrate(calibration, max_quality_drop=0.2)
    assert none.route(CHINESE, threshold=0.0).model == "small"
    few = HybridRouter(scorer="linear").fit(train)
    with pytest.warns(UserWarning, match="no guard: it needs 49 calibration queries .* and there are 40"):
        few.calibrate(calibration.take(range(40)), max_quality_drop=0.5)
    assert few.calibration.strangers is None


def test_it_may_be_changed_after_the_calibration(router, tmp_path):
    router = HybridRouter.load(router.save(tmp_path))
    assert "guard=0.02" in repr(router)
    threshold = router.threshold
    router.guard = 0.02  # as it is
    assert router.calibration is not None
    router.guard = None
    assert router.route(CHINESE, threshold=0.0).model == "small"
    assert (router.threshold, router.calibration, router.guard) == (threshold, None, None)
    router.calibrate(asked(200, seed=3), cost_advantage=0.5)
    with pytest.warns(UserWarning, match="no guard is in force: it comes with the next calibrate"):
        router.guard = 0.05
    router.guard = None
    assert HybridRouter.load(router.save(tmp_path / "again")).route(CHINESE, threshold=0.0).model == "small"


def test_another_level_holds_at_once_by_the_same_calibration(router, tmp_path):
    router = HybridRouter.load(router.save(tmp_path))
    fresh = asked(400, seed=9).queries
    at_2 = [decision.reason for decision in router.route_batch(fresh, threshold=0.0)].count("unknown")
    router.guard = 0.1
    at_10 = [decision.reason for decision in router.route_batch(fresh, threshold=0.0)].count("unknown")
    assert at_2 < at_10 <= 0.15 * len(fresh)
    with pytest.raises(CalibrationError, match=r"guard=0\.0001 needs 9999 calibration queries"):
        router.guard = 0.0001
    with pytest.raises(ConfigError, match=r"guard=0\.5"):
        router.guard = 0.5
    assert router.guard == 0.1


def test_what_it_sends_to_large_keeps_its_score_in_the_figures(router):
    data = joined(asked(200, seed=4), strange_rows())
    report = router.evaluate(data)
    assert report.strangers > 0
    assert (report.outcomes.scores == router.score(data)).all()
    assert (report.to_small == [d.model == "small" for d in router.route_batch(data.queries)]).all()
    router.threshold, before = 0.0, router.threshold
    assert router.evaluate(data).measures["cost_advantage"].value == 1 - report.strangers
    router.threshold = before


@pytest.mark.parametrize("level", [0.5, 0.0, -1.0])
def test_a_record_with_a_level_that_is_not_allowed_is_no_router(router, tmp_path, level):
    record, arrays = load_artifact(router.save(tmp_path / "good"))
    save_artifact(tmp_path / "bad", record.model_copy(update={"guard": level}), arrays)
    with pytest.raises(ArtifactError, match="guard"):
        HybridRouter.load(tmp_path / "bad")


def test_a_guard_that_cannot_measure_is_no_router_and_what_it_cannot_measure_is_strange(router, tmp_path):
    record, arrays = load_artifact(router.save(tmp_path / "good"))
    bare = {name: array for name, array in arrays.items() if not name.startswith("likeness.")}
    save_artifact(tmp_path / "bad", record, bare)
    with pytest.raises(ArtifactError, match="nothing to measure strangeness by"):
        HybridRouter.load(tmp_path / "bad")
    save_artifact(tmp_path / "odd", record, {**arrays, "likeness.adjustments": -arrays["likeness.adjustments"]})
    with np.errstate(invalid="ignore"):
        assert HybridRouter.load(tmp_path / "odd").route(CHINESE, threshold=0.0).reason == "unknown"


def test_a_new_fit_or_calibration_forgets_it(router, tmp_path):
    again = HybridRouter.load(router.save(tmp_path))
    again.calibrate(asked(200, seed=3), cost_advantage=0.5)
    assert again.route(CHINESE, threshold=0.0).reason == "score"
    again.calibrate(asked(200, seed=3), max_quality_drop=0.2)
    assert again.route(CHINESE, threshold=0.0).reason == "unknown"
    again.fit(asked(200, seed=4))
    assert again.route(CHINESE, threshold=0.0).reason == "score"


@pytest.mark.parametrize("level", [0, 1, -0.1, 0.6, True, "on", float("nan")])
def test_levels_that_are_none(level):
    with pytest.raises(ConfigError, match="guard="):
        HybridRouter(guard=level)


def test_too_few_calibration_queries_for_a_level():
    train, calibration = asked(300).split((0.5, 0.5))
    router = HybridRouter(scorer="linear", guard=0.02).fit(train)
    with pytest.raises(
        CalibrationError, match=r"guard=0\.02 needs 49 calibration queries that were not trained on, there are 30"
    ):
        router.calibrate(calibration.take(range(30)), max_quality_drop=0.5)
    assert router.calibration is None
    assert router.threshold == 0.5


def test_a_router_from_before_there_were_guards(tmp_path):
    train, calibration = asked(300).split((0.5, 0.5))
    without = HybridRouter(scorer="linear", guard=None).fit(train)
    without.guard = 0.02
    with pytest.raises(CalibrationError, match="trained without what a guard measures by"):
        without.calibrate(calibration, max_quality_drop=0.2)


def test_the_guarantee_holds_where_small_is_better_on_strangers():
    """The guard then costs quality: what small gains beyond the edge must not be counted on."""
    broken, draws = 0, 150
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        n = 600
        scores, strange = rng.random(n), rng.random(n)
        beyond, away = strange > 0.9, strange > np.quantile(strange, 0.98)
        gains = strange > 0.9  # there small is right and large is wrong
        small = np.where(gains, 1.0, (rng.random(n) > 0.14 * (1 - scores)).astype(float))
        large = np.where(gains, 0.0, 1.0)
        found = calibrate_threshold(
            scores, small, large, max_quality_drop=0.05, strangers=away, beyond=beyond, seed=seed
        )
        t, cut = found.threshold, np.quantile(strange, 0.98)
        drop = 0.9 * 0.14 * (1 - t) ** 2 / 2 - (1 - t) * max(0.0, min(cut, 1) - 0.9)
        broken += drop > 0.05
    assert broken <= 0.05 * draws + 2 * np.sqrt(0.05 * 0.95 * draws)
