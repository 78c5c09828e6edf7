"""Tables with one column a model: RouteLLM's benchmark results and RouterBench."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hybrid_router_core.errors import DataError

from .base import ImportedRow, ImportSettings
from .files import Place, finite, read_records

__all__ = ["read_routellm_gsm8k", "read_routellm_mmlu", "read_routerbench"]

_COST, _RESPONSE = "|total_cost", "|model_response"


def read_routellm_mmlu(path: Path, _settings: ImportSettings) -> Iterator[ImportedRow]:
    """mmlu_<subject>.csv: the column prompt, and one of True or False a model; the subject is the group."""
    subject = path.name.partition(".")[0].removeprefix("mmlu_")
    yield from _routellm(path, subject or None)


def read_routellm_gsm8k(path: Path, _settings: ImportSettings) -> Iterator[ImportedRow]:
    """gsm8k_responses.csv: prompt, and for each model a column of True or False and one called <model>_response."""
    yield from _routellm(path, "gsm8k")


def _routellm(path: Path, group: str | None) -> Iterator[ImportedRow]:
    models: list[str] | None = None
    for place in read_records(path):
        query = place.text("prompt")
        columns = [name for name in place.record if name and name != "prompt" and not name.startswith("Unnamed:")]
        found = [name for name in columns if not name.endswith("_response")]
        if models is None:
            models = _checked(place, found)
        elif hidden := [model for model in found if model not in models]:
            raise DataError(f"{place.where}, column {hidden[0]!r}: given here, but empty in the first row of the file")
        quality = {model: place.number(model) for model in models}
        yield ImportedRow(query, quality, group=group, where=place.where)


def read_routerbench(path: Path, _settings: ImportSettings) -> Iterator[ImportedRow]:
    """RouterBench's wide form: sample_id, prompt, eval_name; a column a model, with <model>|total_cost beside it.

    A prompt is the text of a Python list of its parts; they are joined by blank lines. eval_name is the group.
    """
    for place in read_records(path):
        query = _prompt(place)
        sides = [name for name in place.record if isinstance(name, str) and name.endswith((_COST, _RESPONSE))]
        models = _checked(place, list(dict.fromkeys(name.rpartition("|")[0] for name in sides)))
        quality: dict[str, float | list[float]] = {}
        cost: dict[str, float] = {}
        for model in models:
            if place.record.get(model) is None or place.record[model] != place.record[model]:
                continue  # this model was not run on this row: pandas writes NaN
            quality[model] = place.number(model)
            known = finite(place.record.get(model + _COST))
            if known is not None:
                if known < 0:
                    raise place.bad(model + _COST, "a number from 0 on")
                cost[model] = known
        yield ImportedRow(query, quality, cost, place.name("eval_name"), place.name("sample_id"), place.where)


def _checked(place: Place, models: list[str]) -> list[str]:
    if not models:
        found = ", ".join(map(repr, list(place.record)[:12]))
        raise DataError(f"{place.where}: no column of a model found; columns found: {found}")
    return models


def _prompt(place: Place) -> str:
    text = place.text("prompt")
    if text.lstrip()[:2] in ("['", '["'):
        try:
            parts = ast.literal_eval(text)  # reads literals only, runs nothing
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text
        if isinstance(parts, list) and all(isinstance(part, str) for part in parts) and any(map(str.strip, parts)):
            return "\n\n".join(parts)
    return text
