"""``hybrid-router inspect``."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from hybrid_router_core.cli import options
from hybrid_router_core.cli.console import Messages, print_json, put, warnings_as_lines
from hybrid_router_core.cli.data import Pair, read_data
from hybrid_router_core.cli.outputs import check_drawing, refuse_same_file
from hybrid_router_core.cli.results import whole_file
from hybrid_router_core.cli.values import usage
from hybrid_router_core.cli.wording import SETTINGS
from hybrid_router_core.data import RoutingDataset, is_many, read_data_chunks, read_rows
from hybrid_router_core.errors import DataError, HybridRouterError
from hybrid_router_core.importers import is_routing_data
from hybrid_router_core.inspection import Inspection, PoolInspection, inspect_data, inspect_pool
from hybrid_router_core.labels import check_label_settings
from hybrid_router_core.scorers import check_seed, make_scorer

__all__ = ["inspect"]

PICTURES = (".png", ".svg", ".pdf")


def inspect(
    data: options.DataArgument,
    small: options.SmallOption = None,
    large: options.LargeOption = None,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", metavar="FILE", help="Draw it: .png, .svg or .pdf. Needs the extra 'report'."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE.html", help="Write a page with pictures. Needs the extra 'report'."),
    ] = None,
    scorer: Annotated[
        str, typer.Option("--scorer", metavar="NAME", help="Of the learning curve's routers: linear, mlp, knn.")
    ] = "linear",
    repeats: Annotated[
        int, typer.Option("--repeats", metavar="INTEGER", help="Splits behind the learning curve's band.", min=2)
    ] = 5,
    no_curve: Annotated[bool, typer.Option("--no-curve", help="Leave out the learning curve, which takes longest.")] = (
        False
    ),
    tau: Annotated[
        float, typer.Option("--tau", metavar="NUMBER", help="Temperature of the probabilistic label.")
    ] = 0.1,
    seed: Annotated[int, typer.Option("--seed", metavar="INTEGER", help="Of the learning curve.", min=0)] = 0,
    across: Annotated[
        options.Across | None,
        typer.Option("--across", help="Measure the learning curve on groups that its routers have not seen."),
    ] = None,
    overwrite: options.OverwriteOption = False,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Look at a data set before training on it."""
    with usage(SETTINGS):
        check_label_settings("probabilistic", tau, None)
        check_seed(seed)
        make_scorer(scorer)
    _check(data, picture, html, overwrite=overwrite)
    messages = Messages(quiet=quiet)
    columns = _columns(data)
    if is_many(columns) and not is_routing_data(columns) and small is None:
        if picture is not None or html is not None:
            raise typer.BadParameter("--picture and --html show a pair; name it with --small NAME --large NAME")
        with warnings_as_lines(), messages.working(f"Inspecting {data}"):
            pool = inspect_pool(data, reference=large, seed=seed)
        _say(data, pool, as_json=as_json)
        return
    with warnings_as_lines(), messages.working(f"Inspecting {data}"):
        found = inspect_data(
            _chunks(data, columns, small, large),
            tau=tau,
            scorer=None if no_curve else scorer,
            repeats=repeats,
            seed=seed,
            across=None if across is None else across.value,
        )
    if picture is not None:
        with whole_file(picture) as place:
            found.plot().savefig(place, dpi=120, format=picture.suffix[1:].lower())
    if html is not None:
        with whole_file(html) as place:
            found.to_html(place)
    _say(data, found, as_json=as_json)


def _say(data: Path, found: Inspection | PoolInspection, *, as_json: bool) -> None:
    if as_json:
        print_json({"data": str(data), **found.to_dict()})
    else:
        put(f"{data}: {found}")


def _check(data: Path, picture: Path | None, html: Path | None, *, overwrite: bool) -> None:
    if picture is not None and picture.suffix.lower() not in PICTURES:
        raise HybridRouterError(
            f"{picture}: unknown suffix {picture.suffix!r}; allowed are {', '.join(PICTURES)}; a page is --html"
        )
    if picture is not None and html is not None and os.path.realpath(picture) == os.path.realpath(html):
        raise typer.BadParameter(f"--picture and --html are both {picture}; name two files")
    refuse_same_file(None, [data])
    for path in (picture, html):
        check_drawing(path, overwrite=overwrite, inputs=[data])


def _columns(path: Path) -> Collection[str]:
    """Those of the first row."""
    _, rows = read_rows(path)
    try:
        _, first = next(iter(rows), (0, None))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    return first.keys() if isinstance(first, dict) else ()


def _chunks(
    path: Path, columns: Collection[str], small: str | None, large: str | None
) -> Iterable[RoutingDataset] | Iterator[RoutingDataset]:
    """The data a chunk at a time; LLMRouter's rows have to be gathered by query first."""
    pair = Pair(small, large, asked=bool(small or large))
    if is_routing_data(columns):
        return (read_data(path, pair),)
    named = is_many(columns) or pair.asked
    return read_data_chunks(path, small=small if named else None, large=large if named else None)
