"""LLMRouter's routing data: a row for each query and model, with ``query``, ``model_name`` and ``performance``."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hybrid_router_core.data import RoutingDataset, Unreadable, nearest, read_rows
from hybrid_router_core.errors import DataError

from .base import ImportedRow, ImportSettings

__all__ = ["is_routing_data", "pair_by_size", "read_llmrouter", "read_routing_data", "with_pair_by_size"]

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:x\s*(\d+(?:\.\d+)?)\s*)?B\s*", re.IGNORECASE)
Prices = Mapping[str, "tuple[float, float]"]


@dataclass
class _Gathered:
    """What is known of one query."""

    where: str
    quality: dict[str, list[float]] = field(default_factory=dict)
    cost: dict[str, list[float]] = field(default_factory=dict)
    task: str | None = None


def is_routing_data(columns: Collection[str]) -> bool:
    """Whether a record with these columns is of that form."""
    return "model_name" in columns and "performance" in columns


def read_llmrouter(path: Path, settings: ImportSettings) -> Iterator[ImportedRow]:
    """The rows gathered by query: several rows of one model are its samples, ``task_name`` is the group.

    Costs are known where `settings.llm_data` gives a model's ``input_price`` and ``output_price`` (per million tokens)
    and the row its ``input_tokens`` and ``output_tokens``; several samples cost their mean.

    Raises:
        DataError: If a row is bad, or the candidates file cannot be read.
    """
    yield from _rows(_gathered(path, _prices(settings.llm_data)))


def with_pair_by_size(path: Path, settings: ImportSettings) -> ImportSettings:
    """The settings with the pair that the sizes in `settings.llm_data` give, where it is not named."""
    if settings.llm_data is None or (settings.small is not None and settings.large is not None):
        return settings
    smallest, largest = pair_by_size(settings.llm_data, _models(_gathered(path, {}).values()))
    return replace(settings, small=settings.small or smallest, large=settings.large or largest)


def read_routing_data(path: Path, small: str | None, large: str | None, llm_data: Path | None) -> RoutingDataset:
    """The queries that have both models, as a data set.

    Raises:
        DataError: If a row is bad, or the pair is not known or not in the data.
    """
    gathered = _gathered(path, _prices(llm_data))
    models = _models(gathered.values())
    if llm_data is not None and (small is None or large is None):
        smallest, largest = pair_by_size(llm_data, models)
        small, large = small or smallest, large or largest
    for side, name in (("small", small), ("large", large)):
        if name not in models:
            what = f"{side} is not named" if name is None else f"no rows of the model {name!r} ({side})"
            hint = "" if name is None else nearest(name, models)
            raise DataError(f"{path}: {what}; models found: {', '.join(models)}{hint}")
    pair = (str(small), str(large))
    both = [(query, found) for query, found in gathered.items() if all(name in found.quality for name in pair)]
    if not both:
        raise DataError(f"{path}: no query has rows of both {small!r} and {large!r}")
    grouped = all(found.task for _, found in both)
    return RoutingDataset.from_records(
        {
            "query": query,
            "small_quality": found.quality[pair[0]],
            "large_quality": found.quality[pair[1]],
            **{f"{side}_cost": _mean(found.cost[name]) for side, name in _sides(pair) if name in found.cost},
            **({"group": found.task} if grouped else {}),
        }
        for query, found in both
    )


def pair_by_size(llm_data: Path, models: Collection[str]) -> tuple[str, str]:
    """The smallest and the largest model that the data have, by the ``size`` ("7B") that the candidates file gives.

    Raises:
        DataError: If the file cannot be read, or sizes fewer than two of the models.
    """
    sizes = {
        name: size
        for name, about in _candidates(llm_data).items()
        if name in models and isinstance(about, Mapping) and (size := _billions(about.get("size"))) is not None
    }
    if len(sizes) < 2:
        raise DataError(
            f"{llm_data}: gives a size such as '7B' for {len(sizes)} of the models in the data, 2 are needed; "
            f"name small and large instead. Models found: {', '.join(models)}"
        )
    ordered = sorted(sizes, key=lambda name: sizes[name])
    return ordered[0], ordered[-1]


def _candidates(llm_data: Path) -> Mapping[str, Any]:
    try:
        candidates = json.loads(llm_data.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{llm_data}: cannot be read as JSON ({type(error).__name__})") from error
    return candidates if isinstance(candidates, Mapping) else {}


def _prices(llm_data: Path | None) -> Prices:
    """Money per token read and written, of the models that have both."""
    prices: dict[str, tuple[float, float]] = {}
    for name, about in {} if llm_data is None else _candidates(llm_data).items():
        if isinstance(about, Mapping):
            read, written = _count(about.get("input_price")), _count(about.get("output_price"))
            if read is not None and written is not None:
                prices[name] = (read / 1e6, written / 1e6)
    return prices


def _billions(size: Any) -> float | None:
    match = _SIZE.fullmatch(size) if isinstance(size, str) else None
    return None if match is None else float(match[1]) * float(match[2] or 1)


def _count(value: Any) -> float | None:
    """A number from 0 on, else None."""
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")
    return float(value) if known else None


def _gathered(path: Path, prices: Prices) -> dict[str, _Gathered]:
    queries: dict[str, _Gathered] = {}
    unit, rows = read_rows(path)
    for number, row in rows:
        where = f"{path}, {unit} {number}"
        query, model, performance, task, (read, written) = _checked(row, where)
        found = queries.setdefault(query, _Gathered(where))
        found.quality.setdefault(model, []).append(performance)
        if model in prices and read is not None and written is not None:
            found.cost.setdefault(model, []).append(read * prices[model][0] + written * prices[model][1])
        found.task = found.task or task
    return queries


def _rows(gathered: Mapping[str, _Gathered]) -> Iterator[ImportedRow]:
    grouped = all(found.task for found in gathered.values())
    for query, found in gathered.items():
        quality: dict[str, float | list[float]] = {
            model: samples[0] if len(samples) == 1 else samples for model, samples in found.quality.items()
        }
        cost = {model: _mean(costs) for model, costs in found.cost.items()}
        yield ImportedRow(query, quality, cost, found.task if grouped else None, where=found.where)


def _models(gathered: Iterable[_Gathered]) -> dict[str, None]:
    return {model: None for found in gathered for model in found.quality}


def _sides(pair: tuple[str, str]) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("small", pair[0]), ("large", pair[1])


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _checked(row: Any, where: str) -> tuple[str, str, float, str | None, tuple[float | None, float | None]]:
    if isinstance(row, Unreadable):
        raise DataError(f"{where}: {row.message}")
    needed = "an object with query, model_name and performance is needed, as in the first row"
    if not isinstance(row, Mapping):
        raise DataError(f"{where}: {needed}")
    query, model, performance = row.get("query"), row.get("model_name"), row.get("performance")
    if not isinstance(query, str) or not query.strip():
        raise DataError(f"{where}, column 'query': missing, empty or not text")
    if not isinstance(model, str) or not model:
        raise DataError(f"{where}, column 'model_name': missing, empty or not text")
    if (
        isinstance(performance, bool)
        or not isinstance(performance, (int, float))
        or not abs(performance) < float("inf")
    ):
        raise DataError(f"{where}, column 'performance': found {performance!r}, but a finite number is needed")
    task = row.get("task_name")
    tokens = (_count(row.get("input_tokens")), _count(row.get("output_tokens")))
    return query, model, float(performance), task if isinstance(task, str) else None, tokens
