"""The command ``hybrid-router``: its results, its exit codes, and every mistake in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.cli import help_pages
from tests.core.cli.running import done, failed

HEAVY = ["sklearn", "torch", "matplotlib", "pandas", "scipy", "joblib", "openai", "langchain_core", "pyarrow"]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory, toy):
    """Data sets in every form, and a router; not to be changed."""
    folder = tmp_path_factory.mktemp("shelf")
    toy.write(folder / "data.jsonl")
    rows = [json.loads(line) for line in (folder / "data.jsonl").read_text().splitlines()]
    qualities = [(row["query"], {"tiny-1b": row["small_quality"], "huge-70b": row["large_quality"]}) for row in rows]
    lines(folder / "many.jsonl", [{"query": query, "quality": quality} for query, quality in qualities])
    routing = [
        {"query": query, "model_name": model, "performance": value, "task_name": "toy", "response": "x"}
        for query, quality in qualities
        for model, value in [*quality.items(), ("middle-7b", 0.5)]
    ]
    lines(folder / "routing.jsonl", routing)
    sizes = {"tiny-1b": {"size": "1B"}, "middle-7b": {"size": "7B"}, "huge-70b": {"size": "70B"}}
    (folder / "llm.json").write_text(json.dumps(sizes))
    done("train", folder / "data.jsonl", "--out", folder / "router", "--scorer", "knn", "--pgr", 0.99)
    return folder


@pytest.fixture
def here(shelf, tmp_path, monkeypatch):
    """An empty working folder with links to the shelf."""
    for path in shelf.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


# Help, version, process


def test_help_has_an_example_of_every_command():
    for command in ("train", "calibrate", "evaluate", "infer"):
        text = done(command, "--help").stdout
        assert f"hybrid-router {command} " in text
        assert "In: " in text
        assert "Out: " in text
    told = done("--help").stdout
    assert all(f"\n    {code:<5}" in told for code in (0, 1, 2, 130))


def test_version():
    assert done("--version").stdout.startswith("hybrid-router ")


def child(*arguments, cwd):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=60,
        check=False,
    )


def test_as_a_module_in_a_process_of_its_own(here):
    result = child(
        "-m", "hybrid_router_core.cli", "infer", "router", "--query", "What is the capital of Peru?", cwd=here
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("small  score 0.")
    result = child("-m", "hybrid_router_core.cli", "infer", "none", "--query", "x", cwd=here)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: none: no such folder; train a router with: hybrid-router train DATA --out none\n"


def test_a_bar_at_the_terminal_does_not_take_the_results(here):
    pty = pytest.importorskip("pty")
    Path("q.txt").write_text("a\nb\n")
    ours, theirs = pty.openpty()
    command = ["-m", "hybrid_router_core.cli", "infer", "router", "--input", "q.txt", "--output-format", "jsonl"]
    result = subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=True)
    os.close(theirs)
    assert "Routing" in os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert [json.loads(row)["query"] for row in result.stdout.splitlines()] == ["a", "b"]


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["infer", "router", "--query", "x"]])
def test_help_and_infer_import_nothing_heavy(here, arguments):
    code = (
        "import atexit, sys\n"
        "from hybrid_router_core.cli import main\n"
        f"atexit.register(lambda: sys.stderr.write(' '.join(m for m in {HEAVY} if m in sys.modules)))\n"
        f"sys.argv = ['hybrid-router', *{arguments}]\n"
        "main()\n"
    )
    result = child("-c", code, cwd=here)
    assert result.returncode == 0
    assert result.stderr == ""


def test_a_defect_is_one_line_without_what_it_may_hold(here, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("What is my salary?")

    monkeypatch.setattr(HybridRouter, "load", broken)
    line = failed("infer", "router", "--query", "x")
    assert line.startswith("error: a defect of hybrid-router: RuntimeError (")
    assert "please report it" in line
    assert "salary" not in line


# train


def test_train_splits_calibrates_measures_and_saves(here, toy):
    options = ("--scorer", "knn", "--cost-advantage", 0.5, "--seed", 3)
    result = done("train", "data.jsonl", "--out", "new", *options)
    parts = toy.split((0.6, 0.2, 0.2), seed=3)
    for name, part in zip(("train", "calibration", "test"), parts, strict=True):
        assert f"  {name:<12}{len(part):>9} rows" in result.stdout
    assert "calibrated: threshold" in result.stdout
    assert "APGR" in result.stdout
    assert "Training on" in result.stderr
    saved = HybridRouter.load("new")
    wanted = HybridRouter(scorer="knn", seed=3).fit(parts[0]).calibrate(parts[1], cost_advantage=0.5)
    assert saved.threshold == wanted.threshold
    assert saved.score(toy.queries).tolist() == wanted.score(toy.queries).tolist()


def test_train_json(here):
    result = done("train", "data.jsonl", "--out", "new", "--scorer", "knn", "--json", "--quiet")
    record = json.loads(result.stdout)
    assert result.stderr == ""
    assert (
        record["data"]["train"]["rows"] + record["data"]["calibration"]["rows"] + record["data"]["test"]["rows"] == 168
    )
    assert record["calibration"] is None
    assert record["test"]["seen_in_training"] == 0
    assert record["threshold"] == 0.5


def test_quiet_train_says_nothing(here):
    result = done("train", "data.jsonl", "--out", "new", "--scorer", "knn", "--quiet")
    assert result.output == ""


def test_everything_trains_with_split_1(here):
    record = json.loads(done("train", "data.jsonl", "-o", "new", "--scorer", "knn", "--split", 1, "--json").stdout)
    assert record["data"] == {"by": "query", "train": {"rows": 168, "file": "data.jsonl"}}
    assert record["test"] is None


def test_settings_reach_the_router(here):
    settings = ("--mode", "probabilistic", "--tau", 0.3, "--threshold", 0.4, "--hparam", "max_iter=2")
    done("train", "data.jsonl", "--out", "new", *settings, "--hparam", "hidden_layer_sizes=[4, 4]", "--by", "group",
         "--split", "0.5,0.5")  # fmt: skip
    router = HybridRouter.load("new")
    assert (router.mode, router.tau, router.threshold) == ("probabilistic", 0.3, 0.4)
    assert router.hparam == {"max_iter": 2, "hidden_layer_sizes": [4, 4]}


def test_train_writes_the_report(here):
    pytest.importorskip("matplotlib")
    done("train", "data.jsonl", "--out", "new", "--scorer", "knn", "--report", "report.html")
    assert "<html" in Path("report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ("many.jsonl", ("--small", "tiny-1b", "--large", "huge-70b")),
        ("routing.jsonl", ("--small", "tiny-1b", "--large", "huge-70b")),
    ],
)
def test_other_forms_of_data_give_the_same_router(here, toy, data, options):
    done("train", data, "--out", "new", "--scorer", "knn", *options)
    ours = HybridRouter(scorer="knn").fit(toy.split((0.6, 0.2, 0.2))[0])
    assert HybridRouter.load("new").score(toy.queries[:5]) == pytest.approx(ours.score(toy.queries[:5]))


def test_a_target_out_of_reach_still_saves_what_was_learned(here):
    line = failed("train", "data.jsonl", "--out", "new", "--scorer", "knn", "--max-quality-drop", 0.000001)
    assert "The router is saved in new without a calibration" in line
    assert HybridRouter.load("new").calibration is None


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.jsonl", "--out", "new"], 1, "none.jsonl: no such file"),
        (["folder", "--out", "new"], 1, "is a folder; name a file"),
        (["data.txt", "--out", "new"], 1, "data.txt: no such file"),
        (["llm.json", "--out", "new"], 1, "a .json file holds a list of objects"),
        (["empty.jsonl", "--out", "new"], 1, "empty.jsonl: no rows found"),
        (["latin.jsonl", "--out", "new"], 1, "latin.jsonl, line 1: not UTF-8 text"),
        (["columns.jsonl", "--out", "new"], 1, "unknown column 'smal_quality'; allowed are"),
        (["holes.jsonl", "--out", "new"], 1, "holes.jsonl, line 2, column 'performance': found None"),
        (["many.jsonl", "--out", "new"], 1, "needs --small and --large with a model's name"),
        (["many.jsonl", "--out", "new", "--small", "tiny", "--large", "huge-70b"], 1, "Did you mean 'tiny-1b'?"),
        (["routing.jsonl", "--out", "new"], 1, "small is not named; models found: tiny-1b, huge-70b, middle-7b"),
        (["routing.jsonl", "--out", "new", "--small", "tiny"], 1, "no rows of the model 'tiny' (small)"),
        (["data.jsonl", "--out", "new", "--small", "a", "--large", "b"], 1, "In the pair form leave them out"),
        (["data.jsonl", "--out", "data.jsonl"], 1, "data.jsonl: is a file; a router is saved as a folder"),
        (["data.jsonl", "--out", "."], 1, "holds other files; a router has a folder of its own"),
        (["data.jsonl", "--out", "router"], 1, "holds a router already; name another folder, or add --overwrite"),
        (["data.jsonl", "--out", "new", "--scorer", "mpl"], 2, "Did you mean 'mlp'?"),
        (["data.jsonl", "--out", "new", "--embedder", "statik"], 2, "--embedder statik is not known"),
        (["data.jsonl", "--out", "new", "--hparam", "max_itr=3"], 2, "did you mean 'max_iter'?"),
        (["data.jsonl", "--out", "new", "--tau", "-1"], 2, "--tau is -1.0; allowed"),
        (["data.jsonl", "--out", "new", "--pgr", "0.5", "--split", "0.8,0.2"], 1, "give three shares"),
        (["data.jsonl", "--out", "new", "--split", "0.999,0.0005,0.0005"], 1, "would be empty"),
        (["data.jsonl", "--out", "new", "--report", "no/r.html"], 1, "no folder no; make it with: mkdir -p no"),
        (["data.jsonl", "--out", "new", "--report", "r.html", "--split", "1"], 1, "the report shows the test part"),
        (["data.jsonl", "--out", "new", "--by", "group", "--config", "typo.yaml"], 1, "unknown key 'hparams'"),
        (["data.jsonl", "--out", "new", "--config", "hparam.yaml"], 1, "hparam.yaml: hparam 'learning_rate' is"),
        (["data.jsonl", "--out", "new", "--config", "two.yaml"], 1, "found cost_advantage and pgr; give exactly one"),
        (["data.jsonl"], 2, "where to save the router? Add --out FOLDER"),
        (["--out", "new"], 2, "no data: name a data set, as in: hybrid-router train"),
        (["data.jsonl", "--out", "new", "--split", "1,1"], 2, "their sum at most 1"),
        (["data.jsonl", "--out", "new", "--split", "a"], 2, "'a': give 0.6,0.2,0.2"),
        (["data.jsonl", "--out", "new", "--pgr", "0.5", "--cost-advantage", "0.5"], 2, "different targets; give one"),
        (["data.jsonl", "--out", "new", "--confidence", "0.9"], 2, "need a target"),
        (["data.jsonl", "--out", "new", "--max-quality-drop", "1", "--quality-range", "1"], 2, "give two numbers"),
        (["data.jsonl", "--out", "new", "--hparam", "max_iter"], 2, "give KEY=VALUE"),
        (["data.jsonl", "--out", "new", "--hparam", "a=["], 2, "cannot be read"),
        (["data.jsonl", "--out", "new", "--threshold", "7"], 2, "--threshold is 7.0; allowed: a number from 0"),
        (["data.jsonl", "--out", "new", "--mode", "soft"], 2, "'soft'"),
    ],
)  # fmt: skip
def test_mistakes_of_train(here, arguments, code, message):
    (here / "folder").mkdir()
    (here / "empty.jsonl").touch()
    (here / "latin.jsonl").write_bytes('{"query": "é", "small_quality": 1, "large_quality": 1}'.encode("latin-1"))
    lines(here / "columns.jsonl", [{"query": "a", "smal_quality": 1, "large_quality": 1}])
    holes = [{"query": "a", "model_name": "m", "performance": value} for value in (1, None)]
    lines(here / "holes.jsonl", holes)
    (here / "typo.yaml").write_text("hparams: {}\n")
    (here / "hparam.yaml").write_text("hparam: {learning_rate: constant}\n")
    (here / "two.yaml").write_text("calibration: {cost_advantage: 0.4, pgr: 0.5}\n")
    assert message in failed("train", *arguments, code=code)
    assert not (here / "new").exists()


def test_overwrite_replaces_a_router(here):
    done("train", "data.jsonl", "--out", "new", "--scorer", "knn", "--split", 1, "--threshold", 0.1)
    done("train", "data.jsonl", "--out", "new", "--scorer", "knn", "--split", 1, "--threshold", 0.2, "--overwrite")
    assert HybridRouter.load("new").threshold == 0.2


# train and infer by config, as LLMRouter's commands


def test_a_config_of_llmrouter_trains_and_infers(here):
    Path("hybrid_llm.yaml").write_text(
        """\
data_path:
  query_data_train: 'queries.jsonl'
  routing_data_train: 'routing.jsonl'
  routing_data_test: 'routing.jsonl'
  llm_data: 'llm.json'
router_mode: "probabilistic"
router_tau: 0.1
router_threshold: 0.25
hparam:
  hidden_layer_sizes: [16]
  activation: relu
  solver: adam
  max_iter: 300
  random_state: 5
model_path:
  ini_model_path: "configs/hybrid_ini.pkl"
  save_model_path: "configs/hybrid_trained.pkl"
  load_model_path: "configs/hybrid_trained.pkl"
"""
    )
    result = done("train", "--config", "hybrid_llm.yaml", "--quiet")
    assert result.stdout == ""
    assert "warning: 168 of the 168 queries were trained on" in result.stderr
    router = HybridRouter.load("configs/hybrid_trained.pkl")
    assert (router.mode, router.seed, router.hparam["max_iter"]) == ("probabilistic", 5, 300)
    queries = ["What is the capital of Peru?", "Prove that the ring of integers of Peru is a Dedekind domain."]
    lines(Path("queries.jsonl"), [{"query": query} for query in queries])
    done("infer", "--config", "hybrid_llm.yaml", "--input", "queries.jsonl", "--output", "results.json", "--route-only")
    results = json.loads(Path("results.json").read_text(encoding="utf-8"))
    assert [(record["query"], record["model"]) for record in results] == list(
        zip(queries, ["small", "large"], strict=True)
    )


def test_the_command_line_goes_before_the_config(here):
    Path("config.yaml").write_text(
        "router_mode: deterministic\nrouter_threshold: 0.3\nseed: 1\nscorer: linear\ndata: none.jsonl\n"
        "model_path: {save_model_path: other}\n"
    )
    options = (
        "--config",
        "config.yaml",
        "--mode",
        "transformed",
        "--seed",
        2,
        "--scorer",
        "knn",
        "--threshold",
        0.6,
    )
    done("train", "data.jsonl", "--out", "new", "--split", 1, *options)
    router = HybridRouter.load("new")
    assert (router.mode, router.seed, router.scorer, router.threshold) == ("transformed", 2, "knn", 0.6)
    assert not Path("other").exists()


def test_parts_with_files_of_their_own(here, toy):
    train, calibration, test = toy.split((0.5, 0.25, 0.25))
    for name, part in (("a", train), ("b", calibration), ("c", test)):
        part.write(f"{name}.jsonl")
    text = "scorer: knn\ncalibration: {{cost_advantage: 0.5}}\nmodel_path: {{save_model_path: {0}}}\ndata: {1}\n"
    Path("three.yaml").write_text(text.format("new3", "{train: a.jsonl, calibration: b.jsonl, test: c.jsonl}"))
    data = json.loads(done("train", "--config", "three.yaml", "--json").stdout)["data"]
    assert [data[name]["rows"] for name in ("train", "calibration", "test")] == [
        len(train),
        len(calibration),
        len(test),
    ]
    Path("two.yaml").write_text(text.format("new2", "{train: a.jsonl, test: c.jsonl}"))
    data = json.loads(done("train", "--config", "two.yaml", "--json").stdout)["data"]
    assert data["train"]["rows"] + data["calibration"]["rows"] == len(train)
    assert data["test"] == {"rows": len(test), "file": "c.jsonl"}
    assert "--split divides one file" in failed("train", "--config", "two.yaml", "--split", 1, code=2)


def test_a_calibrated_threshold_goes_before_that_of_the_config(here):
    Path("config.yaml").write_text("router_threshold: 0.999\nmodel_path: {load_model_path: router}\n")
    result = done("infer", "--config", "config.yaml", "--query", "What is the capital of Peru?", "--json")
    assert json.loads(result.stdout)["threshold"] == HybridRouter.load("router").threshold
    assert "note: the router's calibrated threshold" in result.stderr
    done("train", "data.jsonl", "--out", "plain", "--scorer", "knn", "--split", 1)
    result = done("infer", "plain", "--config", "config.yaml", "--query", "What is the capital of Peru?", "--json")
    assert json.loads(result.stdout)["threshold"] == 0.999


# calibrate and evaluate


def test_calibrate_on_the_part_that_train_kept_back(here):
    done("train", "data.jsonl", "--out", "new", "--scorer", "knn", "--threshold", 0.9)
    result = done("calibrate", "new", "data.jsonl", "--part", "calibration", "--cost-advantage", 0.3)
    assert "for cost_advantage 0.3" in result.stdout
    assert "(was 0.9000)" in result.stdout
    router = HybridRouter.load("new")
    assert router.calibration.target_value == 0.3
    assert router.threshold != 0.9
    record = json.loads(done("calibrate", "new", "data.jsonl", "--part", "test", "--pgr", 0.5, "--json").stdout)
    assert (record["target"], record["router"]) == ("pgr", "new")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["router", "data.jsonl", "--part", "train", "--pgr", "0.5"], 1, "were trained on"),
        (["router", "data.jsonl", "--part", "calibration", "--pgr", "5"], 2, "pgr"),
        (["none", "data.jsonl", "--pgr", "0.5"], 1, "none: no such folder; train a router with"),
        (["data.jsonl", "data.jsonl", "--pgr", "0.5"], 1, "is a file; a saved router is a folder"),
        ([".", "data.jsonl", "--pgr", "0.5"], 1, "it holds no router.json"),
        (["router", "none.jsonl", "--pgr", "0.5"], 1, "none.jsonl: no such file"),
        (["router", "data.jsonl", "--part", "calibration", "--split", "0.8,0.2", "--pgr", "1"], 2, "no calibration"),
        (["router", "data.jsonl"], 2, "which target? Give one of --cost-advantage"),
        (["router", "data.jsonl", "--pgr", "0.5", "--split", "0.8,0.2"], 2, "add --part calibration"),
        (["router"], 2, "DATA"),
    ],
)  # fmt: skip
def test_mistakes_of_calibrate(here, arguments, code, message):
    before = (here / "router" / "router.json").read_bytes()
    assert message in failed("calibrate", *arguments, code=code)
    assert (here / "router" / "router.json").read_bytes() == before


def test_evaluate(here, toy):
    result = done("evaluate", "router", "data.jsonl", "--part", "test")
    assert "APGR" in result.stdout
    assert "warning" not in result.stderr
    record = json.loads(done("evaluate", "router", "data.jsonl", "--part", "test", "--json", "--quiet").stdout)
    test = toy.split((0.6, 0.2, 0.2), seed=0)[2]
    assert record == json.loads(json.dumps(HybridRouter.load("router").evaluate(test).to_dict()))


def test_evaluate_warns_in_one_line_of_rows_that_were_trained_on(here):
    result = done("evaluate", "router", "data.jsonl", "--quiet")
    lines = result.stderr.splitlines()
    assert all(line.startswith("warning: ") for line in lines)
    assert sum("were trained on" in line for line in lines) == 1


def test_evaluate_writes_the_report_once(here):
    pytest.importorskip("matplotlib")
    arguments = ("evaluate", "router", "data.jsonl", "--part", "test", "--report", "report.html")
    done(*arguments)
    assert "report.html: exists already; name another file, or add --overwrite" in failed(*arguments)
    done(*arguments, "--overwrite")


# infer

QUERIES = ["What is the capital of Peru?", "Prove that the ring of integers of Peru is a Dedekind domain."]


def wanted():
    return [
        {"query": query, **{key: value for key, value in decision.to_dict().items() if key != "detail"}}
        for query, decision in zip(QUERIES, HybridRouter.load("router").route_batch(QUERIES), strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.txt", f"{QUERIES[0]}\n\n  {QUERIES[1]}  \n"),
        ("q.txt", f"\ufeff{QUERIES[0]}\r\n{QUERIES[1]}"),
        ("q.jsonl", f'{{"query": "{QUERIES[0]}", "id": 1}}\n"{QUERIES[1]}"\n'),
        ("q.json", json.dumps(QUERIES)),
        ("q.json", json.dumps([{"query": query} for query in QUERIES])),
    ],
)
@pytest.mark.parametrize("output", ["out.json", "out.jsonl"])
def test_infer_reads_and_writes_every_form_in_order(here, name, text, output):
    Path(name).write_bytes(text.encode())
    result = done("infer", "router", "--input", name, "--output", output)
    assert result.stdout == ""
    assert "out.json" in result.stderr
    found = Path(output).read_text(encoding="utf-8")
    assert (json.loads(found) if output == "out.json" else [json.loads(row) for row in found.splitlines()]) == wanted()
    assert not list(here.glob("*.partial"))


def test_infer_prints_without_an_output(here):
    Path("q.txt").write_text("\n".join(QUERIES))
    assert json.loads(done("infer", "router", "--query", QUERIES[0], "--json").stdout) == wanted()[0]
    assert json.loads(done("infer", "router", "--input", "q.txt", "--json").stdout) == wanted()
    rows = done("infer", "router", "--input", "q.txt", "--output-format", "jsonl").stdout.splitlines()
    assert [json.loads(row) for row in rows] == wanted()
    text = done("infer", "router", "--input", "q.txt").stdout.splitlines()
    assert [row.split()[0] for row in text] == ["small", "large"]
    assert all(row.endswith(query) for row, query in zip(text, QUERIES, strict=True))


def test_infer_summary_for_a_program(here):
    Path("q.txt").write_text("\n".join(QUERIES))
    result = done("infer", "router", "--input", "q.txt", "--output", "out.jsonl", "--json")
    assert json.loads(result.stdout) == {"output": "out.jsonl", "queries": 2, "small": 1, "large": 1}


def test_infer_threshold(here):
    record = json.loads(done("infer", "router", "--query", QUERIES[1], "--threshold", 0, "--json").stdout)
    assert (record["model"], record["threshold"]) == ("small", 0.0)


def test_infer_survives_odd_text(here):
    Path("q.jsonl").write_text('{"query": ""}\n"  "\n"\\ud800"\n"a\\u0000b"\n"\\u65e5\\u672c"\n')
    done("infer", "router", "--input", "q.jsonl", "--output", "out.jsonl")
    records = [json.loads(row) for row in Path("out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [record["reason"] for record in records] == ["no_query", "no_query", "score", "score", "score"]
    assert records[0]["model"] == "large"
    assert [record["query"] for record in records][2:] == ["\ud800", "a\0b", "日本"]
    assert "日本" in Path("out.jsonl").read_text(encoding="utf-8")


def test_infer_goes_through_a_large_file_in_chunks(here, monkeypatch):
    from hybrid_router_core.cli import run as module

    monkeypatch.setattr(module, "CHUNK", 7)
    queries = [f"{QUERIES[i % 2]} {i}" for i in range(50)]
    Path("q.txt").write_text("\n".join(queries))
    done("infer", "router", "--input", "q.txt", "--output", "out.jsonl")
    assert [json.loads(row)["query"] for row in Path("out.jsonl").read_text().splitlines()] == queries


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["router"], 2, "give either --query TEXT or --input FILE"),
        (["router", "--query", "a", "--input", "q.txt"], 2, "give either --query TEXT or --input FILE"),
        (["--query", "a"], 2, "which router? Name its folder, or give --config with model_path.load_model_path"),
        (["router", "--query", "a", "--threshold", "2"], 2, "threshold is 2.0"),
        (["router", "--input", "none.txt"], 1, "none.txt: no such file"),
        (["router", "--input", "."], 1, "is a folder; name a file, one of .txt, .jsonl"),
        (["router", "--input", "q.xml"], 1, "unknown suffix '.xml'; allowed are .txt, .jsonl"),
        (["router", "--input", "empty.txt"], 1, "empty.txt: no queries found"),
        (["router", "--input", "empty.json"], 1, "empty.json: no queries found"),
        (["router", "--input", "latin.txt"], 1, "latin.txt, line 2: not UTF-8 text"),
        (["router", "--input", "bad.jsonl"], 1, "line 2: the key 'query' is missing; keys found: 'question'"),
        (["router", "--input", "number.json"], 1, "line 1: found a number; a query is a text or an object"),
        (["router", "--input", "null.jsonl"], 1, "null.jsonl, line 1: 'query' is null; allowed: a text"),
        (["router", "--input", "object.json"], 1, "a .json file holds a list of"),
        (["router", "--input", "broken.jsonl"], 1, "broken.jsonl, line 1: invalid JSON"),
        (["router", "--input", "q.txt", "--output", "out.csv"], 1, "suffix '.csv'; allowed are .json, .jsonl"),
        (["router", "--input", "q.txt", "--output", "no/out.json"], 1, "no folder no; make it with: mkdir -p no"),
        (["router", "--input", "q.txt", "--output", "router"], 1, "router: unknown suffix"),
        (["router", "--input", "q.txt", "--output", "router", "--output-format", "json"], 1, "is a folder; name a"),
        (["router", "--input", "q.txt", "--output", "there.json"], 1, "there.json: exists already; name another file"),
        (["none", "--query", "a"], 1, "none: no such folder; train a router with"),
        (["router", "--query", "a", "--config", "none.yaml"], 1, "none.yaml: no such file"),
        (["--query", "a", "--config", "one.yaml"], 1, "large has no base_url, the other model has"),
        (["--query", "a", "--config", "key.yaml"], 1, "small.api_key_env: no environment variable of that name"),
        (["--query", "a", "--config", "nameless.yaml"], 1, "small has no model; give the name that its server knows"),
    ],
)  # fmt: skip
def test_mistakes_of_infer(here, arguments, code, message):
    pair = "model_path: {load_model_path: router}\n"
    texts = {
        "q.txt": "a\n",
        "q.xml": "query\na\n",
        "empty.txt": "\n\n",
        "empty.json": "[]",
        "bad.jsonl": '"a"\n{"question": "b"}\n',
        "number.json": "[1]",
        "null.jsonl": '{"query": null}\n',
        "object.json": '{"query": "a"}',
        "broken.jsonl": "{\n",
        "there.json": "[]",
        "one.yaml": pair + "small: {name: a, base_url: 'http://localhost:1/v1'}\n",
        "key.yaml": pair
        + "api_endpoint: 'http://localhost:1/v1'\nsmall: {name: a, api_key_env: NO_SUCH_KEY}\nlarge: b\n",
        "nameless.yaml": pair + "small: {base_url: 'http://x/v1'}\nlarge: {base_url: 'http://x/v1'}\n",
    }
    for name, text in texts.items():
        Path(name).write_text(text)
    Path("latin.txt").write_bytes("a\né\n".encode("latin-1"))
    assert message in failed("infer", *arguments, code=code)
    assert Path("there.json").read_text() == "[]"
    assert not list(here.glob("*.partial"))


def test_a_run_that_fails_half_way_keeps_what_it_had(here, monkeypatch):
    from hybrid_router_core.cli import run as module

    monkeypatch.setattr(module, "CHUNK", 1)
    Path("q.jsonl").write_text('"a"\n{"question": "b"}\n')
    assert "line 2" in failed("infer", "router", "--input", "q.jsonl", "--output", "out.jsonl")
    assert not Path("out.jsonl").exists()
    assert json.loads(Path("out.jsonl.partial").read_text())["query"] == "a"


def test_a_folder_without_permission(here, unprivileged):
    Path("q.txt").write_text("a\n")
    Path("locked").mkdir(mode=0o500)
    assert "cannot be written" in failed("infer", "router", "--input", "q.txt", "--output", "locked/out.json")
    assert "cannot be written" in failed("train", "data.jsonl", "--out", "locked/new", "--scorer", "knn")


def test_what_the_system_refuses_is_one_line(here, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(HybridRouter, "save", full)
    line = failed("train", "data.jsonl", "--out", "new", "--scorer", "knn")
    assert line == "error: new: cannot be written: No space left on device"


# answers


@pytest.fixture
def server():
    pytest.importorskip("aiohttp")
    from tests.openai_server import OpenAIServer, Reply

    models = {"s": lambda request: Reply(f"small: {request.last_text}"), "l": Reply(status=400)}
    with OpenAIServer(models) as running:
        yield running


def test_infer_answers_where_the_config_says_how(here, server, monkeypatch):
    monkeypatch.setenv("KEY_OF_SMALL", "secret")
    monkeypatch.setenv("OPENAI_API_KEY", "not for this server")
    Path("config.yaml").write_text(
        f"api_endpoint: {server.base_url}\nmodel_path: {{load_model_path: router}}\n"
        "small: {name: tiny, model: s, api_key_env: KEY_OF_SMALL}\nlarge: l\n"
    )
    lines(Path("q.jsonl"), QUERIES)
    line = failed("infer", "--config", "config.yaml", "--input", "q.jsonl", "--output", "out.json", "--temp", 0.5,
                  "--max-tokens", 9)  # fmt: skip
    assert "1 of 2 queries got no answer; see 'error' in the results" in line
    small, large = json.loads(Path("out.json").read_text())
    assert (small["model"], small["model_name"], small["response"]) == ("small", "tiny", f"small: {QUERIES[0]}")
    assert (large["model_name"], large["response"]) == ("l", None)
    assert large["error"].startswith("400: ")
    sent = server.requests_for("s")[0]
    headers = {name.lower(): value for name, value in sent.headers.items()}
    assert headers["authorization"] == "Bearer secret"
    assert (sent.body["temperature"], sent.body["max_tokens"]) == (0.5, 9)
    assert all("not for this server" not in str(request.headers) for request in server.requests)


def test_route_only_asks_no_model(here, server):
    Path("config.yaml").write_text(f"api_endpoint: {server.base_url}\nsmall: s\nlarge: l\n")
    arguments = ("infer", "router", "--config", "config.yaml", "--query", QUERIES[0])
    record = json.loads(done(*arguments, "--route-only", "--json").stdout)
    assert "response" not in record
    assert record["model_name"] == "s"
    assert server.requests == []
    assert done(*arguments).stdout.splitlines()[1] == f"small: {QUERIES[0]}"


# examples of the help pages


def test_every_example_line_is_accepted(here, monkeypatch):
    """Each line of each help page runs, on files of the names it uses."""
    import shlex

    rows = RoutingDataset.read("data.jsonl")
    rows.write("dataset.jsonl")
    Path("router").unlink()
    done("train", "dataset.jsonl", "--out", "router", "--scorer", "knn", "--quiet")
    _, calibration, test = rows.split((0.6, 0.2, 0.2))
    calibration.write("held_out.jsonl")
    test.write("new_rows.jsonl")
    many = Path("many.jsonl").read_text().replace("tiny-1b", "llama-8b").replace("huge-70b", "gpt-4")
    Path("models.jsonl").write_text(many)
    Path("hybrid_llm.yaml").write_text(
        help_pages.CONFIG.replace("max_iter: 300", "max_iter: 2").replace("128, 64", "4")
    )
    Path("queries.txt").write_text("a\nb\n")
    lines(Path("queries.jsonl"), ["a"])
    pages = (help_pages.ROOT, help_pages.TRAIN, help_pages.CALIBRATE, help_pages.EVALUATE, help_pages.INFER)
    examples = [line.strip() for page in pages for line in page.splitlines() if line.startswith("  hybrid-router ")]
    elsewhere = ("hybrid-router collect", "hybrid-router label", "hybrid-router inspect")  # in their own tests
    examples = [line for line in examples if not line.startswith(elsewhere)]
    assert len(examples) == 13
    for example in examples:
        arguments = shlex.split(example)[1:]
        if arguments[0] != "calibrate" and "--query" not in arguments:
            arguments += ["--overwrite"]
        if arguments[0] == "train" and "--config" not in arguments:
            arguments += ["--scorer", "knn"]
        if "--max-quality-drop" in arguments:
            assert "no threshold" in failed(*arguments)  # 33 rows are too few for a drop of 0.02
        else:
            done(*arguments)


def test_a_report_that_goes_to_the_data_is_refused(here):
    """As with `hybrid-router inspect d.jsonl >> d.jsonl`; standard output is the file itself."""
    before = Path("data.jsonl").read_bytes()
    for arguments in (["inspect", "data.jsonl", "--no-curve"], ["evaluate", "router", "data.jsonl", "--json"]):
        with Path("data.jsonl").open("ab") as out:
            command = [sys.executable, "-m", "hybrid_router_core.cli", *arguments]
            done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 1
        assert "is an input, and standard output goes to it as well" in done.stderr
    assert Path("data.jsonl").read_bytes() == before


def test_one_file_for_two_outputs_is_refused(here):
    arguments = ["inspect", "data.jsonl", "--no-curve", "--picture", "x.png", "--html", "./x.png"]
    assert "name two files" in failed(*arguments, code=2)
    arguments = ["train", "data.jsonl", "--out", "new", "--report", "new/"]
    assert "is the folder of the router" in failed(*arguments, code=2)


def test_import_keeps_the_rows_of_a_run_that_was_stopped(here):
    Path("lab.jsonl.partial").write_text("paid\n")
    line = failed("import", "data.jsonl", "--from", "table", "--out", "lab.jsonl")
    assert "holds the results of a run that was stopped" in line
    assert Path("lab.jsonl.partial").read_text() == "paid\n"


def test_links_in_a_circle_are_no_defect(here):
    Path("loop.jsonl").symlink_to("loop.jsonl")
    done("import", "data.jsonl", "--from", "table", "--out", "loop.jsonl")  # it leads nowhere, and may be replaced
    assert len(RoutingDataset.read("loop.jsonl")) == len(RoutingDataset.read("data.jsonl"))


def test_train_says_that_small_is_better_on_average(here, toy):
    rows = [
        {"query": query, "small_quality": large, "large_quality": small}
        for query, small, large in zip(toy.queries, toy.mean_small.tolist(), toy.mean_large.tolist(), strict=True)
    ]
    lines(Path("swapped.jsonl"), rows)
    assert "are the two swapped?" in done("train", "swapped.jsonl", "--out", "new", "--scorer", "linear").stderr
    assert "swapped" not in done("train", "data.jsonl", "--out", "newer", "--scorer", "linear").stderr


def test_rows_with_columns_of_other_names_are_told_the_way_out(here):
    lines(Path("other.jsonl"), [{"prompt": "q", "small": 1, "large": 1}] * 3)
    line = failed("train", "other.jsonl", "--out", "new")
    assert "found 'prompt', 'small', 'large'" in line
    assert "hybrid-router import --from table" in line
