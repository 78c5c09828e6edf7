"""What `inspect` says of data whose answer is known."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from hybrid_router_core import DataError, RoutingDataset
from hybrid_router_core.cli.app import app
from hybrid_router_core.inspection import inspect_data
from hybrid_router_core.inspection.learning_curve import learning_curve

EASY, HARD = "What is the name of the thing number {}?", "Prove the theorem number {} and derive its corollary."


def made(small, large, queries=None):
    small, large = np.asarray(small, dtype=float), np.asarray(large, dtype=float)
    names = queries or [f"What is thing number {i}?" for i in range(len(small))]
    return RoutingDataset(names, small, large)


def learnable(n, seed=0):
    """Large is right on nearly all; small on the easy half."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n) < 0.5
    queries = [(HARD if h else EASY).format(i) for i, h in enumerate(hard)]
    return made((rng.random(n) < np.where(hard, 0.1, 0.9)), rng.random(n) < 0.95, queries)


def chance(n, seed=0):
    """Right or wrong by lot, whatever the query."""
    rng = np.random.default_rng(seed)
    return made(rng.random(n) < 0.5, rng.random(n) < 0.8)


def test_the_figures_of_a_small_example():
    data = made([0.85, 0.60, 0.95], [0.90, 0.85, 0.95])
    found = inspect_data(data)
    assert (found.rows, found.sampled, found.samples) == (3, 3, {"small": (1, 1), "large": (1, 1)})
    assert (found.wins, found.ties, found.losses) == pytest.approx((0, 1 / 3, 2 / 3))
    assert found.gap["mean"] == pytest.approx(-0.1)
    assert found.gap["deviation"] == pytest.approx(np.std([-0.05, -0.25, 0], ddof=1))
    assert (found.gap["minimum"], found.gap["maximum"]) == pytest.approx((-0.25, 0))
    assert found.margin == 0  # 0.05 would tell as many pairs apart; ties go to the smallest
    assert found.labels["deterministic"].mean == pytest.approx(1 / 3)
    assert found.labels["transformed"].mean == pytest.approx(1 / 3)
    assert found.oracle["cost_advantage_at_no_drop"] == pytest.approx(1 / 3)
    assert found.oracle["headroom"] == pytest.approx(0)
    assert found.oracle["repeatable_headroom"] is None
    assert found.curve is None
    assert found.verdict.headline.startswith("fewer than 100 rows")


def test_chunks_and_order_give_the_same_as_all_at_once():
    data = learnable(700)
    whole = inspect_data(data, scorer=None)
    parts = inspect_data((data[i : i + 64] for i in range(0, 700, 64)), scorer=None)
    one, two = whole.to_dict(), parts.to_dict()
    assert json.dumps(one["findings"]) == json.dumps(two["findings"])
    for key in ("rows", "small", "labels", "margin"):
        assert one[key] == two[key]
    for name, value in one["gap"].items():
        if name not in ("quantiles", "histogram"):
            assert two["gap"][name] == pytest.approx(value, abs=1e-12)
    assert one["gap"]["histogram"] == two["gap"]["histogram"]


def test_a_sample_stands_for_what_is_too_much():
    data = learnable(4000)
    exact = inspect_data(data, scorer=None)
    sampled = inspect_data((data[i : i + 500] for i in range(0, 4000, 500)), scorer=None, sample_rows=1000)
    assert 300 < sampled.sampled <= 1000
    assert sampled.sample_share == 0.25
    assert (sampled.rows, sampled.wins, sampled.ties) == (exact.rows, exact.wins, exact.ties)
    assert sampled.gap["mean"] == pytest.approx(exact.gap["mean"], abs=1e-12)
    assert sampled.oracle["headroom"] == pytest.approx(exact.oracle["headroom"], abs=1e-12)
    assert sampled.oracle["apgr"] == pytest.approx(exact.oracle["apgr"], abs=0.15)
    assert "figures with * from a random sample" in str(sampled)
    backwards = inspect_data(data[::-1], scorer=None, sample_rows=1000)
    assert sorted(backwards.small.tolist()) == sorted(sampled.small.tolist())


def test_a_sample_keeps_repeated_queries_together_and_never_empties():
    queries = [f"question {i % 500}" for i in range(2000)]
    found = inspect_data(made(np.arange(2000) % 2, np.ones(2000), queries), scorer=None, sample_rows=800)
    repeats = next(finding for finding in found.findings if "repeat an earlier" in finding.what)
    assert repeats.share == pytest.approx(0.75)
    same = made(np.zeros(900), np.ones(900), ["the same"] * 900)
    assert 0 < inspect_data(same, scorer=None, sample_rows=100).sampled <= 100


def test_findings_name_their_rows():
    data = RoutingDataset(
        ["a query", "another query", "a  query", "?", "x" * 5000, *(f"query {i}" for i in range(40))],
        np.array([[1, 0], [1, 1], [0, 0], [1, 0], [0.5, 1], *[[0.4, 0.6]] * 39, [50, 50.0]]),
        np.array([[0, 0.2], [1, 1], [1, 1], [1, 1], [1, 1], *[[1, 1]] * 40], dtype=float),
    )
    found = {finding.what: finding for finding in inspect_data(data, scorer=None).findings}

    def rows(part):
        return next(finding.rows for what, finding in found.items() if part in what)

    assert rows("repeat an earlier query") == (3,)
    assert rows("disagree on the winner") == (1, 3)
    assert rows("same quality in all its samples") == (2, 3, 45)
    assert rows("below 3 characters") == (4,)
    assert rows("beyond 4,096 characters") == (5,)


def test_outliers_and_a_constant_quality():
    rng = np.random.default_rng(0)
    small = np.append(rng.normal(0.5, 0.1, 200), [40.0])
    found = [finding.what for finding in inspect_data(made(small, np.ones(201)), scorer=None).findings]
    assert any(what.startswith("rows whose quality of small lies far out") for what in found)
    assert "rows: the quality of large is 1 in every one" in found


def test_headroom_that_is_luck_does_not_repeat():
    rng = np.random.default_rng(0)
    luck = made(rng.random((4000, 10)) < 0.5, rng.random((4000, 10)) < 0.5)
    oracle = inspect_data(luck, scorer=None).oracle
    assert oracle["headroom"] > 0.05
    assert abs(oracle["repeatable_headroom"]) < 0.01
    hard = rng.random(4000) < 0.5
    skill = made(
        rng.random((4000, 10)) < np.where(hard, 0.2, 0.8)[:, None],
        rng.random((4000, 10)) < np.where(hard, 0.8, 0.2)[:, None],
    )
    assert inspect_data(skill, scorer=None).oracle["repeatable_headroom"] > 0.25


@pytest.mark.parametrize(
    ("small", "large", "answer", "words"),
    [
        (lambda r, n: np.ones(n), lambda r, n: np.ones(n), "no", "same gap"),
        (lambda r, n: r.random(n) < 0.02, lambda r, n: np.ones(n), "no", "everything to large"),
        (lambda r, n: np.ones(n), lambda r, n: r.random(n) < 0.9, "no", "everything to small"),
        (
            lambda r, n: r.random(n) < 0.5,
            lambda r, n: r.random(n) < 0.8,
            "perhaps",
            "the text of a query does not tell yet",
        ),
    ],
)
def test_verdicts_without_a_curve(small, large, answer, words):
    rng = np.random.default_rng(0)
    verdict = inspect_data(made(small(rng, 2000), large(rng, 2000)), scorer=None).verdict
    assert verdict.answer == answer
    assert words in verdict.headline


def test_the_curve_finds_what_can_be_learned_and_only_that():
    found = inspect_data(learnable(800), repeats=3)
    assert found.curve.measure == "apgr"
    assert found.verdict.answer == "yes", str(found)
    assert found.signal.p_value == 0.005
    assert found.curve.mean[-1] > 0.68  # about 0.72 is all that can be had
    nothing = inspect_data(chance(800, 1), repeats=3)
    assert nothing.verdict.answer == "perhaps", str(nothing)
    assert "does not tell yet" in nothing.verdict.headline


def test_the_band_holds_chance_as_often_as_it_says():
    """Where nothing can be learned, 95 % bands hold the random router; over 12 data sets two misses are plenty."""
    misses = 0
    for seed in range(12):
        curve = learning_curve(chance(300, seed), scorer="knn", repeats=3, seed=100 * seed)
        misses += not curve.low[-1] <= curve.random <= curve.high[-1]
    assert misses <= 2


def test_without_a_gap_the_curve_measures_by_the_oracle():
    rng = np.random.default_rng(0)
    hard = np.arange(600) % 2 == 0
    queries = [(HARD if h else EASY).format(i) for i, h in enumerate(hard)]
    data = made(rng.random(600) < np.where(hard, 0.1, 0.9), rng.random(600) < np.where(hard, 0.9, 0.1), queries)
    found = inspect_data(data, repeats=2)
    assert (found.curve.measure, found.curve.random) == ("skill", 0.0)
    assert found.curve.mean[-1] > 0.5
    assert learning_curve(made(np.ones(600), np.ones(600)), repeats=2) is None


def test_the_curve_is_the_same_again_and_takes_no_repeated_query_twice():
    data = learnable(300)
    twice = data.take(np.concatenate([np.arange(300), np.arange(300)]))
    one, two = (learning_curve(rows, repeats=2) for rows in (data, twice))
    assert one.sizes.tolist() == two.sizes.tolist()
    np.testing.assert_array_equal(one.values, two.values)


def test_text_json_pictures_and_page(tmp_path):
    found = inspect_data(learnable(300), repeats=2)
    text = str(found)
    for words in ("300 rows, samples 1 of small", "small wins, ties, loses", "oracle", "learning curve", "anything to"):
        assert words in text
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["verdict"]["limits"]["min_free"] == 0.1
    assert len(found.plot().axes) == 4
    page = found.to_html(tmp_path / "new" / "page.html").read_text("utf-8")
    assert page.count("<svg ") == 4
    assert "<script" not in page
    assert "Data for a router" in page
    bare = replace(found, curve=None, margin_curve=np.zeros((2, 1)))
    assert len(bare.plot().axes) == 4


def test_models_that_are_equally_good_have_no_gap_to_recover(tmp_path):
    found = inspect_data(made([0, 1] * 100, [1, 0] * 100), repeats=2)
    assert "APGR undefined" in str(found)
    assert found.to_dict()["oracle"]["apgr"] is None
    assert found.oracle["headroom"] == pytest.approx(0.5)
    assert found.curve.measure == "skill"
    assert found.to_html(tmp_path / "page.html").exists()


def test_no_rows():
    with pytest.raises(DataError, match="at least one row"):
        inspect_data([])


def command(*arguments):
    return CliRunner().invoke(app, ["inspect", *map(str, arguments)], catch_exceptions=False)


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    learnable(300).write("data.jsonl")
    many = [{"query": f"q {i}", "quality": {"a": i % 2, "b": 1, "c": 0}} for i in range(20)]
    (tmp_path / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in many))
    result = command("data.jsonl", "--repeats", 2, "--picture", "p.png", "--html", "p.html", "--quiet")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("data.jsonl: 300 rows")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    result = command("many.jsonl", "--small", "a", "--large", "b", "--json", "--no-curve", "--quiet")
    assert json.loads(result.output)["small"]["losses"] == 0.5
    for arguments, code, message in (
        (["none.jsonl"], 1, "none.jsonl: no such file"),
        (["many.jsonl", "--html", "m.html"], 2, "show a pair; name it with --small NAME --large NAME"),
        (["many.jsonl", "--large", "z"], 1, "no model 'z'; models found: a, b, c"),
        (["many.jsonl", "--small", "a"], 1, "needs --large"),
        (["many.jsonl", "--small", "a", "--large", "z"], 1, "no quality for the model 'z'"),
        (["data.jsonl", "--picture", "p.doc"], 1, "unknown suffix '.doc'; allowed are .png"),
        (["data.jsonl", "--picture", "p.png"], 1, "exists already"),
        (["data.jsonl", "--scorer", "liner"], 2, "Did you mean 'linear'?"),
    ):
        result = command(*arguments)
        assert result.exit_code == code
        assert message in result.output.splitlines()[-1]
    assert "Examples:" in command("--help").output
