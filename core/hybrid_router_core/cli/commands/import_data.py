"""``hybrid-router import``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from hybrid_router_core.cli import options
from hybrid_router_core.cli.console import Messages, print_json
from hybrid_router_core.cli.outputs import check_output, refuse_same_file
from hybrid_router_core.cli.results import keep_stopped, results_file
from hybrid_router_core.cli.values import usage
from hybrid_router_core.importers import ImportSettings, Tally, import_files

__all__ = ["import_data"]


def import_data(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of one form.", show_default=False)],
    form: Annotated[str, typer.Option("--from", metavar="FORM", help="Their form; see above.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.jsonl", help="The data set.", show_default=False)],
    small: Annotated[
        str | None, typer.Option("--small", metavar="NAME", help="Small model; in arena several, with commas.")
    ] = None,
    large: Annotated[
        str | None, typer.Option("--large", metavar="NAME", help="Large model. [default: keep all models]")
    ] = None,
    score: Annotated[
        str | None, typer.Option("--score", metavar="NAME", help="mixinstruct: which score. [default: bartscore]")
    ] = None,
    llm_data: Annotated[
        Path | None, typer.Option("--llm-data", metavar="FILE.json", help="llmrouter: sizes and prices of the models.")
    ] = None,
    questions: Annotated[
        Path | None, typer.Option("--questions", metavar="FILE.jsonl", help="mt-bench: its question.jsonl.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Folders: which split. [default: train]")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="OURS=THEIRS", help="table: name of a column; may be repeated."),
    ] = None,
    overwrite: options.OverwriteOption = False,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Turn a public data set into ours."""
    settings = ImportSettings(small, large, score, llm_data, questions, split, _columns(column))
    refuse_same_file(out, [*files, llm_data, questions])
    check_jsonl(out, overwrite=overwrite)
    keep_stopped(out, overwrite=overwrite)
    messages, tally = Messages(quiet=quiet), Tally()
    with usage(), messages.working(f"Reading {files[0]}" + (f" and {len(files) - 1} more" if len(files) > 1 else "")):
        found = import_files(files, form, settings, tally)
        _write(out, found)
    if as_json:
        print_json({"output": str(out), "rows": tally.rows, "without_pair": tally.without_pair, "models": tally.models})
        return
    messages.say(f"{out}: {tally.rows:,} rows of {', '.join(list(tally.models)[:6])}")
    if tally.without_pair:
        messages.say(f"  {tally.without_pair:,} rows without a quality of both models were left out")
    if small is None and len(tally.models) > 1 and set(tally.models) != {"small", "large"}:
        messages.say("  all models were kept; pick two when training: --small NAME --large NAME")


def check_jsonl(out: Path, *, overwrite: bool) -> None:
    """Refuse an output that could not be written, or not be read back.

    Raises:
        typer.BadParameter: It does not end in .jsonl.
        HybridRouterError: As for `check_output`.
    """
    if out.suffix.lower() != ".jsonl":
        raise typer.BadParameter(f"--out {out}: name a .jsonl file")
    check_output(out, overwrite=overwrite)


def _write(out: Path, found: Iterator[dict[str, Any]]) -> None:
    partial = out.with_name(f"{out.name}.partial")
    try:
        with results_file(out, lines=True) as add:
            for record in found:
                add(record)
    except BaseException:
        partial.unlink(missing_ok=True)  # made again at no cost
        raise


def _columns(pairs: list[str] | None) -> dict[str, str]:
    columns: dict[str, str] = {}
    for pair in pairs or []:
        ours, equals, theirs = pair.partition("=")
        if not equals or not ours.strip() or not theirs.strip():
            raise typer.BadParameter(f"--column {pair!r}: give OURS=THEIRS, such as query=prompt")
        columns[ours.strip()] = theirs.strip()
    return columns
