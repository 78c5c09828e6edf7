"""``hybrid-router inspect``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from hybrid_router_core._readers import read_rows
from hybrid_router_core._rows import is_many
from hybrid_router_core.dataset import RoutingDataset
from hybrid_router_core.errors import DataError, HybridRouterError, MissingExtraError
from hybrid_router_core.importers.llmrouter import is_routing_data
from hybrid_router_core.inspection import inspect_data
from hybrid_router_core.scorers import make_scorer
from hybrid_router_core.streams import read_data_chunks

from . import options
from .console import Messages, print_json, warnings_as_lines, writing
from .data import Pair, read_data

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
        float, typer.Option("--tau", metavar="NUMBER", help="Temperature of the probabilistic label.", min=1e-9)
    ] = 0.1,
    seed: Annotated[int, typer.Option("--seed", metavar="INTEGER", help="Of the learning curve.", min=0)] = 0,
    overwrite: options.OverwriteOption = False,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Look at a data set before training on it."""
    _check(picture, html, overwrite=overwrite)
    if not no_curve:
        make_scorer(scorer)  # a wrong name fails before the reading
    messages = Messages(quiet=quiet)
    with warnings_as_lines(), messages.working(f"Inspecting {data}"):
        found = inspect_data(
            _chunks(data, small, large), tau=tau, scorer=None if no_curve else scorer, repeats=repeats, seed=seed
        )
    if picture is not None:
        with writing(picture):
            found.plot().savefig(picture, dpi=120)
    if html is not None:
        with writing(html):
            found.to_html(html)
    if as_json:
        print_json({"data": str(data), **found.to_dict()})
    else:
        typer.echo(f"{data}: {found}")


def _check(picture: Path | None, html: Path | None, *, overwrite: bool) -> None:
    if picture is not None and picture.suffix.lower() not in PICTURES:
        raise HybridRouterError(
            f"{picture}: unknown suffix {picture.suffix!r}; allowed are {', '.join(PICTURES)}; a page is --html"
        )
    for path in (picture, html):
        if path is not None:
            options.check_output(path, overwrite=overwrite)
            if find_spec("matplotlib") is None:
                raise MissingExtraError("matplotlib", "report")


def _chunks(path: Path, small: str | None, large: str | None) -> Iterable[RoutingDataset] | Iterator[RoutingDataset]:
    """The data a chunk at a time; LLMRouter's rows have to be gathered by query first."""
    _, rows = read_rows(path)
    try:
        _, first = next(iter(rows), (0, None))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    columns = first.keys() if isinstance(first, dict) else ()
    pair = Pair(small, large, asked=bool(small or large))
    if is_routing_data(columns):
        return (read_data(path, pair),)
    named = is_many(columns) or pair.asked
    return read_data_chunks(path, small=small if named else None, large=large if named else None)
