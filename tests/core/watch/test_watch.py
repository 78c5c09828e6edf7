"""The watch on a certified limit: how often it errs, what it finds, what it refuses."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_router_core.errors import ArtifactError, ConfigError, DataError
from hybrid_router_core.watch import Watch
from tests.core.watch.worlds import World

LIMIT = 0.05
WORLDS = [World(), World(better=0.0), World(graded=True), World(uneven=True), World(share=1.0, probability=1.0)]
NAMES = ["right or wrong", "never better", "graded", "uneven", "all labelled"]


def errors(runs, rate=0.05):
    """The most errors in so many runs that a rate explains, but for one time in a thousand."""
    return np.quantile(np.random.default_rng(0).binomial(runs, rate, 100_000), 0.999)


# --- how often it errs


@pytest.mark.parametrize("world", WORLDS, ids=NAMES)
def test_a_drop_at_the_limit_is_seldom_called_broken_and_seldom_held(world):
    runs, broken, held = 60, 0, 0
    for seed in range(runs):
        found = world.feed(world.watch(horizon=1000), np.random.default_rng([1, seed]), 1000, LIMIT)
        broken, held = broken + found[0], held + found[1]
    assert broken <= errors(runs)
    assert held <= errors(runs)


def test_a_drop_that_rises_to_the_limit_is_no_break():
    """The suspicion is right, and what it begins does not err more often for it."""
    runs, broken, suspected = 60, 0, 0
    for seed in range(runs):
        world, watch, rng = World(), World().watch(horizon=1500), np.random.default_rng([2, seed])
        world.feed(watch, rng, 500, 0.0)
        broken += world.feed(watch, rng, 1000, LIMIT)[0]
        suspected += watch.to_dict()["state"]["breaking"]["suspicion"]["raised"] > 0
    assert suspected > runs / 2
    assert broken <= errors(runs)


def test_stakes_are_never_more_than_the_error():
    """With losses at their mean no bet wins or loses, so the wealth is what was staked; suspicions cannot add to it."""
    watch = Watch(LIMIT, smallest_probability=1.0, horizon=500)
    watch._state.breaking.suspicion.see = lambda step, gains: True
    for label in range(1, 1501):
        watch.label(0.0, LIMIT, 1.0)
        assert watch.report().against <= 0.05 * math.ceil(label / 500) + 1e-9


@pytest.mark.parametrize("center", [0.05, 0.5])
def test_no_bet_can_be_ruined(center):
    """Not by the worst labels there can be, one after the other."""
    watch = Watch(0.05, smallest_probability=0.02)
    watch.to_large(100 if center == 0.5 else 0)
    for turn in range(400):
        watch.to_small(3)
        watch.label(float(turn % 7 != 0), float(turn % 7 == 0), 0.02)
        assert watch.report().against >= 0
        assert math.isfinite(watch.report().against)


# --- what it finds


@pytest.mark.parametrize(
    ("world", "drop", "labels"),
    [
        (World(), 0.12, 500),
        (World(better=0.0), 0.1, 400),
        (World(graded=True), 0.1, 100),
        (World(uneven=True), 0.15, 700),
    ],
)
def test_a_rise_is_found(world, drop, labels):
    found = 0
    for seed in range(10):
        watch, rng = world.watch(), np.random.default_rng([3, seed])
        assert not world.feed(watch, rng, 1000, 0.02)[0]
        found += world.feed(watch, rng, labels, drop)[0]
    assert found >= 8


def test_a_limit_that_never_held_is_found_early():
    found = [World().feed(World().watch(), np.random.default_rng([4, seed]), 300, 0.15)[0] for seed in range(10)]
    assert sum(found) >= 9


def test_what_holds_no_longer_is_soon_unsure():
    world, watch, rng = World(), World().watch(), np.random.default_rng(5)
    world.feed(watch, rng, 2000, 0.02)
    assert watch.state == "holds"
    world.feed(watch, rng, 400, 0.07)
    assert watch.state != "holds"


def test_calls_to_large_alone_need_no_labels_to_matter():
    """The same labels with more calls to large: the drop a call is smaller."""
    states = []
    for large in (0, 40):
        watch, rng = World().watch(), np.random.default_rng(6)
        for _ in range(1500):
            watch.to_large(large)
            watch.to_small(9)
            watch.label(float(rng.random() > 0.15), 1.0, 0.1)
        states.append(watch.state)
    assert states == ["broken", "holds"]


def test_estimates():
    world, watch = World(), World().watch(quality_range=(0, 2))
    world.feed(watch, np.random.default_rng(7), 3000, 0.02)
    report = watch.report()
    assert (report.labels, report.calls_since_label, report.broken_at) == (3000, 0, None)
    assert report.cost_advantage == pytest.approx(0.4, abs=0.01)
    assert report.quality_drop == pytest.approx(0.02, abs=0.012)
    assert report.calls == pytest.approx(75_000, rel=0.05)


# --- where its assumptions do not hold


def test_labels_that_go_missing_where_small_is_worse_blind_it():
    """The judge fails on half of the losses: told as calls without a label, they hide it."""
    states = []
    for told in (False, True):
        world, watch = World(share=1.0, probability=1.0, better=0.0), World(probability=1.0).watch()
        for _, _, small, large, _ in world.labels(np.random.default_rng(8), 3000, 0.09):
            if large > small and not told and watch.report().calls % 2:
                watch.to_small()
            else:
                watch.label(small, large, 1.0)
        states.append(watch.state)
    assert states[1] == "broken"
    assert states[0] != "broken"


def test_a_mean_that_swings_about_the_limit_is_called_broken():
    """Though it is kept on average: what is tested is the mean at every time."""
    world, watch = World(share=1.0, probability=1.0, better=0.0), World(probability=1.0).watch()
    rng = np.random.default_rng(9)
    for _ in range(20):
        world.feed(watch, rng, 400, 0.0)
        world.feed(watch, rng, 150, 0.15)
    assert watch.state == "broken"


def test_a_probability_that_is_told_too_high_does_little():
    """Since gains are doubly robust: 0.125 for 0.1 moves the drop by a fifth of its distance to the limit."""
    drops = []
    for told in (0.1, 0.125):
        watch = Watch(0.05, smallest_probability=0.1)
        for large, between, small, other, _ in World().labels(np.random.default_rng(10), 3000, 0.02):
            watch.to_large(large)
            watch.to_small(between)
            watch.label(small, other, told)
        drops.append(watch.report().quality_drop)
    assert drops[1] - drops[0] == pytest.approx((0.05 - drops[0]) * 0.2, abs=0.002)


# --- its state


def told(watch, moves):
    for kind, value in moves:
        if kind == "large":
            watch.to_large(value)
        elif kind == "small":
            watch.to_small(value)
        else:
            watch.label(value, 1.0, 0.5)


moves = st.lists(
    st.one_of(
        st.tuples(st.just("large"), st.integers(0, 10**6)),
        st.tuples(st.just("small"), st.integers(0, 10**6)),
        st.tuples(st.just("label"), st.floats(0, 1)),
    ),
    max_size=30,
)


@given(moves, moves)
@settings(deadline=None)
def test_a_reload_changes_no_bit(before, after):
    watch = Watch(0.03, smallest_probability=0.25)
    told(watch, before)
    again = Watch.from_dict(json.loads(json.dumps(watch.to_dict())))
    told(watch, after)
    told(again, after)
    assert again.to_dict() == watch.to_dict()
    assert again.report() == watch.report()


@given(moves)
@settings(deadline=None)
def test_looking_changes_nothing(given_moves):
    one, two = (Watch(0.03, smallest_probability=0.25) for _ in range(2))
    told(one, given_moves)
    for move in given_moves:
        told(two, [move])
        two.report(), two.state, two.to_dict(), repr(two)
    assert one.to_dict() == two.to_dict()


@given(moves, st.floats(0, 1), st.floats(0, 1))
@settings(deadline=None)
def test_a_worse_label_is_never_less_evidence(before, one, two):
    found = []
    for quality in sorted((one, two)):
        watch = Watch(0.03, smallest_probability=0.25)
        told(watch, [*before, ("label", quality)])
        found.append(watch.report().against)
    assert found[0] >= found[1]


@given(moves)
@settings(deadline=None)
def test_units_of_quality_do_not_matter(given_moves):
    one, two = Watch(0.03, smallest_probability=0.5), Watch(6, smallest_probability=0.5, quality_range=(-100, 100))
    told(one, given_moves)
    for kind, value in given_moves:
        if kind == "label":
            two.label(200 * value - 100, 100, 0.5)
        else:
            told(two, [(kind, value)])
    assert one.report().against == pytest.approx(two.report().against, rel=1e-6)
    assert one.state == two.state


def test_the_state_stays_small():
    watch = World().watch()
    sizes = []
    for drop in (0.0, 0.04, 0.0, 0.05):
        World().feed(watch, np.random.default_rng(11), 2500, drop)
        sizes.append(len(json.dumps(watch.to_dict())))
    assert max(sizes) < 3000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda saved: saved.update(kind="drift"), "no saved watch"),
        (lambda saved: saved.update(format=99), "format 99.*update"),
        (lambda saved: saved.pop("state"), "damaged"),
        (lambda saved: saved["state"].pop("gains"), r"damaged: gains"),
        (lambda saved: saved["state"]["gains"].update(recent=float("nan")), r"gains\.recent.*finite"),
        (lambda saved: saved["state"]["gains"].update(labels=-1), r"gains\.labels"),
        (lambda saved: saved["state"]["breaking"].update(campaigns=[{"wealth": "much", "left": 1}]), "campaigns"),
        (lambda saved: saved["state"].update(more=1), r"more"),
        (lambda saved: saved["state"].update(limit=object()), "damaged"),
    ],
)
def test_a_damaged_state_is_refused(change, message):
    saved = World().watch().to_dict()
    change(saved)
    with pytest.raises(ArtifactError, match=message):
        Watch.from_dict(saved)
    with pytest.raises(ArtifactError):
        Watch.from_dict([])


# --- what it refuses


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"limit": -0.1}, "limit is -0.1"),
        ({"limit": float("nan")}, "limit is nan"),
        ({"limit": 1.0}, "allow no larger loss"),
        ({"smallest_probability": 0}, "smallest_probability is 0"),
        ({"smallest_probability": 1.1}, r"smallest_probability is 1\.1"),
        ({"confidence": 1}, "confidence is 1"),
        ({"quality_range": (1, 0)}, "quality_range"),
        ({"horizon": 5}, "horizon is 5"),
    ],
)
def test_settings_are_checked(given, message):
    with pytest.raises(ConfigError, match=message):
        Watch(**{"limit": 0.05, "smallest_probability": 0.1, **given})


@pytest.mark.parametrize(
    ("tell", "message"),
    [
        (lambda watch: watch.label(float("nan"), 1, 0.5), "small_quality is nan"),
        (lambda watch: watch.label(0, 1.2, 0.5), r"large_quality is 1\.2.*Clip"),
        (lambda watch: watch.label("good", 1, 0.5), "small_quality is 'good'"),
        (lambda watch: watch.label(0, 1, 0), r"probability is 0; allowed: from smallest_probability=0\.1 to 1"),
        (lambda watch: watch.label(0, 1, 0.05), r"probability is 0\.05"),
        (lambda watch: watch.label(0, 1, float("nan")), "probability is nan"),
        (lambda watch: watch.label(0, 1, "0.5"), "probability is '0.5'"),
        (lambda watch: watch.to_large(-1), "calls is -1"),
        (lambda watch: watch.to_small(1.5), r"calls is 1\.5"),
        (lambda watch: watch.to_small(True), "calls is True"),
        (lambda watch: watch.label(0, 1, 0.5, at=9.0), r"at is 9\.0, before the last call's 10\.0"),
        (lambda watch: watch.to_large(at=float("inf")), "at is inf"),
        (lambda watch: watch.to_small(at="noon"), "at is 'noon'"),
    ],
)
def test_what_is_told_is_checked_and_a_refusal_leaves_no_trace(tell, message):
    watch = Watch(0.05, smallest_probability=0.1)
    watch.to_small(3, at=10.0)
    watch.label(1, 1, 0.5)
    before = watch.to_dict()
    with pytest.raises(DataError, match=message):
        tell(watch)
    assert watch.to_dict() == before


def test_when_it_broke_is_said():
    watch = Watch(0.05, smallest_probability=1.0)
    for hour in range(200):
        watch.label(0, 1, 1, at=hour)
    report = watch.report()
    assert (report.state, report.when) == ("broken", float(report.broken_at - 1))
    assert "broken" in repr(watch)


def test_it_loads_neither_scipy_nor_scikit_learn():
    code = (
        "import sys, hybrid_router_core.watch; sys.exit(any(m in sys.modules for m in ('scipy', 'sklearn', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
