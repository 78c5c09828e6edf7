"""Options that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Across", "By", "ByOption", "HparamOption", "Mode", "Part", "SplitOption"]


class Mode(str, Enum):
    """Which label is learned."""

    deterministic = "deterministic"
    probabilistic = "probabilistic"
    transformed = "transformed"


class By(str, Enum):
    """What a split keeps together."""

    query = "query"
    group = "group"


class Across(str, Enum):
    """What a guarantee or an interval reaches beyond."""

    groups = "groups"


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
    str | None,
    typer.Option(
        "--max-quality-drop",
        metavar="DROP",
        help="Target: at most this much quality is lost against all-large, in units of quality, or as 2%.",
    ),
]
AcrossOption = Annotated[
    Across | None,
    typer.Option("--across", help="With --max-quality-drop: it holds for groups that are not in DATA, too."),
]
AcrossMeasuredOption = Annotated[
    Across | None,
    typer.Option("--across", help="Intervals for groups that are not in DATA; queries of one group are one draw."),
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
_GUARD = (
    "Queries unlike those of the calibration go to large. LEVEL is the share of ordinary ones that may be taken for "
    "such strangers, at most 0.1; auto is 0.02 with --max-quality-drop, else none."
)
GuardOption = Annotated[
    str | None, typer.Option("--guard", metavar="LEVEL|auto|none", help=f"{_GUARD} [default: auto]")
]
NewGuardOption = Annotated[
    str | None, typer.Option("--guard", metavar="LEVEL|auto|none", help=f"{_GUARD} [default: the router's]")
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
