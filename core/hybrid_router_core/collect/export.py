"""From the store to responses.jsonl, and a list of what failed beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from hybrid_router_core.data import ResponseRow, Side, json_bytes, write_lines

from .queries import Query, Source
from .replies import EMPTY, cut_off
from .store import Store, query_key

__all__ = ["Exported", "Failure", "export", "failed_path"]

_SHOWN = 5  # failures that a result holds; the file has them all
_FIELDS = ("id", "group", "answers")


@dataclass(frozen=True)
class Failure:
    """A query that a model has not answered in full.

    Attributes:
        query: Its text.
        side: small or large.
        reason: The last one.
    """

    query: str
    side: str
    reason: str


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        rows: Complete rows in the output.
        incomplete: Rows that are not in it, since samples are missing.
        failed: Those of them that were tried and failed.
        failures: The first few.
        empty: Queries whose last reply had no text, by side.
        cut_off: Answers in the rows that the length limit ended, by side.
    """

    rows: int
    incomplete: int
    failed: int
    failures: tuple[Failure, ...]
    empty: Mapping[str, int]
    cut_off: Mapping[str, int]


def failed_path(out: Path) -> Path:
    """Where the failed queries are listed: responses.failed.jsonl for responses.jsonl."""
    stem = out.name[: -len(".gz")] if out.name.lower().endswith(".gz") else out.name
    return out.with_name(f"{stem.removesuffix('.jsonl')}.failed.jsonl")


def export(
    out: Path,
    source: Source,
    store: Store,
    models: tuple[int, int],
    names: tuple[str, str],
    samples: int,
    *,
    allow_incomplete: bool,
) -> Exported:
    """Write all complete rows in the order of the queries; a row appears only with its samples of both models.

    Raises:
        DataError: A file cannot be written.
    """
    written = incomplete = failed = 0
    failures: list[Failure] = []
    empty, cut = {"small": 0, "large": 0}, {"small": 0, "large": 0}

    def lines() -> Iterator[bytes]:
        nonlocal written, incomplete
        for query in source():
            key = query_key(query.text)
            small, large = (store.responses(model, key, samples) for model in models)
            if min(len(small), len(large)) >= (1 if allow_incomplete else samples):
                written += 1
                for side, answers in (("small", small), ("large", large)):
                    cut[side] += sum(map(cut_off, answers))
                sides = Side(small, names[0]), Side(large, names[1])
                yield json_bytes(_row(query, *sides).to_json())
            else:
                incomplete += 1

    def failed_lines() -> Iterator[bytes]:
        nonlocal failed
        for query in source():
            key = query_key(query.text)
            reasons = {
                side: reason
                for side, model in zip(("small", "large"), models, strict=True)
                if (reason := store.reason(model, key, samples)) is not None
            }
            if reasons:
                failed += 1
                for side, reason in reasons.items():
                    empty[side] += reason.startswith(EMPTY)
                failures.extend(
                    Failure(query.text, side, reason) for side, reason in reasons.items() if len(failures) < _SHOWN
                )
                yield json_bytes({"query": query.text, **query.row, "failed": reasons})

    write_lines(failed_path(out), failed_lines())
    if not failed:
        failed_path(out).unlink(missing_ok=True)
    ready = lines()
    first = next(ready, None)
    if first is not None:  # what an earlier run wrote is better than nothing
        write_lines(out, chain((first,), ready))
    return Exported(written, incomplete, failed, tuple(failures), empty, cut)


def _row(query: Query, small: Side, large: Side) -> ResponseRow:
    known: dict[str, Any] = {name: query.row.get(name) for name in _FIELDS}
    rest = {name: value for name, value in query.row.items() if name not in _FIELDS}
    answers = None if known["answers"] is None else tuple(known["answers"])
    return ResponseRow(query.text, small, large, known["id"], known["group"], answers, rest)
