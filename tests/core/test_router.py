"""HybridRouter: learn, calibrate, decide, save."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_router_core import ArtifactError, ConfigError, DataError, HybridRouter, NotFittedError, RoutingDataset
from hybrid_router_core.labels import probabilistic_labels

EASY = "What is the capital of Norland?"
HARD = "Prove that the ring of integers of Norland is a Dedekind domain."


def hashed(texts):
    """An embedder of one's own: a few character counts."""
    return np.array([[text.count(c) for c in "aeiou ?."] for text in texts], dtype=np.float32)


def test_it_learns_which_questions_small_can_answer(trained):
    assert trained.route(EASY).model == "small"
    assert trained.route(HARD).model == "large"


def test_a_decision_says_what_it_was_made_of(trained):
    decision = trained.route(EASY)
    assert decision.score == pytest.approx(trained.score([EASY])[0])
    assert decision.threshold == trained.threshold
    assert decision.reason == "score"


def test_one_query_and_a_batch_are_scored_alike(trained, toy):
    one_by_one = [trained.score([query])[0] for query in toy.queries[:40]]
    np.testing.assert_allclose(trained.score(toy.queries[:40]), one_by_one, atol=1e-5)
    assert [d.model for d in trained.route_batch(toy.queries[:40])] == [
        trained.route(q).model for q in toy.queries[:40]
    ]


def test_batches_beyond_one_chunk_keep_their_order(trained):
    queries = [EASY, HARD] * 3000
    scores = trained.score(queries)
    np.testing.assert_allclose(scores[::2], scores[0], atol=1e-5)
    np.testing.assert_allclose(scores[1::2], scores[1], atol=1e-5)


def test_no_queries_give_no_scores(trained):
    assert trained.score([]).shape == (0,)
    assert trained.route_batch([]) == []


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec=None), max_size=200))
def test_any_text_gets_a_probability(trained, text):
    assert 0.0 <= trained.score([text])[0] <= 1.0


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "word " * 200_000, "🦜" * 5000, "\n\n"])
def test_odd_texts_are_scored(trained, text):
    assert 0.0 <= trained.score([text])[0] <= 1.0
    assert trained.route(text).reason == ("score" if text.strip() else "no_query")


def test_a_blank_query_goes_to_large_alone_and_among_others(trained):
    blank = trained.route("  ")
    assert (blank.model, blank.score, blank.reason) == ("large", None, "no_query")
    assert [d.reason for d in trained.route_batch(["", EASY, "\n"])] == ["no_query", "score", "no_query"]


def test_what_is_no_query_is_refused(trained):
    with pytest.raises(DataError, match="got one string; use score"):
        trained.score(EASY)
    with pytest.raises(DataError, match="query 1 is a NoneType"):
        trained.score([EASY, None])
    with pytest.raises(DataError, match="query 0 is a int"):
        trained.route(42)


def test_the_threshold_trades_cost_for_quality(trained, toy):
    shares = [np.mean([d.model == "small" for d in trained.route_batch(toy.queries, threshold=t)]) for t in (0, 0.5, 1)]
    assert shares[0] == 1.0
    assert shares[0] >= shares[1] >= shares[2]


def test_the_threshold_may_be_set_and_is_checked(router):
    router.threshold = 0.25
    assert router.route(EASY).threshold == 0.25
    for wrong in (-0.1, 1.5, True, "0.5", None, float("nan")):
        with pytest.raises(ConfigError, match="threshold is"):
            router.threshold = wrong
    with pytest.raises(ConfigError, match="threshold is 2"):
        router.route(EASY, threshold=2)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"mode": "hybrid"}, "mode is 'hybrid'; allowed: deterministic, probabilistic, transformed"),
        ({"scorer": "svm"}, "svm"),
        ({"embedder": "word2vec"}, "word2vec"),
        ({"hparam": {"hidden_layer_size": 3}}, "hidden_layer_sizes"),
        ({"tau": 0}, "tau is 0"),
        ({"margin": -1}, "margin is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 0.5}, "seed is 0.5"),
    ],
)
def test_wrong_settings_fail_before_any_work(settings_, message):
    with pytest.raises(ConfigError, match=message):
        HybridRouter(**settings_)


def test_nothing_works_before_fit():
    router = HybridRouter()
    for call in (lambda: router.route(EASY), lambda: router.score([EASY]), lambda: router.save("nowhere")):
        with pytest.raises(NotFittedError, match=r"call fit\(data\)"):
            call()


def test_fit_takes_a_dataset_and_not_something_like_it():
    with pytest.raises(DataError, match="fit takes a RoutingDataset, got list"):
        HybridRouter().fit([{"query": EASY}])


def test_one_query_is_too_few_to_learn_from():
    rows = [{"query": EASY, "small_quality": 1.0, "large_quality": 1.0}] * 5
    with pytest.raises(DataError, match="at least 2 distinct queries, got 1"):
        HybridRouter().fit(RoutingDataset.from_records(rows))


@pytest.mark.parametrize("quality", [0.0, 1.0])
def test_a_label_that_never_changes_is_learned_all_the_same(quality):
    rows = [{"query": f"question {i}", "small_quality": quality, "large_quality": 0.5} for i in range(30)]
    router = HybridRouter(mode="deterministic").fit(RoutingDataset.from_records(rows))
    assert (router.score(["question 3", "something else"]) > 0.5).all() == (quality > 0.5)


def test_modes_learn_their_own_labels(parts):
    train = parts[0]
    probabilistic = HybridRouter(mode="probabilistic", tau=0.5).fit(train)
    assert probabilistic.margin is None
    np.testing.assert_array_equal(
        probabilistic.labels(train), probabilistic_labels(train.small_quality, train.large_quality, 0.5)
    )
    transformed = HybridRouter(mode="transformed").fit(train)
    assert transformed.margin == transformed.margin_search.margin
    assert HybridRouter(mode="transformed", margin=0.7).fit(train).margin == 0.7
    with pytest.raises(NotFittedError, match="margin"):
        HybridRouter(mode="transformed").labels(train)


def test_a_second_fit_searches_the_margin_again(parts):
    rng = np.random.default_rng(0)
    router = HybridRouter(scorer="linear").fit(parts[0])
    worse = RoutingDataset(
        queries=list(parts[0].queries),
        small_quality=rng.random((len(parts[0]), 1)),
        large_quality=2.0 + rng.random((len(parts[0]), 1)),
    )
    assert router.fit(worse).margin > 1.0


def test_a_margin_that_is_set_is_learned_and_a_searched_one_is_searched_again(parts):
    router = HybridRouter("transformed", scorer="constant")
    router.margin = 0.25
    assert router.fit(parts[0]).margin == 0.25
    assert router.margin_search is None
    router.margin = None
    searched = router.fit(parts[0]).margin
    assert router.margin_search.margin == searched == router.fit(parts[0]).margin


@pytest.mark.parametrize(
    ("name", "value"), [("margin", -1.0), ("tau", 0.0), ("mode", "transfromed"), ("scorer", "mpl")]
)
def test_a_setting_is_checked_again_when_it_is_used(parts, name, value):
    router = HybridRouter("transformed", scorer="constant")
    setattr(router, name, value)
    with pytest.raises(ConfigError, match=f"{name}( is)? '?{value}"):
        router.fit(parts[0])


def test_a_threshold_that_is_set_stays_until_a_calibration_is_forgotten(parts):
    router = HybridRouter(scorer="constant")
    router.threshold = 0.75
    assert router.fit(parts[0]).threshold == 0.75


@pytest.mark.parametrize("folder", [None, 3, ["router"]])
def test_what_is_no_path_is_neither_read_nor_written(router, folder):
    with pytest.raises(ArtifactError, match="no path of a router's folder"):
        HybridRouter.load(folder)
    with pytest.raises(ArtifactError, match="no path of a router's folder"):
        router.save(folder)


def test_calibration_refuses_queries_it_was_trained_on(router, parts):
    with pytest.raises(DataError, match=r"of the .* calibration queries were trained on"):
        router.calibrate(parts[0], cost_advantage=0.5)
    respelt = RoutingDataset.from_records(
        [{"query": f"  {parts[0].queries[0]} ", "small_quality": 1.0, "large_quality": 1.0}]
    )
    with pytest.raises(DataError, match="1 of the 1 calibration queries"):
        router.calibrate(respelt, cost_advantage=0.5)


def test_calibration_leaves_out_what_it_was_trained_on(router, parts):
    mixed = RoutingDataset.from_records(
        [
            {"query": data.queries[i], "small_quality": float(data.mean_small[i]), "large_quality": 1.0}
            for data, rows in ((parts[1], range(len(parts[1]))), (parts[0], range(2)))
            for i in rows
        ]
    )
    with pytest.warns(UserWarning, match=f"2 of the {len(mixed)} calibration rows were left out"):
        router.calibrate(mixed, cost_advantage=0.4)
    assert (router.calibration.n, router.calibration.left_out) == (len(parts[1]), 2)


def test_calibration_sets_the_threshold_and_keeps_its_record(router, parts, tmp_path):
    router.calibrate(parts[1], cost_advantage=0.3)
    assert router.threshold == router.calibration.threshold
    again = HybridRouter.load(router.save(tmp_path))
    assert again.calibration == router.calibration
    assert again.threshold == router.threshold
    with pytest.raises(DataError, match="were trained on"):
        again.calibrate(parts[0], cost_advantage=0.3)


def test_a_new_fit_forgets_the_calibration(parts):
    router = HybridRouter(mode="deterministic", scorer="linear", threshold=0.4).fit(parts[0])
    router.calibrate(parts[1], cost_advantage=0.3)
    router.fit(parts[0])
    assert router.calibration is None
    assert router.threshold == 0.4


def test_evaluation_on_held_out_questions(router, parts):
    report = router.calibrate(parts[1], cost_advantage=0.5).evaluate(parts[2], resamples=50)
    assert report.apgr > 0.98 * report.oracle.apgr()
    assert report.quality_drop(cost_advantage=0.3) < 0.05
    assert report.cpt(0.5) < 0.5
    assert report.threshold == router.threshold


def test_evaluation_warns_when_the_questions_were_trained_on(router, parts):
    with pytest.warns(UserWarning, match="were trained on, so the figures flatter"):
        report = router.evaluate(parts[0], resamples=10)
    assert report.seen_in_training == len(parts[0])


@pytest.mark.parametrize("scorer", ["mlp", "linear", "knn", "constant", "random"])
def test_a_saved_router_decides_as_before(scorer, parts, tmp_path):
    router = HybridRouter(scorer=scorer).fit(parts[0]).calibrate(parts[1], cost_advantage=0.4)
    loaded = HybridRouter.load(router.save(tmp_path))
    np.testing.assert_array_equal(loaded.score(parts[2].queries), router.score(parts[2].queries))
    assert (loaded.mode, loaded.margin, loaded.scorer, loaded.seed) == (router.mode, router.margin, scorer, 0)
    assert "fitted" not in repr(loaded)


def test_the_same_seed_and_data_give_the_same_bytes(parts, tmp_path):
    folders = [HybridRouter(seed=3).fit(parts[0]).save(tmp_path / name) for name in ("a", "b")]
    for name in ("router.json", "scorer.safetensors"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_the_seed_matters(parts):
    a, b = (HybridRouter(seed=seed).fit(parts[0]).score(parts[2].queries) for seed in (0, 1))
    assert not np.array_equal(a, b)


def test_a_router_can_be_pickled_and_copied(trained):
    for twin in (pickle.loads(pickle.dumps(trained)), copy.deepcopy(trained)):  # noqa: S301 - our own bytes
        assert twin.route(EASY) == trained.route(EASY)


def test_an_embedder_of_ones_own(parts, tmp_path):
    router = HybridRouter(embedder=hashed, scorer="linear").fit(parts[0])
    folder = router.save(tmp_path)
    loaded = HybridRouter.load(folder, embedder=hashed)
    np.testing.assert_array_equal(loaded.score([EASY]), router.score([EASY]))
    with pytest.raises(ArtifactError, match=r"pass it: load\(\.\.\., embedder=\.\.\.\)"):
        HybridRouter.load(folder)


def test_another_embedder_than_in_training_is_refused(parts, trained, tmp_path):
    HybridRouter(embedder=hashed, scorer="linear").fit(parts[0]).save(tmp_path / "own")
    with pytest.raises(ArtifactError, match="its fingerprint differs"):
        HybridRouter.load(tmp_path / "own", embedder=lambda texts: hashed(texts)[:, ::-1])
    with pytest.raises(ArtifactError, match="its fingerprint differs"):
        HybridRouter.load(trained.save(tmp_path / "static"), embedder=hashed)


def test_routing_loads_neither_torch_nor_scikit_learn(trained, tmp_path):
    folder = trained.save(tmp_path)
    code = f"""
import sys
import hybrid_router_core
heavy = {{"torch", "sklearn", "scipy", "matplotlib", "pandas", "langchain_core", "llama_index"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
print(hybrid_router_core.HybridRouter.load({str(folder)!r}).route({EASY!r}).model)
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "small"


def test_a_loaded_router_that_is_fitted_again_forgets_the_calibrated_threshold(tmp_path, toy):
    train, calibration = toy.split((0.5, 0.5))
    router = HybridRouter(scorer="linear").fit(train)
    router.calibrate(calibration, cost_advantage=0.1).save(tmp_path / "r")
    loaded = HybridRouter.load(tmp_path / "r")
    assert loaded.threshold == router.threshold != 0.5
    assert loaded.fit(train).threshold == router.fit(train).threshold == 0.5


def test_a_fit_that_fails_leaves_the_router_as_it_was(toy):
    router = HybridRouter(scorer="linear").fit(toy)
    before, scores = (router.margin, router.margin_search), router.score(toy.queries[:5])
    other = RoutingDataset(toy.queries, toy.small_quality * 7, toy.large_quality)
    router.hparam = {"alpha": "nonsense"}
    with pytest.raises(ConfigError):
        router.fit(other)
    assert (router.margin, router.margin_search) == before
    np.testing.assert_array_equal(router.score(toy.queries[:5]), scores)


def test_what_is_saved_can_be_loaded(tmp_path, toy):
    router = HybridRouter(scorer="linear").fit(toy)
    router.scorer = "knn"  # for the next fit; what was fitted is linear
    np.testing.assert_array_equal(
        HybridRouter.load(router.save(tmp_path / "r")).score(toy.queries), router.score(toy.queries)
    )
    for name, value in (("seed", -5), ("scorer", "zz"), ("tau", "x"), ("margin", -1), ("mode", "other")):
        changed = HybridRouter.load(tmp_path / "r")
        setattr(changed, name, value)
        with pytest.raises(ConfigError, match=name):
            changed.save(tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_a_threshold_of_ones_own_has_no_certificate(toy):
    train, calibration = toy.split((0.5, 0.5))
    router = HybridRouter(scorer="linear").fit(train).calibrate(calibration, cost_advantage=0.4)
    router.threshold = router.threshold  # the same one keeps it
    assert router.calibration is not None
    router.threshold = 0.9 * router.threshold
    assert router.calibration is None
