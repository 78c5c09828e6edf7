"""``hybrid-router calibrate``."""

from __future__ import annotations

from pathlib import Path

import typer

from hybrid_router_core.dataset import RoutingDataset
from hybrid_router_core.errors import DataError
from hybrid_router_core.router import HybridRouter

from . import options
from .console import Messages, print_json, warnings_as_lines, writing
from .data import DEFAULT_SPLIT, By, Pair, read_data, take_part
from .settings import load_router
from .show import calibration_text

__all__ = ["calibrate", "read_rows_of"]


def calibrate(
    router_folder: options.RouterArgument,
    data: options.DataArgument,
    cost_advantage: options.CostAdvantageOption = None,
    pgr: options.PgrOption = None,
    max_quality_drop: options.MaxQualityDropOption = None,
    confidence: options.ConfidenceOption = None,
    quality_range: options.QualityRangeOption = None,
    part: options.PartOption = None,
    split: options.SplitOption = None,
    by: options.ByOption = None,
    small: options.SmallOption = None,
    large: options.LargeOption = None,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Set a trained router's threshold from a target."""
    goal = options.one_target(cost_advantage=cost_advantage, pgr=pgr, max_quality_drop=max_quality_drop)
    if not goal:
        raise typer.BadParameter("which target? Give one of --cost-advantage, --pgr, --max-quality-drop")
    limits = options.parse_range(quality_range)
    messages = Messages(quiet=quiet)
    router = load_router(router_folder)
    rows = read_rows_of(router, data, Pair(small, large, asked=bool(small or large)), part, split, by, messages)
    before = router.threshold
    with warnings_as_lines(), messages.working(f"Calibrating on {len(rows):,} rows"):
        try:
            router.calibrate(rows, **goal, confidence=0.95 if confidence is None else confidence, quality_range=limits)
        except DataError as error:
            if part is not None:
                raise
            raise DataError(f"{error}; with the DATA of training, add --part calibration") from error
    with writing(router_folder):
        router.save(router_folder)
    record = router.calibration
    if as_json:
        print_json({"router": str(router_folder), **({} if record is None else record.model_dump(mode="json"))})
    elif record is not None and not quiet:
        typer.echo(f"saved {router_folder}: {calibration_text(record)} (was {before:.4f})")


def read_rows_of(
    router: HybridRouter,
    data: Path,
    pair: Pair,
    part: options.Part | None,
    split: str | None,
    by: options.By | None,
    messages: Messages,
) -> RoutingDataset:
    """The rows of DATA, or of one part of it as training divided it."""
    shares = options.shares_of(split)
    if part is None and (shares is not None or by is not None):
        raise typer.BadParameter("--split and --by say how --part divides DATA; add --part calibration or --part test")
    with messages.working(f"Reading {data}"):
        rows = read_data(data, pair)
    if part is None:
        return rows
    keeps: By = "group" if by is options.By.group else "query"
    return take_part(rows, part.value, shares or DEFAULT_SPLIT, seed=router.seed, by=keeps)
