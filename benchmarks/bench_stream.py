"""Memory and speed on files of more rows than one wants in memory: infer, label and inspect, each in a process.

python benchmarks/bench_stream.py [--rows 10000000] [--folder DIR] [inspect] [label] [infer]

Makes its files in a temporary folder (about 1.5 GB for 10 million rows, and as much again of results).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from common import machine

from hybrid_router_core import HybridRouter, RoutingDataset

LIMIT = 1.0  # GiB
BATCH = 100_000
COMMAND = [sys.executable, "-m", "hybrid_router_core.cli"]
WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel")


def query(i: int) -> str:
    """A short query of its own; odd ones are hard."""
    kind = "prove that the sum over" if i % 2 else "what is the name of"
    return f"{kind} {WORDS[i // 2 % 8]} {WORDS[i // 16 % 8]} number {i}?"


def rows(count: int) -> Iterator[dict[str, object]]:
    """Rows of a data set; small mostly fails on the hard ones."""
    for i in range(count):
        good = (i * 2654435761) % 100 < (30 if i % 2 else 90)
        yield {"query": query(i), "small_quality": float(good), "large_quality": float(i % 20 != 0)}


def make_data(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows(count))


def make_responses(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for i, row in enumerate(rows(count)):
            sides = {
                side: {"responses": [{"text": str(i if row[f"{side}_quality"] else -1)}]} for side in ("small", "large")
            }
            file.write(json.dumps({"query": row["query"], "answers": [str(i)], **sides}) + "\n")


def make_parquet(path: Path, count: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("query", pa.string()), ("customer", pa.int64())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, count, BATCH):
            places = range(start, min(start + BATCH, count))
            writer.write_table(pa.table({"query": [query(i) for i in places], "customer": list(places)}, schema=schema))


def measure(name: str, count: int, arguments: list[str]) -> None:
    """Runs a command and prints its time and its peak memory."""
    started = time.perf_counter()
    child = os.posix_spawn(
        sys.executable,
        [*COMMAND, *arguments],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{name} failed: {' '.join(arguments)}")
    peak = usage.ru_maxrss / 2**20
    speed = f"{seconds:8.1f} s  {count / seconds:9,.0f} rows/s"
    held = f"peak {peak:.2f} GiB (target <= {LIMIT:g})"
    print(f"{name:<18}{count:>12,} rows  {speed}  {held}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="inspect, label, infer; all by default")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    arguments = parser.parse_args()
    parts, count = arguments.parts or ["inspect", "label", "infer"], arguments.rows
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        out = folder / "out.jsonl"
        if "inspect" in parts:
            make_data(folder / "data.jsonl", count)
            print(f"data.jsonl: {(folder / 'data.jsonl').stat().st_size / 2**20:,.0f} MiB", flush=True)
            measure("inspect .jsonl", count, ["inspect", str(folder / "data.jsonl"), "--json"])
            (folder / "data.jsonl").unlink()
        if "label" in parts:
            make_responses(folder / "responses.jsonl", count)
            measured = ["label", str(folder / "responses.jsonl"), "--metric", "exact_match", "--out", str(out)]
            measure("label .jsonl", count, measured)
            (folder / "responses.jsonl").unlink()
            out.unlink()
        if "infer" in parts:
            make_parquet(folder / "queries.parquet", count)
            router = HybridRouter(scorer="linear").fit(RoutingDataset.from_records(rows(2000))).save(folder / "router")
            measured = ["infer", str(router), "--input", str(folder / "queries.parquet"), "--output", str(out)]
            measure("infer .parquet", count, measured)


if __name__ == "__main__":
    main()
