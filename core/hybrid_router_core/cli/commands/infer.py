"""``hybrid-router infer``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from hybrid_router_core.cli import options
from hybrid_router_core.cli.answer import TIMEOUT, Limits, answers_of
from hybrid_router_core.cli.config import Config
from hybrid_router_core.cli.config_file import read_config
from hybrid_router_core.cli.console import Messages, json_line, print_json, put
from hybrid_router_core.cli.outputs import check_output, refuse_same_file
from hybrid_router_core.cli.results import keep_stopped, results_file
from hybrid_router_core.cli.run import Run
from hybrid_router_core.cli.settings import load_router
from hybrid_router_core.cli.values import threshold_of, usage
from hybrid_router_core.conversation import Reading
from hybrid_router_core.data import read_queries
from hybrid_router_core.errors import HybridRouterError
from hybrid_router_core.live import Decider
from hybrid_router_core.router import HybridRouter

__all__ = ["infer"]


class Format(str, Enum):
    """How records are written."""

    json = "json"
    jsonl = "jsonl"


def infer(
    router_folder: Annotated[
        Path | None, typer.Argument(metavar="ROUTER", help="Folder of a saved router.", show_default=False)
    ] = None,
    query: Annotated[str | None, typer.Option("--query", metavar="TEXT", help="One query.")] = None,
    input_file: Annotated[
        Path | None,
        typer.Option(
            "--input",
            "-i",
            metavar="FILE",
            help="Queries or conversations: .txt, .jsonl, .csv, .parquet, ..., or - for stdin.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Results: .json or .jsonl. [default: print]")
    ] = None,
    output_format: Annotated[
        Format | None, typer.Option("--output-format", help="A list, or one object a line. [default: by --output]")
    ] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.yaml", help="Settings from a file.")
    ] = None,
    route_only: Annotated[bool, typer.Option("--route-only", help="Only decide; ask no model.")] = False,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", metavar="NUMBER", help="small iff score >= this, 0 to 1. [default: the router's]"),
    ] = None,
    temperature: Annotated[
        float | None, typer.Option("--temp", metavar="NUMBER", help="Temperature of the answers.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", metavar="INTEGER", help="Length limit of an answer.", min=1)
    ] = None,
    timeout: Annotated[
        float,
        typer.Option("--timeout", metavar="SECONDS", help="Longest wait for one answer, all attempts together."),
    ] = TIMEOUT,
    overwrite: options.OverwriteOption = False,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Route queries, or with --route-only the "messages" of conversations, with a trained router."""
    if (query is None) == (input_file is None):
        raise typer.BadParameter("give either --query TEXT or --input FILE")
    limit = threshold_of(threshold)
    with usage():
        limits = Limits(temperature, max_tokens, timeout)
    config = Config() if config_file is None else read_config(config_file)
    folder = _folder(router_folder, config)
    read = [input_file, config_file, folder]
    if output is None:
        refuse_same_file(None, read)
    else:
        lines = _as_lines(output, output_format)
        check_output(output, overwrite=overwrite, inputs=read)
        keep_stopped(output, overwrite=overwrite)
    messages = Messages(quiet=quiet)
    answers = None if route_only else answers_of(config, limits, messages)
    router = load_router(folder)
    decider = Decider(router, threshold=_threshold(limit, router, config, messages), on_router_error="raise")
    queries: Iterable[str | Reading] = [query] if query is not None else read_queries(Path(str(input_file)))
    run = Run(decider, config, answers)
    with answers or nullcontext():
        records = run.records(queries)
        if messages.bars and input_file is not None and (output is not None or not sys.stdout.isatty()):
            records = _counted(records)
        if output is not None:
            with results_file(output, lines=lines) as add:
                for record in records:
                    add(record)
            _summarise(run, output, messages, as_json=as_json)
        else:
            _print(records, output_format, as_json=as_json, alone=query is not None)
    if run.unanswered:
        raise HybridRouterError(f"{run.unanswered} of {run.count} queries got no answer; see 'error' in the results")


def _print(records: Iterator[dict[str, Any]], form: Format | None, *, as_json: bool, alone: bool) -> None:
    if form is Format.jsonl:
        for record in records:
            put(json_line(record))
    elif as_json or form is Format.json:
        found = list(records)
        print_json(found[0] if alone else found)
    else:
        for record in records:
            put(_text(record, alone=alone))


def _summarise(run: Run, output: Path, messages: Messages, *, as_json: bool) -> None:
    if as_json:
        large = run.count - run.to_small
        print_json({"output": str(output), "queries": run.count, "small": run.to_small, "large": large})
    else:
        messages.say(f"{output}: {run.count:,} queries, {run.to_small:,} to small")


def _folder(given: Path | None, config: Config) -> Path:
    paths = config.model_path
    path = given or paths.load_model_path or paths.save_model_path
    if path is None:
        raise typer.BadParameter("which router? Name its folder, or give --config with model_path.load_model_path")
    return Path(path)


def _as_lines(output: Path, wanted: Format | None) -> bool:
    if wanted is None:
        suffix = output.suffix.lower()
        if suffix not in (".json", ".jsonl"):
            raise HybridRouterError(f"{output}: unknown suffix {suffix!r}; allowed are .json, .jsonl")
        return suffix == ".jsonl"
    return wanted is Format.jsonl


def _threshold(given: float | None, router: HybridRouter, config: Config, messages: Messages) -> float | None:
    if given is not None or config.router_threshold is None:
        return given
    if router.calibration is None:
        return config.router_threshold
    if router.threshold != config.router_threshold:
        # LLMRouter's files always have a router_threshold, which must not undo a calibration unnoticed.
        messages.say(
            f"note: the router's calibrated threshold {router.threshold:.4f} is used and not router_threshold "
            f"{config.router_threshold:g} of the config; --threshold overrides both"
        )
    return None


def _counted(records: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("Routing: {task.completed:,.0f} queries"), TimeElapsedColumn())
    # Redirected, results for stdout would land on stderr.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("", total=None)
        for record in records:
            yield record
            progress.advance(task)


def _text(record: dict[str, Any], *, alone: bool) -> str:
    score = "no score" if record["score"] is None else f"score {record['score']:.4f}"
    name = f" ({record['model_name']})" if "model_name" in record else ""
    threshold = "" if record["threshold"] is None else f", threshold {record['threshold']:.4f}"
    reason = "" if record["reason"] == "score" else f", {record['reason']}"
    if alone and "detail" in record:
        reason += f": {record['detail']}"
    decision = f"{record['model']}{name}  {score}{threshold}{reason}"
    lines = [decision if alone else f"{decision}  {' '.join(record['query'].split())}"]
    if "response" in record:
        lines.append(record["response"] or record.get("error") or "")
    return "\n".join(lines)
