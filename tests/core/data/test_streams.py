"""Reading a piece at a time: the same rows as all at once, in memory that does not grow."""

import gzip
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hybrid_router_core import DataError, HybridRouter, RoutingDataset
from hybrid_router_core.data import in_chunks, read_data_chunks, read_queries, read_query_rows

QUERIES = ["What is photosynthesis?", "Why, then?", "Größe", "a,b"]


def files(folder):
    """The same queries in every form."""
    objects = [{"query": query, "note": 7} for query in QUERIES]
    (folder / "a.txt").write_text("\ufeff" + "\n\n".join(QUERIES) + "\n", encoding="utf-8")
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in objects))
    (folder / "b.jsonl").write_text("".join(json.dumps(query) + "\n" for query in QUERIES))
    (folder / "a.json").write_text(json.dumps(objects))
    (folder / "a.csv").write_text("note,query\n" + "".join(f'7,"{query}"\n' for query in QUERIES), encoding="utf-8")
    pq.write_table(pa.table({"query": QUERIES, "note": [7] * len(QUERIES)}), folder / "a.parquet")
    for name in ("a.txt", "a.jsonl", "a.json", "a.csv"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
    return sorted(folder.iterdir())


def test_every_form_gives_the_same_queries(tmp_path):
    paths = files(tmp_path)
    assert len(paths) == 10
    for path in paths:
        assert list(read_queries(path)) == QUERIES, path


def test_rows_keep_what_stands_beside_a_query(tmp_path):
    for path in files(tmp_path):
        _, rows = read_query_rows(path)
        records = [record for _, record in rows]
        assert len(records) == len(QUERIES)
        if path.name.startswith("a") and ".txt" not in path.name:
            assert all(int(record["note"]) == 7 for record in records), path


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "a.txt: no queries found"),
        ("a.txt", b"a\n\xff\n", "a.txt, line 2: not UTF-8 text"),
        ("a.txt.gz", gzip.compress(b"a\n" * 9000)[:40], "the packed data end early"),
        ("a.csv", b"question\nWhy?\n", "a.csv, line 2: the key 'query' is missing; keys found: 'question'"),
        ("a.jsonl", b'{"query": 3}\n', "a.jsonl, line 1: 'query' is a number"),
        ("a.xml", b"<a/>", "unknown suffix '.xml'; allowed are .txt, .jsonl"),
        ("a.parquet", b"PAR?", "not a readable Parquet file"),
    ],
)
def test_mistakes_name_the_place(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        list(read_queries(tmp_path / name))
    assert message in str(caught.value)


def test_parquet_without_the_column(tmp_path):
    pq.write_table(pa.table({"question": QUERIES}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"the column 'query' is missing; columns found: 'question'"):
        list(read_queries(tmp_path / "a.parquet"))


def test_chunks_hold_what_the_whole_holds(tmp_path, toy):
    toy.write(tmp_path / "data.jsonl")
    parts = list(read_data_chunks(tmp_path / "data.jsonl", size=50))
    assert [len(part) for part in parts] == [50, 50, 50, 18]
    assert [query for part in parts for query in part.queries] == toy.queries
    assert [group for part in parts for group in part.groups] == toy.groups
    exact = list(read_data_chunks(tmp_path / "data.jsonl", size=84))
    assert [len(part) for part in exact] == [84, 84]


def test_chunks_of_many_models(tmp_path):
    rows = [{"query": f"q{i}", "quality": {"a": i, "b": [1, 2], "c": 0}} for i in range(5)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    first, second = read_data_chunks(tmp_path / "data.jsonl", small="a", large="b", size=3)
    assert first.small_quality.tolist() == [[0], [1], [2]]
    assert second.large_quality.tolist() == [[1, 2], [1, 2]]


def test_a_bad_row_in_a_later_chunk_and_no_rows(tmp_path):
    good = json.dumps({"query": "q", "small_quality": 1, "large_quality": 1})
    (tmp_path / "bad.jsonl").write_text(f"{good}\n{good}\n{good}\n{{}}\n")
    chunks = read_data_chunks(tmp_path / "bad.jsonl", size=2)
    assert len(next(chunks)) == 2
    with pytest.raises(DataError, match=r"bad\.jsonl, line 4"):
        next(chunks)
    (tmp_path / "none.jsonl").write_text("")
    with pytest.raises(DataError, match="no rows found"):
        next(read_data_chunks(tmp_path / "none.jsonl"))


def test_in_chunks_takes_no_more_than_it_gives():
    taken = []
    chunks = in_chunks((taken.append(i) or i for i in range(10)), 4)
    assert next(chunks) == [0, 1, 2, 3]
    assert taken == [0, 1, 2, 3]
    assert list(chunks) == [[4, 5, 6, 7], [8, 9]]


MEASURE = """
import resource, sys
from hybrid_router_core.cli.app import app
try:
    app(sys.argv[1:])
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def peak(*arguments):
    """Kilobytes (bytes on macOS) at the peak of a command in a process of its own."""
    done = subprocess.run([sys.executable, "-c", MEASURE, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1]) / (1024 if sys.platform == "darwin" else 1)


@pytest.mark.skipif(sys.platform == "win32", reason="no getrusage")
def test_infer_takes_memory_that_does_not_grow_with_the_file(tmp_path, trained):
    router = trained.save(tmp_path / "router")
    for name, rows in (("few", 10_000), ("many", 60_000)):
        queries = [f"What is the capital of {name} {i}?" for i in range(rows)]
        pq.write_table(pa.table({"query": queries, "long": ["x" * 500] * rows}), tmp_path / f"{name}.parquet")
    few, many = (
        peak("infer", router, "--input", tmp_path / f"{name}.parquet", "--output", tmp_path / f"{name}.jsonl")
        for name in ("few", "many")
    )
    assert many < few + 30_000
    lines = (tmp_path / "many.jsonl").read_text().splitlines()
    assert len(lines) == 60_000
    assert json.loads(lines[-1])["query"] == "What is the capital of many 59999?"
    loaded = HybridRouter.load(router)
    assert json.loads(lines[0])["score"] == pytest.approx(loaded.score(["What is the capital of many 0?"])[0])


def test_a_data_set_reads_as_before(tmp_path, toy):
    toy.write(tmp_path / "data.jsonl.gz")
    assert RoutingDataset.read(tmp_path / "data.jsonl.gz").queries == toy.queries


@pytest.mark.parametrize(
    ("piped", "queries"),
    [
        ("What is it?\n\nWhy, then?\n", ["What is it?", "Why, then?"]),
        ('{"query": "a"}\n"b"\n', ["a", "b"]),
        ('["a", "b"]', ["a", "b"]),
        ("id,query\n1,a\n2,b\n", ["a", "b"]),
        ("query\na\nb\n", ["a", "b"]),
        ('\ufeff{"query": "a"}\n', ["a"]),
    ],
)
def test_stdin_holds_texts_json_or_a_table(piped, queries):
    code = (
        "from pathlib import Path; from hybrid_router_core.data import read_queries; print([*read_queries(Path('-'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], input=piped, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(queries)
