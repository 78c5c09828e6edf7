"""The command line and its commands."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from hybrid_router_core._version import library_version

from . import help_pages
from .commands.calibrate import calibrate
from .commands.collect import collect
from .commands.evaluate import evaluate
from .commands.import_data import import_data
from .commands.infer import infer
from .commands.inspect_data import inspect
from .commands.label import label
from .commands.train import train
from .console import put
from .ending import Group

__all__ = ["app", "main"]


app = typer.Typer(
    name="hybrid-router",
    cls=Group,
    help=help_pages.ROOT,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its frames show local variables, and with them queries
    rich_markup_mode=None,  # plain help keeps the examples on lines of their own, fit to copy
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        put(f"hybrid-router {library_version()}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Options of the command itself."""


app.command("collect", help=help_pages.COLLECT, short_help="Ask both models for answers to queries.")(collect)
app.command("label", help=help_pages.LABEL, short_help="Measure how good the answers are.")(label)
app.command("import", help=help_pages.IMPORT, short_help="Turn a public data set into ours.")(import_data)
app.command("train", help=help_pages.TRAIN, short_help="Learn a router from examples and save it.")(train)
app.command("calibrate", help=help_pages.CALIBRATE, short_help="Set the threshold from a target.")(calibrate)
app.command("evaluate", help=help_pages.EVALUATE, short_help="Measure a router on new rows.")(evaluate)
app.command("inspect", help=help_pages.INSPECT, short_help="Is there anything to gain by routing this pair?")(inspect)
app.command("infer", help=help_pages.INFER, short_help="Route queries, and answer them.")(infer)


def main() -> None:
    """Entry point of the command ``hybrid-router``."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a query may hold what the terminal's encoding cannot
    app(prog_name="hybrid-router")
