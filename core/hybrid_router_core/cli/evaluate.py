"""``hybrid-router evaluate``."""

from __future__ import annotations

import typer

from ..router import HybridRouter
from . import options
from .calibrate import read_rows_of
from .console import Messages, print_json, warnings_as_lines, writing
from .data import Pair
from .show import report_lines
from .train import check_report

__all__ = ["HELP", "evaluate"]

HELP = """Measure a trained router on rows that training has not seen.

In: the folder of a router, and DATA in any form that train takes. Out: the figures with their intervals; with --report a
page with pictures, with --json everything for a program. Nothing is changed.

\b
Examples:
  hybrid-router evaluate router/ held_out.jsonl
  hybrid-router evaluate router/ dataset.jsonl --part test --report report.html

The second takes from the very file that train was given the rows that it kept back for this. If train was given --split
or --by, give the same.
"""


def evaluate(
    router_folder: options.RouterArgument,
    data: options.DataArgument,
    report: options.ReportOption = None,
    part: options.PartOption = None,
    split: options.SplitOption = None,
    by: options.ByOption = None,
    small: options.SmallOption = None,
    large: options.LargeOption = None,
    overwrite: options.OverwriteOption = False,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Measure a trained router."""
    check_report(report, overwrite=overwrite)
    messages = Messages(quiet=quiet)
    router = HybridRouter.load(router_folder)
    rows = read_rows_of(router, data, Pair(small, large, asked=bool(small or large)), part, split, by, messages)
    with warnings_as_lines(), messages.working(f"Measuring on {len(rows):,} rows"):
        measured = router.evaluate(rows)
    if report is not None:
        with writing(report):
            measured.to_html(report)
    if as_json:
        print_json(measured.to_dict())
    else:
        typer.echo("\n".join([f"{router_folder} on {len(rows):,} rows of {data}", *report_lines(measured)]))
