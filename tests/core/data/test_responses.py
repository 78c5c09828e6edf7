"""The format of responses.jsonl: what goes in comes out, and a bad row is named by line and column."""

import gzip
import itertools
import json
import tracemalloc
from pathlib import Path

import pytest

from hybrid_router_core import DataError
from hybrid_router_core.data import Response, ResponseRow, Side, read_responses
from hybrid_router_core.data.response_rows import parse_row
from hybrid_router_core.data.responses import write_responses

QUIZ = Path(__file__).parents[3] / "examples" / "data" / "quiz.jsonl.gz"
GOOD = {"query": "2 + 2?", "small": {"responses": [{"text": "5"}]}, "large": {"responses": [{"text": "4"}]}}


def row(number=0):
    small = Side((Response("5", 12, 1, 0.25, "stop", 0.001), Response("")), "tiny")
    return ResponseRow(f"{number} + 2?", small, Side((Response("4\n…"),)), "a", "sums", ("4", "four"), {"source": [1]})


@pytest.mark.parametrize("name", ["responses.jsonl", "responses.jsonl.gz"])
def test_written_rows_are_read_again(tmp_path, name):
    rows = [row(), ResponseRow("lone \ud800", Side((Response("a"),)), Side((Response("b"),), seconds=1.5))]
    assert write_responses(tmp_path / name, rows) == 2
    assert list(read_responses(tmp_path / name)) == rows
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert next(read_responses(tmp_path / name)).line == 1


def test_the_file_is_plain(tmp_path):
    write_responses(tmp_path / "r.jsonl", [row()])
    record = json.loads((tmp_path / "r.jsonl").read_text(encoding="utf-8"))
    assert record["small"]["responses"][1] == {"text": ""}
    assert list(record) == ["id", "query", "answers", "group", "source", "small", "large"]


@pytest.mark.skipif(not QUIZ.exists(), reason="needs the examples")
def test_the_quiz_of_the_examples_is_of_this_form():
    rows = list(read_responses(QUIZ))
    assert rows[0].small.seconds is not None
    assert rows[0].answers
    with gzip.open(QUIZ, "rt", encoding="utf-8") as file:
        assert [row.to_json() for row in rows] == [json.loads(line) for line in file]


def test_means_and_texts():
    assert row().small.texts == ["5", ""]
    assert row().small.mean_cost == 0.001
    assert row().large.mean_cost is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query": " "}, "column 'query': found ' ' (str), but non-empty text is needed"),
        ({"small": None}, "column 'small': missing; an object"),
        ({"small": {"responses": []}}, "column 'small.responses': found [] (list), but a list of at least one"),
        (
            {"large": {"response": []}},
            "column 'large': unknown key 'response'; allowed are responses, model, seconds. ",
        ),
        ({"large": {"responses": [{"txt": "a"}]}}, "column 'large.responses[0]': unknown key 'txt'"),
        ({"large": {"responses": [{"text": None}]}}, "column 'large.responses[0].text': missing; text is needed"),
        ({"large": {"responses": ["a"]}}, "column 'large.responses[0]': found 'a' (str)"),
        ({"small": {"responses": [{"text": "a", "cost": -1}]}}, "'small.responses[0].cost': found -1 (int)"),
        ({"small": {"responses": [{"text": "a", "prompt_tokens": 1.5}]}}, "a whole number ≥ 0 is needed"),
        ({"small": {"responses": [{"text": "a", "seconds": True}]}}, "a finite number ≥ 0 is needed"),
        ({"answers": "4"}, "column 'answers': found '4' (str), but a list of texts is needed"),
        ({"id": 7}, "column 'id': found 7 (int), but non-empty text is needed"),
    ],
)
def test_a_bad_row_is_named_by_line_and_column(tmp_path, change, message):
    path = tmp_path / "r.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in (GOOD, {**GOOD, **change})))
    rows = read_responses(path)
    assert next(rows).query == "2 + 2?"
    with pytest.raises(DataError) as caught:
        next(rows)
    assert str(caught.value).startswith(f"{path}, line 2, ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("r.jsonl", "", "no rows found"),
        ("r.jsonl", "{", "line 1: invalid JSON"),
        ("r.jsonl", "[]", "line 1: found [] (list), but an object"),
        ("r.csv", "a", "unknown suffix '.csv'; allowed are .jsonl, .jsonl.gz"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as caught:
        list(read_responses(tmp_path / name))
    assert message in str(caught.value)


def test_no_such_file_is_said_before_the_first_row(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_responses(tmp_path / "r.jsonl")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "r.jsonl"
    write_responses(path, [row()])
    before = path.read_bytes()

    def broken():
        yield row()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_responses(path, broken())
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["r.jsonl"]
    with pytest.raises(DataError, match="cannot be written"):
        write_responses(tmp_path / "none" / "r.jsonl", [row()])
    with pytest.raises(DataError, match="unknown suffix"):
        write_responses(tmp_path / "r.txt", [row()])


def test_rows_stream(tmp_path):
    path = tmp_path / "r.jsonl"
    write_responses(path, (row(number) for number in range(5000)))
    tracemalloc.start()
    try:
        read = write_responses(tmp_path / "copy.jsonl", itertools.islice(read_responses(path), 5000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == 5000
    assert peak < 8e6


def test_parse_row_without_a_file():
    assert parse_row(GOOD).small.texts == ["5"]
