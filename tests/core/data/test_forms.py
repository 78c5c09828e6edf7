"""The same rows in every form that people have: packed, in tables of many kinds, through pipes, in other encodings."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pyarrow
import pyarrow.feather
import pytest

from hybrid_router_core import DataError, RoutingDataset
from hybrid_router_core.data import opening, read_data_chunks, read_queries, read_rows

ROWS = [
    {"query": "Wie heißt 中国?", "small_quality": 0.5, "large_quality": 1.0, "group": "a"},
    {"query": "two\nlines, and; marks\t|", "small_quality": -1.25, "large_quality": 0.0, "group": "b"},
    {"query": 'she said "no"', "small_quality": 0.75, "large_quality": 0.25, "group": "a"},
]
JSONL = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()


def same(data):
    assert data.queries == [row["query"] for row in ROWS]
    np.testing.assert_array_equal(data.mean_small, [row["small_quality"] for row in ROWS])
    np.testing.assert_array_equal(data.mean_large, [row["large_quality"] for row in ROWS])
    assert data.groups == ["a", "b", "a"]
    return True


def zstd(raw):
    return pyarrow.compress(raw, "zstd", asbytes=True)


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson"])
@pytest.mark.parametrize(("packed", "pack"), [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress),
                                              (".xz", lzma.compress), (".zst", zstd)])  # fmt: skip
def test_packed(tmp_path, suffix, packed, pack):
    path = tmp_path / f"a{suffix}{packed}"
    path.write_bytes(pack(JSONL))
    assert same(RoutingDataset.read(path))
    assert list(read_queries(path)) == [row["query"] for row in ROWS]
    if packed:
        path.write_bytes(pack(JSONL)[:-9])
        with pytest.raises(DataError, match=r"line \d: (the packed data|cannot be read|invalid JSON|no rows)|no rows"):
            RoutingDataset.read(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-sig", "utf-16-be-sig"])
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv"])
def test_encodings_that_say_what_they_are(tmp_path, encoding, suffix):
    pandas = pytest.importorskip("pandas", reason="pandas writes the table")
    table = pandas.DataFrame(ROWS).to_csv(index=False)
    text = {".jsonl": JSONL.decode(), ".json": json.dumps(ROWS, ensure_ascii=False), ".csv": table}[suffix]
    path = tmp_path / f"a{suffix}"
    path.write_bytes(("\ufeff" + text).encode(encoding[:9]) if encoding.endswith("e-sig") else text.encode(encoding))
    assert same(RoutingDataset.read(path))


def test_latin_1_is_refused_with_the_command_that_turns_it(tmp_path):
    (tmp_path / "a.jsonl").write_bytes('{"query": "heiß"}\n'.encode("latin-1"))
    with pytest.raises(DataError, match=r"line 1: not UTF-8 text .*iconv -f LATIN1 -t UTF-8 OLD > NEW"):
        RoutingDataset.read(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    "whole",
    [
        {"data": ROWS},
        {"version": 1, "rows": ROWS},
        {name: [row[name] for row in ROWS] for name in ROWS[0]},
        {name: {str(i): row[name] for i, row in enumerate(ROWS)} for name in ROWS[0]},
        ROWS,
    ],
)
def test_json_objects_that_hold_a_table(tmp_path, whole):
    (tmp_path / "a.json").write_text(json.dumps(whole, indent=1))
    assert same(RoutingDataset.read(tmp_path / "a.json"))


@pytest.mark.parametrize("whole", [{"a": ROWS, "b": ROWS}, {"query": ["a"], "small_quality": []}, {"query": "a"}, {}])
def test_json_objects_that_hold_none(tmp_path, whole):
    (tmp_path / "a.json").write_text(json.dumps(whole))
    with pytest.raises(DataError, match=r"line 1: a \.json file holds a list of objects"):
        RoutingDataset.read(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("suffix", "delimiter"), [(".csv", ","), (".csv", ";"), (".csv", "\t"), (".tsv", "\t"), (".csv", "|")]
)
@pytest.mark.parametrize("index", [False, True])
def test_delimiters(tmp_path, suffix, delimiter, index):
    pandas = pytest.importorskip("pandas", reason="pandas writes the table")
    path = tmp_path / f"a{suffix}"
    pandas.DataFrame(ROWS).to_csv(path, sep=delimiter, index=index)
    assert same(RoutingDataset.read(path))  # the column of pandas' index goes without a word


def test_decimal_commas_where_semicolons_part(tmp_path):
    pandas = pytest.importorskip("pandas", reason="pandas writes the table")
    pandas.DataFrame(ROWS).to_csv(tmp_path / "a.csv", sep=";", decimal=",", index=False)
    assert same(RoutingDataset.read(tmp_path / "a.csv"))


@pytest.mark.parametrize("suffix", [".feather", ".arrow", ".parquet"])
def test_arrow(tmp_path, suffix):
    table = pyarrow.Table.from_pylist([*ROWS])
    path = tmp_path / f"a{suffix}"
    if suffix == ".feather":
        pyarrow.feather.write_feather(table, path)
    elif suffix == ".arrow":
        with pyarrow.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)
    else:
        pytest.importorskip("pandas", reason="pandas writes the table")
        table.to_pandas().set_index("group", drop=False).rename_axis(None).to_parquet(path)
    assert same(RoutingDataset.read(path))
    path.write_bytes(b"no such thing")
    with pytest.raises(DataError, match=r"record 1: not a readable (Arrow|Parquet) file"):
        RoutingDataset.read(path)


def test_excel_or_how_to_get_it(tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas", reason="pandas writes the table")
    path = tmp_path / "a.xlsx"
    pandas.DataFrame(ROWS).to_excel(path, index=False)
    assert same(RoutingDataset.read(path))
    path.write_bytes(b"PK")
    with pytest.raises(DataError, match="not a readable Excel file"):
        RoutingDataset.read(path)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"needs pandas and openpyxl: pip install pandas openpyxl\. Or save"):
        RoutingDataset.read(path)


def test_a_named_pipe_that_is_filled_again_is_read_again(tmp_path):
    path = tmp_path / "a.jsonl"
    os.mkfifo(path)
    for text in ("first", "second"):
        line = json.dumps({"query": text, "small_quality": 1, "large_quality": 1}).encode() + b"\n"
        writer = threading.Thread(target=path.write_bytes, args=(line,))
        writer.start()
        latest = time.monotonic() + 10
        while (found := RoutingDataset.read(path).queries) != [text]:  # the writer may not have begun
            assert time.monotonic() < latest, found
        writer.join(10)
        assert RoutingDataset.read(path).queries == [text]  # nobody wrote meanwhile


def test_columns_as_pandas_writes_them_are_joined_by_their_index(tmp_path):
    path = tmp_path / "a.json"
    columns = {"query": {"0": "a", "1": "b"}, "small_quality": {"1": 0.25, "0": 0.5}, "large_quality": {"0": 1, "1": 1}}
    path.write_text(json.dumps(columns))
    data = RoutingDataset.read(path)
    assert dict(zip(data.queries, data.mean_small.tolist(), strict=True)) == {"a": 0.5, "b": 0.25}
    path.write_text(json.dumps({**columns, "small_quality": {"0": 0.5, "7": 0.25}}))
    with pytest.raises(DataError, match="columns of one length"):
        RoutingDataset.read(path)


def test_a_column_that_is_there_twice_is_named(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow writes the table")
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist(ROWS)
    parquet.write_table(
        pyarrow.table([*table.columns, table.column(0)] * 1, names=[*table.column_names, table.column_names[0]]),
        tmp_path / "a.parquet",
    )
    with pytest.raises(DataError, match="column 'query' is there twice"):
        RoutingDataset.read(tmp_path / "a.parquet")


def test_a_named_pipe_may_be_looked_at_and_read(tmp_path):
    path = tmp_path / "a.jsonl"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(JSONL * 500,))
    writer.start()
    _, rows = read_rows(path)
    assert next(iter(rows))[1] == ROWS[0]
    assert len(RoutingDataset.read(path)) == 1500
    assert sum(len(chunk) for chunk in read_data_chunks(path)) == 1500
    writer.join()


@pytest.mark.parametrize(
    "text", [JSONL.decode(), json.dumps(ROWS), "query,small_quality,large_quality\n" + "a,1,0\n" * 3]
)
def test_stdin(text):
    code = "from hybrid_router_core import RoutingDataset; print(len(RoutingDataset.read('-')))"
    run = subprocess.run([sys.executable, "-c", code], input=text.encode(), capture_output=True, check=True)
    assert run.stdout == b"3\n"


@pytest.mark.parametrize("path", [None, 3, ["a.jsonl"], ROWS, {"query": "a"}, b"a"])
def test_what_is_no_path(path):
    with pytest.raises(DataError, match=r"read takes the path of a file, got .*from_records\(rows\)"):
        RoutingDataset.read(path)


@pytest.mark.parametrize("records", ["a", b"a", {"query": "a"}, 3, None])
def test_what_are_no_records(records):
    with pytest.raises(DataError, match="from_records takes a list of dicts"):
        RoutingDataset.from_records(records)


# --- bounds


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".txt"])
def test_one_endless_line_is_refused_by_name(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(opening, "LONGEST_LINE", 1 << 16)
    monkeypatch.setattr("hybrid_router_core.data.json_rows.LONGEST_LINE", 1 << 16)
    text = json.dumps(ROWS[0] | {"query": "a" * (1 << 17)})
    text = {".json": f"[{text}]", ".csv": "query,small_quality,large_quality\n" + "a" * (1 << 17)}.get(suffix, text)
    (tmp_path / f"a{suffix}").write_text(text)
    with pytest.raises(DataError, match=r"line \d: the (line|object) is longer than"):
        list(read_queries(tmp_path / f"a{suffix}"))


def test_a_bomb_of_one_line_takes_no_memory(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wb", 1) as file:
        for _ in range(200):
            file.write(b" " * (1 << 20))
    code = (
        "import resource, sys\nfrom hybrid_router_core import RoutingDataset, DataError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"try: RoutingDataset.read({str(path)!r})\nexcept DataError as error: print(error)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "line 1: the line is longer than 16 MB" in run.stdout
    assert int(run.stderr) < 120  # MB


def test_a_json_file_that_is_too_large_names_the_other_form(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "LARGEST_FILE", 1 << 10)
    (tmp_path / "a.json").write_text(json.dumps(ROWS * 20))
    with pytest.raises(DataError, match=r"write one object a line, as \.jsonl"):
        RoutingDataset.read(tmp_path / "a.json")


GARBAGE = [
    b"\x00\x00\n",
    b'{"query": "a\x00"}\r\r\n',
    b"\xff\xfe{",
    b"\xfe\xff\xd8\x00\n",
    b'"' * 99,
    b"[" * 99_999,
    b"NaN\n",
]
SUFFIXES = [".jsonl", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".jsonl.zst", ".csv.xz", ".json.bz2"]


@pytest.mark.parametrize("raw", [*GARBAGE, b"\n" * 99])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_garbage_is_one_error(tmp_path, suffix, raw):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(raw)
    with pytest.raises(DataError, match="a"):
        RoutingDataset.read(path)
    with pytest.raises(DataError, match="a"):
        list(read_data_chunks(path))
