"""``hybrid-router evaluate``."""

from __future__ import annotations

from hybrid_router_core.cli import options
from hybrid_router_core.cli.console import Messages, print_json, put, warnings_as_lines
from hybrid_router_core.cli.data import Pair
from hybrid_router_core.cli.outputs import check_drawing, refuse_same_file
from hybrid_router_core.cli.results import whole_file
from hybrid_router_core.cli.rows import Rows
from hybrid_router_core.cli.settings import load_router
from hybrid_router_core.cli.show import report_lines

__all__ = ["evaluate"]


def evaluate(
    router_folder: options.RouterArgument,
    data: options.DataArgument,
    report: options.ReportOption = None,
    across: options.AcrossMeasuredOption = None,
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
    refuse_same_file(None, [router_folder, data])
    check_drawing(report, overwrite=overwrite, inputs=[router_folder, data])
    chosen = Rows(data, Pair(small, large, asked=bool(small or large)), part, split, by)
    messages = Messages(quiet=quiet)
    router = load_router(router_folder)
    rows = chosen.read(router, messages)
    with warnings_as_lines(), messages.working(f"Measuring on {len(rows):,} rows"):
        measured = router.evaluate(rows, across=None if across is None else across.value)
    if report is not None:
        with whole_file(report) as place:
            measured.to_html(place)
    if as_json:
        print_json(measured.to_dict())
    else:
        put("\n".join([f"{router_folder} on {len(rows):,} rows of {data}", *report_lines(measured)]))
