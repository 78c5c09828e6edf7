"""``hybrid-router collect``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from hybrid_router_core.cli import options
from hybrid_router_core.cli.collect_screen import interruptible, money, progress_bar
from hybrid_router_core.cli.console import Messages, print_json, tell
from hybrid_router_core.cli.outputs import refuse_same_file
from hybrid_router_core.cli.values import usage
from hybrid_router_core.collect import Collected, Hooks, Settings, Start
from hybrid_router_core.collect import collect as run
from hybrid_router_core.errors import HybridRouterError

__all__ = ["collect"]

_INTERRUPTED = 130


def collect(
    queries: Annotated[
        Path,
        typer.Option("--queries", "-i", metavar="FILE", help="Queries: .txt, .jsonl, .csv, .parquet, ..."),
    ],
    small: Annotated[str, typer.Option("--small", metavar="MODEL", help="The cheap model.")],
    large: Annotated[str, typer.Option("--large", metavar="MODEL", help="The expensive model.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.jsonl", help="Responses of both models.")],
    samples: Annotated[
        int, typer.Option("--samples", metavar="INTEGER", help="Answers of each model to each query.")
    ] = 10,
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", "--temp", metavar="NUMBER", help="Of the answers. [default: the model's]"),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", metavar="INTEGER", help="Length limit of an answer.")
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option("--max-cost", metavar="MONEY", help="Stop before all answers for --out cost more, old runs too."),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option("--prices", metavar="FILE.yaml", help="Prices of models, before those of genai-prices."),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", metavar="INTEGER", help="Requests in flight, for each model.")
    ] = 8,
    requests_per_minute: Annotated[
        float | None, typer.Option("--requests-per-minute", metavar="NUMBER", help="Limit for each model.")
    ] = None,
    tokens_per_minute: Annotated[
        float | None, typer.Option("--tokens-per-minute", metavar="NUMBER", help="Limit for each model.")
    ] = None,
    attempts: Annotated[
        int, typer.Option("--attempts", metavar="INTEGER", help="Tries of a request, the first included.")
    ] = 6,
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="For one request.")] = 120.0,
    column: Annotated[str, typer.Option("--column", metavar="NAME", help="Where a query's text stands.")] = "query",
    small_name: Annotated[
        str | None, typer.Option("--small-name", metavar="NAME", help="Name of the small model in --out.")
    ] = None,
    large_name: Annotated[
        str | None, typer.Option("--large-name", metavar="NAME", help="Name of the large model in --out.")
    ] = None,
    small_key_env: Annotated[
        str | None, typer.Option("--small-key-env", metavar="VARIABLE", help="Holds the small model's key.")
    ] = None,
    large_key_env: Annotated[
        str | None, typer.Option("--large-key-env", metavar="VARIABLE", help="Holds the large model's key.")
    ] = None,
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Write a row as soon as each model has one answer.")
    ] = False,
    change_settings: Annotated[
        bool, typer.Option("--change-settings", help="Allow other models or settings than before for this --out.")
    ] = False,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Ask both models for several answers to each query."""
    refuse_same_file(out, [queries, prices])
    with usage():
        settings = Settings(
            samples=samples,
            temperature=temperature,
            max_tokens=max_tokens,
            concurrency=concurrency,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            attempts=attempts,
            timeout=timeout,
            max_cost=max_cost,
            allow_incomplete=allow_incomplete,
            change_settings=change_settings,
        )
    messages = Messages(quiet=quiet)
    with progress_bar() if messages.bars else nullcontext() as show:
        hooks = Hooks(partial(_announce, settings, messages), show, messages.say, partial(interruptible, messages))
        done = run(
            queries,
            small=small,
            large=large,
            out=out,
            settings=settings,
            prices=prices,
            column=column,
            names=(small_name, large_name),
            key_envs=(small_key_env, large_key_env),
            hooks=hooks,
        )
    if as_json:
        print_json(_summary(done))
    else:
        messages.say(f"{out}: {done.rows:,} rows, {done.answered:,} new answers{money(', spent ', done.spent)}")
        for note in _notes(done):
            messages.say(note)
    _complain(done, settings)


def _announce(settings: Settings, messages: Messages, start: Start) -> None:
    if start.repeated:
        messages.say(
            f"note: {start.repeated:,} of {start.rows:,} rows repeat a query; it is asked once for all of them"
        )
    if settings.temperature == 0 and settings.samples > 1:
        messages.say("note: at temperature 0 the samples of a query are likely all the same; --samples 1 costs less")
    total = start.spent or 0.0
    for side, name, plan in zip(("small", "large"), start.names, start.plans, strict=True):
        text = f"{side}: {name}, {plan.missing:,} of {plan.total:,} answers to ask for"
        if plan.missing and plan.cost is None:
            text += "; cost unknown, since its price is: give one with --prices"
        elif plan.missing and plan.cost is not None:
            total += plan.cost
            text += f"; about ${plan.cost:.4f} at {plan.completion_tokens:.0f} tokens an answer"
        messages.say(text)
    if settings.max_cost is not None and total > settings.max_cost:
        messages.say(f"note: about ${total:.4f} in all is above --max-cost {settings.max_cost:g}; the run stops there")


def _notes(done: Collected) -> list[str]:
    """What is to be known of the answers."""
    lines = [f"note: {note}" for note in done.notes]
    if sum(done.cut_off.values()):
        lines.append(
            f"note: the length limit cut off {_by_side(done.cut_off, 'answers of {}')}; a higher --max-tokens lets "
            "them end, with another --out or with --change-settings, which ask anew"
        )
    return lines


def _by_side(counts: Mapping[str, int], words: str) -> str:
    return ", ".join(f"{count:,} {words.format(side)}" for side, count in counts.items() if count)


def _complain(done: Collected, settings: Settings) -> None:
    """One line for what is not complete, and the exit code with it."""
    again = "run the same command again to go on"
    if done.stopped == "interrupted":
        tell(f"interrupted: {done.incomplete:,} rows are not complete; {again}")
        raise typer.Exit(_INTERRUPTED)
    if done.stopped == "max_cost":
        raise HybridRouterError(
            f"stopped at --max-cost {settings.max_cost:g} with {done.incomplete:,} rows incomplete; raise it, {again}"
        )
    if done.failed:
        first = done.failures[0]
        empty = f" ({_by_side(done.empty, 'empty answers of {}')})" if sum(done.empty.values()) else ""
        raise HybridRouterError(
            f"{done.failed:,} queries failed{empty}, such as {_short(first.query)} ({first.side}: {first.reason}); all "
            f"are in {done.failed_path}, and the same command tries them again"
        )
    if done.incomplete:
        raise HybridRouterError(f"{done.incomplete:,} rows are not complete; {again}")


def _summary(done: Collected) -> dict[str, Any]:
    return {
        "out": str(done.out),
        "rows": done.rows,
        "incomplete": done.incomplete,
        "failed": done.failed,
        "failed_path": None if done.failed_path is None else str(done.failed_path),
        "answered": done.answered,
        "spent": done.spent,
        "empty": dict(done.empty),
        "cut_off": dict(done.cut_off),
        "notes": list(done.notes),
        "stopped": done.stopped,
    }


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 40 else f"{line[:39]}…")
