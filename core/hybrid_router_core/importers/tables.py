"""Any table whose columns the user names, above all data sets of the library `datasets` on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hybrid_router_core.conversation import query_from_messages
from hybrid_router_core.data import MANY_COLUMNS, PAIR_COLUMNS, nearest
from hybrid_router_core.errors import ConfigError, DataError

from .base import LARGE, SMALL, ImportedRow, ImportSettings
from .files import Place, finite, read_records, text_of

__all__ = ["read_table"]

_WINNER = "winner"
_OURS = tuple(dict.fromkeys((*PAIR_COLUMNS, *MANY_COLUMNS, _WINNER)))
_TIES = ("tie", "tied", "draw", "both", "neither")


def read_table(path: Path, settings: ImportSettings) -> Iterator[ImportedRow]:
    """Rows with our columns, under our names or those of `settings.columns`; other columns are left out.

    Either query, small_quality and large_quality (group, small_cost, large_cost, id), or query, quality by model (cost,
    group, id), or query and winner, which is small or large, by this word or the model's name, or tie.

    Raises:
        ConfigError: `settings.columns` holds a name that is not one of ours.
    """
    for ours in settings.columns:
        if ours not in _OURS:
            raise ConfigError(f"--column {ours}: not one of {', '.join(_OURS)}{nearest(ours, _OURS)}")
    small, large = settings.small or SMALL, settings.large or LARGE
    theirs = {ours: settings.columns.get(ours, ours) for ours in _OURS}
    for place in read_records(path, settings.split):
        if theirs["quality"] in place.record and theirs["small_quality"] not in place.record:
            quality = {m: value for m, value in _by_model(place, theirs["quality"]).items() if value is not None}
            cost = {m: value for m, value in _by_model(place, theirs["cost"]).items() if value is not None}
        else:
            quality = _pair(place, theirs, small, large)
            costs = {model: place.record.get(theirs[f"{side}_cost"]) for side, model in _sides(small, large)}
            cost = {model: value for model, value in costs.items() if value is not None}
        yield ImportedRow(
            _query(place, theirs),
            {model: _samples(place, value, model) for model, value in quality.items()},
            {model: _cost(place, value, model) for model, value in cost.items()},
            place.name(theirs["group"]),
            place.name(theirs["id"]),
            place.where,
        )


def _pair(place: Place, theirs: Mapping[str, str], small: str, large: str) -> dict[str, Any]:
    """The qualities that are there; a row that lacks one is left out later, and counted."""
    if theirs[_WINNER] in place.record and theirs["small_quality"] not in place.record:
        winner = place.record[theirs[_WINNER]]
        won = str(winner).strip().lower()
        if won in _TIES:
            return {small: 0.5, large: 0.5}
        if won not in ("small", "large", small.lower(), large.lower()):
            raise place.bad(theirs[_WINNER], f"small, large, {small!r}, {large!r} or tie")
        return {small: float(won in ("small", small.lower())), large: float(won in ("large", large.lower()))}
    quality = {}
    for side, model in _sides(small, large):
        column = theirs[f"{side}_quality"]
        if column not in place.record:
            raise place.bad(column, "a quality (name its column with --column)")
        value = place.record[column]
        if value is not None and value != "" and value == value:
            quality[model] = value
    return quality


def _query(place: Place, theirs: Mapping[str, str]) -> str:
    messages = text_of(place.record.get(theirs["messages"]))
    if theirs["query"] not in place.record and isinstance(messages, list):
        return query_from_messages(messages) or place.text(theirs["query"])
    return place.text(theirs["query"])


def _sides(small: str, large: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("small", small), ("large", large)


def _by_model(place: Place, column: str) -> Mapping[str, Any]:
    value = text_of(place.record.get(column))
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise place.bad(column, "an object from model name to number")
    return value


def _samples(place: Place, value: Any, model: str) -> float | list[float]:
    value = text_of(value)
    numbers = [finite(item) for item in value] if isinstance(value, list) else [finite(value)]
    known = [number for number in numbers if number is not None]
    if not known or len(known) < len(numbers):
        raise DataError(f"{place.where}, the quality of {model!r}: a finite number or a list of them is needed")
    return known if isinstance(value, list) else known[0]


def _cost(place: Place, value: Any, model: str) -> float:
    number = finite(value)
    if number is None or number < 0:
        raise DataError(f"{place.where}, the cost of {model!r}: a finite number from 0 on is needed")
    return number
