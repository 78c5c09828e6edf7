"""``hybrid-router label``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from hybrid_router_core._bars import progress_bar
from hybrid_router_core.cli import options
from hybrid_router_core.cli.console import Messages, print_json
from hybrid_router_core.cli.label_totals import Totals
from hybrid_router_core.cli.labelling import REMEDY, Survey, labelled, survey_of
from hybrid_router_core.cli.outputs import refuse_same_file
from hybrid_router_core.cli.partial import Partial
from hybrid_router_core.cli.values import usage
from hybrid_router_core.cli.yaml_file import parse_value
from hybrid_router_core.collect import redact
from hybrid_router_core.errors import ConfigError, DataError, HybridRouterError
from hybrid_router_core.quality import PairMetric, QualityMetric, make_metric

from .import_data import check_jsonl

__all__ = ["label"]

_MOST_JOBS = 1024


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
    refuse_same_file(out, [responses])
    check_jsonl(out, overwrite=overwrite)
    if jobs is not None and (jobs == 0 or jobs < -_MOST_JOBS or jobs > _MOST_JOBS):
        raise typer.BadParameter(f"--jobs {jobs}: give a number of processes from 1 on, or -1 for all processors")
    messages = Messages(quiet=quiet)
    about = redact(" ".join([metric, *sorted(option or [])]))
    partial = Partial(out, resume=resume, overwrite=overwrite, about=about)
    scorer = _metric(metric, option)
    if callable(tell := getattr(scorer, "tell", None)):
        tell(messages.say)
    try:
        with messages.working(f"Checking {responses}"):
            survey = survey_of(responses, scorer)  # all of it, before a judge is paid for anything
        totals = Totals()
        with partial, progress_bar("Labelling", messages.bars) as show:
            for record in labelled(responses, scorer, survey, partial, totals, jobs):
                totals.add(record)
                show(totals.rows + totals.no_verdict, survey.rows)
            if totals.rows == 0:
                raise DataError(_nothing(responses, scorer, survey))
    except (HybridRouterError, KeyboardInterrupt) as error:
        for line in _notes(scorer):
            if line.strip() not in str(error):
                messages.say(line)
        raise
    finally:
        if callable(close := getattr(scorer, "close", None)):
            close()
    if as_json:
        print_json({"output": str(out), "metric": metric, **totals.record(), **survey.record()})
    else:
        for line in _summary(out, scorer, totals, survey):
            messages.say(line)


def _metric(name: str, pairs: list[str] | None) -> QualityMetric | PairMetric:
    settings: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise typer.BadParameter(f"--option {redact(pair)!r}: give KEY=VALUE, such as tolerance=0.01")
        try:
            settings[key.strip()] = parse_value(text)
        except ConfigError as error:
            raise typer.BadParameter(f"--option {key.strip()}: {error}") from None
    if ":" in name and (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)  # a script on the PATH, unlike python -m, does not look there
    with usage():
        made: QualityMetric | PairMetric = make_metric(name, **settings)
    return made


def _summary(out: Path, metric: QualityMetric | PairMetric, totals: Totals, survey: Survey) -> list[str]:
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
            f"{survey.first_without}); {REMEDY}"
        )
    if totals.unknown:
        lines.append(f"  {totals.unknown:,} of {totals.samples:,} samples got no verdict and were left out")
    lines += _oddities(survey)
    if totals.no_verdict:
        lines.append(
            f"  {totals.no_verdict:,} rows got no quality on one side and were left out; run again to try them"
        )
    if survey.some_groups and not survey.grouped:
        lines.append(f"  group was left out, since only {survey.some_groups:,} of {survey.rows:,} rows have one")
    return [*lines, *(f"  {line}" for line in _notes(metric))]


def _oddities(survey: Survey) -> list[str]:
    """Answers that are none, or not whole: without a word they would count as wrong ones."""
    lines = []
    if sum(survey.empty.values()):
        lines.append(
            f"  {_by_side(survey.empty)} answers are empty (first at line {survey.first_empty}): an empty one is no "
            "answer, and was not measured; collect asks for them again"
        )
    if sum(survey.cut_off.values()):
        lines.append(
            f"  {_by_side(survey.cut_off)} answers were cut off by a length limit and measured as they are; collect "
            "them with a higher --max-tokens"
        )
    return lines


def _by_side(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {side}" for side, count in counts.items() if count)


def _notes(metric: QualityMetric | PairMetric) -> list[str]:
    notes = getattr(metric, "notes", None)
    return list(notes()) if callable(notes) else []


def _nothing(path: Path, metric: QualityMetric | PairMetric, survey: Survey) -> str:
    why = [line.strip() for line in (*_oddities(survey), *_notes(metric))]
    return "; ".join([f"{path}: no row got a quality on both sides, and nothing was written", *why])
