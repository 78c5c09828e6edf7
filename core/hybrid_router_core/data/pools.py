"""The many-model form, row by row: what each model did, before a pair is picked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any, cast

from hybrid_router_core.errors import DataError

from .cells import BadCellError, MissingQualityError, cost_of, quality_of
from .readers import read_rows
from .rows import Unreadable, found, is_many

__all__ = ["PoolRow", "read_pool_rows"]


@dataclass(frozen=True)
class PoolRow:
    """What the models did on one query.

    Attributes:
        quality: Model -> mean quality of its samples; a model that has none is left out.
        cost: Model -> cost of a call, where it is known.
    """

    quality: dict[str, float]
    cost: dict[str, float]


def read_pool_rows(path: str | os.PathLike[str]) -> Iterator[PoolRow]:
    """The rows of a file in the many-model form; memory does not grow with the file, but for .json.

    Args:
        path: As for `RoutingDataset.read`.

    Raises:
        DataError: If the file or a row cannot be read, or is of another form; while it is being read.
        MissingExtraError: A package for this form of file is not installed.
    """
    unit, rows = read_rows(cast("Any", path))
    for number, record in rows:
        try:
            yield _pool_row(record)
        except BadCellError as bad:  # noqa: PERF203  it ends the loop
            column = "" if bad.column is None else f", column {bad.column!r}"
            raise DataError(f"{path}, {unit} {number}{column}: {bad.message}") from None


def _pool_row(record: Any) -> PoolRow:
    if isinstance(record, Unreadable):
        raise BadCellError(None, record.message)
    if not isinstance(record, Mapping) or not is_many(record):
        raise BadCellError(None, 'not of the many-model form {"query": "...", "quality": {"model": 0.7, ...}}')
    quality, cost = record["quality"] or {}, record.get("cost") or {}
    for column, value in (("quality", quality), ("cost", cost)):
        if not isinstance(value, Mapping):
            raise BadCellError(column, f"found {found(value)}, but an object by model is needed")
    means = {str(model): _mean(f"quality[{model}]", value) for model, value in quality.items()}
    costs = {str(model): cost_of(f"cost[{model}]", value) for model, value in cost.items()}
    return PoolRow(*({name: value for name, value in one.items() if not isnan(value)} for one in (means, costs)))


def _mean(column: str, value: Any) -> float:
    try:
        samples = quality_of(column, value)
    except MissingQualityError:
        return float("nan")
    return samples if isinstance(samples, float) else sum(samples) / len(samples)
