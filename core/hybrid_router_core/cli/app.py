"""The command line: its four commands, its exit codes, and errors in one line."""

from __future__ import annotations

import io
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..errors import HybridRouterError
from ..router import library_version
from . import calibrate, evaluate, infer, train
from .console import one_line

__all__ = ["app", "main"]

HELP = """Learn from examples when a small language model will do, and route queries between it and a large one.

\b
Train on recorded qualities, look at the figures, route a query:
  hybrid-router train dataset.jsonl --out router/ --cost-advantage 0.4
  hybrid-router evaluate router/ new_rows.jsonl --report report.html
  hybrid-router infer router/ --query "What is photosynthesis?"

Results go to stdout, progress and errors to stderr. Exit codes: 0 done; 1 bad data, a bad setting, a damaged router, or
a target that cannot be reached (one line says which, and what to do); 2 wrong usage.
"""


class _Group(TyperGroup):
    """Turns what the library raises on purpose into one line; everything else is a defect and keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except HybridRouterError as error:
            typer.echo(f"error: {one_line(error)}", err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    name="hybrid-router",
    cls=_Group,
    help=HELP,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its frames show local variables, and with them queries
    rich_markup_mode=None,  # plain help keeps the examples on lines of their own, fit to copy
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hybrid-router {library_version()}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Options of the command itself."""


app.command("train", help=train.HELP)(train.train)
app.command("calibrate", help=calibrate.HELP)(calibrate.calibrate)
app.command("evaluate", help=evaluate.HELP)(evaluate.evaluate)
app.command("infer", help=infer.HELP)(infer.infer)


def main() -> None:
    """Entry point of the command ``hybrid-router``."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a query may hold what the terminal's encoding cannot
    app(prog_name="hybrid-router")
