"""A verdict for many models at once."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from hybrid_router_core import ConfigError, DataError
from hybrid_router_core.cli.app import app
from hybrid_router_core.inspection import inspect_pool

EASY, HARD = "What is the name of the thing number {}?", "Prove the theorem number {} and derive its corollary."


def pool(path, n=200, seed=0, cost=None, **chance):
    """Right with these chances on easy and on hard queries, by model."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n) < 0.5
    rows = [
        {
            "query": (HARD if h else EASY).format(i),
            "quality": {name: float(rng.random() < on[int(h)]) for name, on in chance.items()},
            **({} if cost is None else {"cost": cost}),
        }
        for i, h in enumerate(hard)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_who_can_stand_in_for_the_best(tmp_path):
    path = pool(
        tmp_path / "p.jsonl",
        best=(0.95, 0.9),
        nano=(0.9, 0.1),
        bad=(0.02, 0.02),
        dear=(0.9, 0.3),
        cost={"best": 1.0, "nano": 0.1, "bad": 0.1, "dear": 2.0},
    )
    found = inspect_pool(path)
    assert found.reference == "best"
    assert next(iter(found.arms)) == "best"
    answers = {name: arm.verdict.answer for name, arm in found.arms.items() if arm.verdict}
    assert answers == {"nano": "yes", "bad": "no", "dear": "no"}
    assert found.verdict.answer == "yes"
    assert found.verdict.headline == "a router finds queries for nano in place of best"
    assert found.arms["dear"].verdict.headline == "it saves nothing"
    rows = [json.loads(line)["quality"] for line in path.read_text().splitlines()]
    assert found.arms["nano"].quality == pytest.approx(np.mean([row["nano"] for row in rows]))
    assert found.oracle == pytest.approx((np.mean([max(row.values()) for row in rows]), found.arms["best"].quality))
    assert found.arms["nano"].cost == pytest.approx(0.1)
    for words in ("200 rows, 4 models", "the reference", "anything to gain by routing this pool?\nyes: "):
        assert words in str(found)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["models"]["nano"]["pair"]["rows"] == 200
    assert inspect_pool(path, reference="nano").reference == "nano"


def test_models_that_cost_the_same_and_know_other_things(tmp_path):
    path = pool(tmp_path / "p.jsonl", 400, maths=(0.95, 0.45), code=(0.45, 0.9), cost={"maths": 1, "code": 1})
    found = inspect_pool(path)
    assert found.verdict.answer == "yes"
    (verdict,) = (arm.verdict for arm in found.arms.values() if arm.verdict)
    assert verdict.headline == "it saves nothing, and a router raises quality with it"


def test_a_model_with_a_few_rows_and_one_with_none_in_common(tmp_path):
    path = pool(tmp_path / "p.jsonl", 300, large=(0.95, 0.9), small=(0.9, 0.1))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows[:3]:
        row["quality"]["new"] = 1.0
    rows += [{"query": f"else {i}", "quality": {"other": 0.5}} for i in range(50)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.warns(UserWarning, match="without a quality of both models"):
        found = inspect_pool(path)
    assert found.reference == "large"
    answers = {name: arm.verdict.answer for name, arm in found.arms.items() if arm.verdict}
    assert answers == {"new": "perhaps", "small": "yes", "other": "perhaps"}
    assert found.arms["other"].pair is None
    assert "no row has a quality of both" in str(found)
    assert found.to_dict()["models"]["other"]["pair"] is None


def test_a_pool_of_noise_says_yes_as_rarely_as_a_pair(tmp_path):
    """Eight models with one error level: alone they would say yes in a third of the pools."""
    chance = {f"m{i}": (0.5, 0.5) for i in range(8)}
    yes = alone = 0
    for seed in range(30):
        found = inspect_pool(pool(tmp_path / "p.jsonl", 120, seed, **chance), seed=seed)
        yes += found.verdict.answer == "yes"
        alone += min(arm.pair.signal.p_value for arm in found.arms.values() if arm.pair) <= 7 * 0.05
    assert yes <= 5
    assert alone > yes


def test_rows_without_some_models(tmp_path):
    path = tmp_path / "p.jsonl"
    rows = [{"query": f"q {i}", "quality": {"a": 1, "b": [0, 1], "c": None if i % 2 else 0}} for i in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.warns(UserWarning, match="20 rows without a quality of both models left out"):
        found = inspect_pool(path)
    assert {name: arm.rows for name, arm in found.arms.items()} == {"a": 40, "b": 40, "c": 20}
    assert found.arms["b"].quality == 0.5
    assert found.oracle == (1.0, 1.0)
    assert found.verdict.answer == "perhaps"  # fewer than 100 rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"query": "q", "quality": null}\n{"query": "r", "quality": {"a": 1}}\n', "two models or more; found a"),
        ('{"query": "q", "quality": {"a": 1}}\n', "a pool has two models or more; found a"),
        ('{"query": "q", "quality": {}}\n', "two models or more; found none"),
        ('{"query": "q", "quality": [1]}\n', r"line 1, column 'quality': found \[1\] \(list\), but an object by model"),
        ('{"query": "q", "quality": {"a": 1, "b": 1}, "cost": 3}\n', "column 'cost': found 3"),
        ('{"query": "q", "quality": {"a": "x", "b": 1}}\n', r"line 1, column 'quality\[a\]'"),
        ('{"query": "q", "quality": {"a": 1, "b": 1}, "cost": {"a": -1}}\n', r"column 'cost\[a\]': found -1"),
        ('{"query": "q", "quality": {"a": 1, "b": 1}}\n[1]\n', "line 2: not of the many-model form"),
        ('{"query": "q", "small_quality": 1, "large_quality": 1}\n', "line 1: not of the many-model form"),
        ("nonsense\n", "line 1: invalid JSON"),
        ("", "two models or more; found none"),
    ],
)
def test_what_is_no_pool(tmp_path, text, message):
    path = tmp_path / "p.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        inspect_pool(path)


def test_a_reference_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"no model 'beat'; models found: .*Did you mean 'best'"):
        inspect_pool(pool(tmp_path / "p.jsonl", 5, best=(1, 1), nano=(0, 1)), reference="beat")


def test_the_command(tmp_path):
    path = pool(tmp_path / "p.jsonl", best=(0.95, 0.9), nano=(0.9, 0.1))
    result = CliRunner().invoke(app, ["inspect", str(path), "--quiet"])
    assert result.exit_code == 0
    assert "a router finds queries for nano in place of best" in result.stdout
    record = json.loads(CliRunner().invoke(app, ["inspect", str(path), "--json", "--quiet"]).stdout)
    assert (record["reference"], record["verdict"]["answer"]) == ("best", "yes")
