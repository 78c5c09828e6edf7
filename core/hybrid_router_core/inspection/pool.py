"""Is this pool worth routing: each model against the best one, with one error level for all of them together."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

from hybrid_router_core.data import nearest, read_data_chunks, read_pool_rows
from hybrid_router_core.errors import ConfigError, DataError
from hybrid_router_core.evaluation import for_json

from .inspect import Inspection, inspect_data
from .signal import PERMUTATIONS, Signal
from .tally import Moments
from .verdict import MOST_CHANCE, Verdict

__all__ = ["Arm", "PoolInspection", "inspect_pool"]


@dataclass(frozen=True, eq=False)
class Arm:
    """One model of the pool.

    Attributes:
        quality: Its mean quality.
        cost: Its mean cost of a call, None if no row has one.
        rows: Rows that have a quality of it.
        pair: It as small and the reference as large; None for the reference itself. The p-value of its signal is
            adjusted for the number of models (Holm 1979).
        verdict: Whether this pair is worth routing; None for the reference.
    """

    quality: float
    cost: float | None
    rows: int
    pair: Inspection | None
    verdict: Verdict | None


@dataclass(frozen=True, eq=False)
class PoolInspection:
    """The result of `inspect_pool`.

    Attributes:
        rows: All rows.
        reference: The model that the others are measured against.
        arms: Name -> model, by falling quality.
        oracle: Mean quality of the best answer to each query, on the rows that have one of every model, and that of the
            reference there; None if there are no such rows.
        verdict: Whether there is anything to gain by routing.
    """

    rows: int
    reference: str
    arms: dict[str, Arm]
    oracle: tuple[float, float] | None
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain values, fit for JSON."""
        models: dict[str, Any] = {}
        for name, arm in self.arms.items():
            models[name] = {"quality": arm.quality, "cost": arm.cost, "rows": arm.rows, "pair": None}
            if arm.pair is not None and arm.verdict is not None:
                models[name]["pair"] = {**arm.pair.to_dict(), "verdict": vars(arm.verdict)}
        result: dict[str, Any] = for_json(
            {
                "verdict": vars(self.verdict),
                "rows": self.rows,
                "reference": self.reference,
                "oracle": None if self.oracle is None else dict(zip(("best", "reference"), self.oracle, strict=True)),
                "models": models,
            }
        )
        return result

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    __repr__ = __str__


def inspect_pool(path: str | os.PathLike[str], *, reference: str | None = None, seed: int = 0) -> PoolInspection:
    """Look at a file of the many-model form before a pair is picked from it.

    The file is read once for each model. A "yes" for any of the models comes by chance in at most 5 % of the pools in
    which no text tells anything.

    Args:
        path: As for `RoutingDataset.read`.
        reference: What the others are measured against; None takes the best mean quality.
        seed: Of the tests for a signal.

    Raises:
        DataError: If the file or its rows cannot be read, or there are fewer than two models.
        ConfigError: If the reference is none of the models.
    """
    quality, costs, best, together, rows = _moments(path)
    if len(quality) < 2:
        raise DataError(f"{path}: a pool has two models or more; found {', '.join(quality) or 'none'}")
    if reference is None:  # a model with a few lucky rows is none to measure others by
        most = max(moments.n for moments in quality.values())
        reference = max((name for name in quality if 2 * quality[name].n >= most), key=lambda name: quality[name].mean)
    elif reference not in quality:
        raise ConfigError(f"no model {reference!r}; models found: {', '.join(quality)}{nearest(reference, quality)}")
    names = sorted(quality, key=lambda name: -quality[name].mean)
    others = [name for name in names if name != reference]
    draws = max(PERMUTATIONS, round(2 * len(others) / MOST_CHANCE))  # or no adjusted p-value could be small enough
    pairs: dict[str, Inspection] = {}
    for name in others:
        if together.get(frozenset((name, reference)), 0):
            chunks = read_data_chunks(path, small=name, large=reference)
            pairs[name] = inspect_data(chunks, scorer=None, seed=seed, permutations=draws)
    adjusted = _holm({name: pair.signal for name, pair in pairs.items()})
    pairs = {name: replace(pair, signal=adjusted[name]) for name, pair in pairs.items()}
    means = {name: moments.mean for name, moments in costs.items() if moments.n}
    verdicts = {name: _against(pair, means.get(name), means.get(reference)) for name, pair in pairs.items()}
    apart = Verdict("perhaps", "no row has a quality of both", ())
    verdicts |= {name: apart for name in others if name not in pairs}
    arms = {
        name: Arm(quality[name].mean, means.get(name), quality[name].n, pairs.get(name), verdicts.get(name))
        for name in names
    }
    oracle = (best[0].mean, best[1][reference].mean) if best[0].n else None
    return PoolInspection(rows, reference, arms, oracle, _over_all(verdicts, reference))


def _moments(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Moments], dict[str, Moments], tuple[Moments, dict[str, Moments]], dict[frozenset[str], int], int]:
    """Of qualities, of costs, on complete rows of the best and of each; rows of each two models, and of all."""
    quality: dict[str, Moments] = {}
    costs: dict[str, Moments] = {}
    complete: dict[frozenset[str], tuple[Moments, dict[str, Moments]]] = {}
    together: dict[frozenset[str], int] = {}
    rows = 0
    for row in read_pool_rows(path):
        rows += 1
        for sums, values in ((quality, row.quality), (costs, row.cost)):
            for name, value in values.items():
                sums.setdefault(name, Moments()).add_one(value)
        known = frozenset(row.quality)
        for pair in combinations(known, 2):
            both = frozenset(pair)
            together[both] = together.get(both, 0) + 1
        if known and (known in complete or len(complete) < 1000):
            best, each = complete.setdefault(known, (Moments(), {name: Moments() for name in known}))
            best.add_one(max(row.quality.values()))
            for name, value in row.quality.items():
                each[name].add_one(value)
    none = (Moments(), {name: Moments() for name in quality})
    return quality, costs, complete.get(frozenset(quality), none), together, rows


def _holm(signals: dict[str, Signal | None]) -> dict[str, Signal | None]:
    """P-values that hold for all models together; step-down, whatever the models have in common."""
    adjusted = {name: signal for name, signal in signals.items() if signal is not None}
    for field in ("p_value", "over_large", "over_small"):
        highest = 0.0
        ordered = sorted(adjusted, key=lambda name, field=field: getattr(adjusted[name], field))  # type: ignore[misc]
        for step, name in enumerate(ordered):
            highest = max(highest, min(1.0, getattr(adjusted[name], field) * (len(ordered) - step)))
            adjusted[name] = replace(adjusted[name], **{field: highest})
    return {**signals, **adjusted}


def _against(pair: Inspection, cost: float | None, reference_cost: float | None) -> Verdict:
    verdict = pair.verdict
    if cost is None or reference_cost is None or cost < reference_cost or pair.gap["low"] >= 0:
        return verdict
    dear = f"costs {cost:.4g} a call and the reference {reference_cost:.4g}, and is not better on average"
    if pair.signal is not None and pair.signal.over_large <= MOST_CHANCE:
        return Verdict("yes", "it saves nothing, and a router raises quality with it", (dear, *verdict.reasons))
    return Verdict("no", "it saves nothing", (dear, *verdict.reasons))


def _over_all(verdicts: dict[str, Verdict], reference: str) -> Verdict:
    level = f"each model against {reference}; p is adjusted for all of them, at most {MOST_CHANCE:g} is a yes"
    others = (f"{name}: {v.answer}, {v.headline}" for name, v in verdicts.items() if v.answer != "yes")
    answer: Literal["yes", "perhaps", "no"] = "no"
    headline = f"no model of these can stand in for {reference}"
    if found := [name for name, verdict in verdicts.items() if verdict.answer == "yes"]:
        named = " and ".join(filter(None, (", ".join(found[:-1]), found[-1])))
        answer, headline = "yes", f"a router finds queries for {named} in place of {reference}"
    elif any(verdict.answer == "perhaps" for verdict in verdicts.values()):
        answer, headline = "perhaps", f"on these rows no model can be told yet to do in place of {reference}"
    return Verdict(answer, headline, (level, *others))


def _lines(pool: PoolInspection) -> Iterable[str]:
    yield f"{pool.rows:,} rows, {len(pool.arms)} models"
    if pool.oracle is not None:
        best, alone = pool.oracle
        yield f"the best answer to each query has {best:.4f} on average, {pool.reference} alone {alone:.4f}"
    yield ""
    width = max(len("model"), *(len(name) for name in pool.arms))
    yield f"  {'model':<{width}}  quality       cost  as good as the reference  p      worth routing"
    for name, arm in pool.arms.items():
        cost = "-" if arm.cost is None else f"{arm.cost:.4g}"
        start = f"  {name:<{width}}  {arm.quality:7.4f}  {cost:>9}"
        if arm.pair is None or arm.verdict is None:
            yield f"{start}  {'the reference' if arm.verdict is None else arm.verdict.headline}"
            continue
        chance = "-" if arm.pair.signal is None else f"{arm.pair.signal.p_value:.3f}"
        yield f"{start}  {arm.pair.wins + arm.pair.ties:>24.1%}  {chance:<5}  {arm.verdict.answer}"
    yield ""
    yield "anything to gain by routing this pool?"
    yield str(pool.verdict)
    yield "look at one pair with --small NAME --large NAME"
