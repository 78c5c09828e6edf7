"""How often `inspect` says "yes" where routing helps, and where nothing can be learned.

Each draw takes a random part of the rows, once as it is and once with the gaps of other queries (permuted), so that the
text says nothing. "signal" is what the verdict goes by; the baseline "curve" is the end of the learning curve, whose
95 % band has to lie above the random router. A false alarm is a "yes" on permuted rows.

Run: python benchmarks/bench_inspect.py [draws] [--data FILE ...] [--small NAME --large NAME] [--rows N ...] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from common import MMLU, data_file, machine

from hybrid_router_core import RoutingDataset
from hybrid_router_core.data import Draws
from hybrid_router_core.inspection import learning_curve, signal_of
from hybrid_router_core.inspection.verdict import MOST_CHANCE


def distinct(data: RoutingDataset) -> RoutingDataset:
    """One row a query, so that a draw has as many queries as rows."""
    return data.take(Draws.of(data.query_hashes).first)


def permuted(data: RoutingDataset, rng: np.random.Generator) -> RoutingDataset:
    """The qualities of other rows."""
    order = rng.permutation(len(data))
    return RoutingDataset(data.queries, data.small_quality[order], data.large_quality[order])


def says_yes(data: RoutingDataset, seed: int) -> dict[str, bool]:
    """The answer of each rule."""
    signal, curve = signal_of(data, seed=seed), learning_curve(data, seed=seed)
    return {
        "signal": signal is not None and signal.p_value <= MOST_CHANCE,
        "curve": curve is not None and bool(curve.low[-1] > curve.random),
    }


def main() -> None:
    """Print a table; with --json its figures last, in one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("draws", nargs="?", type=int, default=20)
    parser.add_argument("--data", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--small")
    parser.add_argument("--large")
    parser.add_argument("--rows", nargs="+", type=int, default=[300, 500, 1000])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    print(machine())
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for path in given.data or [data_file(MMLU)]:
        data = distinct(RoutingDataset.read(path, small=given.small, large=given.large))
        print(f"\n{path.name}: {len(data):,} different queries, {given.draws} draws; yes in % of the draws")
        print(f"{'rows':>6} {'signal':>8} {'curve':>8} | permuted {'signal':>8} {'curve':>8} | {'ms, signal':>10}")
        for rows in given.rows:
            if rows > len(data):
                continue
            yes: dict[str, list[bool]] = {}
            spent = 0.0
            for draw in range(given.draws):
                rng = np.random.default_rng([draw, rows])
                part = data.take(rng.permutation(len(data))[:rows])
                for world, there in (("", part), ("permuted_", permuted(part, rng))):
                    for rule, answer in says_yes(there, draw).items():
                        yes.setdefault(world + rule, []).append(answer)
                started = time.perf_counter()
                signal_of(part, seed=draw)
                spent += time.perf_counter() - started
            share = {name: float(np.mean(answers)) for name, answers in yes.items()}
            figures.setdefault(path.name, {})[str(rows)] = share
            percent = {name: f"{100 * value:8.1f}" for name, value in share.items()}
            print(
                f"{rows:>6} {percent['signal']} {percent['curve']} |          {percent['permuted_signal']} "
                f"{percent['permuted_curve']} | {1000 * spent / given.draws:>10.0f}",
                flush=True,
            )
    if given.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
