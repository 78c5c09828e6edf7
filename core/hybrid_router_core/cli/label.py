"""``hybrid-router label``."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from hybrid_router_core._bars import progress_bar
from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError, DataError
from hybrid_router_core.quality import PairMetric, QualityMetric, make_metric, preference_qualities, score_in_batches
from hybrid_router_core.responses import ResponseRow, read_responses
from hybrid_router_core.streams import in_chunks

from . import options
from .console import Messages, print_json
from .import_data import check_jsonl
from .partial import Partial
from .yaml_file import parse_value

__all__ = ["label"]

_CHUNK = 256
_PAID_CHUNK = 16  # rows: what is lost at most of a judge's work when the run is killed
_REMEDY = (
    'give them "answers": ["..."], or take a metric that needs none: judge, reward_model, or bart_score with --option '
    "variant=faithfulness"
)


def label(
    responses: Annotated[
        Path, typer.Argument(metavar="RESPONSES", help="Responses of both models, as collect writes them.")
    ],
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="What measures a response; see above.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.jsonl", help="The data set.", show_default=False)],
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="Setting of the metric; may be repeated."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", help="Worker processes of a metric without a model; -1 is all.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on after the rows in NAME.partial, with the same RESPONSES and metric.")
    ] = False,
    overwrite: options.OverwriteOption = False,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Measure responses."""
    check_jsonl(out, overwrite=overwrite)
    messages = Messages(quiet=quiet)
    partial = Partial(out, resume=resume, overwrite=overwrite)
    scorer = _metric(metric, option)
    try:
        with messages.working(f"Checking {responses}"):
            survey = _survey(responses, scorer)  # all of it, before a judge is paid for anything
        totals = _Totals()
        with partial, progress_bar("Labelling", messages.bars) as show:
            for record in _labelled(responses, scorer, survey, partial, totals, jobs):
                totals.add(record)
                show(totals.rows + totals.no_verdict, survey.rows)
            if totals.rows == 0:
                raise DataError(f"{responses}: no row got a quality on both sides; nothing was written")
    finally:
        if callable(close := getattr(scorer, "close", None)):
            close()
    if as_json:
        print_json({"output": str(out), "metric": metric, **totals.record(), **survey.record()})
    else:
        for line in _summary(out, scorer, totals, survey):
            messages.say(line)


@dataclass
class _Survey:
    """What is in the file.

    Attributes:
        rows: That can be measured.
        grouped: Whether all of them have a group.
        named: Whether all of them have an id.
        no_reference: Rows left out, since the metric needs an accepted answer and they have none.
        first_without: Line of the first of these.
        some_groups: Rows with a group, where others have none.
    """

    rows: int = 0
    grouped: bool = True
    named: bool = True
    no_reference: int = 0
    first_without: int = 0
    some_groups: int = 0

    def record(self) -> dict[str, Any]:
        """For a program."""
        return {"without_reference": self.no_reference}


@dataclass
class _Totals:
    """What came out.

    Attributes:
        rows: Written.
        no_verdict: Rows left out, since one side has no quality.
        samples: Measured.
        unknown: Samples without a verdict.
        small: Sum of the rows' means.
        large: The same.
        small_enough: Rows in which small is at least as good on average.
        lowest: Of all means.
        highest: Of all means.
    """

    rows: int = 0
    no_verdict: int = 0
    samples: int = 0
    unknown: int = 0
    small: float = 0.0
    large: float = 0.0
    small_enough: int = 0
    lowest: float = math.inf
    highest: float = -math.inf

    def add(self, record: dict[str, Any] | None) -> None:
        if record is None:
            self.no_verdict += 1
            return
        small, large = _mean(record["small_quality"]), _mean(record["large_quality"])
        self.rows += 1
        self.small += small
        self.large += large
        self.small_enough += small >= large
        self.lowest = min(self.lowest, small, large)
        self.highest = max(self.highest, small, large)

    def record(self) -> dict[str, Any]:
        """For a program."""
        return {
            "rows": self.rows,
            "small_quality": self.small / self.rows,
            "large_quality": self.large / self.rows,
            "small_good_enough": self.small_enough / self.rows,
            "without_verdict": self.no_verdict,
            "samples_without_verdict": self.unknown,
        }


def _mean(quality: float | list[float]) -> float:
    return sum(quality) / len(quality) if isinstance(quality, list) else quality


def _metric(name: str, pairs: list[str] | None) -> QualityMetric | PairMetric:
    settings: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise typer.BadParameter(f"--option {pair!r}: give KEY=VALUE, such as tolerance=0.01")
        try:
            settings[key.strip()] = parse_value(text)
        except ConfigError as error:
            raise typer.BadParameter(f"--option {key.strip()}: {error}") from None
    if ":" in name and (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)  # a script on the PATH, unlike python -m, does not look there
    made: QualityMetric | PairMetric = make_metric(name, **settings)
    return made


def _survey(path: Path, metric: QualityMetric | PairMetric) -> _Survey:
    survey = _Survey()
    for row in read_responses(path):
        if _lacks_reference(row, metric):
            survey.no_reference += 1
            survey.first_without = survey.first_without or row.line
            continue
        survey.rows += 1
        survey.grouped &= row.group is not None
        survey.some_groups += row.group is not None
        survey.named &= row.id is not None
    if survey.rows == 0:
        raise DataError(f"{path}: none of the {survey.no_reference:,} rows has an accepted answer; {_REMEDY}")
    return survey


def _lacks_reference(row: ResponseRow, metric: QualityMetric | PairMetric) -> bool:
    return "references" in metric.needs and not row.answers


def _labelled(
    path: Path, metric: QualityMetric | PairMetric, survey: _Survey, partial: Partial, totals: _Totals, jobs: int | None
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


def _scored(
    metric: QualityMetric, rows: Sequence[ResponseRow], jobs: int | None
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Qualities of small and of large, a vector a row."""
    sides = [side for row in rows for side in (row.small, row.large)]
    counts = [len(side.responses) for side in sides]
    texts = [text for side in sides for text in side.texts]
    owners = [row for row in rows for side in (row.small, row.large) for _ in side.responses]
    queries, references = [row.query for row in owners], [row.answers or () for row in owners]
    # A model has its own batches and threads, and need not be copied to workers.
    workers = None if "model" in metric.needs else jobs
    size = max(len(texts), 1) if workers is None else 256
    scores = score_in_batches(metric, queries, texts, references, batch_size=size, n_jobs=workers)
    parts = np.split(scores, np.cumsum(counts)[:-1])
    return parts[0::2], parts[1::2]


def _compared(metric: PairMetric, rows: Sequence[ResponseRow]) -> tuple[list[FloatArray], list[FloatArray]]:
    """The same from comparisons of small's first response with large's first, second with second and so on."""
    pairs = [list(zip(row.small.texts, row.large.texts, strict=False)) for row in rows]
    owners = [row for row, texts in zip(rows, pairs, strict=True) for _ in texts]
    wins = metric.compare(
        [row.query for row in owners],
        [small for texts in pairs for small, _ in texts],
        [large for texts in pairs for _, large in texts],
        [row.answers or () for row in owners],
    )
    of_small, of_large = preference_qualities(wins)
    edges = np.cumsum([len(texts) for texts in pairs])[:-1]
    return np.split(of_small, edges), np.split(of_large, edges)


def _record(row: ResponseRow, small: FloatArray, large: FloatArray, survey: _Survey) -> dict[str, Any] | None:
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


def _summary(out: Path, metric: QualityMetric | PairMetric, totals: _Totals, survey: _Survey) -> list[str]:
    low, high = metric.range
    small, large, share = totals.small / totals.rows, totals.large / totals.rows, totals.small_enough / totals.rows
    if isinstance(metric, QualityMetric) and metric.direction == "lower":
        low, high = -high, -low
    lines = [
        f"{out}: {totals.rows:,} rows, measured by {metric.name} ({low:g} to {high:g})",
        f"  mean quality: small {small:.4f}, large {large:.4f}; small at least as good in {share:.1%} of the rows",
    ]
    if totals.lowest == totals.highest:
        lines.append(f"  every answer got {totals.lowest:g}: is this the right metric for these answers?")
    if survey.no_reference:
        lines.append(
            f"  {survey.no_reference:,} rows without an accepted answer were left out (first at line "
            f"{survey.first_without}); {_REMEDY}"
        )
    if totals.unknown:
        lines.append(f"  {totals.unknown:,} of {totals.samples:,} samples got no verdict and were left out")
    if totals.no_verdict:
        lines.append(
            f"  {totals.no_verdict:,} rows got no quality on one side and were left out; run again to try them"
        )
    if survey.some_groups and not survey.grouped:
        lines.append(f"  group was left out, since only {survey.some_groups:,} of {survey.rows:,} rows have one")
    notes = getattr(metric, "notes", None)
    return [*lines, *(f"  {line}" for line in (notes() if callable(notes) else ()))]
