"""Reads what a public file says of pairs of models, in each of the forms of the shared data."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from common import PAIRS

from hybrid_router_core import RoutingDataset
from hybrid_router_core.data import read_responses
from hybrid_router_core.embedders import StaticEmbedder

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
from recorded import right

__all__ = ["read_outcomes", "with_groups"]

_CLUSTERS = 40


def read_outcomes(path: Path, pairs: int = 2) -> dict[str, RoutingDataset]:
    """The data sets of a file, by name; a file of many models gives so many pairs, if it has the models."""
    name = path.name.split(".")[0]
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    first = rows[0]
    if "quality" in first:
        known = [pair for pair in PAIRS if set(pair) <= set(first["quality"])] or [tuple(first["quality"])[:2]]
        return {f"{name}, {a}": RoutingDataset.read(path, small=a, large=b) for a, b in known[:pairs]}
    if "small_quality" not in first and isinstance(first["small"], dict):
        graded = [{"small": right(r, r.small), "large": right(r, r.large)} for r in read_responses(path)]
        rows = [{**row, **qualities} for row, qualities in zip(rows, graded, strict=True)]
    keys = ("small_quality", "large_quality") if "small_quality" in first else ("small", "large")

    def record(row: dict[str, Any]) -> dict[str, Any]:
        group = {"group": row["group"]} if "group" in row else {}
        return {"query": row["query"], "small_quality": row[keys[0]], "large_quality": row[keys[1]], **group}

    return {name: RoutingDataset.from_records(map(record, rows))}


def with_groups(data: RoutingDataset) -> tuple[RoutingDataset, str]:
    """Each query once, with groups: those of the file, or what k-means makes of the embedding; and which they are."""
    _, first = np.unique(data.query_hashes, return_index=True)
    data = data.take(np.sort(first))
    if data.groups is not None:
        return data, "groups of the file"
    from sklearn.cluster import KMeans

    place = KMeans(_CLUSTERS, random_state=0, n_init=1).fit_predict(StaticEmbedder().encode(data.queries))
    columns = (data.queries, data.small_quality, data.large_quality, [f"cluster {k}" for k in place.tolist()])
    return RoutingDataset(*columns), f"{_CLUSTERS} clusters of the embedding"
