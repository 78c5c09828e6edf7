"""A limit for groups never seen, in simulated worlds: kinds of groups, their sizes, and how many of them are known.

    python benchmarks/bench_group_worlds.py [--draws 200] [--limit 0.08] [--json]

Small fails at random, at a rate of the group's own, and less often the higher the score. In each draw a threshold is
calibrated on the known groups, and the drop is measured on as many new ones of the same world. Effects of the groups:
    normal  a failure rate of 0.1 with a deviation of 0.06, cut off at 0
    beta    rates of a beta law (0.5, 4.5): half of the groups fail in less than 5 %, a few in more than 40 %
    rare    8 % of the groups fail in 0.9 of the cases, the others in 0.03: what the record warns of
Sizes are 20 queries each, or 6 to 400 by a Pareto law (1.2), drawn again where one group is nearly all of them. Draws
without a certified threshold count as held. "broken" is the share of the draws that lose more than the limit, for
calibrate(..., across="groups") and, as the baseline, by rows; 5 % are allowed.
"""

from __future__ import annotations

import argparse
import json
import warnings

import numpy as np
from common import FloatArray, machine

from hybrid_router_core.calibration import calibrate_threshold
from hybrid_router_core.errors import CalibrationError
from hybrid_router_core.evaluation.grouping import Across

COUNTS, SIZES, EFFECTS = (8, 20, 60), ("equal", "unequal"), ("normal", "beta", "rare")
FEWEST_EQUAL = 4.0


def main() -> None:
    """Print one line a world."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--limit", type=float, default=0.08)
    parser.add_argument("--json", action="store_true", help="one JSON line of figures last")
    given = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    print(machine())
    print(f"{given.draws} draws a world, limit {given.limit:g}, confidence 0.95")
    print(
        f"{'groups':>8}{'sizes':>9}{'effects':>9}{'by rows: broken':>18}{'share':>8}{'across: broken':>17}{'share':>8}"
    )
    figures: dict[str, dict[str, float]] = {}
    for groups in COUNTS:
        for sizes in SIZES:
            for effects in EFFECTS:
                found = np.array([draw(groups, sizes, effects, seed, given.limit) for seed in range(given.draws)])
                (rows, across), (rows_share, share) = found[:, :, 0].mean(axis=0), found[:, :, 1].mean(axis=0)
                print(
                    f"{groups:>8}{sizes:>9}{effects:>9}{rows:>18.3f}{rows_share:>8.2f}{across:>17.3f}{share:>8.2f}",
                    flush=True,
                )
                named = {"by rows broken": rows, "across broken": across, "by rows share": rows_share, "share": share}
                figures[f"{groups} {sizes} {effects}"] = {key: round(float(value), 4) for key, value in named.items()}
    if given.json:
        print(json.dumps(figures))


def draw(groups: int, sizes: str, effects: str, seed: int, limit: float) -> list[tuple[bool, float]]:
    """Whether the limit broke and the share of new queries to small: by rows, and across groups."""
    rng = np.random.default_rng([seed, groups])
    scores, small, place = world(rng, groups, sizes, effects)
    new_scores, new_small, _ = world(rng, groups, sizes, effects)
    names = [f"g{number}" for number in place]
    return [
        lost(threshold(scores, small, names, across, limit, seed), new_scores, new_small, limit)
        for across in (None, "groups")
    ]


def threshold(
    scores: FloatArray, small: FloatArray, names: list[str], across: Across | None, limit: float, seed: int
) -> float | None:
    """The certified one, or None."""
    try:
        return calibrate_threshold(
            scores, small, np.ones(len(scores)), max_quality_drop=limit, groups=names, across=across, seed=seed
        ).threshold
    except CalibrationError:
        return None


def lost(limit_score: float | None, scores: FloatArray, small: FloatArray, limit: float) -> tuple[bool, float]:
    """Whether the new queries lose more than the limit, and how many of them go to small."""
    if limit_score is None:
        return False, 0.0
    to_small = scores >= limit_score
    return bool(((1 - small) * to_small).mean() > limit), float(to_small.mean())


def world(rng: np.random.Generator, groups: int, sizes: str, effects: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Scores, small's qualities (large's are 1), and the group of each query."""
    rates = {
        "normal": lambda: np.clip(rng.normal(0.1, 0.06, groups), 0, 1),
        "beta": lambda: rng.beta(0.5, 4.5, groups),
        "rare": lambda: np.where(rng.random(groups) < 0.08, 0.9, 0.03),
    }[effects]()
    rows = np.full(groups, 20)
    while sizes == "unequal":
        rows = np.clip((rng.pareto(1.2, groups) + 1) * 6, 1, 400).astype(int)
        if rows.sum() ** 2 / (rows @ rows) >= FEWEST_EQUAL:
            break
    place = np.repeat(np.arange(groups), rows)
    scores = rng.random(len(place))
    small = 1.0 - (rng.random(len(place)) < np.clip(2 * rates[place] * (1 - scores), 0, 1))
    return scores, small, place


if __name__ == "__main__":
    main()
