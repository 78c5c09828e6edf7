"""Reads a file of many rows in a process of its own: rows per second and peak memory.

python benchmarks/bench_dataset.py [--rows 1000000] [--format jsonl json csv jsonl.gz parquet]
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from common import machine

CORE = Path(__file__).resolve().parent.parent / "core"
CHILD = """
import resource, sys, time
from hybrid_router_core import RoutingDataset
unit = 1 if sys.platform == "darwin" else 1024
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
start = time.perf_counter()
data = RoutingDataset.read(sys.argv[1])
seconds = time.perf_counter() - start
read = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
start = time.perf_counter()
parts = data.split((0.6, 0.2, 0.2))
split = time.perf_counter() - start
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
print(len(data), seconds, split, before, read, after)
"""
WORDS = [
    "what",
    "is",
    "the",
    "name",
    "of",
    "a",
    "river",
    "that",
    "runs",
    "through",
    "two",
    "large",
    "towns",
    "in",
    "spring",
]


def rows(n: int) -> Iterator[tuple[str, float, float]]:
    draw = random.Random(0)
    for i in range(n):
        yield f"{' '.join(draw.choices(WORDS, k=12))} {i}?", round(draw.random(), 3), round(draw.random(), 3)


def write_text(stream: IO[str], kind: str, n: int) -> None:
    names = ("query", "small_quality", "large_quality")
    if kind == "csv":
        writer = csv.writer(stream)
        writer.writerow(names)
        writer.writerows(rows(n))
        return
    stream.write("[\n" if kind == "json" else "")
    for i, row in enumerate(rows(n)):
        comma = ",\n" if kind == "json" and i else ""
        stream.write(comma + json.dumps(dict(zip(names, row, strict=True))) + ("" if kind == "json" else "\n"))
    stream.write("\n]\n" if kind == "json" else "")


def write(path: Path, n: int) -> None:
    if path.suffix == ".parquet":
        arrow: Any = importlib.import_module("pyarrow")
        query, small, large = zip(*rows(n), strict=True)
        table = arrow.table({"query": query, "small_quality": small, "large_quality": large})
        importlib.import_module("pyarrow.parquet").write_table(table, path)
    elif path.suffix == ".gz":
        with gzip.open(path, "wt", compresslevel=1, encoding="utf-8", newline="") as stream:
            write_text(stream, path.suffixes[0][1:], n)
    else:
        with path.open("w", encoding="utf-8", newline="") as stream:
            write_text(stream, path.suffix[1:], n)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--format", nargs="+", default=["jsonl", "jsonl.gz", "json", "csv"], metavar="SUFFIX")
    args = parser.parse_args()
    print(machine())
    print(f"{args.rows:,} rows of about 13 words, one sample a model; peak RSS of the reading process, target 1 GB")
    paths = [os.environ.get("PYTHONPATH"), str(CORE)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with tempfile.TemporaryDirectory() as folder:
        for kind in args.format:
            path = Path(folder) / f"rows.{kind}"
            # A process of its own: on Linux a child's peak starts at what its parent holds.
            writer = multiprocessing.get_context("spawn").Process(target=write, args=(path, args.rows))
            writer.start()
            writer.join()
            child = [sys.executable, "-c", CHILD, str(path)]
            done = subprocess.run(child, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            n, seconds, split, before, read, after = map(float, done.stdout.split())
            print(
                f"{kind:9} {path.stat().st_size / 1e6:6.0f} MB  read {seconds:5.1f} s  {n / seconds:9,.0f} rows/s  "
                f"peak {read / 1e6:5.0f} MB ({before / 1e6:.0f} MB before)  "
                f"split {split:4.1f} s, peak {after / 1e6:5.0f} MB"
            )
            path.unlink()


if __name__ == "__main__":
    main()
