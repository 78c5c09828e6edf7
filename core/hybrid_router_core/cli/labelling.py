"""From responses to rows of a data set: which rows can be measured, and what the metric makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.collect import cut_off
from hybrid_router_core.data import ResponseRow, in_chunks, read_responses
from hybrid_router_core.errors import DataError
from hybrid_router_core.quality import PairMetric, QualityMetric, preference_qualities, score_in_batches

from .label_totals import Totals
from .partial import Partial

__all__ = ["REMEDY", "Survey", "labelled", "survey_of"]

REMEDY = (
    'give them "answers": ["..."], or take a metric that needs none: judge, reward_model, or bart_score with --option '
    "variant=faithfulness"
)
_CHUNK = 256
_PAID_CHUNK = 16  # rows: what is lost at most of a judge's work when the run is killed


@dataclass
class Survey:
    """What is in the file.

    Attributes:
        rows: That can be measured.
        grouped: Whether all of them have a group.
        named: Whether all of them have an id.
        no_reference: Rows left out, since the metric needs an accepted answer and they have none.
        first_without: Line of the first of these.
        some_groups: Rows with a group, where others have none.
        samples: Answers in the rows that can be measured, by side.
        empty: Those of them without text.
        first_empty: Line of the first of these.
        cut_off: Those of them that a length limit ended.
    """

    rows: int = 0
    grouped: bool = True
    named: bool = True
    no_reference: int = 0
    first_without: int = 0
    some_groups: int = 0
    samples: dict[str, int] = field(default_factory=lambda: {"small": 0, "large": 0})
    empty: dict[str, int] = field(default_factory=lambda: {"small": 0, "large": 0})
    first_empty: int = 0
    cut_off: dict[str, int] = field(default_factory=lambda: {"small": 0, "large": 0})

    def record(self) -> dict[str, Any]:
        """For a program."""
        return {"without_reference": self.no_reference, "empty": self.empty, "cut_off": self.cut_off}

    def add(self, row: ResponseRow) -> None:
        """Count a row that can be measured."""
        self.rows += 1
        self.grouped &= row.group is not None
        self.some_groups += row.group is not None
        self.named &= row.id is not None
        for name, side in (("small", row.small), ("large", row.large)):
            empty = sum(response.empty for response in side.responses)
            self.samples[name] += len(side.responses)
            self.empty[name] += empty
            self.cut_off[name] += sum(map(cut_off, side.responses))
            if empty and not self.first_empty:
                self.first_empty = row.line


def survey_of(path: Path, metric: QualityMetric | PairMetric) -> Survey:
    """Read all rows, so that a bad one is told before anything is paid for.

    Raises:
        DataError: A row is bad, or none can be measured.
    """
    survey = Survey()
    for row in read_responses(path):
        if _lacks_reference(row, metric):
            survey.no_reference += 1
            survey.first_without = survey.first_without or row.line
        else:
            survey.add(row)
    if survey.rows == 0:
        raise DataError(f"{path}: none of the {survey.no_reference:,} rows has an accepted answer; {REMEDY}")
    for side, empty in survey.empty.items():
        if empty == survey.samples[side]:
            raise DataError(
                f"{path}: all {empty:,} answers of {side} are empty, so there is nothing to measure; ask it again with "
                "collect, with another --out"
            )
    return survey


def labelled(
    path: Path, metric: QualityMetric | PairMetric, survey: Survey, partial: Partial, totals: Totals, jobs: int | None
) -> Iterator[dict[str, Any] | None]:
    """What is written of each row that can be measured; None if it got no quality."""
    rows = (row for row in read_responses(path) if not _lacks_reference(row, metric))
    for done in partial.rows():
        for row in rows:
            if (row.query, row.id if survey.named else None) == (done["query"], done.get("id")):
                yield done
                break
            yield None  # it got no verdict then
        else:
            raise DataError(f"{partial.path}: its rows are not from {path}; add --overwrite to start again")
    for chunk in in_chunks(rows, _PAID_CHUNK if "model" in metric.needs else _CHUNK):
        small, large = _compared(metric, chunk) if isinstance(metric, PairMetric) else _scored(metric, chunk, jobs)
        totals.samples += sum(map(len, small)) + sum(map(len, large))
        totals.unknown += int(np.isnan(np.concatenate([*small, *large])).sum())
        for row, of_small, of_large in zip(chunk, small, large, strict=True):
            record = _record(row, of_small, of_large, survey)
            if record is not None:
                partial.add(record)
            yield record
        partial.flush()


def _lacks_reference(row: ResponseRow, metric: QualityMetric | PairMetric) -> bool:
    return "references" in metric.needs and not row.answers


def _scored(
    metric: QualityMetric, rows: Sequence[ResponseRow], jobs: int | None
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Qualities of small and of large, a vector a row; NaN for an answer that is none, which is not measured."""
    sides = [(row, side) for row in rows for side in (row.small, row.large)]
    answers = [(row, response) for row, side in sides for response in side.responses]
    full = [not response.empty for _, response in answers]
    asked = [answer for answer, there in zip(answers, full, strict=True) if there]
    queries, references = [row.query for row, _ in asked], [row.answers or () for row, _ in asked]
    # A model has its own batches and threads, and need not be copied to workers.
    workers = None if "model" in metric.needs else jobs
    size = max(len(asked), 1) if workers is None else 256
    scores = np.full(len(answers), np.nan)
    texts = [response.text for _, response in asked]
    scores[full] = score_in_batches(metric, queries, texts, references, batch_size=size, n_jobs=workers)
    parts = np.split(scores, np.cumsum([len(side.responses) for _, side in sides])[:-1])
    return parts[0::2], parts[1::2]


def _compared(metric: PairMetric, rows: Sequence[ResponseRow]) -> tuple[list[FloatArray], list[FloatArray]]:
    """The same from comparisons of small's first response with large's first, second with second and so on."""
    pairs = [(row, *pair) for row in rows for pair in zip(row.small.responses, row.large.responses, strict=False)]
    full = [not (small.empty or large.empty) for _, small, large in pairs]
    asked = [pair for pair, there in zip(pairs, full, strict=True) if there]
    wins = np.full(len(pairs), np.nan)
    wins[full] = metric.compare(
        [row.query for row, _, _ in asked],
        [small.text for _, small, _ in asked],
        [large.text for _, _, large in asked],
        [row.answers or () for row, _, _ in asked],
    )
    of_small, of_large = preference_qualities(wins)
    edges = np.cumsum([min(len(row.small.responses), len(row.large.responses)) for row in rows])[:-1]
    return np.split(of_small, edges), np.split(of_large, edges)


def _record(row: ResponseRow, small: FloatArray, large: FloatArray, survey: Survey) -> dict[str, Any] | None:
    known = [[score for score in scores.tolist() if score == score] for scores in (small, large)]  # NaN: no verdict
    if not all(known):
        return None
    of_small, of_large = (samples[0] if len(samples) == 1 else samples for samples in known)
    costs = {"small_cost": row.small.mean_cost, "large_cost": row.large.mean_cost}
    return {
        **({"id": row.id} if survey.named else {}),
        "query": row.query,
        "small_quality": of_small,
        "large_quality": of_large,
        **({"group": row.group} if survey.grouped else {}),
        **{name: cost for name, cost in costs.items() if cost is not None},
    }
