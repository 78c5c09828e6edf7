"""LLMRouter's routing data: a row for each query and model, with ``query``, ``model_name`` and ``performance``."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from hybrid_router_core._readers import read_rows
from hybrid_router_core._rows import Unreadable, nearest
from hybrid_router_core.dataset import RoutingDataset
from hybrid_router_core.errors import DataError

__all__ = ["is_routing_data", "pair_by_size", "read_routing_data"]

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:x\s*(\d+(?:\.\d+)?)\s*)?B\s*", re.IGNORECASE)


def is_routing_data(columns: Collection[str]) -> bool:
    """Whether a record with these columns is of that form."""
    return "model_name" in columns and "performance" in columns


def read_routing_data(path: Path, small: str | None, large: str | None, llm_data: Path | None) -> RoutingDataset:
    """Gather the rows by query: several rows of one model are its samples, ``task_name`` is the group.

    Queries that lack one of the two models are left out.

    Raises:
        DataError: If a row is bad, or the pair is not known or not in the data.
    """
    quality: dict[str, dict[str, list[float]]] = {}
    tasks: dict[str, str] = {}
    models: dict[str, None] = {}
    unit, rows = read_rows(path)
    for number, row in rows:
        query, model, performance, task = _checked(row, f"{path}, {unit} {number}")
        models[model] = None
        quality.setdefault(query, {}).setdefault(model, []).append(performance)
        if task:
            tasks.setdefault(query, task)
    if llm_data is not None and (small is None or large is None):
        smallest, largest = pair_by_size(llm_data, models)
        small, large = small or smallest, large or largest
    for side, name in (("small", small), ("large", large)):
        if name not in models:
            what = f"{side} is not named" if name is None else f"no rows of the model {name!r} ({side})"
            hint = "" if name is None else nearest(name, models)
            raise DataError(f"{path}: {what}; models found: {', '.join(models)}{hint}")
    both = [(query, by_model) for query, by_model in quality.items() if small in by_model and large in by_model]
    if not both:
        raise DataError(f"{path}: no query has rows of both {small!r} and {large!r}")
    grouped = all(query in tasks for query, _ in both)
    return RoutingDataset.from_records(
        (
            {
                "query": query,
                "small_quality": by_model[str(small)],
                "large_quality": by_model[str(large)],
                **({"group": tasks[query]} if grouped else {}),
            }
            for query, by_model in both
        )
    )


def pair_by_size(llm_data: Path, models: Collection[str]) -> tuple[str, str]:
    """The smallest and the largest model that the data have, by the ``size`` ("7B") that the candidates file gives.

    Raises:
        DataError: If the file cannot be read, or sizes fewer than two of the models.
    """
    try:
        candidates = json.loads(llm_data.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{llm_data}: cannot be read as JSON ({type(error).__name__})") from error
    sizes = {
        name: size
        for name, about in (candidates.items() if isinstance(candidates, Mapping) else ())
        if name in models and isinstance(about, Mapping) and (size := _billions(about.get("size"))) is not None
    }
    if len(sizes) < 2:
        raise DataError(
            f"{llm_data}: gives a size such as '7B' for {len(sizes)} of the models in the data, 2 are needed; "
            f"name small and large instead. Models found: {', '.join(models)}"
        )
    ordered = sorted(sizes, key=lambda name: sizes[name])
    return ordered[0], ordered[-1]


def _billions(size: Any) -> float | None:
    match = _SIZE.fullmatch(size) if isinstance(size, str) else None
    return None if match is None else float(match[1]) * float(match[2] or 1)


def _checked(row: Any, where: str) -> tuple[str, str, float, str | None]:
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
    return query, model, float(performance), task if isinstance(task, str) else None
