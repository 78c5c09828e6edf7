"""``hybrid-router calibrate``."""

from __future__ import annotations

import typer

from hybrid_router_core.cli import options
from hybrid_router_core.cli.config import Config
from hybrid_router_core.cli.console import Messages, print_json, put, warnings_as_lines, writing
from hybrid_router_core.cli.data import Pair
from hybrid_router_core.cli.outputs import check_folder, refuse_same_file
from hybrid_router_core.cli.rows import Rows
from hybrid_router_core.cli.settings import load_router, target_of
from hybrid_router_core.cli.show import calibration_lines
from hybrid_router_core.cli.values import guard_of, guard_setting
from hybrid_router_core.errors import DataError

__all__ = ["calibrate"]


def calibrate(
    router_folder: options.RouterArgument,
    data: options.DataArgument,
    cost_advantage: options.CostAdvantageOption = None,
    pgr: options.PgrOption = None,
    max_quality_drop: options.MaxQualityDropOption = None,
    confidence: options.ConfidenceOption = None,
    quality_range: options.QualityRangeOption = None,
    across: options.AcrossOption = None,
    guard: options.NewGuardOption = None,
    part: options.PartOption = None,
    split: options.SplitOption = None,
    by: options.ByOption = None,
    small: options.SmallOption = None,
    large: options.LargeOption = None,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Set a trained router's threshold from a target."""
    target = target_of(
        Config(),
        cost_advantage=cost_advantage,
        pgr=pgr,
        max_quality_drop=max_quality_drop,
        confidence=confidence,
        quality_range=quality_range,
        across=across,
    )
    if target is None:
        raise typer.BadParameter("which target? Give one of --cost-advantage, --pgr, --max-quality-drop")
    level = guard_of(guard)
    refuse_same_file(None, [router_folder, data])
    chosen = Rows(data, Pair(small, large, asked=bool(small or large)), part, split, by)
    messages = Messages(quiet=quiet)
    router = load_router(router_folder)
    check_folder(router_folder, inputs=[data])  # the router itself is changed on purpose
    rows = chosen.read(router, messages)
    before = router.threshold
    if level is not None:
        router.guard = None  # else the new level would be judged by the calibration queries of the guard in force
        router.guard = guard_setting(level)
    with warnings_as_lines(), messages.working(f"Calibrating on {len(rows):,} rows"):
        try:
            router.calibrate(rows, **target.arguments())
        except DataError as error:
            if part is not None or target.across is not None:  # whose message has the way out
                raise
            raise DataError(f"{error}; with the DATA of training, add --part calibration") from error
    with writing(router_folder):
        router.save(router_folder)
    record = router.calibration
    if record is not None and record.left_out:
        remedy = "add --part calibration; else its test part is used up here"
        if part is not None:
            remedy = "give the --split and the --by that train had, so that it is the same part"
        messages.say(f"note: if DATA is the file of training, {remedy}")
    if as_json:
        print_json({"router": str(router_folder), **({} if record is None else record.model_dump(mode="json"))})
    elif record is not None and not quiet:
        first, *others = calibration_lines(record, before)
        put("\n".join([f"saved {router_folder}: {first}", *others]))
