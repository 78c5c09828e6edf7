"""The learning curve: what a router gains from more examples, with an error band."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hybrid_router_core._types import FloatArray, IntArray
from hybrid_router_core.data import RoutingDataset
from hybrid_router_core.evaluation import Across, TradeOff, check_groups, oracle_curve
from hybrid_router_core.router import HybridRouter

__all__ = ["LearningCurve", "Trend", "learning_curve"]

Trend = Literal["rising", "flat", "unclear"]
MOST_TRAINING, MOST_TESTING = 3000, 1500  # rows a router: a curve in seconds; beyond, curves hardly bend
LEAST_TRAINING = 25
SIZES = 5
CONFIDENCE = 0.95
NOTICEABLE = 0.02  # of APGR: less than that for twice the examples is called flat


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """How good routers are that were trained on growing parts, each measured on queries it has not seen.

    Attributes:
        measure: "apgr"; or "skill" where large is hardly better than small, so that APGR would divide by next to
            nothing: the area above random routing as a share of the oracle's.
        random: What a random router has: 0.5 or 0.
        sizes: Numbers of training rows, ascending, shape (s,).
        values: One row a repeat with a split of its own, shape (repeats, s).
        mean: Mean over the repeats, shape (s,).
        low: Lower end of the 95 % band, shape (s,).
        high: Upper end, shape (s,).
        gain: What the last doubling of the examples brought, with the ends of its interval.
        trend: "rising" if that interval lies above 0, "flat" if it lies below 0.02, else "unclear".
        scorer: Kind of the routers' scorer.
        available: Queries that a router trained on 60 % of these data would see.
    """

    measure: Literal["apgr", "skill"]
    random: float
    sizes: IntArray
    values: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    gain: tuple[float, float, float]
    trend: Trend
    scorer: str
    available: int

    def __str__(self) -> str:
        name = "APGR" if self.measure == "apgr" else "share of the oracle's gain"
        points = ", ".join(
            f"{n:,}: {mean:.3f} [{low:.3f}, {high:.3f}]"
            for n, mean, low, high in zip(self.sizes.tolist(), self.mean, self.low, self.high, strict=True)
        )
        return f"{name} by training rows ({self.scorer}; random {self.random:g}): {points}"


def learning_curve(
    data: RoutingDataset,
    *,
    scorer: str = "linear",
    repeats: int = 5,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    across: Across | None = None,
) -> LearningCurve | None:
    """Train routers on halves of halves of the data, several times; the work goes through joblib.

    Repeats share rows, so their spread alone flatters; the band is that of the corrected resampled t-test (Nadeau and
    Bengio 2003, "Inference for the generalization error", equation 6).

    Args:
        data: At most 3,000 of its rows teach a router and 1,500 measure it.
        scorer: Kind of the routers' scorer; "linear" is much faster than "mlp" and bends alike.
        repeats: Splits, >= 2.
        seed: Of the splits and the training.
        settings: Further arguments of `HybridRouter`.
        across: "groups": the queries that measure a router are of groups that it has not seen.

    Raises:
        DataError: If ``across`` is given and the groups do not do.

    Returns:
        None if the data are too few, or all gaps are equal, so that there is nothing to learn.
    """
    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    if across is not None:
        check_groups(data.groups)
    queries = len(np.unique(data.query_hashes))
    train = min(int(0.6 * queries), MOST_TRAINING)
    test = min(queries - train, MOST_TESTING)
    if train < 2 * LEAST_TRAINING or np.ptp(data.gap) <= 0:
        return None
    halvings = min(SIZES - 1, int(np.log2(train / LEAST_TRAINING)))
    sizes = np.asarray([train // 2**i for i in range(halvings, -1, -1)], dtype=np.int64)
    gap = -data.gap
    certain = gap.mean() > 3 * gap.std() / np.sqrt(test)  # of each test part, not of all rows
    measure: Literal["apgr", "skill"] = "apgr" if certain else "skill"
    tasks = [(sizes[-1:], sizes[:-1])[small] for small in (False, True)]
    jobs = [(repeat, part) for part in tasks for repeat in range(repeats)]  # the longest first, so that none waits
    arguments = {**(settings or {}), "scorer": scorer, "seed": seed}
    parts = _parts if across is None else _parts_by_group
    done = Parallel()(
        delayed(_one_split)(*parts(data, train, test, seed + repeat), part.tolist(), measure, arguments)
        for repeat, part in jobs
    )
    last, first = done[:repeats], done[repeats:]
    values = np.asarray([[*a, *b] for a, b in zip(first, last, strict=True)])
    shared = test / queries
    gain = _interval((values[:, -1] - values[:, -2])[:, None], shared)
    middle, low, high = _interval(values, shared)
    ends = (float(gain[0][0]), float(gain[1][0]), float(gain[2][0]))
    trend: Trend = "rising" if ends[1] > 0 else "flat" if ends[2] < NOTICEABLE else "unclear"
    return LearningCurve(
        measure=measure,
        random=0.5 if measure == "apgr" else 0.0,
        sizes=sizes,
        values=values,
        mean=middle,
        low=low,
        high=high,
        gain=ends,
        trend=trend,
        scorer=scorer,
        available=int(0.6 * queries),
    )


def _parts(data: RoutingDataset, train: int, test: int, seed: int) -> tuple[RoutingDataset, RoutingDataset]:
    """Random rows of ``train`` queries and of ``test`` others; a query's first row stands for it."""
    _, first = np.unique(data.query_hashes, return_index=True)
    order = np.random.default_rng([seed, len(first)]).permutation(first)
    return data.take(order[:train]), data.take(order[train : train + test])


def _parts_by_group(data: RoutingDataset, train: int, test: int, seed: int) -> tuple[RoutingDataset, RoutingDataset]:
    """As `_parts`, with no group in both."""
    _, first = np.unique(data.query_hashes, return_index=True)
    names, place = np.unique(np.asarray(data.groups, dtype=object)[first], return_inverse=True)
    rng = np.random.default_rng([seed, len(first)])
    rank = rng.permutation(len(names))[place]
    order = rng.permutation(len(first))
    seen = np.cumsum(np.bincount(rank)) - np.bincount(rank) / 2 < 0.6 * len(first)  # by the middle of each group
    if seen.all():
        seen[-1] = False
    known = seen[rank[order]]
    return data.take(first[order[known]][:train]), data.take(first[order[~known]][:test])


def _one_split(
    train: RoutingDataset, test: RoutingDataset, sizes: list[int], measure: str, arguments: dict[str, Any]
) -> list[float]:
    values = []
    small, large = test.mean_small, test.mean_large
    for size in sizes:
        router = HybridRouter(**arguments).fit(train[:size])
        curve = TradeOff(router.score(test), small, large)
        values.append(curve.apgr() if measure == "apgr" else _skill(curve))
    return values


def _skill(curve: TradeOff) -> float:
    """Area of quality above random routing, as a share of the oracle's."""
    oracle = _area_above_random(oracle_curve(curve.small, curve.large))
    return _area_above_random(curve) / oracle if oracle > 0 else 0.0


def _area_above_random(curve: TradeOff) -> float:
    share, quality = curve.share_to_large, curve.quality
    return float(np.sum(np.diff(share) * (quality[1:] + quality[:-1]) / 2) - (quality[0] + quality[-1]) / 2)


def _interval(values: FloatArray, shared: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean and ends for each column; ``shared`` is the share of all queries that a test part takes."""
    from scipy.special import stdtrit  # type: ignore[import-untyped, unused-ignore]

    repeats = len(values)
    factor = np.sqrt(1 / repeats + shared / (1 - shared))
    half = stdtrit(repeats - 1, (1 + CONFIDENCE) / 2) * factor * values.std(axis=0, ddof=1)
    mean = values.mean(axis=0)
    return mean, mean - half, mean + half
