"""Importers: each public form, on a small file of that form; errors name the file, the line and the column."""

import csv
import importlib.util
import json
import pickle

import pytest
from typer.testing import CliRunner

from hybrid_router_core import DataError, RoutingDataset
from hybrid_router_core.cli import help_pages
from hybrid_router_core.cli.app import app
from hybrid_router_core.importers import FORMS, ImportSettings, import_files
from hybrid_router_core.importers.base import Tally

try:
    RUNNER = CliRunner(mix_stderr=False)
except TypeError:  # a newer one never mixes them
    RUNNER = CliRunner()

needs_arrow = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")
SMALL, LARGE = "mixtral-8x7b-instruct-v0.1", "gpt-4-1106-preview"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return RUNNER.invoke(app, ["import", *map(str, arguments), "--out", "out.jsonl"], catch_exceptions=False)


def done(*arguments):
    """The records that were written, and what was said."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output + result.stderr
    with open("out.jsonl", encoding="utf-8") as file:  # noqa: PTH123
        return [json.loads(line) for line in file], result.stderr


def failed(*arguments, code=1):
    result = run(*arguments)
    assert result.exit_code == code, result.output + result.stderr
    assert "Traceback" not in result.stderr
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("error: " if code == 1 else "Error: "), result.stderr
    return line


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def table(path, header, *rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


# RouteLLM's benchmarks


def test_routellm_mmlu(here):
    one = table(here / "mmlu_anatomy.csv", ["prompt", SMALL, LARGE], ["Which?\nA. x\nB. y\nAnswer:", False, True])
    two = table(here / "mmlu_college_physics.csv", ["", "prompt", SMALL, LARGE], [0, "And?", True, True])
    found, _ = done(one, two, "--from", "routellm-mmlu", "--small", SMALL, "--large", LARGE)
    assert found == [
        {"query": "Which?\nA. x\nB. y\nAnswer:", "small_quality": 0, "large_quality": 1, "group": "anatomy"},
        {"query": "And?", "small_quality": 1, "large_quality": 1, "group": "college_physics"},
    ]
    assert len(RoutingDataset.read("out.jsonl")) == 2


def test_routellm_gsm8k_without_names_keeps_all_models(here):
    header = ["prompt", SMALL, LARGE, f"{SMALL}_response", f"{LARGE}_response"]
    path = table(here / "gsm8k_responses.csv", header, ["2, and 3?", "True", "False", "5, or so", "6"])
    found, said = done(path, "--from", "routellm-gsm8k")
    assert found == [{"query": "2, and 3?", "quality": {SMALL: 1, LARGE: 0}, "group": "gsm8k"}]
    assert "pick two when training" in said
    assert len(RoutingDataset.read("out.jsonl", small=SMALL, large=LARGE)) == 1


def test_routellm_mistakes(here):
    path = table(
        here / "mmlu_x.csv", ["prompt", SMALL, LARGE], ["a", True, False], ["b", "maybe", True], ["c", "", True]
    )
    assert f"mmlu_x.csv, line 3, column '{SMALL}': found 'maybe'" in failed(path, "--from", "routellm-mmlu")
    named = ("--from", "routellm-mmlu", "--small", "mixtral", "--large", LARGE)
    good = table(here / "mmlu_y.csv", ["prompt", SMALL, LARGE], ["a", True, False])
    assert "no rows of the model 'mixtral' (small); models found: mixtral-8x7b" in failed(good, *named)
    other = table(here / "mmlu_z.csv", ["prompt", "answer_response"], ["a", "b"])
    assert "mmlu_z.csv, line 2: no column of a model found" in failed(other, "--from", "routellm-mmlu")
    gap = table(here / "mmlu_gap.csv", ["prompt", SMALL, LARGE], ["a", "", False], ["b", True, True])
    assert "given here, but empty in the first row" in failed(gap, "--from", "routellm-mmlu")


# MT-Bench


def judgement(number, model, score, turn, prompt="[Question]\nWhat is it?\n\n[The Start of Assistant's Answer]\n..."):
    judge = ["gpt-4", "single-v1"]
    return {"question_id": number, "model": model, "judge": judge, "user_prompt": prompt, "score": score, "turn": turn}


MULTI = "<|The Start of Assistant A's Conversation|>\n\n### User:\nFirst?\n\n### Assistant A:\nA.\n\n### User:\nMore?"


def test_mt_bench_averages_the_turns(here):
    rows = [
        *(judgement(101, SMALL, score, turn) for turn, score in ((1, 8), (2, 3))),
        judgement(101, LARGE, 10, 1),
        judgement(101, LARGE, -1, 2),
        judgement(102, SMALL, 4, 2, MULTI),
        judgement(102, LARGE, 6, 2, MULTI),
    ]
    path = lines(here / "judgements.jsonl", rows)
    found, _ = done(path, "--from", "mt-bench", "--small", SMALL, "--large", LARGE)
    assert found == [
        {"query": "What is it?", "small_quality": 5.5, "large_quality": 10, "id": "101"},
        {"query": "First?", "small_quality": 4, "large_quality": 6, "id": "102"},
    ]
    asked = [{"question_id": n, "category": "math", "turns": [f"Question {n}", "Then?"]} for n in (101, 102)]
    questions = lines(here / "question.jsonl", asked)
    found, _ = done(
        path, "--from", "mt-bench", "--small", SMALL, "--large", LARGE, "--questions", questions, "--overwrite"
    )
    assert [(row["query"], row["group"]) for row in found] == [("Question 101", "math"), ("Question 102", "math")]


def test_mt_bench_mistakes(here):
    path = lines(here / "j.jsonl", [judgement(1, SMALL, "high", 1)])
    assert "j.jsonl, line 1, column 'score': found 'high'" in failed(path, "--from", "mt-bench")
    path = lines(here / "k.jsonl", [judgement(1, SMALL, 5, 1), judgement(2, SMALL, 5, 1, "what?")])
    assert "k.jsonl, line 2, column 'user_prompt'" in failed(path, "--from", "mt-bench")
    questions = lines(here / "q.jsonl", [{"question_id": 7, "turns": ["x"]}])
    assert "1 is not in q.jsonl" in failed(path, "--from", "mt-bench", "--questions", "q.jsonl")
    assert questions.exists()


# Arena


def battle(a, b, winner, query="Hello?", **more):
    turns = [{"role": "user", "content": query}, {"role": "assistant", "content": "x"}]
    return {"model_a": a, "model_b": b, "winner": winner, "conversation_a": turns, "conversation_b": turns, **more}


def test_arena_battles(here):
    rows = [
        battle("s", "l", "model_a", "one", question_id="1"),
        battle("l", "s", "model_a", "two", question_id="2"),
        battle("s", "l", "tie", "three", question_id="3"),
        battle("l", "s", "tie (bothbad)", "four", question_id="4"),
        battle("l", "other", "model_b", "five", question_id="5"),
        battle("l2", "s", "s", "six", question_id="6"),
    ]
    (here / "battles.json").write_text(json.dumps(rows))
    found, said = done("battles.json", "--from", "arena", "--small", "s", "--large", "l,l2")
    qualities = {row["query"]: (row["small_quality"], row["large_quality"]) for row in found}
    assert qualities == {"one": (1, 0), "two": (0, 1), "three": (0.5, 0.5), "four": (0.5, 0.5), "six": (1, 0)}
    assert [row["id"] for row in found] == ["1", "2", "3", "4", "6"]
    assert "1 rows without a quality of both models were left out" in said


def test_arena_as_a_table(here):
    header = ["id", "model_a", "model_b", "prompt", "winner_model_a", "winner_model_b", "winner_tie"]
    path = table(
        here / "train.csv", header, ["7", "l", "s", '["Hi, you", "And?"]', 0, 1, 0], ["8", "s", "l", "Plain", 0, 0, 1]
    )
    found, _ = done(path, "--from", "arena", "--small", "s", "--large", "l")
    assert found == [
        {"query": "Hi, you", "small_quality": 1, "large_quality": 0, "id": "7"},
        {"query": "Plain", "small_quality": 0.5, "large_quality": 0.5, "id": "8"},
    ]


@needs_arrow
def test_arena_with_blocks_in_parquet(here):
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = [{"type": "text", "text": "What is this?"}, {"type": "image", "text": None}]
    row = {
        "id": "x",
        "model_a": "s",
        "model_b": "l",
        "winner": "both_bad",
        "conversation_a": [{"role": "user", "content": content}],
    }
    pq.write_table(pa.Table.from_pylist([row]), here / "b.parquet")
    found, _ = done("b.parquet", "--from", "arena", "--small", "s", "--large", "l")
    assert found[0]["query"].strip() == "What is this?"
    assert found[0]["small_quality"] == 0.5


def test_arena_mistakes(here):
    path = lines(here / "b.jsonl", [battle("s", "l", "model_a"), battle("s", "l", "model_c")])
    pair = ("--small", "s", "--large", "l")
    assert "battles need --small and --large" in failed(path, "--from", "arena", code=2)
    assert "s is on both sides" in failed(path, "--from", "arena", "--small", "s", "--large", "l,s", code=2)
    assert "b.jsonl, line 2, column 'winner': found 'model_c'" in failed(path, "--from", "arena", *pair)
    path = lines(here / "c.jsonl", [{**battle("s", "l", "tie"), "conversation_a": []}])
    assert "c.jsonl, line 1, column 'conversation_a'" in failed(path, "--from", "arena", *pair)
    path = lines(
        here / "d.jsonl", [{"model_a": "s", "model_b": "l", "winner_model_a": 1, "winner_model_b": 1, "winner_tie": 0}]
    )
    assert "exactly one of them must be 1" in failed(path, "--from", "arena", *pair)
    path = lines(here / "e.jsonl", [battle("a", "b", "tie")])
    assert "no rows of the model 's' (small); models found: a, b" in failed(path, "--from", "arena", *pair)


# LLMRouter


def routing(query, model, performance, **more):
    return {"task_name": "gsm8k", "query": query, "model_name": model, "performance": performance, **more}


PRICES = {
    "qwen2.5-7b": {"size": "7B", "input_price": 0.2, "output_price": 0.4},
    "llama3-70b": {"size": "70B", "input_price": 1, "output_price": 2},
    "mixtral": {"size": "8x7B"},
}


def test_llmrouter_with_sizes_and_prices(here):
    tokens = {"input_tokens": 1000, "output_tokens": 500, "token_num": 1500, "response_time": 1.5}
    rows = [
        routing("a", "qwen2.5-7b", 0, **tokens),
        routing("a", "llama3-70b", 1, **tokens),
        routing("a", "mixtral", 0.5, **tokens),
        routing("b", "qwen2.5-7b", 1, **tokens),
        routing("a", "qwen2.5-7b", 1, **{**tokens, "output_tokens": 1500}),
    ]
    path = lines(here / "routing.jsonl", rows)
    (here / "default_llm.json").write_text(json.dumps(PRICES))
    found, said = done(path, "--from", "llmrouter", "--llm-data", "default_llm.json")
    assert len(found) == 1
    assert found[0].pop("small_cost") == pytest.approx(1000 * 0.2e-6 + 1000 * 0.4e-6)
    assert found[0].pop("large_cost") == pytest.approx(1000 * 1e-6 + 500 * 2e-6)
    assert found == [{"query": "a", "small_quality": [0, 1], "large_quality": 1, "group": "gsm8k"}]
    assert "1 rows without a quality of both" in said
    found, _ = done(path, "--from", "llmrouter", "--overwrite")
    assert found[0]["quality"] == {"qwen2.5-7b": [0, 1], "llama3-70b": 1, "mixtral": 0.5}
    assert "cost" not in found[0]


def test_llmrouter_mistakes(here):
    path = lines(here / "r.jsonl", [routing("a", "x", 1), routing("a", "y", None)])
    assert "r.jsonl, line 2, column 'performance': found None" in failed(path, "--from", "llmrouter")
    path = lines(here / "s.jsonl", [{key: value for key, value in routing("a", "x", 1).items() if key != "query"}])
    assert "s.jsonl, line 1, column 'query'" in failed(path, "--from", "llmrouter")
    path = lines(here / "t.jsonl", [routing("a", "x", 1)])
    assert "no-such.json" in failed(path, "--from", "llmrouter", "--llm-data", "no-such.json")


# MixInstruct


def candidate(model, **scores):
    return {"decoding_method": "top_p_sampling", "model": model, "text": "...", "scores": scores}


def test_mixinstruct(here):
    rows = [
        {
            "id": "unified_chip2/1",
            "instruction": "Translate.",
            "input": "Hund",
            "output": "dog",
            "candidates": [
                candidate("vicuna", bartscore=-2.5, bleu=10.0),
                candidate("alpaca", bartscore=-3.5, bleu=1.0),
                candidate("alpaca", bartscore=-3.0, bleu=2.0),
            ],
        },
        {
            "id": "dolly_15k/2",
            "instruction": "",
            "input": "Why?",
            "candidates": json.dumps([candidate("vicuna", bartscore=-1), candidate("alpaca", bartscore=-2)]),
        },
    ]
    path = lines(here / "test_data.jsonl", rows)
    found, _ = done(path, "--from", "mixinstruct", "--small", "alpaca", "--large", "vicuna")
    assert found == [
        {
            "query": "Translate.\nHund",
            "small_quality": [-3.5, -3.0],
            "large_quality": -2.5,
            "group": "unified_chip2",
            "id": "unified_chip2/1",
        },
        {"query": "Why?", "small_quality": -2, "large_quality": -1, "group": "dolly_15k", "id": "dolly_15k/2"},
    ]
    assert "test_data.jsonl, line 2, column 'candidates[0]': no finite score 'bleu'" in failed(
        path, "--from", "mixinstruct", "--score", "bleu", "--overwrite"
    )


def test_mixinstruct_mistakes(here):
    path = lines(here / "m.jsonl", [{"instruction": "x", "candidates": [{"model": "a"}]}])
    assert "m.jsonl, line 1, column 'candidates[0]': an object with model and scores" in failed(
        path, "--from", "mixinstruct"
    )
    path = lines(here / "n.jsonl", [{"instruction": "x", "candidates": []}])
    assert "n.jsonl, line 1, column 'candidates'" in failed(path, "--from", "mixinstruct")
    path = lines(here / "o.jsonl", [{"instruction": "x", "candidates": [candidate("a", bertscore=1)]}])
    assert "Did you mean 'bertscore'" in failed(path, "--from", "mixinstruct", "--score", "bert_score")


# RouterBench


BENCH = ["sample_id", "prompt", "eval_name", "a/m-7b", "gpt-4", "a/m-7b|model_response", "gpt-4|model_response"]
BENCH += ["a/m-7b|total_cost", "gpt-4|total_cost", "oracle_model_to_route_to"]


def test_routerbench_as_csv(here):
    rows = [
        [
            "mmlu.1",
            repr(["System.", "Which is 'it'?\nA) x"]),
            "mmlu",
            "1.0",
            "0.25",
            "['A']",
            "['B']",
            "1e-05",
            "0.001",
            "a/m-7b",
        ],
        ["mmlu.2", "plain", "mmlu", "", "1", "", "", "", "0.001", "gpt-4"],
    ]
    path = table(here / "routerbench_0shot.csv", BENCH, *rows)
    found, said = done(path, "--from", "routerbench", "--small", "a/m-7b", "--large", "gpt-4")
    assert found == [
        {
            "query": "System.\n\nWhich is 'it'?\nA) x",
            "small_quality": 1,
            "large_quality": 0.25,
            "small_cost": 1e-05,
            "large_cost": 0.001,
            "group": "mmlu",
            "id": "mmlu.1",
        }
    ]
    assert "1 rows without" in said
    found, _ = done(path, "--from", "routerbench", "--overwrite")
    assert found[0]["cost"] == {"a/m-7b": 1e-05, "gpt-4": 0.001}


@needs_arrow
def test_routerbench_as_parquet(here):
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = dict(zip(BENCH, ["1", "q", "mmlu", 1.0, float("nan"), "x", "y", 0.5, 0.25, "z"]))
    pq.write_table(pa.Table.from_pylist([row]), here / "rb.parquet")
    found, _ = done("rb.parquet", "--from", "routerbench")
    assert found[0]["quality"] == {"a/m-7b": 1.0}
    (here / "bad.parquet").write_bytes(b"PAR1 nothing")
    assert "bad.parquet, record 1: not a readable .parquet file" in failed(
        "bad.parquet", "--from", "routerbench", "--overwrite"
    )


def test_routerbench_mistakes(here):
    (here / "rb.pkl").write_bytes(pickle.dumps({}))
    assert "rb.pkl: a pickle can run any code" in failed("rb.pkl", "--from", "routerbench")
    path = table(here / "rb.csv", BENCH, ["1", "q", "mmlu", "good", "1", "x", "y", "0", "0", "z"])
    assert "rb.csv, line 2, column 'a/m-7b': found 'good'" in failed(path, "--from", "routerbench")
    path = table(here / "rc.csv", BENCH, ["1", "q", "mmlu", "0", "1", "x", "y", "-1", "0", "z"])
    assert "rc.csv, line 2, column 'a/m-7b|total_cost'" in failed(path, "--from", "routerbench")


# Tables, and data sets of the library datasets


def test_a_table_with_other_names(here):
    path = table(
        here / "t.csv", ["prompt", "weak", "strong", "price"], ["a", "0.5", "[1, 0]", "0.1"], ["b", "1", "1", ""]
    )
    columns = ["query=prompt", "small_quality=weak", "large_quality=strong", "large_cost=price"]
    given = [part for column in columns for part in ("--column", column)]
    found, _ = done(path, "--from", "table", *given)
    assert found == [
        {"query": "a", "small_quality": 0.5, "large_quality": [1, 0], "large_cost": 0.1},
        {"query": "b", "small_quality": 1, "large_quality": 1},
    ]
    assert "t.csv, line 2, column 'small_quality': missing" in failed(
        path, "--from", "table", *given[:2], "--overwrite"
    )
    assert "not one of query" in failed(path, "--from", "table", "--column", "prompt=query", "--overwrite", code=2)
    assert "give OURS=THEIRS" in failed(path, "--from", "table", "--column", "query", "--overwrite", code=2)


def save_by_hand(folder, rows):
    """As `datasets` writes a Dataset: Arrow streams, and their names in state.json."""
    import pyarrow as pa

    folder.mkdir(parents=True)
    half = max(len(rows) // 2, 1)
    names = []
    for i, part in enumerate((rows[:half], rows[half:])):
        found = pa.Table.from_pylist(part, schema=pa.Table.from_pylist(rows).schema)
        names.append(f"data-{i:05}-of-00002.arrow")
        with pa.OSFile(str(folder / names[-1]), "wb") as sink, pa.ipc.new_stream(sink, found.schema) as writer:
            writer.write_table(found)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (folder / "dataset_info.json").write_text("{}")


ROWS = [{"query": f"q{i}", "quality": {"a": float(i), "b": [1.0, 0.0][i % 2]}, "more": [i]} for i in range(5)]


@needs_arrow
def test_a_saved_data_set(here):
    save_by_hand(here / "saved", ROWS)
    (here / "saved" / "cache-123.arrow").write_bytes(b"not of the data")
    found, _ = done("saved", "--from", "table", "--small", "a", "--large", "b")
    assert [(row["query"], row["small_quality"]) for row in found] == [(f"q{i}", i) for i in range(5)]


@needs_arrow
def test_a_saved_data_set_with_splits(here):
    for name, rows in (("train", ROWS[:3]), ("test", ROWS[3:])):
        save_by_hand(here / "both" / name, rows)
    (here / "both" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert len(done("both", "--from", "table")[0]) == 3
    assert len(done("both", "--from", "table", "--split", "test", "--overwrite")[0]) == 2
    assert "no split 'dev'; give --split, one of train, test" in failed(
        "both", "--from", "table", "--split", "dev", "--overwrite"
    )
    (here / "empty").mkdir()
    assert "no .arrow or .parquet files" in failed("empty", "--from", "table", "--overwrite")


@needs_arrow
def test_a_folder_of_parquet_files_as_on_the_hub(here):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (here / "repo" / "data").mkdir(parents=True)
    for name, rows in (("train-00000-of-00002", ROWS[:2]), ("train-00001-of-00002", ROWS[2:3]), ("test", ROWS[3:])):
        pq.write_table(pa.Table.from_pylist(rows), here / "repo" / "data" / f"{name}.parquet")
    assert [row["query"] for row in done("repo", "--from", "table")[0]] == ["q0", "q1", "q2"]
    assert len(done("repo", "--from", "table", "--split", "test", "--overwrite")[0]) == 2
    assert "of the split 'dev'" in failed("repo", "--from", "table", "--split", "dev", "--overwrite")
    for path in (here / "repo" / "data").glob("train*"):
        path.rename(path.with_name(path.name.replace("train", "dev")))
    assert "several splits; give --split, one of dev, test" in failed("repo", "--from", "table", "--overwrite")


@needs_arrow
def test_what_the_library_datasets_saves(here):
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    whole = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict(train=whole, test=whole.select([1, 2])).save_to_disk("hub")
    assert len(done("hub", "--from", "table")[0]) == 5
    found, _ = done("hub", "--from", "table", "--split", "test", "--small", "a", "--large", "b", "--overwrite")
    assert [row["query"] for row in found] == ["q1", "q2"]


# All forms


def test_the_help_names_every_form():
    page = RUNNER.invoke(app, ["import", "--help"]).output
    assert all(f"  {name} " in page for name in FORMS)
    assert all(form.source for form in FORMS.values())


def test_the_examples_of_the_help_page_name_forms_and_options():
    text = help_pages.IMPORT.replace("\\\n", " ")
    examples = [line.split() for line in text.splitlines() if line.startswith("  hybrid-router import")]
    assert len(examples) == 3
    for example in examples:
        assert example[example.index("--from") + 1] in FORMS
        assert {part for part in example if part.startswith("--")} <= set(
            RUNNER.invoke(app, ["import", "-h"]).output.split()
        )


def test_mistakes_of_any_form(here):
    path = lines(here / "x.jsonl", [{"a": 1}])
    assert "no such file" in failed("nothing.jsonl", "--from", "arena", "--small", "a", "--large", "b")
    assert "Did you mean 'routerbench'" in failed(path, "--from", "routerbech", code=2)
    assert "--large is missing" in failed(path, "--from", "table", "--small", "a", code=2)
    assert "two different models" in failed(path, "--from", "table", "--small", "a", "--large", "a", code=2)
    assert "--score means nothing in the form arena; it is for mixinstruct" in failed(
        path, "--from", "arena", "--score", "bleu", code=2
    )
    (here / "empty.jsonl").write_text("")
    assert "no rows found" in failed("empty.jsonl", "--from", "table")
    (here / "broken.jsonl").write_text('{"query": ')
    assert "broken.jsonl, line 1: invalid JSON" in failed("broken.jsonl", "--from", "table")
    lines(here / "list.jsonl", [[1]])
    assert "list.jsonl, line 1: found list" in failed("list.jsonl", "--from", "table")
    assert not (here / "out.jsonl").exists()
    assert not (here / "out.jsonl.partial").exists()


def test_rows_come_one_at_a_time(here):
    path = lines(here / "x.jsonl", [{"query": "a", "small_quality": 1, "large_quality": 0}, {"query": "b"}])
    rows = import_files([path], "table", ImportSettings())
    assert next(rows) == {"query": "a", "small_quality": 1, "large_quality": 0}
    with pytest.raises(ValueError, match="line 2, column 'small_quality'"):
        next(rows)


# --- what a table of people's own holds


def imported(tmp_path, rows, **settings):
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tally = Tally()
    return list(import_files([tmp_path / "t.jsonl"], "table", ImportSettings(**settings), tally)), tally


def test_words_say_a_quality(tmp_path):
    rows = [{"query": "a", "small_quality": small, "large_quality": large} for small, large in
            (("yes", "No"), ("correct", "wrong"), ("win", "loss"), ("tie", "tie"), (True, "false"))]  # fmt: skip
    found, _ = imported(tmp_path, rows)
    pairs = [(row["small_quality"], row["large_quality"]) for row in found]
    assert pairs == [(1, 0), (1, 0), (1, 0), (0.5, 0.5), (1, 0)]


def test_preferences_without_texts(tmp_path):
    winners = ("small", "Large", "tie", "nano", "full")
    rows = [{"prompt": "a", "better": winner} for winner in winners]
    columns = {"query": "prompt", "winner": "better"}
    found, _ = imported(tmp_path, rows, small="nano", large="full", columns=columns)
    assert [(row["small_quality"], row["large_quality"]) for row in found] == [
        (1, 0),
        (0, 1),
        (0.5, 0.5),
        (1, 0),
        (0, 1),
    ]
    with pytest.raises(
        DataError, match=r"column 'better': found 'me' .*; small, large, 'nano', 'full' or tie is needed"
    ):
        imported(tmp_path, [{"prompt": "a", "better": "me"}], small="nano", large="full", columns=columns)


def test_rows_without_a_quality_are_left_out_and_counted_and_names_may_be_missing(tmp_path):
    row = {"query": "a", "small_quality": 1, "large_quality": 0}
    found, tally = imported(tmp_path, [row | {"group": "g"}, row | {"small_quality": None}, row])
    assert [(row.get("group"), row["small_quality"]) for row in found] == [("g", 1), (None, 1)]
    assert (tally.rows, tally.without_pair) == (2, 1)
    turns = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]
    assert imported(tmp_path, [{"messages": turns, "small_quality": 1, "large_quality": 0}])[0][0]["query"] == "hello"
