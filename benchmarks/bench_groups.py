"""A limit on the quality drop for groups of queries never seen: how often it breaks, and what it costs.

    python benchmarks/bench_groups.py [--data FILE ...] [--draws 16] [--limit 0.05] [--json]

In each draw half of the groups are known: up to 1,500 of their queries train a router and as many calibrate it. The
limit is then checked on further queries of these groups, and on all queries of the other half. Rows:
    by rows        calibrate(max_quality_drop=limit), which takes the queries for independent draws
    distance       that threshold, and the queries farthest from the training queries (mean cosine to the 10 nearest) to
                   large, as many as leave it the share of "across groups"
    t quantile     a bound on the mean over groups with a quantile of t and the standard error times sqrt(2)
    across groups  calibrate(max_quality_drop=limit, across="groups")
    ... + guard    the decisions of these routers as they are, with the guard that calibrate gives them; the other rows
                   have none
"broken" counts the draws in which more than the limit was lost; 5 % are allowed.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from common import MMLU, NINE_MODELS, BoolArray, FloatArray, data_file, machine
from outcomes import read_outcomes, with_groups
from scipy.stats import t as student

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.embedders import StaticEmbedder
from hybrid_router_core.errors import CalibrationError
from hybrid_router_core.evaluation.grouping import Across

CONFIDENCE, MOST = 0.95, 1500
NEVER = 2.0
ROWS = ("by rows", "distance", "t quantile", "across groups", "by rows + guard", "across groups + guard")


def draw(data: RoutingDataset, seed: int, limit: float) -> dict[str, list[float]]:
    """Of each row: the share and the loss on the known groups and on the others."""
    rng = np.random.default_rng(1000 + seed)
    groups = np.asarray(data.groups, dtype=object)
    names = np.unique(groups)
    known = np.isin(groups, rng.permutation(names)[: len(names) // 2])
    mine, others = rng.permutation(np.flatnonzero(known)), np.flatnonzero(~known)
    size = min(MOST, int(0.45 * len(mine)))
    parts = [data.take(rows) for rows in (mine[:size], mine[size : 2 * size], mine[2 * size :], others)]
    train, calibration, *tests = parts
    router = HybridRouter(seed=seed).fit(train)
    scores = router.score(calibration)
    by_rows, guarded_rows = calibrated(router, calibration, limit, None, tests)
    across, guarded_across = calibrated(router, calibration, limit, "groups", tests)
    with_t = by_t(scores, calibration, limit)
    measured = {name: [] for name in ROWS}
    distance = [far(train, part) for part in (calibration, *tests)]
    kept = share(scores, across)
    cut = cut_for(scores >= by_rows, distance[0], kept)
    for i, (part, away) in enumerate(zip(tests, distance[1:], strict=True)):
        found, lost = router.score(part), part.mean_large - part.mean_small
        routed = {
            "by rows": found >= by_rows,
            "distance": (found >= by_rows) & (away <= cut),
            "t quantile": found >= with_t,
            "across groups": found >= across,
            "by rows + guard": guarded_rows[i],
            "across groups + guard": guarded_across[i],
        }
        for name, to_small in routed.items():
            measured[name] += [float(to_small.mean()), float((lost * to_small).mean())]
    return measured


def calibrated(
    router: HybridRouter, data: RoutingDataset, limit: float, across: Across | None, tests: list[RoutingDataset]
) -> tuple[float, list[BoolArray]]:
    """The threshold, above every score where none can be certified, and what the router then sends to small."""
    try:
        router.calibrate(data, max_quality_drop=limit, confidence=CONFIDENCE, across=across)
    except CalibrationError:
        return NEVER, [np.zeros(len(part), dtype=bool) for part in tests]
    decided = [router.route_batch(part.queries) for part in tests]
    return router.threshold, [np.array([one.model == "small" for one in part]) for part in decided]


def by_t(scores: FloatArray, data: RoutingDataset, limit: float) -> float:
    """Downwards until mean + quantile * sqrt(2) * standard error over groups is above the limit."""
    place = np.unique(np.asarray(data.groups, dtype=object), return_inverse=True)[1]
    sizes = np.bincount(place)
    order, lost = np.argsort(-scores, kind="stable"), data.mean_large - data.mean_small
    quantile = float(student.ppf(CONFIDENCE, len(sizes) - 1))
    best, sums = NEVER, np.zeros(len(sizes))
    for row in order:
        sums[place[row]] += lost[row]
        mean = sums.sum() / len(lost)
        error = np.sqrt(((sums - mean * sizes) ** 2).sum() * len(sizes) / (len(sizes) - 1)) / len(lost)
        if mean + quantile * np.sqrt(2) * error > limit:
            break
        best = scores[row]
    return float(best)


def far(train: RoutingDataset, data: RoutingDataset) -> FloatArray:
    """Minus the mean cosine to the ten nearest training queries."""
    embed = StaticEmbedder().encode
    return -np.sort(embed(data.queries) @ embed(train.queries).T, axis=1)[:, -10:].mean(axis=1)


def share(scores: FloatArray, threshold: float) -> float:
    """Share of the queries that go to small."""
    return float((scores >= threshold).mean())


def cut_for(to_small: np.ndarray, distance: FloatArray, kept: float) -> float:
    """The distance beyond which queries go to large, so that this share is kept at small."""
    near = np.sort(distance[to_small])
    return float(near[min(len(near) - 1, int(kept * len(distance)))]) if len(near) else 0.0


def main() -> None:
    """Print a table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", nargs="+", type=Path, metavar="FILE", help="public results; all shared ones if absent"
    )
    parser.add_argument("--draws", type=int, default=16)
    parser.add_argument("--limit", type=float, default=0.05)
    parser.add_argument("--json", action="store_true", help="one JSON line of figures last")
    given = parser.parse_args()
    files = given.data or [data_file(name) for name in (MMLU, "bbh_responses.jsonl.gz", NINE_MODELS)]
    print(machine())
    figures: dict[str, dict[str, float]] = {}
    warnings.simplefilter("ignore", UserWarning)
    for path in files:
        for name, data in read_outcomes(path, pairs=1).items():
            data, kind = with_groups(data)
            started = time.perf_counter()
            found = [draw(data, seed, given.limit) for seed in range(given.draws)]
            figures[name] = show(name, data, kind, found, given.limit, time.perf_counter() - started)
    if given.json:
        print(json.dumps(figures))


def show(
    name: str, data: RoutingDataset, kind: str, found: list[dict[str, list[float]]], limit: float, seconds: float
) -> dict[str, float]:
    """Print one table and return its figures."""
    print(f"\n{name}: {len(data):,} queries, {len(set(data.groups or ()))} groups ({kind}), limit {limit:g}")
    print(f"{'':>22}{'known groups: share':>22}{'lost':>8}{'broken':>10}", end="")
    print(f"{'new groups: share':>22}{'lost':>8}{'broken':>10}")
    figures: dict[str, float] = {"draws": len(found), "seconds": round(seconds, 1)}
    for row in ROWS:
        table = np.array([one[row] for one in found])
        broken = (table[:, 1::2] > limit).sum(axis=0)
        means = table.mean(axis=0)
        print(
            f"{row:>22}{means[0]:>22.3f}{means[1]:>8.3f}{broken[0]:>5} of {len(found)}"
            f"{means[2]:>19.3f}{means[3]:>8.3f}{broken[1]:>5} of {len(found)}"
        )
        figures |= {f"{row} share": round(float(means[0]), 4), f"{row} broken on new groups": int(broken[1])}
        figures |= {f"{row} broken on known groups": int(broken[0]), f"{row} lost on new": round(float(means[3]), 4)}
    for guard in ("", " + guard"):
        base = figures[f"by rows{guard} share"]
        kept = figures[f"across groups{guard} share"] / base if base else float("nan")
        print(f"  across groups{guard} keeps {kept:.2f} of the share of the certificate by rows{guard}")
        figures[f"share kept{guard}"] = round(kept, 4)
    return figures


if __name__ == "__main__":
    main()
