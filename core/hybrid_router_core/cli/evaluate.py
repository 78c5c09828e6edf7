"""``hybrid-router evaluate``."""

from __future__ import annotations

import typer

from . import options
from .calibrate import read_rows_of
from .console import Messages, print_json, warnings_as_lines, writing
from .data import Pair
from .settings import load_router
from .show import report_lines
from .train import check_report

__all__ = ["evaluate"]


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
    router = load_router(router_folder)
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
