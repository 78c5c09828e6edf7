"""The hint of a drift, without labels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_router_core.errors import ArtifactError, ConfigError, DataError
from hybrid_router_core.watch import Drift
from hybrid_router_core.watch.ranks import Ranks, noise


def scores(rng, n):
    return rng.beta(2, 2, (n, 1))


def languages(rng, n):
    return (rng.random((n, 1)) < 0.1) * 1.0


def many(rng, n):
    return np.hstack([rng.beta(2, 2, (n, 1)), rng.normal(size=(n, 6)), languages(rng, n)])


@pytest.mark.parametrize("traffic", [scores, languages, many])
@pytest.mark.parametrize("reference", [90, 600])
def test_it_seldom_finds_what_is_not_there(traffic, reference):
    runs, found = 60, 0
    for seed in range(runs):
        rng = np.random.default_rng([1, seed])
        drift = Drift(traffic(rng, reference), horizon=500, seed=seed)
        for values in traffic(rng, 500):
            drift.see(values)
        found += drift.state == "drifted"
    assert found <= np.quantile(np.random.default_rng(0).binomial(runs, 0.05, 100_000), 0.999)


def test_ranks_are_uniform_and_independent_whatever_the_ties():
    for traffic in (scores, languages, lambda rng, n: np.zeros((n, 1))):
        rng = np.random.default_rng(2)
        ranks = Ranks.of(traffic(rng, 300))
        found = np.array([ranks.add(values, noise(5, k))[0] for k, values in enumerate(traffic(rng, 4000))])
        assert np.histogram(found, 10, (0, 1))[0] == pytest.approx(400, abs=80)
        assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.05


def moved(rng, n):
    return rng.beta(2, 3.5, (n, 1))


def spread(rng, n):
    return rng.beta(1, 1, (n, 1))


@pytest.mark.parametrize(
    ("before", "after", "calls"),
    [
        (scores, moved, 400),
        (scores, spread, 900),
        (languages, lambda rng, n: (rng.random((n, 1)) < 0.3) * 1.0, 500),
        (lambda rng, n: np.zeros((n, 1)), lambda rng, n: (rng.random((n, 1)) < 0.2) * 1.0, 500),
        (many, lambda rng, n: many(rng, n) + 0.7 * (np.arange(8) == 3), 500),
    ],
    ids=["scores fall", "scores spread", "a language", "a language that was never there", "one of eight"],
)
@pytest.mark.parametrize("late", [0, 2000])
def test_a_change_is_found(before, after, calls, late):
    found = 0
    for seed in range(5):
        rng = np.random.default_rng([3, seed])
        drift = Drift(before(rng, 600))
        for values in before(rng, late):
            drift.see(values)
        assert drift.state == "steady"
        for values in after(rng, calls):
            drift.see(values)
        found += drift.state == "drifted"
    assert found >= 4


def test_the_report_names_what_drifted():
    rng = np.random.default_rng(4)
    names = ["score", *"abcdef", "language"]
    drift = Drift(many(rng, 600), names=names)
    assert drift.report().features == tuple(names)
    for hour, values in enumerate(many(rng, 600) + (np.arange(8) == 3)):
        drift.see(values, at=hour)
    report = drift.report()
    assert (report.state, report.features[0], report.calls) == ("drifted", "c", 600)
    assert report.when == report.drifted_at - 1
    assert report.against >= 1
    assert "drifted" in repr(drift)


def test_conversations_drift_though_nothing_is_wrong():
    """Turns of one conversation are no independent draws: why this is no alarm."""
    found = 0
    for seed in range(10):
        rng = np.random.default_rng([5, seed])
        drift = Drift(scores(rng, 600), seed=seed)
        for values in np.repeat(scores(rng, 60), 40, axis=0):
            drift.see(values)
        found += drift.state == "drifted"
    assert found >= 5


values = st.lists(st.tuples(*[st.floats(-1e9, 1e9)] * 2), max_size=30)


@given(values, values, st.integers(0, 2**40))
@settings(deadline=None)
def test_a_reload_changes_no_bit(before, after, seed):
    drift = Drift(np.random.default_rng(6).normal(size=(60, 2)), seed=seed)
    for row in before:
        drift.see(row)
    again = Drift.from_dict(json.loads(json.dumps(drift.to_dict())))
    for row in after:
        assert drift.see(row) == again.see(row)
    assert again.to_dict() == drift.to_dict()
    assert again.report() == drift.report()


def test_the_state_stays_small():
    rng = np.random.default_rng(7)
    drift = Drift(many(rng, 600))
    before = len(json.dumps(drift.to_dict()))
    for row in many(rng, 3000):
        drift.see(row)
    assert len(json.dumps(drift.to_dict())) < before + 2000 < 10_000


@pytest.mark.parametrize(
    ("reference", "named", "error", "message"),
    [
        (np.zeros(59), {}, DataError, r"shape \(59,\)"),
        (np.zeros((60, 0)), {}, DataError, "shape"),
        (np.zeros((60, 65)), {}, DataError, "d from 1 to 64"),
        (np.zeros((60, 2, 2)), {}, DataError, "shape"),
        ([float("nan")] * 60, {}, DataError, "reference holds NaN"),
        (["a"] * 60, {}, DataError, "not a number"),
        (np.zeros(60), {"names": ["a", "b"]}, ConfigError, "names has 2 entries"),
        (np.zeros(60), {"confidence": 0}, ConfigError, "confidence"),
        (np.zeros(60), {"horizon": 1}, ConfigError, "horizon"),
        (np.zeros(60), {"seed": -1}, ConfigError, "seed"),
    ],
)
def test_settings_are_checked(reference, named, error, message):
    with pytest.raises(error, match=message):
        Drift(reference, **named)


@pytest.mark.parametrize(
    ("told", "at", "message"),
    [
        (float("nan"), None, "values holds NaN"),
        ([0.1, 0.2], None, r"shape \(2,\); allowed: \(1,\)"),
        ("high", None, "not a number"),
        (0.5, 3.0, "before the last call"),
        (0.5, float("nan"), "at is nan"),
    ],
)
def test_what_is_told_is_checked_and_a_refusal_leaves_no_trace(told, at, message):
    drift = Drift(np.linspace(0, 1, 60))
    drift.see(0.5, at=4.0)
    before = drift.to_dict()
    with pytest.raises(DataError, match=message):
        drift.see(told, at=at)
    assert drift.to_dict() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state["edges"].append([]),
        lambda state: state["edges"][0].extend(range(99)),
        lambda state: state["counts"][0].pop(),
        lambda state: state["counts"][0].__setitem__(0, -1),
        lambda state: state["wealth"].clear(),
        lambda state: state["wealth"][0].__setitem__(0, float("inf")),
        lambda state: state["names"].append("more"),
        lambda state: state.update(error=2.0),
        lambda state: state.update(calls="many"),
    ],
)
def test_a_damaged_state_is_refused(change):
    saved = Drift(np.linspace(0, 1, 60)).to_dict()
    change(saved["state"])
    with pytest.raises(ArtifactError, match="damaged"):
        Drift.from_dict(saved)
