"""The watch on a certified limit of 0.05: false alarms, how soon a rise is found, and what would be the best possible.

    python benchmarks/bench_watch.py [--runs 200] [--jobs 1] [--json]

Simulated calls; of those to small, one in ten gets a label, or, where "uneven", each has a probability of 0.02 to 0.2.
False alarms: runs of 10,000 labels, looked at after each, in which "broken" is ever said; the drop is 0.05, or between
0.02 and 0.04 ("certified"). "holds": how often that is ever said, wrongly, at 0.05, and after how many labels else.
Rises: after 2,000 labels at a drop of 0.02 it is 0.10, or 0.07; "watch" is the share of the runs that say so within
300, or 1,500, labels, then the labels after which 90 % of them did. Labels are those of calls to small; "of all" counts
labels as they would be if calls to large had them too, which need none: 300 of all are 300 times the share that goes to
small.
"z-test" is the baseline: on the last 200 labels, one-sided at 5 %, looked at after each.
"best" is what no test can beat: the most powerful one for just this rise, told when it came; "best blind" is told all
but that (see best_possible.py). 5 % false alarms are allowed, and 90 % shall be found.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from best_possible import Best
from common import machine
from live_calls import LIMIT, World, found_after, tell, z_test

from hybrid_router_core.watch import Drift

WORLDS = (
    World("right or wrong, 30 % to small", 0.3),
    World("right or wrong, 40 % to small", 0.4),
    World("right or wrong, 50 % to small", 0.5),
    World("graded, 40 % to small", graded=True),
    World("right or wrong, uneven labels", uneven=True),
    World("graded, uneven labels", graded=True, uneven=True),
)
RISES = ((0.10, 300), (0.07, 1500))
HORIZON, BEFORE, LONGEST = 10_000, 2_000, 6_000
Figures = dict[str, float]
Map = Callable[..., Iterable[Any]]


def false_alarm(world: World, certified: bool, seed: int) -> tuple[bool, bool, float]:
    """Whether the watch and the z-test raise one; labels until the watch says "holds"."""
    rng = np.random.default_rng([1, seed])
    drop = rng.uniform(0.02, 0.04) if certified else LIMIT
    labels = world.draw(rng, HORIZON, drop)
    broken, held = False, np.inf
    for n, state in enumerate(tell(world.watch(), labels), start=1):
        broken = broken or state == "broken"
        held = min(held, n) if state == "holds" else held
    return broken, bool(np.isfinite(z_test(world.share, None, labels))), held


def rise(world: World, drop: float, seed: int) -> tuple[float, float]:
    """Labels after the rise until the watch, and the z-test, find it; NaN where an alarm was raised before."""
    rng = np.random.default_rng([2, seed])
    watch, before, after = world.watch(), world.draw(rng, BEFORE, 0.02), world.draw(rng, LONGEST, drop)
    early = np.isfinite(found_after(watch, before))
    return (np.nan if early else found_after(watch, after)), z_test(world.share, before, after)


def false_alarms(runs: int, each: Map) -> Figures:
    """Of both tests, in every world."""
    print(f"\nFalse alarms in {HORIZON:,} labels ({runs} runs)")
    print(f"{'':<32}{'drop 0.05':>10}{'z-test':>8}{'holds':>9}{'certified':>11}{'z-test':>8}{'holds after':>14}")
    figures: Figures = {}
    for world in WORLDS:
        line = f"{world.name:<32}"
        for certified in (False, True):
            found = np.array(list(each(partial(false_alarm, world, certified), range(runs))), dtype=float)
            broken, naive = found[:, :2].mean(axis=0)
            held = float(np.isfinite(found[:, 2]).mean())
            name = f"{world.name}, {'certified' if certified else 'at the limit'}"
            figures |= {f"{name}: false alarms": broken, f"{name}: z-test": naive, f"{name}: holds": held}
            line += f"{broken:>{11 if certified else 10}.1%}{naive:>8.1%}"
            line += f"{np.quantile(found[:, 2], 0.5):>9,.0f} labels" if certified else f"{held:>9.1%}"
        print(line, flush=True)
    return figures


def rises(runs: int, each: Map) -> Figures:
    """How soon they are found, and the best that is possible."""
    figures: Figures = {}
    for drop, within in RISES:
        print(f"\nA rise from 0.02 to {drop:g} ({runs} runs): found within {within:,} labels; 90 % found after")
        print(
            f"{'':<32}{'watch':>7}{'of all':>8}{'best':>7}{'of all':>8}{'z-test':>8}   "
            f"{'watch':>7}{'best':>7}{'best blind':>12}{'nats':>8}"
        )
        for world in WORLDS:
            watch, naive = np.array(list(each(partial(rise, world, drop), range(runs)))).T
            found, of_all = (float(np.mean(watch <= labels)) for labels in (within, within * world.share))
            best, rng = Best.of(world, drop), np.random.default_rng(3)
            powers = [best.power(round(labels), rng) for labels in (within, within * world.share)]
            fewest, blind = best.fewest(rng), float(np.quantile(best.without_the_time(rng), 0.9))
            ninety = float(np.quantile(np.where(np.isnan(watch), np.inf, watch), 0.9, method="inverted_cdf"))
            print(
                f"{world.name:<32}{found:>7.1%}{of_all:>8.1%}{powers[0]:>7.1%}{powers[1]:>8.1%}"
                f"{np.mean(naive <= within):>8.1%}   {ninety:>7,.0f}{fewest:>7,}{blind:>12,.0f}"
                f"{best.information:>8.4f}",
                flush=True,
            )
            name = f"{world.name}, to {drop:g}"
            figures |= {
                f"{name}: found": found,
                f"{name}: found, of all": of_all,
                f"{name}: best": powers[0],
                f"{name}: best, of all": powers[1],
                f"{name}: 90 % after": ninety,
                f"{name}: best 90 % after": fewest,
                f"{name}: best blind 90 % after": blind,
                f"{name}: median": float(np.nanmedian(watch)),
            }
            print("    " + verdict(found, of_all, powers, within), flush=True)
    return figures


def verdict(found: float, of_all: float, best: list[float], within: int) -> str:
    """Whether the target is met, with labels counted both ways."""
    words = []
    for name, share, most in (("labels", found, best[0]), ("labels of all", of_all, best[1])):
        missed = "missed; no test can" if most < 0.9 else "missed"
        words.append(f"90 % within {within:,} {name}: {'met' if share >= 0.9 else missed}")
    return "; ".join(words)


def drift(seed: int, move: float) -> tuple[bool, float]:
    """Whether the hint comes in 5,000 calls without a change; calls until it comes after one."""
    rng = np.random.default_rng([4, seed])
    hint = Drift(rng.beta(2, 2, 1000), seed=seed)
    early = any(hint.see(score) == "drifted" for score in rng.beta(2, 2, 5_000))
    after = (n for n, score in enumerate(rng.beta(2, 2 + move, 20_000), 1) if hint.see(score) == "drifted")
    return early, np.nan if early else next(after, np.inf)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", action="store_true", help="one JSON line of figures last")
    given = parser.parse_args()
    print(machine())
    with ProcessPoolExecutor(given.jobs) as pool:
        each: Map = partial(pool.map, chunksize=5) if given.jobs > 1 else map
        figures = false_alarms(given.runs, each) | rises(given.runs, each)
        print(f"\nDrift of scores after 5,000 calls, 1,000 of calibration ({given.runs // 4} runs): 90 % found after")
        for move in (0.5, 1.0):
            found = np.array(list(each(partial(drift, move=move), range(given.runs // 4))), dtype=float)
            calls = float(np.quantile(found[:, 1], 0.9, method="inverted_cdf"))
            print(
                f"  beta(2, 2) to beta(2, {2 + move:g}): {calls:,.0f} calls; before the change {found[:, 0].mean():.1%}"
            )
            figures[f"drift to beta(2, {2 + move:g}): 90 % after"] = calls
    watch, labels = WORLDS[1].watch(), WORLDS[1].draw(np.random.default_rng(5), 5000, 0.03)
    start = time.perf_counter()
    for _ in tell(watch, labels):
        pass
    cost, size = (time.perf_counter() - start) / 5000, len(json.dumps(watch.to_dict()))
    print(f"\n{1e6 * cost:.0f} microseconds a label with the calls before it; {size:,} bytes of state")
    figures |= {"microseconds a label": 1e6 * cost, "bytes of state": size}
    if given.json:
        print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
