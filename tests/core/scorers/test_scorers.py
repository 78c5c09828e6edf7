"""What every scorer promises, and what the learned ones must be able to learn."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hybrid_router_core.errors import ConfigError, DataError, NotFittedError
from hybrid_router_core.scorers import SCORERS, Targets, make_scorer, scorer_from_state

LEARNED = ("mlp", "linear", "knn")
QUICK = {"n_networks": 4, "hidden_layer_sizes": (8,), "n_trees": 16}


def make(kind, **hparam):
    return make_scorer(kind, {**QUICK, **hparam} if kind == "mlp" else hparam)


def problem(count=600, seed=0, scale=1.0, shift=0.0):
    """Small is good where the first feature is high; large is always fairly good."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, 6)).astype(np.float32)
    p_small = 1 / (1 + np.exp(-3 * x[:, 0].astype(float)))
    small, large = (rng.random(count) < p_small) * 1.0, (rng.random(count) < 0.8) * 1.0
    targets = Targets((small >= large) * 1.0, small * scale + shift, large * scale + shift)
    truth = p_small + (1 - p_small) * 0.2
    return x, targets, truth


def ranks_well(scores, truth):
    order = np.argsort(np.argsort(scores))
    return np.corrcoef(order, np.argsort(np.argsort(truth)))[0, 1]


@pytest.mark.parametrize("kind", LEARNED)
def test_learns_what_can_be_learned(kind):
    x, targets, _ = problem()
    new, _, truth = problem(seed=1)
    scores = make(kind).fit(x, targets, seed=0).predict(new)
    assert scores.dtype == np.float64
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert ranks_well(scores, truth) > 0.85


@pytest.mark.parametrize("kind", LEARNED)
def test_scores_are_probabilities_of_the_label(kind):
    x, targets, _ = problem(3000)
    new, unseen, _ = problem(6000, seed=1)
    scores = make(kind).fit(x, targets, seed=0).predict(new)
    for part in np.array_split(np.argsort(scores), 6):
        assert abs(scores[part].mean() - unseen.label[part].mean()) < 0.12


@pytest.mark.parametrize("kind", LEARNED)
def test_soft_labels_are_honoured(kind):
    """With nothing to see in the features, the cross-entropy is least at the mean of the soft labels."""
    rng = np.random.default_rng(0)
    x = np.zeros((400, 3), dtype=np.float32)
    label = rng.beta(2, 5, size=400)
    scores = make(kind).fit(x, Targets(label, label, np.full(400, 0.5)), seed=0).predict(x)
    np.testing.assert_allclose(scores, label.mean(), atol=0.02)


@pytest.mark.parametrize("kind", LEARNED)
@pytest.mark.parametrize(("scale", "shift"), [(4.0, -5.0), (1e6, 0.0), (1e-6, 1.0)])
def test_the_scale_of_quality_does_not_matter(kind, scale, shift):
    x, _, _ = problem()
    new, _, truth = problem(seed=1)
    assert ranks_well(make(kind).fit(x, problem(scale=scale, shift=shift)[1], seed=0).predict(new), truth) > 0.8


@pytest.mark.parametrize("kind", SCORERS)
def test_state_round_trip_and_determinism(kind):
    x, targets, _ = problem(200)
    first, second = make(kind).fit(x, targets, seed=3), make(kind).fit(x, targets, seed=3)
    for name, array in first.state().items():
        assert array.tobytes() == second.state()[name].tobytes(), name
    again = scorer_from_state(kind, first.state())
    np.testing.assert_array_equal(again.predict(x), first.predict(x))
    assert {k: v.tobytes() for k, v in again.state().items()} == {k: v.tobytes() for k, v in first.state().items()}


@pytest.mark.parametrize("kind", SCORERS)
@pytest.mark.parametrize("count", [1, 2, 3, 30])
@pytest.mark.parametrize("label", [0.0, 1.0, 0.5])
def test_few_rows_and_constant_labels(kind, count, label):
    x = np.random.default_rng(0).standard_normal((count, 4)).astype(np.float32)
    targets = Targets(np.full(count, label), np.full(count, label), np.full(count, 0.5))
    scores = make(kind).fit(x, targets, seed=0).predict(x)
    assert np.isfinite(scores).all()
    if kind in LEARNED and count == 30:
        np.testing.assert_allclose(scores, label, atol=0.1)


@settings(max_examples=25, deadline=None)
@given(arrays(np.float32, st.tuples(st.integers(0, 8), st.just(6)), elements=st.floats(-100, 100, width=32)))
@pytest.mark.parametrize("kind", SCORERS)
def test_any_features_give_scores(kind, fitted, rows):
    scores = fitted[kind].predict(rows)
    assert scores.shape == (len(rows),)
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.fixture(scope="module")
def fitted():
    x, targets, _ = problem(150)
    return {kind: make(kind).fit(x, targets, seed=0) for kind in SCORERS}


@pytest.mark.parametrize(
    "hparam",
    [
        {"hidden_layer_sizes": []},
        {"hidden_layer_sizes": 5},
        {"hidden_layer_sizes": [16, 8]},
        {"activation": "tanh"},
        {"activation": "logistic", "learning_rate_init": 0.01},
        {"activation": "identity"},
        {"solver": "sgd", "learning_rate_init": 0.2},
        {"solver": "lbfgs"},
        {"solver": "lbfgs", "early_stopping": False, "max_iter": 20, "alpha": 10.0},
        {"early_stopping": False, "max_iter": 15, "batch_size": 50},
        {"n_networks": 1, "dropout": 0, "input_dropout": 0},
        {"n_trees": 0},
        {"max_samples": 200},
        {"max_samples": 599, "n_trees": 1},
        {"max_depth": 2, "min_samples_leaf": 20, "max_features": 1.0},
    ],
)
def test_hyperparameters_of_mlp(hparam):
    x, targets, _ = problem()
    new, _, truth = problem(seed=1)
    calls = []
    scorer = make("mlp", **hparam).fit(x, targets, seed=0, progress=lambda done, most: calls.append((done, most)))
    assert ranks_well(scorer.predict(new), truth) > 0.7
    assert calls
    assert all(done <= most for done, most in calls)


@pytest.mark.parametrize(
    ("kind", "hparam", "message"),
    [
        ("mlp", {"hidden_layer_size": 3}, "'hidden_layer_sizes'"),
        ("mlp", {"max_iter": 0}, "max_iter=0: give a whole number, at least 1"),
        ("mlp", {"max_iter": True}, "max_iter=True"),
        ("mlp", {"solver": "newton"}, "solver='newton': give one of 'lbfgs', 'sgd', 'adam'"),
        ("mlp", {"hidden_layer_sizes": [8, -1]}, "hidden_layer_sizes=-1"),
        ("mlp", {"hidden_layer_sizes": "8"}, "hidden_layer_sizes='8'"),
        ("mlp", {"activation": ["relu"]}, "activation="),
        ("mlp", {"dropout": 1.0}, r"dropout=1.0: give a number in \[0, 1\)"),
        ("mlp", {"alpha": float("nan")}, "alpha=nan"),
        ("mlp", {"early_stopping": 3}, "early_stopping=3"),
        ("knn", {"n_neighbours": 3}, "did you mean 'n_neighbors'"),
        ("knn", {"weights": "gaussian"}, "'uniform', 'distance'"),
        ("linear", {"alpha": -1}, "alpha=-1"),
        ("constant", {"model": "medium"}, "'small', 'large'"),
        ("random", {"seed": 1}, "Allowed: none"),
        ("mpl", {}, "Did you mean 'mlp'"),
    ],
)
def test_wrong_settings_say_what_is_allowed(kind, hparam, message):
    with pytest.raises(ConfigError, match=message):
        make_scorer(kind, hparam)


@pytest.mark.parametrize("kind", LEARNED)
def test_not_fitted(kind):
    with pytest.raises(NotFittedError, match="not fitted"):
        make(kind).predict(np.zeros((1, 3), dtype=np.float32))
    with pytest.raises(NotFittedError, match="not fitted"):
        make(kind).state()


@pytest.mark.parametrize(
    ("label", "small", "message"),
    [([0.5, 0.5], [1.0], "shapes"), ([np.nan], [1.0], "finite"), ([1.5], [1.0], "lie in"), ([], [], "at least 1")],
)
def test_bad_targets(label, small, message):
    with pytest.raises(DataError, match=message):
        Targets(np.array(label), np.array(small), np.array(small))


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("mlp", "weight0", np.zeros((4, 6, 7), dtype=np.float32)),
        ("mlp", "forest.child", np.full(10, 10**6)),
        ("mlp", "forest.shape", np.array([10**6, 3])),
        ("linear", "weights", np.zeros((2, 2))),
        ("knn", "gaps", np.zeros(3)),
    ],
)
def test_broken_state(fitted, kind, name, value):
    with pytest.raises(ValueError, match=r"shape|nodes|list|fit"):
        scorer_from_state(kind, {**fitted[kind].state(), name: value})


def test_baselines():
    rows = np.random.default_rng(0).standard_normal((2000, 3)).astype(np.float32)
    assert (make_scorer("constant").predict(rows) == 1).all()
    assert (make_scorer("constant", {"model": "large"}).predict(rows) == 0).all()
    scores = make_scorer("random").predict(rows)
    assert abs(scores.mean() - 0.5) < 0.03
    np.testing.assert_array_equal(make_scorer("random").predict(rows[5:6]), scores[5:6])
    _, targets, _ = problem(5)
    assert (make_scorer("random").fit(rows, targets, seed=1).predict(rows) != scores).any()


def test_a_row_scores_the_same_alone_and_in_a_batch(fitted):
    x, _, _ = problem(150)
    for kind, scorer in fitted.items():
        single = np.concatenate([scorer.predict(x[i : i + 1]) for i in range(20)])
        np.testing.assert_allclose(single, scorer.predict(x)[:20], atol=1e-5, err_msg=kind)


def test_inference_needs_numpy_alone():
    code = (
        "import sys, numpy as np\n"
        "from hybrid_router_core.scorers import scorer_from_state\n"
        "w = [np.ones((2, 3, 4), 'f4'), np.ones((2, 4, 2), 'f4')]\n"
        "b = [np.zeros((2, 1, 4), 'f4'), np.zeros((2, 1, 2), 'f4')]\n"
        "state = {'weight0': w[0], 'weight1': w[1], 'bias0': b[0], 'bias1': b[1], 'activation': np.array([3])}\n"
        "state |= {'curve': np.array([1.0, 0.0]), 'blend': np.array([1.0, 0.0])}\n"
        "assert scorer_from_state('mlp', state).predict(np.ones((1, 3), 'f4')) == 0.5\n"
        "bad = {'torch', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
