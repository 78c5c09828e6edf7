"""A data set as lines of JSON, from which `RoutingDataset.read` makes the same one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import nan
from typing import Any

__all__ = ["pair_lines"]

_CHUNK = 1 << 16


def pair_lines(data: Any) -> Iterator[bytes]:
    """The rows in the pair form; the same data set gives the same bytes."""
    for start in range(0, len(data), _CHUNK):  # lists of Python floats for all rows at once would not be small
        part = slice(start, start + _CHUNK)
        columns = {
            "query": data.queries[part],
            "small_quality": [_samples(row) for row in data.small_quality[part].tolist()],
            "large_quality": [_samples(row) for row in data.large_quality[part].tolist()],
            "group": data.groups and data.groups[part],
            "small_cost": None if data.small_cost is None else data.small_cost[part].tolist(),
            "large_cost": None if data.large_cost is None else data.large_cost[part].tolist(),
            "id": data.ids and data.ids[part],
            "messages": data.turns and [_messages(turns) for turns in data.turns[part]],
        }
        given = {name: values for name, values in columns.items() if values is not None}
        for cells in zip(*given.values(), strict=True):
            # A NaN, the only value that is not itself, is what is not known.
            record = {name: cell for name, cell in zip(given, cells, strict=True) if cell == cell}
            yield _json_line(record)


def _messages(turns: tuple[str, ...]) -> list[dict[str, str]] | float:
    return [{"role": "user", "content": text} for text in turns] if len(turns) > 1 else nan


def _json_line(record: dict[str, Any]) -> bytes:
    try:
        return json.dumps(record, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(record).encode() + b"\n"


def _samples(row: list[float]) -> float | list[float]:
    samples = [q for q in row if q == q]
    return samples[0] if len(samples) == 1 else samples
