"""Options that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from hybrid_router_core.decision import check_threshold
from hybrid_router_core.errors import ConfigError, HybridRouterError

from .data import parse_split
from .yaml_file import parse_value

__all__ = [
    "By",
    "ByOption",
    "HparamOption",
    "Mode",
    "Part",
    "SplitOption",
    "check_output",
    "one_target",
    "parse_hparam",
]


class Mode(str, Enum):
    """Which label is learned."""

    deterministic = "deterministic"
    probabilistic = "probabilistic"
    transformed = "transformed"


class By(str, Enum):
    """What a split keeps together."""

    query = "query"
    group = "group"


class Part(str, Enum):
    """One part of a split."""

    train = "train"
    calibration = "calibration"
    test = "test"


RouterArgument = Annotated[
    Path, typer.Argument(metavar="ROUTER", help="Folder of a saved router, as train wrote it.", show_default=False)
]
DataArgument = Annotated[
    Path, typer.Argument(metavar="DATA", help="Data set, in the form that train takes.", show_default=False)
]
SmallOption = Annotated[
    str | None, typer.Option("--small", metavar="NAME", help="Small model, where DATA holds several models.")
]
LargeOption = Annotated[
    str | None, typer.Option("--large", metavar="NAME", help="Large model, where DATA holds several models.")
]
SplitOption = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="SHARES",
        help="train,calibration,test or train,test or 1 for all to train. [default: 0.6,0.2,0.2]",
        show_default=False,
    ),
]
ByOption = Annotated[
    By | None,
    typer.Option("--by", help="What stays in one part: the same query, or a whole group. [default: query]"),
]
PartOption = Annotated[
    Part | None,
    typer.Option("--part", help="Take only the rows that train used, or kept back, as this part of the same DATA."),
]
HparamOption = Annotated[
    list[str] | None,
    typer.Option("--hparam", metavar="KEY=VALUE", help="Hyperparameter of the scorer; may be repeated."),
]
CostAdvantageOption = Annotated[
    float | None,
    typer.Option("--cost-advantage", metavar="SHARE", help="Target: this share of the queries goes to small, 0 to 1."),
]
PgrOption = Annotated[
    float | None,
    typer.Option("--pgr", metavar="SHARE", help="Target: this share of the gap in quality is recovered, 0 to 1."),
]
MaxQualityDropOption = Annotated[
    float | None,
    typer.Option(
        "--max-quality-drop",
        metavar="DROP",
        help="Target: at most this much quality is lost against all-large, in units of quality.",
    ),
]
ConfidenceOption = Annotated[
    float | None,
    typer.Option("--confidence", metavar="P", help="How surely --max-quality-drop holds. [default: 0.95]"),
]
QualityRangeOption = Annotated[
    str | None,
    typer.Option(
        "--quality-range",
        metavar="LOW,HIGH",
        help="Lowest and highest quality possible, for --max-quality-drop. [default: 0,1]",
    ),
]
ReportOption = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE.html", help="Write a page with pictures. Needs the extra 'report'."),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress, notes or summary; only errors and what was asked for.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write the result as JSON, for a program.")]


def parse_hparam(pairs: list[str] | None) -> dict[str, Any]:
    """The hyperparameters of ``--hparam``; values as in YAML, so that ``[128, 64]`` is a list and ``1e-3`` a number.

    Raises:
        typer.BadParameter: If there is no ``=``, no key, or the value cannot be read.
    """
    values: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise typer.BadParameter(f"--hparam {pair!r}: give KEY=VALUE, such as max_iter=300")
        try:
            values[key.strip()] = parse_value(text)
        except ConfigError as error:
            raise typer.BadParameter(f"--hparam {key.strip()}: {error}") from None
    return values


def parse_range(text: str | None) -> tuple[float, float] | None:
    """The two numbers of ``--quality-range``."""
    if text is None:
        return None
    try:
        low, high = (float(number) for number in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--quality-range {text!r}: give two numbers, such as 0,1") from None
    return low, high


def shares_of(text: str | None) -> tuple[float, ...] | None:
    """The shares of ``--split``, if it is given."""
    return None if text is None else parse_split(text)


def threshold_of(value: float | None) -> float | None:
    """The threshold of ``--threshold``; a wrong one is a usage error."""
    try:
        return None if value is None else check_threshold(value)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from None


def one_target(**targets: float | None) -> dict[str, float]:
    """The target that was given; empty if none was.

    Raises:
        typer.BadParameter: If there are two or more.
    """
    given = {name: value for name, value in targets.items() if value is not None}
    if len(given) > 1:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise typer.BadParameter(f"{names} are different targets; give one of them")
    return given


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        HybridRouterError: If it exists and shall not be replaced, is a folder, or its folder does not exist.
    """
    if path.is_dir():
        raise HybridRouterError(f"{path}: is a folder; name a file")
    if path.exists() and not overwrite:
        raise HybridRouterError(f"{path}: exists already; name another file, or add --overwrite to replace it")
    if not path.parent.is_dir():
        raise HybridRouterError(f"{path}: there is no folder {path.parent}; make it with: mkdir -p {path.parent}")
