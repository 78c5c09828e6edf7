"""A limit for groups never seen, and limits as a share of all-large's quality."""

from __future__ import annotations

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.calibration import calibrate_threshold
from hybrid_router_core.data import joined
from hybrid_router_core.errors import CalibrationError, ConfigError, DataError
from hybrid_router_core.evaluation import Outcomes, evaluate_scores
from hybrid_router_core.inspection import learning_curve


def world(rng, groups, rows, spread):
    """Scores, small's quality, large's, and groups, which differ in how often small is wrong; 0.2 at score 0."""
    rate = np.clip(rng.normal(0.1, spread, groups), 0, 1)
    place = np.repeat(np.arange(groups), rows)
    scores = rng.random(len(place))
    wrong = rng.random(len(place)) < 2 * rate[place] * (1 - scores)
    return scores, 1.0 - wrong, np.ones(len(place)), [f"g{k}" for k in place]


def drop_at(threshold, rng, groups, spread):
    scores, small, large, _ = world(rng, groups, 200, spread)
    return float(((large - small) * (scores >= threshold)).mean())


@pytest.mark.parametrize(("groups", "spread"), [(8, 0.03), (20, 0.08), (40, 0.1)])
def test_the_limit_holds_for_new_groups(groups, spread):
    """As often as said, for as many new groups."""
    broken = {"rows": 0, "groups": 0}
    draws = 100
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        *arrays, names = world(rng, groups, 15, spread)
        fresh = np.random.default_rng(10_000 + seed)
        for kind, across in (("rows", None), ("groups", "groups")):
            try:
                record = calibrate_threshold(*arrays, max_quality_drop=0.1, groups=names, across=across, seed=seed)
            except CalibrationError:
                continue
            broken[kind] += drop_at(record.threshold, fresh, groups, spread) > 0.1
    assert broken["groups"] <= 0.05 * draws + 2 * np.sqrt(0.05 * 0.95 * draws)
    assert broken["rows"] >= broken["groups"]


def test_few_groups_that_lose_much_are_allowed_for():
    """The worst of the groups that a t quantile overlooks: 20 groups, loss rates of a beta law, mean just too large."""
    certified = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        rate = rng.beta(0.3, 0.3 * (1 / 0.053 - 1), 20)
        wrong = rng.random(400) < np.repeat(rate, 20)
        names = [f"g{k}" for k in np.repeat(np.arange(20), 20)]
        try:
            calibrate_threshold(
                np.full(400, 0.6), 1.0 - wrong, np.ones(400), max_quality_drop=0.05, groups=names, across="groups"
            )
        except CalibrationError:
            continue
        certified += 1
    assert certified <= 0.05 * 100 + 2 * np.sqrt(0.05 * 0.95 * 100)  # by rows it is 13 %


def test_the_record_says_what_it_is():
    scores, small, large, names = world(np.random.default_rng(0), 30, 40, 0.03)
    record = calibrate_threshold(scores, small, large, max_quality_drop=0.1, groups=names, across="groups")
    assert (record.across, record.n_groups, record.cross_fitted) == ("groups", 30, False)
    assert "bootstrap-t" in record.method
    assert "approximation" in record.assumes
    assert "one in 10 or rarer" in record.assumes
    plain = calibrate_threshold(scores, small, large, max_quality_drop=0.1, groups=names)
    assert (plain.across, plain.n_groups, plain.assumes) == (None, None, "")
    assert plain.threshold <= record.threshold  # what holds for new groups too is never the cheaper


def test_no_loss_seen_in_any_group_certifies_no_more_than_the_rows_do():
    names = [f"g{k}" for k in range(10)] * 4
    with pytest.raises(CalibrationError, match=r"40 rows in 10 groups.*The best that can be had.*groups count"):
        calibrate_threshold(
            np.full(40, 0.6), np.ones(40), np.ones(40), max_quality_drop=0.01, groups=names, across="groups"
        )


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (None, r"needs the group of each query, and there are none"),
        (["a"] * 100, r"needs 8 groups at least, and there are 1: 7 are missing"),
        ([f"g{k % 5}" for k in range(100)], r"there are 5: 3 are missing"),
        (["a"] * 95 + [f"g{k}" for k in range(5)] * 1, r"there are 6: 2 are missing"),
        (["big"] * 91 + [f"g{k}" for k in range(9)], r"'big' has 91% of the queries.*as much as 1\.2 of equal size"),
        ([f"g{k % 10}" for k in range(98)] + ["(no group, row 99)"] * 2, r"2 of the 100 queries have no group"),
    ],
)
def test_groups_that_do_not_do(names, message):
    scores, small, large = np.linspace(0, 1, 100), np.ones(100), np.ones(100)
    with pytest.raises(DataError, match=message):
        calibrate_threshold(scores, small, large, max_quality_drop=0.1, groups=names, across="groups")


def grouped(groups=12, rows=30, start=0):
    """Groups with a word of their own, on which small is right or wrong as a whole half of the time."""
    queries, small, names = [], [], []
    for k in range(start, start + groups):
        for i in range(rows):
            queries.append(f"{'Add' if i % 2 else 'Prove'} topic{k} number {i} and {i * 7 % 11}")
            small.append(float(i % 2 or k % 3 == 0))
            names.append(f"topic {k}")
    return RoutingDataset(queries, np.array(small), np.ones(len(queries)), names)


@pytest.fixture(scope="module")
def parts():
    return grouped().split((0.5, 0.5))


def test_groups_that_were_trained_on_are_scored_without_them(parts):
    train, calibration = parts
    router = HybridRouter(scorer="linear").fit(train)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        router.calibrate(calibration, max_quality_drop=0.3, across="groups")
    first = router.calibration
    assert first.cross_fitted
    assert first.n_groups == 12
    assert first.left_out == 0
    again = HybridRouter(scorer="linear").fit(train).calibrate(calibration, max_quality_drop=0.3, across="groups")
    assert again.calibration == first
    apart = HybridRouter(scorer="linear").fit(grouped(start=50))
    assert not apart.calibrate(calibration, max_quality_drop=0.3, across="groups").calibration.cross_fitted


def test_evaluate_says_that_groups_were_trained_on(parts):
    train, test = parts
    router = HybridRouter(scorer="linear").fit(train)
    with pytest.warns(UserWarning, match=r"12 of the 12 groups were trained on"):
        router.evaluate(test, across="groups", resamples=50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an error comes alone
        with pytest.raises(DataError, match="groups at least"):
            router.evaluate(grouped(groups=3), across="groups")


def test_the_share_of_strangers_is_of_the_calibration_queries_alone(parts):
    train, calibration = parts
    router = HybridRouter(scorer="linear", guard=0.1).fit(train)
    plain = router.calibrate(calibration, cost_advantage=0.5).calibration.strangers
    assert plain > 0
    assert router.calibrate(calibration, max_quality_drop=0.6, across="groups").calibration.strangers == plain


def test_scorers_without_a_group_are_fitted_once(parts, monkeypatch):
    train, calibration = parts
    router = HybridRouter(scorer="linear").fit(train)
    fits, learn = [], HybridRouter._learn
    monkeypatch.setattr(HybridRouter, "_learn", lambda *args, **named: fits.append(1) or learn(*args, **named))
    for limit in (0.3, 0.4):
        router.calibrate(calibration, max_quality_drop=limit, across="groups")
    assert len(fits) == 10
    router.fit(train).calibrate(calibration, max_quality_drop=0.3, across="groups")
    assert len(fits) == 21


def test_groups_of_the_training_data_do_not_hide_that_the_given_are_too_few(parts):
    router = HybridRouter(scorer="linear").fit(parts[0])
    few = [row for row, name in enumerate(parts[1].groups) if name < "topic 4"]
    with pytest.raises(DataError, match=r"needs 8 groups at least, and there are \d: .* a larger share of the split"):
        router.calibrate(parts[1].take(few), max_quality_drop=0.3, across="groups")


def test_training_queries_without_a_group_do_not_count(parts):
    train, calibration = parts
    unnamed = [{"query": f"Add words {i}", "small_quality": 1, "large_quality": 1, "group": ""} for i in range(40)]
    with pytest.warns(UserWarning, match="without group"):
        loose = RoutingDataset.from_records(
            [{"query": "Add", "small_quality": 1, "large_quality": 1, "group": "topic 1"}, *unnamed]
        )
    router = HybridRouter(scorer="linear").fit(joined(train, loose))
    router.calibrate(calibration, max_quality_drop=0.3, across="groups")
    assert router.calibration.cross_fitted == len(train) + 1
    assert router.calibration.n_groups == 12


def test_a_query_of_several_groups_teaches_no_scorer_that_judges_one_of_them():
    """Nearest neighbours remember the answer to a query that another group has too."""
    rng = np.random.default_rng(5)

    def world(start, tag):
        rows = []
        for number in range(start, start + 300):
            quality = float(rng.random() < 0.5)
            text = " ".join(rng.choice(["river", "castle", "garden", "market", "bridge", "winter"], 4))
            for group in rng.choice(15, 2, replace=False):
                row = {"query": f"{text} {number}", "small_quality": quality, "large_quality": 1}
                rows.append({**row, "group": f"{tag}{group}"})
        return RoutingDataset.from_records(rows)

    router = HybridRouter(mode="deterministic", scorer="knn", hparam={"n_neighbors": 1}, guard=None)
    router.fit(world(0, "g"))
    with pytest.raises(CalibrationError, match="certain enough"):
        router.calibrate(world(1000, "g"), max_quality_drop=0.02, across="groups")


def test_a_group_is_known_in_every_spelling(parts):
    train, calibration = parts
    router = HybridRouter(scorer="linear").fit(train)
    named = [f"  topic\u00a0{name.removeprefix('topic ')} " for name in calibration.groups]
    router.calibrate(replace(calibration, groups=named), max_quality_drop=0.3, across="groups")
    spelled = router.calibration
    assert spelled.n_groups == 12
    assert router.calibrate(calibration, max_quality_drop=0.3, across="groups").calibration == spelled


def test_gains_on_training_queries_that_the_guard_would_keep_are_not_counted():
    """Small is better on what the guard sends to large; scorers of folds know which those are."""

    def world(seed, groups=30, n=900, tag="g"):
        rng = np.random.default_rng(seed)
        rows = []
        for _ in range(n):
            odd = rng.random() < 0.1
            text = " ".join(rng.choice(["river", "castle", "garden", "market", "bridge", "winter"], 6))
            if odd:
                text = "zzqx#%" + "".join(chr(0x3B1 + int(sign)) for sign in rng.integers(0, 24, 60))
            small, large = (1.0, 0.0) if odd else (float(rng.random() > 0.145), 1.0)
            row = {"query": f"{text} {rng.integers(1_000_000)}?", "small_quality": small, "large_quality": large}
            rows.append({**row, "group": f"{tag}{rng.integers(groups)}"})
        return RoutingDataset.from_records(rows)

    for seed in range(3):
        router = HybridRouter(mode="probabilistic", scorer="linear", guard=0.1).fit(world(10 * seed + 1))
        router.calibrate(world(10 * seed + 2, n=300), max_quality_drop=0.05, across="groups")
        new = world(10 * seed + 3, n=8000, tag="new ")
        to_small = np.array([decision.model == "small" for decision in router.route_batch(new.queries)])
        assert -(new.gap * to_small).mean() <= 0.05


def test_a_loaded_router_leaves_them_out_and_says_so(parts, tmp_path):
    train, calibration = parts
    router = HybridRouter(scorer="linear").fit(train)
    loaded = HybridRouter.load(router.save(tmp_path / "router"))
    with pytest.raises(DataError, match=r"trained on"):
        loaded.calibrate(calibration, max_quality_drop=0.3, across="groups")
    assert loaded.calibration is None
    others = grouped(start=50)
    assert loaded.calibrate(others, max_quality_drop=0.3, across="groups").calibration.n_groups == 12
    assert pickle.loads(pickle.dumps(router))._taught is None  # noqa: S301


def test_nothing_is_half_done(parts):
    router = HybridRouter(scorer="linear").fit(parts[0]).calibrate(parts[1], cost_advantage=0.5)
    before = router.calibration
    with pytest.raises(ConfigError, match="across"):
        router.calibrate(parts[1], cost_advantage=0.5, across="groups")
    with pytest.raises(DataError, match="groups at least"):
        router.calibrate(grouped(groups=3, start=50), max_quality_drop=0.3, across="groups")
    assert router.calibration == before


def test_intervals_across_groups_are_wider():
    scores, small, large, names = world(np.random.default_rng(3), 20, 30, 0.1)
    with pytest.warns(UserWarning, match="across='groups' is for those"):
        plain = evaluate_scores(Outcomes(scores, small, large, small, groups=names), threshold=0.3, resamples=200)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcomes = Outcomes(scores, small, large, small, groups=names, across="groups")
        wide = evaluate_scores(outcomes, threshold=0.3, resamples=200)
    narrow, broad = plain.measures["quality_drop"], wide.measures["quality_drop"]
    assert narrow.value == broad.value
    assert broad.high - broad.low > 1.3 * (narrow.high - narrow.low)
    assert wide.to_dict()["across"] == "groups"
    assert wide.n_queries == plain.n_queries == 600
    with pytest.raises(ConfigError, match="across is 'rows'"):
        evaluate_scores(Outcomes(scores, small, large, small, across="rows"), threshold=0.3)  # type: ignore[arg-type]


@pytest.mark.parametrize("groups", [13, 30])
def test_intervals_across_groups_hold_and_say_something(groups):
    """A dozen groups cannot rule out one that loses everything; the interval asks for less, and holds for others."""
    true = drop_at(0.4, np.random.default_rng(1), 5000, 0.06)
    held, widths = 0, []
    for seed in range(100):
        scores, small, large, names = world(np.random.default_rng(seed), groups, 20, 0.06)
        outcomes = Outcomes(scores, small, large, small, groups=names, across="groups")
        drop = evaluate_scores(outcomes, threshold=0.4, resamples=100, seed=seed).measures["quality_drop"]
        held += drop.low <= true <= drop.high
        widths.append(drop.high - drop.low)
    assert held >= 88
    assert np.mean(widths) < 0.08


def test_a_learning_curve_on_groups_that_were_not_seen():
    data = grouped(groups=20)
    known, new = (learning_curve(data, repeats=3, across=across) for across in (None, "groups"))
    assert new.mean[-1] < known.mean[-1]
    for few in (grouped(groups=5), grouped(groups=3, rows=10)):
        with pytest.raises(DataError, match="8 groups"):
            learning_curve(few, repeats=2, across="groups")


# Limits as a share.


def test_a_share_of_a_constant_quality_is_that_quality():
    rng = np.random.default_rng(0)
    scores = rng.random(600)
    small = 1.0 - (rng.random(600) < 0.3 * (1 - scores))
    absolute = calibrate_threshold(scores, small, np.ones(600), max_quality_drop=0.05)
    relative = calibrate_threshold(scores, small, np.ones(600), max_quality_drop="5%")
    assert relative.threshold == absolute.threshold
    assert (relative.quality_drop_bound, relative.relative_quality_drop_bound) == (None, 5)
    assert (absolute.quality_drop_bound, absolute.relative_quality_drop_bound) == (0.05, None)


@pytest.mark.parametrize("across", [None, "groups"])
@pytest.mark.parametrize("scale", [(0.0, 1.0), (1.0, 10.0)])
def test_a_relative_limit_holds(across, scale):
    """Over draws at the edge: large is right in 60 %, so 5 % of it are 0.03 and not 0.05."""
    low, high = scale
    broken, draws, thresholds = 0, 60, []
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        scores = rng.random(600)
        large = (rng.random(600) < 0.6).astype(float)
        small = large * (rng.random(600) >= 0.4 * (1 - scores))
        names = [f"g{k}" for k in range(30)] * 20
        found = calibrate_threshold(
            scores,
            low + (high - low) * small,
            low + (high - low) * large,
            max_quality_drop="5%",
            quality_range=scale,
            groups=names,
            across=across,
            seed=seed,
        ).threshold
        # true drop in units of the range: E[large · 0.4 (1 − s)] above the threshold
        drop = 0.6 * 0.4 * (1 - found) ** 2 / 2
        broken += drop > 0.05 * (low / (high - low) + 0.6)
        thresholds.append(found)
    assert broken <= 0.05 * draws + 2 * np.sqrt(0.05 * 0.95 * draws)
    assert np.mean(thresholds) < 0.8  # and it is not held by sending nothing


def test_a_share_of_what_may_be_negative_means_nothing():
    with pytest.raises(ConfigError, match=r"max_quality_drop=5% is a share .* allows negative ones"):
        calibrate_threshold([0.1, 0.9], [0, 1], [1, 1], max_quality_drop="5%", quality_range=(-1, 1))


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="a share of all-large's mean quality, and that is 0 on these data"):
        calibrate_threshold(np.linspace(0, 1, 100), np.ones(100), np.zeros(100), max_quality_drop="2%")


def test_a_share_that_cannot_be_had_says_what_can():
    rng = np.random.default_rng(1)
    scores, large = rng.random(200), (rng.random(200) < 0.5).astype(float)
    with pytest.raises(CalibrationError, match=r"max_quality_drop=1%.*about max_quality_drop=[\d.]+%"):
        calibrate_threshold(scores, np.zeros(200), large, max_quality_drop="1%")


@pytest.mark.parametrize("limit", ["100%", "80%"])
def test_a_share_that_limits_nothing_is_refused(limit):
    with pytest.raises(ConfigError, match=rf"max_quality_drop={limit} limits nothing: .* less than 80%"):
        calibrate_threshold([0.1, 0.9], [1, 1], [5, 5], max_quality_drop=limit, quality_range=(1, 5))


def test_training_queries_tell_too_where_they_are_scored_without_their_group(parts):
    train, calibration = parts
    router = HybridRouter(scorer="linear").fit(train).calibrate(calibration, max_quality_drop=0.3, across="groups")
    assert router.calibration.n == len(train) + len(calibration)
    assert router.calibration.n_groups == 12
