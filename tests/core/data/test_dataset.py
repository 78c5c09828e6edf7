from __future__ import annotations

import csv
import gzip
import json
import os
import pickle
import sys
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_router_core import ConfigError, DataError, MissingExtraError, RoutingDataset
from hybrid_router_core.data import read_data_chunks
from hybrid_router_core.data.hashes import query_hash, query_hashes

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
GOOD: dict[str, Any] = {"query": "a", "small_quality": 0.5, "large_quality": 1.0}
MANY: dict[str, Any] = {"query": "a", "quality": {"tiny": 0.5, "mid": [0.1, 0.2], "huge": 1}, "cost": {"tiny": 0.01}}
INF = float("inf")

relaxed = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
queries = st.text(min_size=1, max_size=8).filter(lambda text: bool(text.strip()))
floats = st.floats(-1e6, 1e6)
qualities = st.one_of(floats, st.lists(floats, min_size=1, max_size=4))


@st.composite
def records(draw: st.DrawFn, *, min_size: int = 1, groups: bool | None = None) -> list[dict[str, Any]]:
    n = draw(st.integers(min_size, max(12, min_size)))
    with_group = draw(st.booleans()) if groups is None else groups
    with_id = draw(st.booleans())
    rows = []
    for _ in range(n):
        row = {"query": draw(queries), "small_quality": draw(qualities), "large_quality": draw(qualities)}
        if with_group:
            row["group"] = draw(st.sampled_from(["x", "y", "z", "Ω 1"]))
        if with_id:
            row["id"] = draw(st.text(min_size=1, max_size=3))
        for name in ("small_cost", "large_cost"):
            if draw(st.booleans()):
                row[name] = draw(st.floats(0, 1e6))
        rows.append(row)
    return rows


def many_rows(n: int = 400, groups: int = 0) -> list[dict[str, Any]]:
    rows = [{"query": f"query {i}", "small_quality": i / n, "large_quality": 1.0} for i in range(n)]
    return [row | {"group": f"g{i % groups}"} for i, row in enumerate(rows)] if groups else rows


def assert_same(a: RoutingDataset, b: RoutingDataset) -> None:
    assert (a.queries, a.groups, a.ids) == (b.queries, b.groups, b.ids)
    for name in ("small_quality", "large_quality", "small_cost", "large_cost"):
        x, y = getattr(a, name), getattr(b, name)
        assert (x is None) == (y is None), name
        if x is not None:
            assert x.dtype == y.dtype == np.float64
            np.testing.assert_array_equal(x, y)


def put(path: Path, text: str | bytes) -> Path:
    raw = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def jsonl(path: Path, *rows: Any) -> Path:
    return put(path, "".join(row + "\n" if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))


def as_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(names)
        for row in rows:
            cells = [row.get(name, "") for name in names]
            writer.writerow([json.dumps(cell) if isinstance(cell, (list, dict)) else cell for cell in cells])
    return path


# --- what a data set is


def test_shapes_and_padding() -> None:
    data = RoutingDataset.from_records(
        [
            {"query": "one", "small_quality": 0.25, "large_quality": [1, 0.5]},
            {"query": "two", "small_quality": [0.5, 1.0, 0.0], "large_quality": [0.25], "small_cost": 0.5},
        ]
    )
    assert data.small_quality.shape == (2, 3)
    assert data.large_quality.shape == (2, 2)
    np.testing.assert_array_equal(data.small_quality, [[0.25, np.nan, np.nan], [0.5, 1.0, 0.0]])
    np.testing.assert_array_equal(data.large_quality, [[1.0, 0.5], [0.25, np.nan]])
    np.testing.assert_array_equal(data.mean_small, [0.25, 0.5])
    np.testing.assert_array_equal(data.mean_large, [0.75, 0.25])
    np.testing.assert_array_equal(data.gap, [-0.5, 0.25])
    assert data.small_cost is not None
    np.testing.assert_array_equal(data.small_cost, [np.nan, 0.5])
    assert data.large_cost is None
    assert data.groups is None
    assert data.ids is None
    assert len(data) == 2


def test_one_sample_is_one_column_whichever_way_it_is_written() -> None:
    data = RoutingDataset.from_records([GOOD, GOOD | {"small_quality": [0.5]}])
    assert data.small_quality.shape == (2, 1)


def test_repr_is_short_and_shows_no_query() -> None:
    data = RoutingDataset.from_records([GOOD | {"query": "secret", "group": "g", "small_cost": 1}])
    assert repr(data) == "RoutingDataset(1 rows, samples=(1, 1), groups=1, costs)"


def test_is_frozen_and_picklable() -> None:
    data = RoutingDataset.from_records([GOOD | {"id": "1"}])
    with pytest.raises(AttributeError):
        data.queries = []  # type: ignore[misc]
    assert_same(pickle.loads(pickle.dumps(data)), data)  # noqa: S301


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"queries": ["a", " "]}, r"queries\[1\] is empty or not text"),
        ({"small_quality": [1.0]}, r"small_quality has shape \(1, 1\) for 2 queries"),
        ({"small_quality": [[], []]}, r"small_quality has shape \(2, 0\)"),
        ({"large_quality": [1.0, INF]}, r"large_quality\[1\] is infinite or has no number"),
        ({"large_quality": [[np.nan], [1.0]]}, r"large_quality\[0\] is infinite or has no number"),
        ({"large_quality": ["x", "y"]}, "large_quality is not an array of numbers"),
        ({"small_cost": [1.0]}, r"small_cost has shape \(1,\)"),
        ({"large_cost": [1.0, -1.0]}, r"large_cost\[1\] is -1.0; a finite number"),
        ({"groups": ["g"]}, "groups needs a non-empty text for each of the 2 queries"),
        ({"ids": ["g", 1]}, "ids needs a non-empty text for each"),
    ],
)
def test_the_constructor_checks_too(fields: dict[str, Any], message: str) -> None:
    good = {"queries": ["a", "b"], "small_quality": np.ones(2), "large_quality": np.ones((2, 1))}
    assert RoutingDataset(**good).small_quality.shape == (2, 1)
    with pytest.raises(DataError, match=message):
        RoutingDataset(**(good | fields))


def test_take_and_index() -> None:
    data = RoutingDataset.from_records(
        [GOOD | {"query": str(i), "group": f"g{i}", "id": f"i{i}", "small_cost": i} for i in range(5)]
    )
    taken = data.take([3, 0, 3])
    assert (taken.queries, taken.groups, taken.ids) == (["3", "0", "3"], ["g3", "g0", "g3"], ["i3", "i0", "i3"])
    assert taken.small_cost is not None
    np.testing.assert_array_equal(taken.small_cost, [3, 0, 3])
    assert data[1:3].queries == ["1", "2"]
    assert data[::-2].queries == ["4", "2", "0"]
    assert data[np.array([True, False, False, False, True])].queries == ["0", "4"]
    assert data[[-1]].queries == ["4"]
    assert len(data[:0]) == len(data.take([])) == len(data.take([]).gap) == 0


def test_take_refuses_what_is_not_a_position() -> None:
    data = RoutingDataset.from_records([GOOD])
    with pytest.raises(IndexError):
        data.take([1])
    for wrong in ([0.5], [True], 0):
        with pytest.raises(IndexError, match="vector of integers"):
            data.take(wrong)
    with pytest.raises(TypeError, match=r"data\[i : i \+ 1\]"):
        data[0]
    with pytest.raises(TypeError):
        list(data)  # type: ignore[call-overload]
    with pytest.raises(IndexError):
        data[np.array([True, False])]


# --- hashes


def test_query_hash_is_the_documented_one() -> None:
    assert query_hash(" what\n is  it ") == int.from_bytes(blake2b(b"what is it").digest()[:8], "little")
    assert query_hash("what is it") == 0xFEC876995C1D3716  # never to change: artifacts keep these
    assert query_hash("café") == query_hash(unicodedata.normalize("NFD", "café"))
    assert query_hash("A") != query_hash("a")
    hashes = query_hashes(["a", "b\x00", "\ud800"])
    assert hashes.dtype == np.uint64
    assert hashes.tolist() == [query_hash("a"), query_hash("b\x00"), query_hash("\ud800")]
    assert query_hashes([]).shape == (0,)


@given(st.lists(queries, min_size=1, max_size=5))
def test_query_hashes_of_a_data_set(texts: list[str]) -> None:
    data = RoutingDataset(texts, np.ones(len(texts)), np.ones(len(texts)))
    np.testing.assert_array_equal(data.query_hashes, query_hashes(texts))
    np.testing.assert_array_equal(query_hashes([f"\t {text}\n" for text in texts]), query_hashes(texts))


# --- split


@relaxed
@given(st.integers(0, 2**63), st.randoms(use_true_random=False))
def test_split_is_disjoint_covers_and_does_not_depend_on_the_order(seed: int, random: Any) -> None:
    rows = many_rows(200)
    rows += [rows[i] | {"query": f"  query\t{i} ", "large_quality": 0.0} for i in range(0, 200, 3)]
    data = RoutingDataset.from_records(rows)
    parts = data.split((0.6, 0.2, 0.2), seed=seed)
    hashes = [set(part.query_hashes.tolist()) for part in parts]
    assert sum(map(len, parts)) == len(data)
    assert sum(map(len, hashes)) == len(set().union(*hashes)) == 200
    position = {key: i for i, key in enumerate(zip(data.queries, data.large_quality[:, 0].tolist(), strict=True))}
    for part in parts:
        places = [position[key] for key in zip(part.queries, part.large_quality[:, 0].tolist(), strict=True)]
        assert places == sorted(places)
    shuffled = list(range(len(rows)))
    random.shuffle(shuffled)
    for part, again in zip(parts, data.take(shuffled).split((0.6, 0.2, 0.2), seed=seed), strict=True):
        assert sorted(part.queries) == sorted(again.queries)


def test_a_part_can_be_split_again_with_the_same_seed() -> None:
    train, rest = RoutingDataset.from_records(many_rows(400)).split((0.6, 0.4))
    calibration, test = rest.split((0.5, 0.5))
    assert (len(train), len(calibration), len(test)) == (240, 80, 80)


def test_split_sizes_seed_and_rest() -> None:
    data = RoutingDataset.from_records(many_rows(4000))
    assert [len(part) for part in data.split((0.5, 0.3, 0.2))] == [2000, 1200, 800]
    assert data.split((0.5, 0.5), seed=1)[0].queries != data.split((0.5, 0.5), seed=2)[0].queries
    assert data.split((0.5, 0.5), seed=1)[0].queries == data.split((0.5, 0.1), seed=1)[0].queries
    (some,) = data.split([0.25])
    assert len(some) == 1000
    assert sum(map(len, data.split((0.7, 0.2, 0.1)))) == sum(map(len, data.split([0.1] * 10))) == 4000


@relaxed
@given(st.integers(0, 1000), st.integers(6, 40), st.randoms(use_true_random=False))
def test_split_by_group_keeps_groups_whole(seed: int, groups: int, random: Any) -> None:
    data = RoutingDataset.from_records(many_rows(240, groups=groups))
    parts = data.split((0.5, 0.5), seed=seed, by="group")
    names = [set(part.groups or ()) for part in parts]
    assert not names[0] & names[1]
    assert sum(map(len, parts)) == 240
    assert abs(len(parts[0]) - 120) <= 240 / groups  # half of the group in the middle, and rounding
    shuffled = list(range(240))
    random.shuffle(shuffled)
    for part, again in zip(parts, data.take(shuffled).split((0.5, 0.5), seed=seed, by="group"), strict=True):
        assert sorted(part.queries) == sorted(again.queries)


@relaxed
@given(records(min_size=12, groups=True), st.integers(0, 5))
def test_split_by_group_keeps_duplicates_together(rows: list[dict[str, Any]], seed: int) -> None:
    apart = [GOOD | {"query": f"apart {i}", "group": f"apart {i}"} for i in range(200)]
    rows = [{name: cell for name, cell in row.items() if name != "id"} for row in rows]
    parts = RoutingDataset.from_records(rows + apart).split((0.5, 0.5), seed=seed, by="group")
    assert not set(parts[0].groups or ()) & set(parts[1].groups or ())
    assert not set(parts[0].query_hashes.tolist()) & set(parts[1].query_hashes.tolist())


def test_groups_in_a_chain_of_shared_queries_stay_together() -> None:
    chain = [GOOD | {"query": f"link {i + j}", "group": f"chain {i:02}"} for i in range(50) for j in (0, 1)]
    other = [GOOD | {"query": f"other {i}", "group": f"other {i}"} for i in range(100)]
    for seed in range(5):
        parts = RoutingDataset.from_records(chain + other).split((0.5, 0.5), seed=seed, by="group")
        assert sorted(sum(g.startswith("chain") for g in part.groups or ()) for part in parts) == [0, 100]


def test_large_groups_go_to_the_largest_part_so_that_others_hold_many() -> None:
    """Sizes as of MMLU's subjects, one of which has a tenth of all questions."""
    sizes = [1500, 900, 800, 750, 600, *[100 + 17 * k for k in range(25)], *[100] * 25]
    rows = [GOOD | {"query": f"{k} {i}", "group": f"subject {k}"} for k, size in enumerate(sizes) for i in range(size)]
    data = RoutingDataset.from_records(rows)
    for seed in range(10):
        parts = data.split((0.6, 0.2, 0.2), seed=seed, by="group")
        assert sum(map(len, parts)) == len(data)
        for part, share in zip(parts, (0.6, 0.2, 0.2), strict=True):
            assert len(part) / len(data) == pytest.approx(share, abs=0.04)
            names, counts = np.unique(part.groups or (), return_counts=True)
            assert len(names) >= 8
            if share < 0.5:
                assert counts.max() <= 0.26 * len(part)


def test_a_group_larger_than_any_part_goes_to_the_largest() -> None:
    rows = [GOOD | {"query": f"q {i}", "group": "large" if i < 900 else f"one {i}"} for i in range(1000)]
    for seed in range(5):
        with pytest.warns(UserWarning, match="uneven, 50, 900, 50 rows"):
            parts = RoutingDataset.from_records(rows).split((0.2, 0.6, 0.2), seed=seed, by="group")
        assert [len(part) for part in parts] == [50, 900, 50]


def test_queries_that_tie_all_groups_are_named_as_the_cause() -> None:
    rows = [GOOD | {"query": f"q {i}", "group": f"g{i % 20}"} for i in range(400)]
    rows += [GOOD | {"query": "How do I log in?", "group": f"g{i}"} for i in range(20)]
    with pytest.raises(DataError, match=r"in 20 groups, of which queries that are in several leave 1 .* leave such"):
        RoutingDataset.from_records(rows).split((0.6, 0.2, 0.2), by="group")


def test_parts_that_whole_groups_make_uneven_are_told() -> None:
    rows = [GOOD | {"query": f"q {i}", "group": "huge" if i < 950 else f"one {i}"} for i in range(1000)]
    with pytest.warns(
        UserWarning, match=r"the parts uneven, 950, 25, 25 rows; the largest group, 'huge', has 950 of 1000"
    ):
        RoutingDataset.from_records(rows).split((0.6, 0.2, 0.2), by="group")


@pytest.mark.parametrize("seed", [1.5, True, None, "a"])
def test_seeds_that_are_not(seed: Any) -> None:
    with pytest.raises(ConfigError, match=r"seed=.*an integer is needed"):
        RoutingDataset.from_records(many_rows()).split((0.5, 0.5), seed=seed)


def test_a_blank_group_is_none() -> None:
    with pytest.warns(UserWarning, match="1 row without group"):
        data = RoutingDataset.from_records([GOOD | {"group": " \t"}, GOOD | {"query": "b", "group": "x"}])
    assert data.groups is not None
    assert data.groups[1] == "x"


def test_a_group_has_one_spelling() -> None:
    data = RoutingDataset(["a", "b", "c"], np.ones(3), np.ones(3), ["caf\u00e9", " cafe\u0301", "cafe\u0301\t "])
    assert data.groups == ["caf\u00e9"] * 3
    with pytest.raises(DataError, match="non-empty text"):
        RoutingDataset(["a"], np.ones(1), np.ones(1), [" "])


def test_split_of_groups_refuses_what_cannot_be() -> None:
    with pytest.raises(DataError, match=r'has no groups; add a column "group", or use by="query"'):
        RoutingDataset.from_records([GOOD]).split((0.5, 0.5), by="group")
    with pytest.raises(DataError, match=r'part \d of 2 .* would be empty; .* 9 rows in 1 groups\. .*by="query"'):
        RoutingDataset.from_records(many_rows(9, groups=1)).split((0.5, 0.5), by="group")


def test_an_empty_part_is_an_error_with_a_remedy() -> None:
    data = RoutingDataset.from_records([GOOD, GOOD])
    with pytest.raises(DataError, match=r"part \d of 2 \(fraction 0.5\) would be empty; .* 2 rows\. Give more rows"):
        data.split((0.5, 0.5))


@pytest.mark.parametrize("fractions", [(), (0.5, 0), (0.5, -0.1), (0.6, 0.6), (np.nan,), (INF,), 0.5, ("a",), (True,)])
def test_fractions_that_are_not(fractions: Any) -> None:
    with pytest.raises(ConfigError, match="numbers above 0 with a sum of at most 1"):
        RoutingDataset.from_records(many_rows()).split(fractions)


def test_by_that_is_not() -> None:
    with pytest.raises(ConfigError, match="by='rows'; allowed are 'query', 'group'"):
        RoutingDataset.from_records(many_rows()).split((0.5, 0.5), by="rows")  # type: ignore[arg-type]


# --- the forms and the formats


@relaxed
@given(records(), st.sampled_from(["a.jsonl", "a.jsonl.gz", "A.JSONL"]))
def test_write_and_read_give_the_same(tmp_path: Path, rows: list[dict[str, Any]], name: str) -> None:
    data = RoutingDataset.from_records(rows)
    data.write(tmp_path / name)
    assert_same(RoutingDataset.read(tmp_path / name), data)


def test_write_form_and_errors(tmp_path: Path) -> None:
    rows = [GOOD, {"query": "\ud800 ü\u2028\n", "small_quality": [1, 0.1], "large_quality": 2.0, "large_cost": 3.0}]
    data = RoutingDataset.from_records(rows)
    data.write(tmp_path / "a.jsonl")
    lines = (tmp_path / "a.jsonl").read_bytes().decode().split("\n")
    assert lines[0] == '{"query": "a", "small_quality": 0.5, "large_quality": 1.0}'
    assert json.loads(lines[1]) == rows[1]
    assert_same(RoutingDataset.read(tmp_path / "a.jsonl"), data)
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        data.write(tmp_path / name)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    with pytest.raises(DataError, match=r"unknown suffix '.csv'; allowed are .jsonl, .jsonl.gz"):
        data.write(tmp_path / "a.csv")
    with pytest.raises(DataError, match="cannot be written"):
        data.write(tmp_path / "none" / "a.jsonl")


@relaxed
@given(records())
def test_the_many_model_form_gives_the_same(rows: list[dict[str, Any]]) -> None:
    many = []
    for row in rows:
        cost = {model: row[f"{model}_cost"] for model in ("small", "large") if f"{model}_cost" in row}
        quality = {"other": None, "small": row["small_quality"], "large": row["large_quality"]}
        rest = {name: row[name] for name in ("group", "id") if name in row}
        many.append({"query": row["query"], "quality": quality, **({"cost": cost} if cost else {}), **rest})
    pair = RoutingDataset.from_records(rows)
    assert_same(RoutingDataset.from_records(many, small="small", large="large"), pair)


@relaxed
@given(records(), st.sampled_from(["", ".gz"]))
def test_json_and_jsonl_hold_the_same(tmp_path: Path, rows: list[dict[str, Any]], gz: str) -> None:
    data = RoutingDataset.from_records(rows)
    put(tmp_path / f"a.json{gz}", json.dumps(rows, indent=2))
    assert_same(RoutingDataset.read(tmp_path / f"a.json{gz}"), data)
    jsonl(tmp_path / f"a.jsonl{gz}", *rows)
    assert_same(RoutingDataset.read(tmp_path / f"a.jsonl{gz}"), data)


@relaxed
@given(records(), st.booleans())
def test_csv_holds_the_same(tmp_path: Path, rows: list[dict[str, Any]], packed: bool) -> None:
    # The csv module of Python 3.10 reads no NUL and writes no lone surrogate.
    for row in rows:
        for name in ("query", "id"):
            if name in row:
                row[name] = row[name].replace("\x00", "0").encode("utf-8", "replace").decode()
    path = as_csv(tmp_path / "a.csv", rows)
    if packed:
        path = put(tmp_path / "a.csv.gz", path.read_bytes())
    assert_same(RoutingDataset.read(path), RoutingDataset.from_records(rows))


def test_csv_cells(tmp_path: Path) -> None:
    path = put(
        tmp_path / "a.csv", '\ufeffquery, small_quality,large_quality,id\r\n\r\n"[1]\r\nb","[1, 0.5]",1e-1,7\r\n'
    )
    data = RoutingDataset.read(str(path))
    assert data.queries == ["[1]\r\nb"]
    assert data.small_quality.tolist() == [[1.0, 0.5]]
    assert data.large_quality.tolist() == [[0.1]]
    assert data.ids == ["7"]
    as_csv(path, [MANY])
    data = RoutingDataset.read(path, small="tiny", large="mid")
    assert data.large_quality.tolist() == [[0.1, 0.2]]
    assert data.small_cost is not None
    assert data.small_cost.tolist() == [0.01]


def test_csv_takes_long_queries(tmp_path: Path) -> None:
    rows = [GOOD | {"query": "word " * 60_000}]
    assert RoutingDataset.read(as_csv(tmp_path / "a.csv", rows)).queries == [rows[0]["query"]]


def test_a_byte_order_mark_and_blank_lines_are_let_pass(tmp_path: Path) -> None:
    line = json.dumps(GOOD)
    for name in ("a.jsonl", "a.jsonl.gz"):
        path = put(tmp_path / name, f"\ufeff{line}\n\n \t\r\n{line}")
        assert len(RoutingDataset.read(path)) == 2
    assert len(RoutingDataset.read(put(tmp_path / "a.json", f"\ufeff\n [ {line} , {line} ] \n"))) == 2


def test_numbers_of_other_types_are_taken() -> None:
    row = {"query": np.str_("a"), "small_quality": np.float32(0.5), "large_quality": np.array([1, 2]), "small_cost": 1}
    data = RoutingDataset.from_records(
        [row, GOOD | {"small_quality": Decimal("0.25"), "large_quality": (np.int64(3),)}]
    )
    assert data.small_quality.tolist() == [[0.5], [0.25]]
    np.testing.assert_array_equal(data.large_quality, [[1, 2], [3, np.nan]])


def test_records_may_come_from_a_generator() -> None:
    assert len(RoutingDataset.from_records(row for row in many_rows(3))) == 3


def test_null_is_a_missing_value() -> None:
    data = RoutingDataset.from_records([GOOD | {"group": None, "id": None, "small_cost": None}] * 2)
    assert (data.groups, data.ids, data.small_cost) == (None, None, None)


FRAME: dict[str, list[Any]] = {
    "query": ["a", "b"],
    "small_quality": [0.5, 1.0],
    "large_quality": [[1.0, 0.0], [0.5]],
    "group": ["g", "h"],
    "small_cost": [None, 0.25],
}
FRAME_ROWS = [{name: cells[i] for name, cells in FRAME.items()} for i in range(2)]  # the same, row by row


def frames() -> list[Any]:
    return [pytest.param("pandas", id="pandas"), pytest.param("polars", id="polars")]


@pytest.mark.parametrize("library", frames())
def test_from_frame(library: str) -> None:
    make = pytest.importorskip(
        library, reason=f"{library} is optional; the data set only duck-types its frames"
    ).DataFrame
    data = RoutingDataset.from_frame(make(FRAME))
    assert_same(data, RoutingDataset.from_records(FRAME_ROWS))
    many = make({"query": ["a"], "quality": ['{"tiny": 0.5, "mid": [0.1, 0.2]}']})
    assert RoutingDataset.from_frame(many, small="tiny", large="mid").large_quality.tolist() == [[0.1, 0.2]]
    cells = make({"query": ["a", "b"], "quality": [{"tiny": 1.0, "mid": 0.0}, {"tiny": 0.5, "mid": 0.25}]})
    assert RoutingDataset.from_frame(cells, small="tiny", large="mid").gap.tolist() == [1.0, 0.25]


@pytest.mark.parametrize("library", frames())
def test_bad_frames(library: str) -> None:
    make = pytest.importorskip(
        library, reason=f"{library} is optional; the data set only duck-types its frames"
    ).DataFrame
    with pytest.raises(DataError, match=r"frame: unknown column 'grp'; .* Did you mean 'group'\?"):
        RoutingDataset.from_frame(make({k: v for k, v in FRAME.items() if k != "group"} | {"grp": ["g", "h"]}))
    with pytest.raises(DataError, match="frame: column 'large_quality' is missing; found 'query', 'small_quality'"):
        RoutingDataset.from_frame(make({"query": ["a"], "small_quality": [1.0]}))
    with pytest.warns(UserWarning, match="frame: 1 row without a quality .* record 2, column 'small_quality': missing"):
        assert len(RoutingDataset.from_frame(make(FRAME | {"small_quality": [0.5, None]}))) == 1
    assert RoutingDataset.from_frame(make(FRAME | {"small_quality": ["0.5", "1"]})).mean_small.tolist() == [0.5, 1.0]
    assert RoutingDataset.from_frame(make(FRAME | {"small_quality": [True, False]})).mean_small.tolist() == [1.0, 0.0]
    with pytest.raises(DataError, match="frame: no rows found"):
        RoutingDataset.from_frame(make(FRAME)[:0])


def test_pandas_missing_values_of_every_kind() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is optional; the data set only duck-types its frames")
    frame = pd.DataFrame(
        GOOD | {"query": ["a", "b"], "small_cost": pd.array([1, None], dtype="Int64"), "id": [None, pd.NA]}
    )
    frame["group"] = pd.Categorical(["g", "h"])
    frame.index = [7, 7]
    data = RoutingDataset.from_frame(frame)
    assert data.small_cost is not None
    np.testing.assert_array_equal(data.small_cost, [1, np.nan])
    assert (data.ids, data.groups) == (None, ["g", "h"])
    with pytest.raises(DataError, match="frame: column 'query' is there twice"):
        RoutingDataset.from_frame(pd.concat([frame, frame], axis=1))


def test_from_frame_of_something_else() -> None:
    with pytest.raises(DataError, match="found list, but a pandas or polars DataFrame is needed"):
        RoutingDataset.from_frame([GOOD])


def parquet_file(path: Path, columns: dict[str, list[Any]]) -> Path:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is optional: extra parquet")
    pytest.importorskip("pyarrow.parquet").write_table(arrow.table(columns), path)
    return path


def test_parquet(tmp_path: Path) -> None:
    data = RoutingDataset.read(parquet_file(tmp_path / "a.parquet", FRAME))
    assert_same(data, RoutingDataset.from_records(FRAME_ROWS))
    quality = [{"tiny": 0.5, "mid": [0.1, 0.2]}, {"tiny": 1.0, "mid": None, "huge": 3.0}]
    path = parquet_file(tmp_path / "b.parquet", {"query": ["a", "b"], "quality": quality})
    with pytest.warns(UserWarning, match=r"record 2, column 'quality': no quality for the model 'mid' \(large=\)"):
        assert RoutingDataset.read(path, small="tiny", large="mid").queries == ["a"]


def test_bad_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is optional: extra parquet")
    with pytest.raises(DataError, match=r"a.parquet, record 1: not a readable Parquet file"):
        RoutingDataset.read(put(tmp_path / "a.parquet", b"PAR1 not really"))
    frame = {name: cells for name, cells in FRAME.items() if name != "group"}
    path = parquet_file(tmp_path / "b.parquet", frame | {"qroup": ["", ""]})
    with pytest.raises(DataError, match=r"b.parquet: unknown column 'qroup'; .*Did you mean 'group'\?"):
        RoutingDataset.read(path)
    path = parquet_file(tmp_path / "c.parquet", FRAME | {"small_quality": [1.0, float("nan")]})
    with pytest.warns(UserWarning, match=r"c\.parquet: 1 row without .* record 2, column 'small_quality': missing"):
        assert len(RoutingDataset.read(path)) == 1


def test_parquet_without_pyarrow_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hybrid-llm-router\[parquet\]'"):
        RoutingDataset.read(put(tmp_path / "a.parquet", b""))


# --- bad rows

QUALITY = "a finite number or a non-empty list of finite numbers is needed"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"query": None}, "column 'query': missing; text, or a list of messages with role and content is needed"),
        ({"query": ""}, "column 'query': the query is empty"),
        ({"query": " \n\t"}, "column 'query': the query is empty"),
        ({"query": 5}, r"column 'query': found 5 \(int\), but text, or a list of messages"),
        ({"large_quality": INF}, f"column 'large_quality': found infinity, but {QUALITY}"),
        ({"large_quality": -INF}, "column 'large_quality': found -infinity"),
        ({"large_quality": 10**400}, "column 'large_quality': found infinity"),
        ({"small_quality": "1_0"}, r"column 'small_quality': found '1_0' \(str\)"),
        ({"small_quality": "yes"}, r"column 'small_quality': found 'yes' .*: hybrid-router import --from table FILE"),
        ({"small_quality": "[0.5]"}, r"column 'small_quality': found '\[0.5\]' \(str\)"),
        ({"small_quality": {"a": 1}}, r"column 'small_quality': found \{'a': 1\} \(dict\)"),
        ({"small_quality": [[0.5]]}, r"column 'small_quality': found \[0.5\] \(list\)"),
        ({"small_cost": -1}, "column 'small_cost': found -1.0, but a finite number ≥ 0 is needed"),
        ({"large_cost": [1.0]}, r"column 'large_cost': found \[1.0\] \(list\)"),
        ({"group": ["g"]}, r"column 'group': found \['g'\] \(list\), but text or a number is needed"),
        ({"id": {}}, r"column 'id': found \{\} \(dict\)"),
        ({"query": [{"role": "assistant", "content": "a"}]}, "column 'query': no message of the user has text"),
        ({"query": None, "messages": "{"}, r"column 'messages': found '\{' \(str\)"),
        ({"smal_cost": 1}, r"unknown column 'smal_cost'; allowed are 'query', .*Did you mean 'small_cost'\?"),
    ],
)
def test_bad_cells(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    path = jsonl(tmp_path / "a.jsonl", GOOD, "", GOOD | row)
    with pytest.raises(DataError, match=rf"^\S*a\.jsonl, line 3(, |: ){message}"):
        RoutingDataset.read(path)
    with pytest.raises(DataError, match=rf"^records, record 2(, |: ){message}"):
        RoutingDataset.from_records([GOOD, GOOD | row])


@pytest.mark.parametrize("column", ["query", "small_quality", "large_quality"])
def test_a_column_that_is_not_there(column: str) -> None:
    row = {name: value for name, value in GOOD.items() if name != column}
    with pytest.raises(DataError, match=f"record 1, column '{column}': missing"):
        RoutingDataset.from_records([row])


def test_a_name_in_some_rows_only_is_filled_in_and_said() -> None:
    rows = [GOOD | {"group": "g", "id": 7}, GOOD | {"group": ""}, GOOD | {"group": 3.0}, GOOD | {"group": float("nan")}]
    with pytest.warns(UserWarning, match="records: 2 rows without group, .*; 3 rows without id, which is filled in"):
        data = RoutingDataset.from_records(rows)
    assert data.groups == ["g", "(no group, row 2)", "3", "(no group, row 4)"]
    assert data.ids == ["7", "row 2", "row 3", "row 4"]


@pytest.mark.parametrize("nothing", [None, float("nan"), "", " ", [], [None], [float("nan"), None]])
def test_a_row_without_a_quality_is_left_out_and_counted(tmp_path: Path, nothing: Any) -> None:
    rows = [GOOD | {"query": "a"}, GOOD | {"query": "b", "large_quality": nothing}, GOOD | {"query": "c"}]
    match = r"1 row without a quality of both models left out \(first: (line|record) 2, column 'large_quality'"
    with pytest.warns(UserWarning, match=match):
        data = RoutingDataset.from_records(rows)
    assert data.queries == ["a", "c"]
    with pytest.warns(UserWarning, match=match):
        assert RoutingDataset.read(jsonl(tmp_path / "a.jsonl", *rows)).queries == ["a", "c"]
    with pytest.warns(UserWarning, match=match):
        (chunk,) = read_data_chunks(tmp_path / "a.jsonl")
    assert chunk.queries == ["a", "c"]
    with pytest.raises(DataError, match=r"none of the 1 rows has a quality of both models: record 1"):
        RoutingDataset.from_records(rows[1:2])


@pytest.mark.parametrize(
    ("cell", "quality"),
    [
        (True, 1.0),
        (False, 0.0),
        (np.True_, 1.0),
        ("0.5", 0.5),
        (" 1e-1 ", 0.1),
        ([0.5, None], 0.5),
        (["1", True], None),
    ],
)
def test_what_can_only_mean_one_thing_is_read(cell: Any, quality: float | None) -> None:
    data = RoutingDataset.from_records([GOOD | {"small_quality": cell, "small_cost": "2"}])
    assert data.small_quality.tolist() == ([[1.0, 1.0]] if quality is None else [[quality]])
    assert data.small_cost.tolist() == [2.0]


def test_columns_that_are_none_of_ours_are_left_out_and_said_once(tmp_path: Path) -> None:
    rows = [GOOD | {"model": "m", "Unnamed: 0": i} for i in range(3)]
    for read in (
        lambda: RoutingDataset.from_records(rows),
        lambda: RoutingDataset.read(as_csv(tmp_path / "a.csv", rows)),
    ):
        with pytest.warns(UserWarning, match=r"columns not used: 'model'$") as said:
            assert len(read()) == 3
        assert len(said) == 1


def test_messages_are_read_as_the_last_turn_of_the_user(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    row = {name: cell for name, cell in GOOD.items() if name != "query"}
    for record in (row | {"messages": turns}, row | {"query": turns}, row | {"messages": json.dumps(turns)}):
        assert RoutingDataset.from_records([record]).queries == ["c"]
    assert RoutingDataset.read(jsonl(tmp_path / "a.jsonl", row | {"messages": turns})).queries == ["c"]
    assert RoutingDataset.from_records([GOOD | {"messages": turns}]).queries == [GOOD["query"]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", r"found \[1\] \(list\), but an object with named columns is needed"),
        ("null", r"found None \(NoneType\), but an object"),
        ('{"query": "a",', r"invalid JSON \(.* at character 15\)"),
        ("{'query': 1}", r"invalid JSON \(.* at character 2\)"),
        ("[" * 100_000, r"invalid JSON \(a number too long or lists too deep\)"),
    ],
)
def test_bad_lines(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"a\.jsonl, line 2: {message}"):
        RoutingDataset.read(jsonl(tmp_path / "a.jsonl", GOOD, line))


def test_the_other_bad_rows_are_counted(tmp_path: Path) -> None:
    bad = GOOD | {"query": ""}
    with pytest.raises(DataError, match=r"line 2, column 'query': .* \(and 1 more bad row, first at line 3\)$"):
        RoutingDataset.read(jsonl(tmp_path / "a.jsonl", GOOD, bad, "{"))
    path = jsonl(tmp_path / "b.jsonl", bad, GOOD, bad, GOOD, bad, "x", *[bad] * 9)
    with pytest.raises(DataError, match=r"line 1, .* \(and 12 more bad rows, first at lines 3, 5, 6\)$"):
        RoutingDataset.read(path)


@pytest.mark.parametrize("where", ["query", "group", "small_quality", "large_cost", "column", "list", "line", "model"])
def test_no_message_shows_much_of_a_query(tmp_path: Path, where: str) -> None:
    secret = "s" * 500
    rows: dict[str, Any] = {
        "column": {secret: 1},
        "list": [secret],
        "line": '{"query": "' + secret,
        "model": {"query": "a", "quality": {secret: 1.0}},
    }
    path = jsonl(tmp_path / "a.jsonl", rows.get(where, GOOD | {where: [secret]}))
    with pytest.raises(DataError) as caught:
        RoutingDataset.read(path, **({"small": "x", "large": "y"} if where == "model" else {}))
    assert "s" * 80 not in str(caught.value)
    assert caught.value.__cause__ is None


# --- model names


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({}, "needs small= and large= with a model's name; models found: 'tiny', 'mid', 'huge'"),
        ({"small": "tiny"}, "needs large= with a model's name; models found: 'tiny', 'mid', 'huge'"),
        (
            {"small": "tiny", "large": "hugo"},
            r"no quality for the model 'hugo' .*: 'tiny', 'mid', 'huge'\. Did you mean 'huge'\?",
        ),
    ],
)
def test_bad_model_names(names: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=f"^records.* record 1, column 'quality': .*{message}"):
        RoutingDataset.from_records([MANY, MANY], **names)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"quality": 0.5},
            r"column 'quality': found 0.5 \(float\), but an object from model name to quality is needed",
        ),
        ({"quality": {"tiny": 1, "huge": "x"}}, r"column 'quality\[huge\]': found 'x' \(str\)"),
        ({"cost": 1}, r"column 'cost': found 1 \(int\), but an object from model name to cost is needed"),
        ({"cost": {"tiny": -1}}, r"column 'cost\[tiny\]': found -1.0"),
    ],
)
def test_bad_cells_of_the_many_model_form(row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"^records, record 2(, |: ){message}"):
        RoutingDataset.from_records([MANY, MANY | row], small="tiny", large="huge")


@pytest.mark.parametrize("without", [{"quality": None}, {}])
def test_rows_without_any_quality_are_left_out_wherever_they_stand(without: dict[str, Any]) -> None:
    bare = {"query": "nothing known", **without}
    for rows in ([bare, MANY, MANY], [MANY, bare, MANY]):
        if rows[1] is bare and not without:
            continue  # a column less than the first row: a mistake, and said
        with pytest.warns(UserWarning, match="1 row without a quality of both models left out"):
            assert len(RoutingDataset.from_records(rows, small="tiny", large="huge")) == 2


def test_model_names_where_there_is_no_choice() -> None:
    with pytest.raises(DataError, match="small= and large= pick models from a column 'quality', which is not there"):
        RoutingDataset.from_records([GOOD], small="tiny", large="huge")
    with pytest.raises(ConfigError, match="small and large are both 'tiny'"):
        RoutingDataset.from_records([MANY], small="tiny", large="tiny")


# --- bad files


def test_files_that_are_not(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.jsonl: no such file"):
        RoutingDataset.read(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="is a folder; name a file"):
        RoutingDataset.read(tmp_path)
    for name in ("a.txt", "a", "a.parquet.gz", "a.gz"):
        with pytest.raises(DataError, match=r"unknown suffix .*; allowed are \.jsonl, \.ndjson, \.json, "):
            RoutingDataset.read(put(tmp_path / name, b""))


def test_a_file_that_may_not_be_read(tmp_path: Path, unprivileged: None) -> None:
    path = jsonl(tmp_path / "a.jsonl", GOOD)
    path.chmod(0)
    with pytest.raises(DataError, match="cannot be opened: Permission denied"):
        RoutingDataset.read(path)


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv"])
@pytest.mark.parametrize("gz", ["", ".gz"])
def test_empty_files(tmp_path: Path, suffix: str, gz: str) -> None:
    texts = {".jsonl": "\n\n", ".json": "[ ]\n", ".csv": "query,small_quality,large_quality\n"}
    for text in ("", texts[suffix]):
        with pytest.raises(DataError, match=rf"a\{suffix}{gz}: no rows found; at least one is needed"):
            RoutingDataset.read(put(tmp_path / f"a{suffix}{gz}", text))
    (tmp_path / f"b{suffix}{gz}").write_bytes(b"")
    with pytest.raises(DataError, match="no rows found"):
        RoutingDataset.read(tmp_path / f"b{suffix}{gz}")
    with pytest.raises(DataError, match="records: no rows found"):
        RoutingDataset.from_records([])


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv"])
def test_damaged_gzip(tmp_path: Path, suffix: str) -> None:
    rows = [row | {"query": os.urandom(20).hex()} for row in many_rows(2000)]
    if suffix == ".csv":
        raw = as_csv(tmp_path / "a.csv", rows).read_bytes()
    else:
        raw = (json.dumps(rows) if suffix == ".json" else "".join(json.dumps(row) + "\n" for row in rows)).encode()
    packed = gzip.compress(raw)
    path = tmp_path / f"a{suffix}.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"line \d+: the packed data end early; the file is cut off"):
        RoutingDataset.read(path)
    path.write_bytes(packed[:5000] + bytes(200) + packed[5200:])
    with pytest.raises(DataError, match=r"line \d+.*(the packed data are damaged|more bad row)"):
        RoutingDataset.read(path)
    path.write_bytes(raw)
    with pytest.raises(DataError, match="line 1: the packed data are damaged"):
        RoutingDataset.read(path)


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv"])
def test_text_that_is_not_utf8(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes("query,ü\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"line 1: not UTF-8 text \(byte 0xfc at position 7\); save the file as UTF-8"):
        RoutingDataset.read(path)
    path.write_bytes(gzip.compress(b"x"))
    with pytest.raises(DataError, match=r"line 1: not UTF-8 text .* it is gzip: name it \.gz"):
        RoutingDataset.read(path)


def test_one_line_that_is_not_utf8_hides_no_other(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", json.dumps(GOOD).encode() + b"\n\xff\n{\n")
    with pytest.raises(DataError, match=r"line 2: not UTF-8 .*\(and 1 more bad row, first at line 3\)"):
        RoutingDataset.read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", r"line 1: a \.json file holds a list of objects, .*; one object a line is \.jsonl"),
        ("\n\n5", r"line 3: a \.json file holds a list"),
        ("[\n%s,\n%s\n", r"line 3: invalid JSON \(after this object a comma or \] is missing; is the file cut off\?\)"),
        ("[\n%s,\n%s,\n]", r"line 4: invalid JSON \(Expecting value at character 1\)"),
        ("[\n%s,\n%s] 5", r"line 3: invalid JSON \(there is text after the end"),
        ('[%s,%s,\n{"query": 0}]', r"line 2, column 'query': found 0 \(int\)"),
        ("[%s,%s,\n\n {\n'query': 0}]", r"line 4: invalid JSON"),
    ],
)
def test_bad_json(tmp_path: Path, text: str, message: str) -> None:
    path = put(tmp_path / "a.json", text.replace("%s", json.dumps(GOOD)))
    with pytest.raises(DataError, match=rf"a\.json, {message}"):
        RoutingDataset.read(path)


HEADER = "query,small_quality,large_quality"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "query,small_quality,larg_quality\na,1,1\n",
            r"line 1: unknown column 'larg_quality'; .*mean 'large_quality'\?",
        ),
        ("\nquery,small_quality\na,1\n", "line 2: column 'large_quality' is missing; found 'query', 'small_quality'"),
        (f"{HEADER},query\na,1,1,a\n", "line 1: column 'query' is there twice"),
        (f'{HEADER}\n"a\nb",1,1\nc,1\n', "line 4: found 2 cells, but the header has 3"),
        (f'{HEADER}\n"a\nb",x,1\n', r"line 2, column 'small_quality': found 'x' \(str\)"),
        (f"{HEADER}\na,inf,1\n", "line 2, column 'small_quality': found infinity"),
        (f"{HEADER}\na,,1\n", "none of the 1 rows has a quality of both models: line 2, column 'small_quality'"),
        (f"{HEADER}\na,1_000,1\n", r"line 2, column 'small_quality': found '1_000' \(str\)"),
        (f'{HEADER}\na,"[1,",1\n', r"line 2, column 'small_quality': found '\[1,' \(str\)"),
        (f'{HEADER}\na,"[""x""]",1\n', r"line 2, column 'small_quality': found 'x' \(str\)"),
        (f'{HEADER}\na,"0,85",1\n', r"line 2, column 'small_quality': found '0,85' \(str\)"),
        (f"{HEADER}\n,1,1\n", "line 2, column 'query': missing"),
        (f'{HEADER}\na,1,1\n"b,1,1\nc,1,1\n', r"line 3: invalid CSV \(unexpected end of data\)"),
    ],
)
def test_bad_csv(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"a\.csv[,:] {message}"):
        RoutingDataset.read(put(tmp_path / "a.csv", text))


# --- size, and real data


def test_memory_a_row_is_small(tmp_path: Path) -> None:
    tracemalloc = pytest.importorskip("tracemalloc")
    n = 20_000
    path = jsonl(tmp_path / "a.jsonl", *many_rows(n))
    tracemalloc.start()
    try:
        data = RoutingDataset.read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(data) == n
    assert peak / n < 400  # bytes, of which the query is about 70: 1,000,000 rows stay far below 1 GB


real: Callable[[str], pytest.MarkDecorator] = lambda name: pytest.mark.skipif(  # noqa: E731
    not (DATA / name).exists(), reason=f"no data folder: {name} is not beside the repository"
)


@real("mmlu_mixtral_gpt4.jsonl.gz")
def test_mmlu() -> None:
    data = RoutingDataset.read(DATA / "mmlu_mixtral_gpt4.jsonl.gz")
    assert len(data) == 14_037
    assert data.small_quality.shape == data.large_quality.shape == (14_037, 1)
    assert len(set(data.groups or ())) == 57
    for by in ("query", "group"):
        parts = data.split((0.6, 0.2, 0.2), by=by)  # type: ignore[arg-type]
        assert sum(map(len, parts)) == len(data)
        np.testing.assert_allclose([len(part) / len(data) for part in parts], [0.6, 0.2, 0.2], atol=0.05)
        assert sum(len(np.unique(part.query_hashes)) for part in parts) == len(np.unique(data.query_hashes))


@real("llmrouter_9models_train.jsonl.gz")
def test_nine_models() -> None:
    path = DATA / "llmrouter_9models_train.jsonl.gz"
    with pytest.raises(DataError, match="models found: ") as caught:
        RoutingDataset.read(path)
    models = str(caught.value).split("models found: ")[1].replace("'", "").split(", ")
    assert len(models) == 9
    data = RoutingDataset.read(path, small=models[0], large=models[1])
    assert len(data) == 5_608
    assert 0 <= data.mean_small.min() <= data.mean_large.max() <= 1
