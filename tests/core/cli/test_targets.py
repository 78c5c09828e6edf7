"""The target and the guard of ``train`` and ``calibrate``: from the command line or the config into the router."""

import json
from pathlib import Path

import pytest

from hybrid_router_core import HybridRouter, RoutingDataset
from tests.core.cli.running import done, failed, run

DROP = ("--max-quality-drop", 0.4)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory, toy):
    """The toy's rows, a quarter of them apart, and a router; not to be changed."""
    folder = tmp_path_factory.mktemp("shelf")
    train, rest = toy.split((0.4, 0.6))
    train.write(folder / "train.jsonl")
    rest.write(folder / "rest.jsonl")
    toy.write(folder / "data.jsonl")
    done("train", folder / "train.jsonl", "--out", folder / "router", "--scorer", "knn", "--split", 1)
    return folder


@pytest.fixture
def here(shelf, tmp_path, monkeypatch):
    """A folder with the files, and a router of one's own."""
    for name in ("train.jsonl", "rest.jsonl", "data.jsonl"):
        (tmp_path / name).symlink_to(shelf / name)
    HybridRouter.load(shelf / "router").save(tmp_path / "router")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def saved(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


# --guard


@pytest.mark.parametrize(("given", "setting"), [("0.05", 0.05), ("auto", "auto"), ("none", None)])
def test_train_makes_a_router_with_the_guard(here, given, setting):
    done("train", "train.jsonl", "--out", "new", "--scorer", "knn", "--split", 1, "--guard", given)
    assert HybridRouter.load("new").guard == setting


def test_the_guard_of_the_command_line_goes_before_that_of_the_config(here):
    Path("config.yaml").write_text("guard: 0.05\nscorer: knn\ndata: {train: train.jsonl, split: [1]}\n")
    done("train", "--config", "config.yaml", "--out", "one")
    done("train", "--config", "config.yaml", "--out", "two", "--guard", "none")
    assert (HybridRouter.load("one").guard, HybridRouter.load("two").guard) == (0.05, None)


def test_calibrate_sets_the_guard(here):
    wanted = HybridRouter.load("router")
    wanted.guard = 0.1
    wanted.calibrate(RoutingDataset.read("rest.jsonl"), cost_advantage=0.5)
    done("calibrate", "router", "rest.jsonl", "--cost-advantage", 0.5, "--guard", 0.1)
    found = HybridRouter.load("router")
    assert (found.guard, found.calibration) == (0.1, wanted.calibration)
    assert found.calibration.strangers is not None
    done("calibrate", "router", "rest.jsonl", "--cost-advantage", 0.5)
    assert HybridRouter.load("router").guard == 0.1  # as it was
    done("calibrate", "router", "rest.jsonl", "--cost-advantage", 0.5, "--guard", "none")
    assert HybridRouter.load("router").calibration.strangers is None


def test_a_new_guard_is_judged_by_the_new_calibration_queries(here):
    """20 queries are enough for 0.1 and too few for 0.02; 101 are enough for both."""
    rest = RoutingDataset.read("rest.jsonl")
    rest.take(range(40)).write("few.jsonl")
    done("calibrate", "router", "few.jsonl", "--cost-advantage", 0.5, "--guard", 0.1)
    done("calibrate", "router", "rest.jsonl", "--cost-advantage", 0.5, "--guard", 0.02)
    assert HybridRouter.load("router").guard == 0.02


def test_a_guard_that_cannot_be_had_changes_nothing(here):
    RoutingDataset.read("rest.jsonl").take(range(30)).write("few.jsonl")
    done("calibrate", "router", "rest.jsonl", "--cost-advantage", 0.5, "--guard", 0.1)
    before = saved("router")
    line = failed("calibrate", "router", "few.jsonl", "--cost-advantage", 0.5, "--guard", 0.02)
    assert "--guard 0.02 needs 49 calibration queries that were not trained on, there are 30" in line
    assert "use --guard 0.033" in line
    assert "=" not in line
    assert saved("router") == before
    line = failed("calibrate", "router", "rest.jsonl", "--max-quality-drop", 0, "--guard", "none")
    assert saved("router") == before


def test_train_keeps_the_router_where_the_guard_cannot_be_had(here):
    line = failed("train", "data.jsonl", "-o", "new", "--scorer", "knn", "--pgr", 0.5, "--guard", 0.01)
    assert "--guard 0.01 needs 99 calibration queries" in line
    assert "The router is saved in new without a calibration" in line
    assert HybridRouter.load("new").guard == 0.01


@pytest.mark.parametrize(
    "command", [("train", "none.jsonl", "-o", "new"), ("calibrate", "none", "none.jsonl", "--pgr=1")]
)
@pytest.mark.parametrize("given", ["0", "-0.02", "0.2", "nan", "inf", "2%", "off", "None", ""])
def test_a_guard_that_is_never_allowed_is_wrong_usage(here, command, given):
    line = failed(*command, f"--guard={given}", code=2)
    assert "--guard is " in line
    assert (repr(given) in line) or (str(float(given)) in line)
    assert "allowed: auto, none, or a number above 0 and at most 0.1" in line


def test_a_guard_without_a_target_says_when_it_comes(here):
    train = ("train", "train.jsonl", "--scorer", "knn", "--split", 1, "--guard", 0.1)
    assert "note: the guard comes with a calibration" in done(*train, "-o", "new").stderr
    assert "note" not in run(*train, "-o", "newer", "--quiet").stderr


# Whose target


def test_a_target_on_the_command_line_takes_the_place_of_the_whole_target_of_the_config(here):
    Path("config.yaml").write_text(
        "scorer: knn\nguard: none\ncalibration: {max_quality_drop: 0.3, across: groups, confidence: 0.8}\n"
    )
    train = ("train", "train.jsonl", "--config", "config.yaml", "--json")
    found = json.loads(done(*train, "--out", "one", "--cost-advantage", 0.3).stdout)["calibration"]
    assert (found["target"], found["target_value"], found["across"]) == ("cost_advantage", 0.3, None)
    found = json.loads(done(*train, "--out", "two", *DROP).stdout)["calibration"]
    assert (found["target_value"], found["across"], found["confidence"]) == (0.4, None, 0.8)
    assert "--across groups needs 8 groups" in failed(*train, "--out", "three")  # that of the config; the toy has two
    assert "--across groups needs 8 groups" in failed(*train, "--out", "four", *DROP, "--across", "groups")


def test_across_needs_a_limit(here):
    assert "--across needs the target --max-quality-drop" in failed(
        "calibrate", "router", "rest.jsonl", "--pgr", 0.5, "--across", "groups", code=2
    )
    Path("config.yaml").write_text("calibration: {pgr: 0.5, across: groups}\n")
    assert failed("train", "train.jsonl", "--config", "config.yaml", "--out", "new") == (
        "error: config.yaml: calibration: across needs max_quality_drop: only a limit holds for other groups"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--max-quality-drop", "100%"), "--max-quality-drop 100% limits nothing: qualities from 0 to 1"),
        (
            ("--max-quality-drop", "1"),
            "--max-quality-drop 1 limits nothing: qualities from 0 to 1 allow no larger loss",
        ),
        (
            ("--max-quality-drop", "9", "--quality-range", "1,10"),
            "--max-quality-drop 9 limits nothing: qualities from 1",
        ),
        (("--max-quality-drop", "2%", "--quality-range", "-1,1"), "and --quality-range -1,1 allows negative ones"),
    ],
)
def test_a_limit_that_is_none_is_wrong_usage(options, message):
    for command in (("train", "none.jsonl", "-o", "new"), ("calibrate", "none", "none.jsonl")):
        assert message in failed(*command, *options, code=2)


def test_a_limit_of_the_config_that_is_none_is_told_before_anything_is_read(here):
    Path("config.yaml").write_text("calibration: {max_quality_drop: 1}\n")
    assert "limits nothing" in failed("train", "none.jsonl", "-o", "new", "--config", "config.yaml")


# What infer says of a stranger


def test_a_stranger_has_a_detail_in_its_record(here):
    done("calibrate", "router", "rest.jsonl", "--cost-advantage", 0.5, "--guard", 0.1)
    odd = "０１١٢٣ ∑∫∂ ꙮ𒀀𒁀 zzqx lorem \U0001f600 ⴰⴱⴲ"
    decision = HybridRouter.load("router").route(odd)
    assert decision.reason == "unknown"
    record = json.loads(done("infer", "router", "--query", odd, "--json").stdout)
    assert (record["reason"], record["detail"]) == ("unknown", decision.detail)
    assert done("infer", "router", "--query", odd).stdout.rstrip().endswith(f", unknown: {decision.detail}")
    assert "detail" not in json.loads(
        done("infer", "router", "--query", "What is the capital of Albania?", "--json").stdout
    )


@pytest.mark.parametrize(("command", "default"), [("train", "auto"), ("calibrate", "the router's")])
def test_help_says_what_a_guard_is_and_its_default(command, default):
    told = " ".join(done(command, "--help").stdout.split())
    assert "--guard LEVEL|auto|none Queries unlike those of the calibration go to large." in told
    assert f"else none. [default: {default}]" in told
    assert "--across <groups>" in told or "--across [groups]" in told
