"""How well strangers are told from queries like those that a router learned from, and what it costs.

For each set a router's likeness is learned from 55 % of the distinct queries (at most 4,000), its guard calibrated at
level 0.02 on 20 % (at most 1,500), and tested on the rest: its own queries, made-up strangers of seven kinds
(`strangers.py`, and the parallel questions of MGSM), and the queries of every other set. Beside the share caught of
another set stands what the decisions are worth there: APGR, 0.5 for a random router. The baseline is a guard by the
mean cosine to the 10 nearest training embeddings, calibrated alike.

Targets: at least 0.8 caught of each kind, at most 0.025 of its own queries, at most 0.05 ms a decision.

With --data, other files of the same forms take the place of the shared ones.

Run: python benchmarks/bench_guard.py [--data FILE ...] [--json]
"""

from __future__ import annotations

import argparse
import functools
import gzip
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import strangers
from common import DATA, MMLU, NINE_MODELS, apgr, data_file, machine
from numpy.typing import NDArray
from outcomes import read_outcomes

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.embedders import StaticEmbedder
from hybrid_router_core.features import Featurizer
from hybrid_router_core.guard import DEFAULT_LEVEL, Guard, Likeness

FloatArray = NDArray[np.float64]
SPLITS, STRANGE_SPLITS = 5, 2  # its own queries, and strangers, are tested on so many
COUNT, LONG_COUNT, FROM_ANOTHER, RANKED = 100, 20, 250, 2000
TRAIN, CALIBRATION, TEST = (0.55, 4000), (0.2, 1500), (0.25, 2500)
OTHERS = ("bbh_responses", "tool_calls_bfcl", "mmlu_pro_answers", "quiz")
PARALLEL = "mgsm_parallel.jsonl.gz"
WANTED = (*list(strangers.KINDS)[:6], strangers.LONG)
PROGRAM = re.compile(r"```|\bdef \w+\(|#include|^import \w|\);\n|\breturn\b.*\n|\{\n", re.MULTILINE)
TABLE = re.compile(r"^(?:.*[|\t]){2}.*\n(?:.*[|\t]){2}|^(?:[^,\n ]*,){2}[^,\n]*\n(?:[^,\n ]*,){2}", re.MULTILINE)


@dataclass
class Guarded:
    """A likeness with its guard, and the nearest-neighbour guard, of one split."""

    features: Featurizer
    likeness: Likeness
    guard: Guard
    vectors: NDArray[np.float32]
    nearest: Guard

    @classmethod
    def fit(cls, train: list[str], calibration: list[str], seed: int) -> Guarded:
        """Learn from the one, calibrate on the other."""
        features = Featurizer(StaticEmbedder())
        rows, tokens = features.fit_read(train)
        likeness = Likeness.fit(train, tokens, rows, seed=seed)
        vectors = StaticEmbedder().encode_tokens(tokens)
        made = cls(features, likeness, None, vectors, None)  # type: ignore[arg-type]
        made.guard = Guard.calibrated(DEFAULT_LEVEL, made.strangeness(calibration), likeness.edge)
        made.nearest = Guard.calibrated(DEFAULT_LEVEL, made.distance(calibration), -np.inf)
        return made

    def strangeness(self, texts: list[str]) -> FloatArray:
        """By the likeness."""
        rows, tokens = self.features.read(texts)
        return self.likeness.strangeness(texts, tokens, rows)

    def distance(self, texts: list[str]) -> FloatArray:
        """By the baseline."""
        cosines = StaticEmbedder().encode(texts) @ self.vectors.T
        return -np.sort(cosines, axis=1)[:, -10:].mean(axis=1).astype(np.float64)

    def caught(self, texts: list[str]) -> tuple[float, float]:
        """Share that are strangers to the guard, and to the baseline."""
        ours, theirs = self.guard.strangers(self.strangeness(texts)), self.nearest.strangers(self.distance(texts))
        return float(ours.mean()), float(theirs.mean())


def parts(queries: Sequence[str], seed: int) -> tuple[list[str], list[str], list[str]]:
    """Distinct queries to train, to calibrate and to test."""
    distinct = list(dict.fromkeys(queries))
    order = [distinct[row] for row in np.random.default_rng(seed).permutation(len(distinct)).tolist()]
    made, start = [], 0
    for share, most in (TRAIN, CALIBRATION, TEST):
        size = min(int(share * len(order)), most)
        made.append(order[start : start + size])
        start += size
    return made[0], made[1], made[2]


@functools.cache
def kinds(seed: int) -> dict[str, list[str]]:
    """Made-up strangers; the parallel questions are half of those in another script."""
    made = {kind: strangers.make(kind, COUNT, seed) for kind in strangers.KINDS}
    if (DATA / PARALLEL).is_file():
        parallel = parallel_questions()
        rows = np.random.default_rng(seed).permutation(len(parallel))[:COUNT].tolist()
        asked = {language: [parallel[row][language] for row in rows] for language in parallel[0]}
        made["other script"] += [text for language in ("zh", "ja", "ru") for text in asked[language][: COUNT // 3]]
        made |= {f"school questions, {language}": texts for language, texts in asked.items()}
    return made


@functools.cache
def parallel_questions() -> list[dict[str, str]]:
    """The same questions in several languages."""
    with gzip.open(data_file(PARALLEL), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def lost(texts: Sequence[str]) -> float:
    """Mean share of its own queries that a router loses which was trained on these."""
    shares = []
    for seed in range(STRANGE_SPLITS):
        train, calibration, test = parts(texts, seed)
        shares.append(Guarded.fit(train, calibration, seed).caught(test)[0])
    return float(np.mean(shares))


def long_prompts(queries: list[str], seed: int = 0) -> list[str]:
    """600 prompts of 2,000 to 20,000 words, each a few hundred neighbours of a shuffled list of the queries."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(600):
        wanted, prompt, words = rng.integers(2_000, 20_000), [], 0
        row = int(rng.integers(len(queries)))
        while words < wanted:
            prompt.append(queries[row % len(queries)])
            words += prompt[-1].count(" ") + 1
            row += 1
        made.append("\n\n".join(prompt))
    return made


def milliseconds(guarded: Guarded, router: HybridRouter, texts: list[str]) -> dict[str, float]:
    """Of one decision: what the guard adds to it, beside the decision without it, in turns."""
    added, whole = [], []
    for text in texts * 3:
        features, tokens = guarded.features.read([text])
        start = time.perf_counter()
        guarded.guard.strangers(guarded.likeness.strangeness([text], tokens, features))
        middle = time.perf_counter()
        router.route(text)
        added.append(middle - start)
        whole.append(time.perf_counter() - middle)
    return {
        "added p50": float(np.median(added) * 1e3),
        "added p05": float(np.quantile(added, 0.05) * 1e3),
        "decision p50": float(np.median(whole) * 1e3),
        "decision p05": float(np.quantile(whole, 0.05) * 1e3),
    }


def worth(sets: dict[str, RoutingDataset]) -> tuple[dict[str, dict[str, float]], dict[str, HybridRouter]]:
    """APGR of a router of each set on every other, and on its own test rows; trained on what split 0 trains on."""
    found: dict[str, dict[str, float]] = {}
    routers = {}
    for name, data in sets.items():
        train, _, test = (np.isin(np.array(data.queries, dtype=object), part) for part in parts(data.queries, 0))
        routers[name] = HybridRouter().fit(data.take(np.flatnonzero(train)))
        own = data.take(np.flatnonzero(test))
        found[name] = {}
        for other, on in ((other, own if other == name else sets[other]) for other in sets):
            some = on.take(np.sort(np.random.default_rng(0).permutation(len(on))[:RANKED]))
            found[name][other] = apgr(routers[name].score(some.queries), some)
    return found, routers


def main() -> None:
    """Print the tables; with --json their figures last, in one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    print(machine())
    files = given.data or [data_file(name) for name in (MMLU, NINE_MODELS, *(f"{o}.jsonl.gz" for o in OTHERS))]
    sets: dict[str, RoutingDataset] = {}
    for path in files:
        sets |= read_outcomes(path)
    apgrs, routers = worth(sets)
    figures: dict[str, Any] = {}
    for name, data in sets.items():
        same = next((known for known in figures if sets[known].queries == data.queries), None)
        if same:  # another pair on the same queries: the guard knows no qualities
            print(f"\n{name}: the queries of {same}; own APGR {apgrs[name][name]:.3f}")
            for other, value in apgrs[name].items():
                print(f"  set: {other:<60} APGR there {value:.3f}")
            figures[name] = {**figures[same], "apgr": apgrs[name]}
            continue
        found: dict[str, list[tuple[float, float]]] = {}
        beyond = []
        for seed in range(SPLITS):
            train, calibration, test = parts(data.queries, seed)
            guarded = Guarded.fit(train, calibration, seed)
            found.setdefault("its own", []).append(guarded.caught(test))
            beyond.append(float((guarded.strangeness(test) > guarded.likeness.edge).mean()))
            if seed >= STRANGE_SPLITS:
                continue
            for kind, texts in kinds(seed).items():
                found.setdefault(kind, []).append(guarded.caught(texts))
            found.setdefault(strangers.LONG, []).append(
                guarded.caught(strangers.make(strangers.LONG, LONG_COUNT, seed, test))
            )
            for other, on in sets.items():
                pool = sorted(set(on.queries) - set(data.queries))
                if pool:
                    sample = [pool[row] for row in np.random.default_rng(seed).permutation(len(pool)).tolist()]
                    found.setdefault(f"set: {other}", []).append(guarded.caught(sample[:FROM_ANOTHER]))
        figures[name] = show(name, found, beyond, apgrs[name], train)
        state = {**guarded.likeness.state(), **guarded.guard.state()}
        figures[name]["kilobytes"] = sum(array.nbytes for array in state.values()) / 1e3
        times = milliseconds(guarded, routers[name], test[:200])
        figures[name]["milliseconds"] = times
        print(
            f"  {figures[name]['kilobytes']:.0f} kB; adds {times['added p50']:.3f} ms to a decision of "
            f"{times['decision p50']:.3f} ms (p50), {times['added p05']:.3f} to {times['decision p05']:.3f} (p05)"
        )
    largest = max(sets.values(), key=len)
    figures["long prompts"] = lost(long_prompts(list(dict.fromkeys(largest.queries))))
    print(f"\nits own lost, trained on prompts of 2,000 to 20,000 words: {figures['long prompts']:.3f}")
    for language in ("zh", "ja", "ru") if (DATA / PARALLEL).is_file() else ():
        figures[f"trained on {language}"] = lost([row[language] for row in parallel_questions()])
        print(f"its own lost, trained on 137 school questions, {language}: {figures[f'trained on {language}']:.3f}")
    print("\nleast caught of each kind over the sets (target 0.8), and most of its own (target 0.025)")
    for kind in WANTED:
        print(f"  {kind:<16} {min(figures[name][kind]['ours'] for name in sets):.3f}")
    print(f"  {'its own':<16} {max(figures[name]['its own']['ours'] for name in sets):.3f}")
    if given.json:
        print(json.dumps(figures))


def show(
    name: str,
    found: dict[str, list[tuple[float, float]]],
    beyond: list[float],
    apgrs: dict[str, float],
    train: list[str],
) -> dict[str, Any]:
    """Print the block of a set and return its figures."""
    programs = float(np.mean([PROGRAM.search(text) is not None for text in train]))
    tables = float(np.mean([TABLE.search(text) is not None for text in train]))
    print(f"\n{name}: {len(train):,} queries to train, {SPLITS} splits, own APGR {apgrs[name]:.3f}")
    print(f"  of the training queries {programs:.1%} look like code and {tables:.1%} like a table")
    print(f"  {'share caught':<62}  ours  nearest neighbours   APGR there")
    block: dict[str, Any] = {"own APGR": apgrs[name], "training code": programs, "training tables": tables}
    for kind, pairs in found.items():
        ours, theirs = np.mean(pairs, axis=0).tolist()
        block[kind] = {"ours": ours, "nearest neighbours": theirs}
        line = f"  {kind:<62} {ours:.3f}  {theirs:.3f}"
        if kind.startswith("set: "):
            block[kind]["apgr"] = apgrs[kind[5:]]
            line += f"               {apgrs[kind[5:]]:.3f}"
        print(line, flush=True)
    block["beyond the edge"] = float(np.mean(beyond))
    print(f"  its own queries beyond the edge (about 0.1): {block['beyond the edge']:.3f}")
    return block


if __name__ == "__main__":
    main()
