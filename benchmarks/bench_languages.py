"""How far a translation scores like the original, for routers trained on English only.

Per router and language, on parallel questions: the shift of the score's rank among the router's own held-out queries,
Spearman with the scores of the English originals, and the share of decisions that flip where half or 30 % of the
held-out queries go to small, and at the median of the English originals. The baseline reads each language as if it
were English (version 1 of the features) with the same trained scorer; English scores are the same to the last bit.

Run: python benchmarks/bench_languages.py [--data FILE ...] [--routers mmlu pair ...] [--multilingual] [--json]
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import DATA, PAIRS, FloatArray, apgr, machine, mmlu, pair, random_split
from scipy.stats import spearmanr

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.embedders import Embedder, StaticEmbedder, resolve_embedder
from hybrid_router_core.features import Featurizer

PARALLEL = DATA / "mgsm_parallel.jsonl.gz"
TARGET = "target: |shift| <= 0.08, Spearman >= 0.75, flips <= 0.12 in every language; mean of each"


class Trained:
    """A router on English, and the same one that reads other languages as version 1 did."""

    def __init__(self, name: str, data: RoutingDataset, embedder: str = "static") -> None:
        train, test = random_split(data, int(len(data) * 0.6), seed=0)
        self.name = name
        self.router = HybridRouter(embedder=embedder).fit(data.take(train))
        self.test = data.take(test)
        self.own = self.router.score(self.test.queries)
        predictor: Any = self.router._predictor
        made: Embedder = StaticEmbedder() if embedder == "static" else resolve_embedder(embedder)
        state = {**predictor.features.state(), "surface_version": np.array([1])}
        self._old, self._scorer = Featurizer.from_state(made, state), predictor.scorer

    def before(self, texts: list[str]) -> FloatArray:
        """The scores as version 1 of the features gave them."""
        scores: FloatArray = self._scorer.predict(self._old.transform(texts))
        return scores


def figures(own: FloatArray, english: FloatArray, other: FloatArray) -> dict[str, float]:
    """What the table shows of one language."""
    ordered = np.sort(own)
    ranks = [np.searchsorted(ordered, scores) / len(ordered) for scores in (english, other)]
    limits = {"half": np.median(own), "30 %": np.quantile(own, 0.7), "median": np.median(english)}
    flips = {f"flips {name}": float(((english >= at) != (other >= at)).mean()) for name, at in limits.items()}
    return {
        "shift": float((ranks[1] - ranks[0]).mean()),
        "spearman": float(spearmanr(english, other).statistic),
        **flips,
    }


def compare(trained: Trained, rows: Sequence[dict[str, str]]) -> dict[str, dict[str, dict[str, float]]]:
    """Of each language the figures before and now."""
    english = [row["en"] for row in rows]
    now, before = trained.router.score(english), trained.before(english)
    same = bool(np.array_equal(now, before) and np.array_equal(trained.own, trained.before(trained.test.queries)))
    print(f"\n{trained.name}: English APGR {apgr(trained.own, trained.test):.4f}; English scores as before: {same}")
    found: dict[str, dict[str, dict[str, float]]] = {}
    for language in [key for key in rows[0] if key != "en"]:
        both = [(row["en"], row[language]) for row in rows if isinstance(row.get(language), str)]
        place = [index for index, row in enumerate(rows) if isinstance(row.get(language), str)]
        texts = [other for _, other in both]
        found[language] = {
            "before": figures(trained.own, before[place], trained.before(texts)),
            "now": figures(trained.own, now[place], trained.router.score(texts)),
        }
        for way, values in found[language].items():
            print(f"  {language:4s} {way:7s}" + "  ".join(f"{key} {value:+.3f}" for key, value in values.items()))
    return found


def seconds(router: HybridRouter, texts: list[str]) -> float:
    """Milliseconds a decision, p50, one text at a time."""
    router.score(texts[:5])
    times = []
    for text in texts:
        started = time.perf_counter()
        router.score([text])
        times.append(time.perf_counter() - started)
    return float(np.median(times) * 1e3)


def read(path: Path) -> list[dict[str, str]]:
    """Rows of one text a language."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.decode().splitlines() if line.strip()]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", nargs="*", type=Path, default=[PARALLEL], help='lines of {"en": ..., "de": ...}')
    parser.add_argument("--routers", nargs="*", choices=["mmlu", "pairs"], default=["mmlu", "pairs"])
    parser.add_argument("--multilingual", action="store_true", help="the embedder of that name too")
    parser.add_argument("--json", action="store_true", help="the figures as one line of JSON at the end")
    arguments = parser.parse_args()
    print(machine())
    print(TARGET)
    sets = [("mmlu", mmlu())] if "mmlu" in arguments.routers else []
    if "pairs" in arguments.routers:
        sets += [(" -> ".join(names), pair(*names)) for names in PAIRS]
    result: dict[str, object] = {}
    for embedder in ["static", *(["multilingual"] if arguments.multilingual else [])]:
        parts: dict[tuple[str, str], list[dict[str, float]]] = {}
        for name, data in sets:
            trained = Trained(f"{name}, {embedder}", data, embedder)
            for path in arguments.data:
                rows = read(path)
                found = compare(trained, rows)
                result[f"{embedder}/{name}/{path.name}"] = found
                for language, ways in found.items():
                    for way, values in ways.items():
                        parts.setdefault((language, way), []).append(values)
                ms = {key: seconds(trained.router, [row[key] for row in rows[:100]]) for key in rows[0]}
                print("  ms a decision: " + "  ".join(f"{key} {value:.2f}" for key, value in ms.items()))
        print(f"\nmean over the routers, {embedder}  (shift: of its size)")
        for (language, way), values in parts.items():
            keys = values[0]
            means = {key: float(np.mean([abs(v[key]) if key == "shift" else v[key] for v in values])) for key in keys}
            result[f"{embedder}/mean/{language}/{way}"] = means
            print(f"  {language:4s} {way:7s}" + "  ".join(f"{key} {value:.3f}" for key, value in means.items()))
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
