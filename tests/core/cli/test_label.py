"""``hybrid-router label``: from responses to a data set, and nothing that was paid for is lost."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hybrid_router_core import MissingExtraError, RoutingDataset
from hybrid_router_core.cli import help_pages
from hybrid_router_core.cli.app import app
from hybrid_router_core.quality import METRICS, make_metric
from tests.openai_server import OpenAIServer, Reply

QUIZ = Path(__file__).parents[3] / "examples" / "data" / "quiz.jsonl.gz"

try:
    RUNNER = CliRunner(mix_stderr=False)
except TypeError:  # a newer one never mixes them
    RUNNER = CliRunner()


def needs_a_client():
    """Skips where the extra 'collect' is not installed."""
    try:
        make_metric("judge", model="http://127.0.0.1:9/v1#j").close()
    except MissingExtraError as error:
        pytest.skip(str(error))


def run(*arguments):
    return RUNNER.invoke(app, ["label", *map(str, arguments)], catch_exceptions=False)


def done(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output + result.stderr
    return result


def failed(*arguments, code=1):
    result = run(*arguments)
    assert result.exit_code == code, result.output + result.stderr
    assert "Traceback" not in result.stderr
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("error: " if code == 1 else "Error: "), result.stderr
    return line


def row(query="q", small=("a",), large=("b",), answers=("b",), cost=None, **more):
    def side(texts):
        return {"responses": [{"text": text, **({} if cost is None else {"cost": cost})} for text in texts]}

    accepted = {} if answers is None else {"answers": list(answers)}
    return {"query": query, **accepted, **more, "small": side(small), "large": side(large)}


def lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_recorded_quiz_gives_its_figures(here):
    result = done(QUIZ, "--metric", "answer_match", "--out", "quiz.jsonl")
    assert "804 rows, measured by answer_match (0 to 1)" in result.stderr
    assert "small 0.1085, large 0.4235" in result.stderr
    data = RoutingDataset.read("quiz.jsonl")
    assert data.small_quality.shape == (804, 4)
    assert (round(data.mean_small.mean(), 4), round(data.mean_large.mean(), 4)) == (0.1085, 0.4235)
    assert len(set(data.groups)) == 16
    assert data.ids[0] == "quiz-0000"


def test_samples_costs_group_and_id_are_kept(here):
    lines(here / "r.jsonl", [row(small=["a", "b"], large=["b"], cost=0.5, group="g", id="1")])
    done("r.jsonl", "--metric", "exact_match", "--out", "d.jsonl", "--quiet")
    (found,) = records(here / "d.jsonl")
    assert found == {
        "id": "1",
        "query": "q",
        "small_quality": [0.0, 1.0],
        "large_quality": 1.0,
        "group": "g",
        "small_cost": 0.5,
        "large_cost": 0.5,
    }


def test_the_summary_for_a_program(here):
    lines(here / "r.jsonl", [row(), row(answers=None)])
    found = json.loads(done("r.jsonl", "--metric", "exact_match", "--out", "d.jsonl", "--json", "-q").stdout)
    assert found["rows"] == found["without_reference"] == 1
    assert (found["small_quality"], found["large_quality"], found["small_good_enough"]) == (0, 1, 0)


def test_rows_without_an_accepted_answer_are_left_out_and_told(here):
    lines(here / "r.jsonl", [row(), row("other", answers=None), row("third", answers=[])])
    result = done("r.jsonl", "--metric", "contains", "--out", "d.jsonl")
    assert "2 rows without an accepted answer were left out (first at line 2)" in result.stderr
    assert "judge" in result.stderr
    assert [found["query"] for found in records(here / "d.jsonl")] == ["q"]
    lines(here / "none.jsonl", [row(answers=None)])
    assert "none of the 1 rows has an accepted answer; give them" in failed(
        "none.jsonl", "--metric", "contains", "--out", "e.jsonl"
    )


def test_groups_that_only_some_rows_have_are_left_out_and_told(here):
    lines(here / "r.jsonl", [row(group="g", id="1"), row("other", id="2")])
    result = done("r.jsonl", "--metric", "contains", "--out", "d.jsonl")
    assert "group was left out, since only 1 of 2 rows have one" in result.stderr
    assert [found.keys() & {"group", "id"} for found in records(here / "d.jsonl")] == [{"id"}, {"id"}]
    assert len(RoutingDataset.read(here / "d.jsonl")) == 2


def test_a_function_of_the_working_folder(here):
    (here / "my_label_metric.py").write_text(
        "def size(query, response, references):\n    return len(response) or None\n"
    )
    lines(here / "r.jsonl", [row(small=["abc", ""], answers=None), row("empty", small=[""], answers=None)])
    result = done("r.jsonl", "--metric", "my_label_metric:size", "--option", "low=0", "--out", "d.jsonl")
    assert [found["small_quality"] for found in records(here / "d.jsonl")] == [3.0]
    assert "2 of 5 samples got no verdict" in result.stderr
    assert "1 rows got no quality on one side" in result.stderr
    assert "my_label_metric:size (0 to inf)" in result.stderr


def test_workers_give_the_same(here):
    lines(here / "r.jsonl", [row(f"q{i}", small=[str(i % 3)] * 2, answers=["1"]) for i in range(300)])
    done("r.jsonl", "--metric", "numeric", "--out", "one.jsonl", "-q")
    done("r.jsonl", "--metric", "numeric", "--out", "two.jsonl", "-q", "--jobs", 2)
    assert (here / "one.jsonl").read_bytes() == (here / "two.jsonl").read_bytes()


def test_a_metric_that_tells_nothing_apart_is_told(here):
    lines(here / "r.jsonl", [row()])
    result = done("r.jsonl", "--metric", "choice", "--out", "d.jsonl")
    assert "every answer got 0" not in result.stderr  # large is b, as accepted
    lines(here / "r.jsonl", [row(large=["Paris"], answers=["Rome"])])
    result = done("r.jsonl", "--metric", "contains", "--out", "d.jsonl", "--overwrite")
    assert "every answer got 0: is this the right metric for these answers?" in result.stderr


def test_the_examples_of_the_help_page_run(here):
    lines(here / "responses.jsonl", [row()])
    (here / "my_metrics.py").write_text("def politeness(query, response, references):\n    return 0.5\n")
    examples = [line.split() for line in help_pages.LABEL.splitlines() if line.startswith("  hybrid-router label")]
    assert len(examples) == 3
    for example in examples:
        if "judge" not in example:  # it asks OpenAI
            done(*example[2:], "--overwrite")
    named = set(re.findall(r"^  ([a-z_]+)  ", help_pages.LABEL, re.MULTILINE))
    assert named == METRICS.keys()


# Mistakes


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing.jsonl", "--metric", "contains", "--out", "d.jsonl"], 1, "nothing.jsonl: no such file"),
        (["r.jsonl", "--metric", "contans", "--out", "d.jsonl"], 2, "Did you mean 'contains'"),
        (
            ["r.jsonl", "--metric", "numeric", "--option", "tolerence=1", "--out", "d.jsonl"],
            2,
            "Did you mean 'tolerance'",
        ),
        (["r.jsonl", "--metric", "numeric", "--option", "tolerance", "--out", "d.jsonl"], 2, "give KEY=VALUE"),
        (["r.jsonl", "--metric", "contains", "--out", "d.csv"], 2, "name a .jsonl file"),
        (["r.jsonl", "--metric", "contains", "--out", "r.jsonl"], 1, "would be written over the input"),
        (["r.jsonl", "--metric", "contains", "--out", "no/d.jsonl"], 1, "there is no folder no"),
        (["r.jsonl", "--metric", "contains", "--out", "d.jsonl", "--resume"], 1, "nothing to resume"),
        (["r.jsonl", "--metric", "nowhere:f", "--out", "d.jsonl"], 2, "there is no module 'nowhere'"),
        (["bad.jsonl", "--metric", "contains", "--out", "d.jsonl"], 1, "bad.jsonl, line 2, column 'large'"),
        (["data.jsonl", "--metric", "contains", "--out", "d.jsonl"], 1, "data.jsonl, line 1, column 'small'"),
        (["r.jsonl", "--metric", "judge", "--out", "d.jsonl"], 2, "judge needs the option 'model'"),
    ],
)
def test_mistakes_are_one_line(here, arguments, code, message):
    lines(here / "r.jsonl", [row()])
    lines(here / "bad.jsonl", [row(), {key: value for key, value in row().items() if key != "large"}])
    lines(here / "data.jsonl", [{"query": "q", "small_quality": 1, "large_quality": 1}])
    assert message in failed(*arguments, code=code)
    assert not (here / "d.jsonl").exists()
    assert not (here / "d.jsonl.partial").exists()


# Judges: paid work


def grade(request):
    return Reply(json.dumps({"reason": "r", "grade": 2 if "[answer" in request.last_text else 1}))


def test_a_judge_on_a_server(here):
    needs_a_client()
    lines(here / "r.jsonl", [row(f"q{i}", answers=None) for i in range(20)])
    with OpenAIServer({"j": grade}) as server:
        model = f"model={server.base_url}#j"
        result = done("r.jsonl", "--metric", "judge", "--option", model, "--out", "d.jsonl")
        assert len(server.requests) == 40
    assert "20 rows, measured by judge (1 to 10)" in result.stderr
    assert "40 verdicts asked for" in result.stderr
    assert {found["small_quality"] for found in records(here / "d.jsonl")} == {2}


def test_comparing_gives_both_sides(here):
    needs_a_client()
    lines(here / "r.jsonl", [row(small=["win", "x", "third"], large=["x", "x"], answers=None)])

    def prefer_win(request):
        first = request.last_text.split("[end of answer A")[0]
        return Reply(json.dumps({"reason": "", "better": "A" if "win" in first else "B"}))

    with OpenAIServer({"j": prefer_win}) as server:
        pair = ("--option", f"model={server.base_url}#j", "--option", "mode=compare")
        done("r.jsonl", "--metric", "judge", *pair, "--out", "d.jsonl")
    (found,) = records(here / "d.jsonl")
    assert (found["small_quality"], found["large_quality"]) == ([1.0, 0.5], [0.0, 0.5])


def test_a_run_that_fails_leaves_its_rows_and_goes_on(here):
    needs_a_client()
    lines(here / "r.jsonl", [row(f"query {i:02}", answers=None, id=str(i)) for i in range(40)])

    def out_of_money(request):
        return Reply("no more money", status=401) if "query 20" in request.last_text else grade(request)

    with OpenAIServer({"j": out_of_money}) as server:
        arguments = ("r.jsonl", "--metric", "judge", "--option", f"model={server.base_url}#j", "--out", "d.jsonl")
        result = run(*arguments)
        assert result.exit_code == 1
        assert "the rows so far are in d.jsonl.partial; the same command with --resume goes on" in result.stderr
        kept = (here / "d.jsonl.partial").read_bytes()
        assert kept.count(b"\n") == 16
        assert "holds the rows of a run that was stopped; add --resume" in failed(*arguments)
        other = ("r.jsonl", "--metric", "contains", "--out", "d.jsonl", "--resume")
        assert "its rows are of judge model=" in failed(*other)
        server.models["j"] = grade
        before = len(server.requests)
        with (here / "d.jsonl.partial").open("ab") as file:
            file.write(b'{"query": "cut off by a ki')
        done(*arguments, "--resume")
        asked = [int(re.findall(r"query (\d\d)", request.last_text)[0]) for request in server.requests[before:]]
        assert set(asked) == set(range(16, 40))  # a request of the first run may still have been on its way
    assert [found["id"] for found in records(here / "d.jsonl")] == [str(i) for i in range(40)]
    assert (here / "d.jsonl").read_bytes().startswith(kept)
    assert not list(here.glob("d.jsonl.*"))


def test_rows_of_another_file_are_not_taken(here):
    lines(here / "r.jsonl", [row()])
    lines(here / "d.jsonl.partial", [{"query": "another", "small_quality": 1, "large_quality": 1}])
    arguments = ("r.jsonl", "--metric", "contains", "--out", "d.jsonl")
    assert "its rows are not from r.jsonl" in failed(*arguments, "--resume")
    done(*arguments, "--overwrite")
    assert [found["query"] for found in records(here / "d.jsonl")] == ["q"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="SIGKILL is not there")
def test_a_killed_run_keeps_the_rows_of_whole_pieces(here):
    needs_a_client()
    lines(here / "r.jsonl", [row(f"query {i:03}", answers=None) for i in range(160)])

    def slow(request):
        time.sleep(0.01)
        return grade(request)

    with OpenAIServer({"j": slow}) as server:
        command = [
            "label",
            "r.jsonl",
            "--metric",
            "judge",
            "--option",
            f"model={server.base_url}#j",
            "--out",
            "d.jsonl",
        ]
        process = subprocess.Popen(
            [sys.executable, "-m", "hybrid_router_core.cli", *command], stderr=subprocess.DEVNULL
        )
        while len(server.requests) < 120:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.3)  # the server still reads what was sent before
        kept = len(records(here / "d.jsonl.partial"))
        asked = len(server.requests)
        assert asked / 2 - 17 <= kept
        server.models["j"] = grade
        assert run(*command[1:], "--resume").exit_code == 0
        assert len(server.requests) - asked == 2 * (160 - kept)
    found = [found["query"] for found in records(here / "d.jsonl")]
    assert found == [f"query {i:03}" for i in range(160)]


# Size


def test_memory_does_not_grow_with_the_file(here):
    def peak(rows):
        with (here / "big.jsonl").open("w") as file:
            for i in range(rows):
                file.write(json.dumps(row(f"query {i} " + "x" * 200)) + "\n")
        tracemalloc.start()
        done("big.jsonl", "--metric", "answer_match", "--out", "big_d.jsonl", "-q", "--overwrite")
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    small, large = peak(600), peak(3000)
    assert large < small * 1.5 + 1e6


def test_a_metric_that_is_better_when_lower_is_turned_round(here):
    (here / "my_cost_metric.py").write_text(
        "def words(query, response, references):\n    return len(response.split())\n"
    )
    lines(here / "r.jsonl", [row(small=["one two"], large=["one"], answers=None)])
    done("r.jsonl", "--metric", "my_cost_metric:words", "--option", "direction=lower", "--out", "d.jsonl", "-q")
    (found,) = records(here / "d.jsonl")
    assert (found["small_quality"], found["large_quality"]) == (-2, -1)
    assert not math.isinf(found["small_quality"])


# Answers that are none, and metrics that fail


def test_empty_answers_are_not_measured_and_are_told(here):
    """As the first version kept them: "" is no wrong answer."""
    lines(here / "r.jsonl", [row(small=["b", ""], answers=["b"]), row("other", small=[" \n"], answers=["b"])])
    result = done("r.jsonl", "--metric", "contains", "--out", "d.jsonl")
    assert [found["small_quality"] for found in records(here / "d.jsonl")] == [1.0]
    assert "2 of 5 samples got no verdict" in result.stderr
    assert (
        "2 small answers are empty (first at line 1): an empty one is no answer, and was not measured" in result.stderr
    )
    found = json.loads(done("r.jsonl", "--metric", "contains", "--out", "e.jsonl", "--json", "-q").stdout)
    assert found["empty"] == {"small": 2, "large": 0}
    lines(here / "none.jsonl", [row(small=[""])])
    assert "all 1 answers of small are empty, so there is nothing to measure" in failed(
        "none.jsonl", "--metric", "contains", "--out", "f.jsonl"
    )


def test_cut_off_answers_are_told(here):
    record = row()
    record["large"]["responses"][0]["finish_reason"] = "length"
    lines(here / "r.jsonl", [record])
    result = done("r.jsonl", "--metric", "contains", "--out", "d.jsonl")
    assert "1 large answers were cut off by a length limit and measured as they are" in result.stderr


def test_empty_answers_are_no_question_to_a_judge(here):
    needs_a_client()
    lines(here / "r.jsonl", [row(small=["", "x"], large=["y", ""], answers=None)])
    with OpenAIServer({"j": grade}) as server:
        for mode, asked in (("grade", 2), ("compare", 0)):
            before = len(server.requests)
            model = ("--option", f"model={server.base_url}#j", "--option", f"mode={mode}")
            result = run("r.jsonl", "--metric", "judge", *model, "--out", f"{mode}.jsonl")
            assert result.exit_code == (mode == "compare")
            assert len(server.requests) - before == asked
    assert "no row got a quality on both sides" in result.stderr


def test_when_no_verdict_can_be_read_the_error_is_about_the_judge(here):
    needs_a_client()
    lines(here / "r.jsonl", [row(answers=None)])
    with OpenAIServer({"j": Reply("eleven")}) as server:
        arguments = ("--metric", "judge", "--option", f"model={server.base_url}#j", "--out", "d.jsonl")
        line = failed("r.jsonl", *arguments)
    assert "no row got a quality on both sides, and nothing was written; judge http" in line
    assert "6 verdicts asked for, 6 could not be read, such as 'eleven'; 2 questions got none" in line


@pytest.mark.parametrize("known", ["json_object", "text"])
def test_a_judge_behind_a_server_without_json_schema(here, known):
    needs_a_client()
    lines(here / "r.jsonl", [row(f"q{i}", answers=None) for i in range(6)])

    def judge(request):
        form = request.body.get("response_format", {}).get("type", "text")
        if form not in (known, "text"):
            return Reply(f"response_format type {form} is not supported", status=400)
        return Reply('Sure!\n```json\n{"reason": "r", "grade": "7"}\n```')

    with OpenAIServer({"j": judge}) as server:
        model = (f"model={server.base_url}#j", "--option", "concurrency=1")
        result = done("r.jsonl", "--metric", "judge", "--option", *model, "--out", "d.jsonl")
        assert len(server.requests) == 12 + (1 if known == "json_object" else 2)  # learned once
    assert "12 verdicts asked for, 0 could not be read" in result.stderr


def test_a_function_that_raises_is_named_with_its_place_and_without_the_query(here):
    (here / "my_broken_metric.py").write_text("def f(query, response, references):\n    raise ValueError(query)\n")
    (here / "my_unreadable_metric.py").write_text("def f(:\n")
    (here / "my_lacking_metric.py").write_text("import not_there_at_all\n")
    lines(here / "r.jsonl", [row("very private")])
    line = failed("r.jsonl", "--metric", "my_broken_metric:f", "--out", "d.jsonl")
    assert "my_broken_metric:f raised ValueError (my_broken_metric.py, line 2)" in line
    assert "private" not in line
    line = failed("r.jsonl", "--metric", "my_unreadable_metric:f", "--out", "d.jsonl", code=2)
    assert "importing my_unreadable_metric raised SyntaxError (my_unreadable_metric.py, line 1)" in line
    line = failed("r.jsonl", "--metric", "my_lacking_metric:f", "--out", "d.jsonl", code=2)
    assert "my_lacking_metric needs the module 'not_there_at_all'" in line


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--metric", "contains", "--jobs", "0"], 2, "--jobs 0: give a number of processes"),
        (["--metric", "judge", "--option", "sk-proj-0123456789abcdef"], 2, "--option '***': give KEY=VALUE"),
        (["--metric", "judge", "--option", "model=http://h/v1#m", "--option", "timeout=soon"], 2, "timeout='soon'"),
        (["--metric", "judge", "--option", "model=http://h/v1#m", "--option", "temperature=9"], 2, "temperature=9"),
        (["--metric", "judge", "--option", "model=http://h/v1#m", "--option", "max_tokens=-1"], 2, "max_tokens=-1"),
        (["--metric", "judge", "--option", "model=http://h/v1#m", "--option", "criteria=7"], 2, "criteria=7"),
        (["--metric", "judge", "--option", "model=http://h/v1#m?key=hush"], 2, "judge: no keys in the address"),
        (["--metric", "math:sqrt", "--option", "low=a", "--option", "high=2"], 2, "low='a': a number is needed"),
    ],
)
def test_settings_are_checked_before_anything_is_read(here, words, code, message):
    assert message in failed("not-there.jsonl", *words, "--out", "d.jsonl", code=code)


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_the_output_is_never_the_input_through_links_either(here, link):
    lines(here / "r.jsonl", [row()])
    getattr(here / "link.jsonl", link)(here / "r.jsonl")
    before = (here / "r.jsonl").read_bytes()
    assert "would be written over the input" in failed(
        "r.jsonl", "--metric", "contains", "--out", "link.jsonl", "--overwrite"
    )
    assert (here / "r.jsonl").read_bytes() == before
