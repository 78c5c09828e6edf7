"""The guaranteed threshold: how often the guarantee fails, and how much it gives away against the oracle.

Every method walks the same sequence, from all-large downwards until its first failure; they differ in the test. "share"
is the mean share of queries that goes to small, "of oracle" that of the threshold that knows the true drop. The normal
approximation guarantees nothing at finite n and is there as a yardstick. "betting" is by the book of Waudby-Smith and
Ramdas; "chosen" is what the library does, several starts included.

Then: the luck of the order in which rows are tested (the spread of the share over seeds, same rows); calibration rows
that repeat queries; and whether the 95 % intervals of an evaluation hold the true quality drop.

Run: python benchmarks/bench_calibration.py [draws] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from common import machine
from scipy.stats import binom, norm

from hybrid_router_core.calibration import bounds as _bounds
from hybrid_router_core.calibration import calibrate_threshold
from hybrid_router_core.calibration.losses import Losses
from hybrid_router_core.errors import CalibrationError
from hybrid_router_core.evaluation import Outcomes, evaluate_scores

CONFIDENCE = 0.95
LEVEL = 1 - CONFIDENCE
Array = np.ndarray
Rows = tuple[Array, Array]  # scores, large - small


def binary(n: int, rng: np.random.Generator) -> Rows:
    """Right or wrong answers; the scores know how often small is right."""
    scores = rng.beta(2, 2, n)
    return scores, (rng.random(n) < 0.85).astype(float) - (rng.random(n) < 0.15 + 0.75 * scores)


def uninformative(n: int, rng: np.random.Generator) -> Rows:
    """Right or wrong answers; the scores know nothing."""
    return rng.beta(2, 2, n), (rng.random(n) < 0.78).astype(float) - (rng.random(n) < 0.70)


def graded(n: int, rng: np.random.Generator) -> Rows:
    """Graded answers, so that losses vary little."""
    scores = rng.beta(2, 2, n)
    large = np.clip(rng.normal(0.7, 0.12, n), 0, 1)
    return scores, large - np.clip(large - 0.3 * (1 - scores) + rng.normal(0.08, 0.1, n), 0, 1)


def small_better_at_top(n: int, rng: np.random.Generator) -> Rows:
    """Right or wrong answers; the drop first falls below zero and then rises."""
    scores = rng.beta(2, 2, n)
    return scores, (rng.random(n) < 0.7).astype(float) - (rng.random(n) < 0.3 + 0.65 * scores)


def cliff(n: int, rng: np.random.Generator) -> Rows:
    """Two kinds of queries, each with one score; with the second kind at small the drop is 0.051."""
    safe = rng.random(n) < 0.3
    return np.where(safe, 0.8, 0.4), np.where(safe, 0.0, (rng.random(n) < 0.051 / 0.7).astype(float))


# A test says for each step k = 0, ..., n (the k highest scores at small) whether "drop > max_drop" is rejected.
# d = large - small, by falling score.
def moments(d: Array) -> tuple[Array, Array]:
    """Mean and variance of the losses at each step."""
    mean = np.concatenate([[0.0], np.cumsum(d)]) / len(d)
    return mean, np.concatenate([[0.0], np.cumsum(d * d)]) / len(d) - mean**2


def hoeffding(d: Array, drop: float) -> Array:
    """Hoeffding's inequality for losses in [-1, 1]."""
    return 2 * len(d) * (np.maximum(drop - moments(d)[0], 0) / 2) ** 2 >= np.log(1 / LEVEL)


def hoeffding_bentkus(d: Array, drop: float) -> Array:
    """The p-value of Learn-then-Test (arXiv:2110.01052, proposition 1), losses moved to [0, 1]."""
    n, mean, edge = len(d), (moments(d)[0] + 1) / 2, (drop + 1) / 2
    a = np.clip(np.minimum(mean, edge), 1e-12, 1 - 1e-12)
    chernoff = np.exp(-n * (a * np.log(a / edge) + (1 - a) * np.log((1 - a) / (1 - edge))))
    return np.minimum(chernoff, np.e * binom.cdf(np.ceil(n * mean), n, edge)) <= LEVEL


def empirical_bernstein(d: Array, drop: float) -> Array:
    """Maurer and Pontil 2009, Theorem 4, for a range of 2."""
    n, (mean, variance) = len(d), moments(d)
    log = np.log(2 / LEVEL)
    return mean + np.sqrt(2 * variance * n / (n - 1) * log / n) + 2 * 7 * log / (3 * (n - 1)) <= drop


def normal(d: Array, drop: float) -> Array:
    """Central limit theorem: no guarantee at finite n."""
    mean, variance = moments(d)
    return mean + norm.ppf(CONFIDENCE) * np.sqrt(variance / len(d)) <= drop


def betting(d: Array, drop: float, rng: np.random.Generator) -> Array:
    """Predictable plug-in bets, one-sided (arXiv:2010.09686, section 4.1), losses moved to [0, 1]."""
    n, edge, steps = len(d), (drop + 1) / 2, len(d) + 1
    wealth, best = np.zeros(steps), np.zeros(steps)
    total, squares, variance = np.full(steps, 0.5), np.full(steps, 0.25), np.full(steps, 0.25)
    for t, row in enumerate(rng.permutation(n), start=1):
        loss = np.full(steps, 0.5)
        loss[row + 1 :] += d[row] / 2
        bet = np.minimum(np.sqrt(2 * np.log(1 / LEVEL) / (n * variance)), 0.75 / (1 - edge))
        wealth += np.log1p(bet * (edge - loss))
        best = np.maximum(best, wealth)
        total += loss
        squares += (loss - total / (t + 1)) ** 2
        variance = squares / (t + 1)
    return best >= np.log(1 / LEVEL)


def simulate(world: Callable[[int, np.random.Generator], Rows], n: int, drop: float, draws: int) -> dict[str, float]:
    """Draw calibration sets, let every method choose, and judge by the true drop of two million rows."""
    big_scores, big = world(2_000_000, np.random.default_rng(99))
    order = np.argsort(-big_scores)
    big_scores, true = -big_scores[order], np.concatenate([[0.0], np.cumsum(big[order])]) / len(big)
    ends = np.append(np.flatnonzero(np.diff(big_scores, prepend=-2.0)), len(big))  # equal scores go together
    above = np.flatnonzero(true[ends] > drop)
    oracle = (ends[above[0] - 1] if len(above) else len(big)) / len(big)
    print(f"\n{world.__name__}, n = {n}, max_drop = {drop:g}, {draws} draws, oracle sends {oracle:.1%} to small")
    print(f"  {'method':<22}{'violations':>11}{'share':>9}{'of oracle':>11}")

    tests: dict[str, Callable[[Array], Array]] = {
        "Hoeffding": lambda d: hoeffding(d, drop),
        "Hoeffding-Bentkus": lambda d: hoeffding_bentkus(d, drop),
        "empirical Bernstein": lambda d: empirical_bernstein(d, drop),
        "betting": lambda d: betting(d, drop, rng),
        "(normal approximation)": lambda d: normal(d, drop),
    }
    rng = np.random.default_rng(1)
    data = [world(n, rng) for _ in range(draws)]
    thresholds: dict[str, list[float]] = {name: [] for name in [*tests, "chosen"]}
    for seed, (scores, d) in enumerate(data):
        found = _bounds.certified_threshold(Losses.plain(scores, d), drop, CONFIDENCE, seed)
        thresholds["chosen"].append(2.0 if found is None else found)
        places = np.argsort(-scores)
        steps = np.append(np.flatnonzero(np.diff(-scores[places], prepend=-2.0)), n)
        for name, test in tests.items():
            failed = np.flatnonzero(~test(d[places])[steps])
            k = (int(steps[failed[0] - 1]) if failed[0] else 0) if len(failed) else n
            thresholds[name].append(scores[places[k - 1]] if k > 0 else 2.0)
    figures = {}
    for name, values in thresholds.items():
        k = np.searchsorted(big_scores, -np.array(values), side="right")
        share = k.mean() / len(big)
        print(f"  {name:<22}{np.mean(true[k] > drop):>11.1%}{share:>9.3f}{share / oracle:>11.1%}", flush=True)
        figures[f"{world.__name__} {n} {name} of oracle"] = round(float(share / oracle), 4)
        figures[f"{world.__name__} {n} {name} violations"] = round(float(np.mean(true[k] > drop)), 4)
    return figures


def one_order(scores: Array, d: Array, drop: float, seed: int) -> float:
    """The share that betting in one random order certifies."""
    places = np.argsort(-scores)
    failed = np.flatnonzero(~betting(d[places], drop, np.random.default_rng(seed)))
    return (failed[0] - 1 if failed[0] else 0) / len(d) if len(failed) else 1.0


def seeds(count: int) -> dict[str, float]:
    """The same 500 rows under many seeds: standard deviation of the share."""
    print(f"\nThe same 500 rows, {count} seeds: share to small")
    figures = {}
    for world in (binary, uninformative):
        scores, d = world(500, np.random.default_rng(5))
        single = [one_order(scores, d, 0.05, seed) for seed in range(count)]
        found = [_bounds.certified_threshold(Losses.plain(scores, d), 0.05, CONFIDENCE, seed) for seed in range(count)]
        ours = [float((scores >= (2.0 if t is None else t)).mean()) for t in found]
        for name, shares in (("betting, one order", single), ("chosen", ours)):
            print(f"  {world.__name__:<16}{name:<20} sd {np.std(shares):.3f}, {min(shares):.2f} to {max(shares):.2f}")
            figures[f"seeds {world.__name__} {name} sd"] = round(float(np.std(shares)), 4)
    return figures


def repeats(draws: int) -> dict[str, float]:
    """60 distinct queries, each in several rows, true drop 0.065: how often 0.05 is certified."""
    print(f"\n60 distinct queries, rows repeated; the limit of 0.05 is broken if anything is certified, {draws} draws")
    figures = {}
    for copies in (1, 5, 10):
        broken = {"rows as draws": 0, "chosen": 0}
        rng = np.random.default_rng(0)
        for seed in range(draws):
            small = np.repeat(1.0 - (rng.random(60) < 0.065), copies)
            for name, queries in (("rows as draws", None), ("chosen", np.repeat(np.arange(60), copies))):
                try:
                    calibrate_threshold(
                        np.full(len(small), 0.6),
                        small,
                        np.ones(len(small)),
                        max_quality_drop=0.05,
                        queries=queries,
                        seed=seed,
                    )
                except CalibrationError:
                    continue
                broken[name] += 1
        print(
            f"  x {copies:>2}: rows as draws {broken['rows as draws'] / draws:.1%}, ours {broken['chosen'] / draws:.1%}"
        )
        figures |= {f"repeats x{copies} {name}": round(count / draws, 4) for name, count in broken.items()}
    return figures


def coverage(draws: int) -> dict[str, float]:
    """How often the 95 % interval of the quality drop holds the true one; baseline: percentiles of the bootstrap."""
    print(f"\n95 % interval of the quality drop, 40 % to small: how often it holds the truth, {draws} draws")
    figures = {}
    for n, rate in ((160, 0.02), (160, 0.05), (500, 0.02), (500, 0.2)):
        held = {"percentiles": 0, "ours": 0}
        rng = np.random.default_rng(3)
        for seed in range(draws):
            scores = rng.random(n)
            loss = ((scores >= 0.6) & (rng.random(n) < rate)).astype(float)
            ones = np.ones(n)
            found = evaluate_scores(Outcomes(scores, 1 - loss, ones, ones), threshold=0.6, resamples=200, seed=seed)
            drawn = loss[rng.integers(n, size=(200, n))].mean(axis=1)
            low, high = np.quantile(drawn, [0.025, 0.975])
            interval = found.interval("quality_drop")
            held["percentiles"] += bool(low <= 0.4 * rate <= high)
            held["ours"] += bool(interval.low <= 0.4 * rate <= interval.high)
        print(f"  n = {n}, {rate:.0%} of them wrong: " + ", ".join(f"{k} {v / draws:.0%}" for k, v in held.items()))
        figures |= {f"coverage {n} {rate:g} {name}": round(count / draws, 4) for name, count in held.items()}
    return figures


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("draws", nargs="?", type=int, default=300)
    parser.add_argument("--json", action="store_true", help="one JSON line of figures last")
    given = parser.parse_args()
    draws = given.draws
    print(machine())
    print(f"synthetic data; confidence {CONFIDENCE:g}, so violations may be {LEVEL:.0%}")
    figures: dict[str, float] = {}
    for world in (binary, uninformative, graded, small_better_at_top, cliff):
        for n in (200, 500, 2000):
            figures |= simulate(world, n, 0.05, max(draws // 3, 1) if n == 2000 else draws)
    figures |= seeds(min(60, draws)) | repeats(draws) | coverage(draws)

    print("\nTime of one calibration (best of 3)")
    for n in (500, 2_000, 10_000, 100_000):
        rows = binary(n, np.random.default_rng(2))
        times = []
        for _ in range(3):
            start = time.perf_counter()
            _bounds.certified_threshold(Losses.plain(*rows), 0.05, CONFIDENCE, 0)
            times.append(time.perf_counter() - start)
        print(f"  n = {n:>7,}: {min(times):8.3f} s")
        figures[f"seconds {n}"] = round(min(times), 4)
    if given.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
