"""``hybrid-router train``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated, Any

import typer

from hybrid_router_core.cli import options
from hybrid_router_core.cli.config import Config
from hybrid_router_core.cli.config_file import read_config
from hybrid_router_core.cli.console import Messages, print_json, put, warnings_as_lines, writing
from hybrid_router_core.cli.data import Parts
from hybrid_router_core.cli.outputs import check_drawing, check_folder, refuse_same_file
from hybrid_router_core.cli.parts import Files, part_lines, parts_record, read_parts
from hybrid_router_core.cli.remarks import check_target, measured_across, remarks
from hybrid_router_core.cli.results import whole_file
from hybrid_router_core.cli.settings import Target, data_files, make_router, target_of
from hybrid_router_core.cli.show import calibration_lines, report_lines
from hybrid_router_core.cli.values import guard_of, parse_hparam, shares_of, threshold_of
from hybrid_router_core.errors import ConfigError, HybridRouterError
from hybrid_router_core.evaluation import Report
from hybrid_router_core.router import HybridRouter

__all__ = ["train"]


def train(
    data: Annotated[Path | None, typer.Argument(metavar="DATA", help="Data set.", show_default=False)] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Where to save the router.", show_default=False)
    ] = None,
    config_file: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.yaml", help="Settings from a file.", show_default=False)
    ] = None,
    mode: Annotated[
        options.Mode | None, typer.Option("--mode", help="Which label is learned. [default: transformed]")
    ] = None,
    small: options.SmallOption = None,
    large: options.LargeOption = None,
    embedder: Annotated[
        str | None,
        typer.Option(
            "--embedder", metavar="NAME", help="static, multilingual or sentence-transformers:NAME. [default: static]"
        ),
    ] = None,
    scorer: Annotated[
        str | None, typer.Option("--scorer", metavar="NAME", help="mlp, linear, knn, constant, random. [default: mlp]")
    ] = None,
    hparam: options.HparamOption = None,
    tau: Annotated[
        float | None,
        typer.Option(
            "--tau",
            metavar="NUMBER",
            help="Temperature of the probabilistic label, in units of quality. [default: 0.1]",
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            "--margin",
            metavar="NUMBER",
            help="Margin of the transformed label, in units of quality. [default: searched]",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", metavar="NUMBER", help="small iff score >= this, unless a target sets it. [default: 0.5]"
        ),
    ] = None,
    cost_advantage: options.CostAdvantageOption = None,
    pgr: options.PgrOption = None,
    max_quality_drop: options.MaxQualityDropOption = None,
    confidence: options.ConfidenceOption = None,
    quality_range: options.QualityRangeOption = None,
    across: options.AcrossOption = None,
    guard: options.GuardOption = None,
    split: options.SplitOption = None,
    by: options.ByOption = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="INTEGER", help="Of the split and the training. [default: 0]", min=0),
    ] = None,
    report: options.ReportOption = None,
    overwrite: options.OverwriteOption = False,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Learn a router from examples and save it."""
    config = Config() if config_file is None else read_config(config_file)
    target = target_of(
        config,
        cost_advantage=cost_advantage,
        pgr=pgr,
        max_quality_drop=max_quality_drop,
        confidence=confidence,
        quality_range=quality_range,
        across=across,
    )
    files = data_files(
        config, data, small=small, large=large, shares=shares_of(split), by=None if by is None else by.value
    )
    router = make_router(
        config,
        config_file,
        mode=None if mode is None else mode.value,
        embedder=embedder,
        scorer=scorer,
        hparam=parse_hparam(hparam),
        tau=tau,
        margin=margin,
        threshold=threshold_of(threshold),
        guard=guard_of(guard),
        seed=seed,
    )
    read = [config_file, files.train, files.calibration, files.test, files.pair.llm_data]
    folder = _folder(out, config, read, overwrite=overwrite)
    if report is not None and not files.tests:
        raise ConfigError("the report shows the test part, and there is none; give --split a share for it")
    if report is not None and os.path.realpath(report) == os.path.realpath(folder):
        raise typer.BadParameter(f"--report {report}: is the folder of the router; name a file")
    refuse_same_file(None, read)
    check_drawing(report, overwrite=overwrite, inputs=[*read, folder])
    messages = Messages(quiet=quiet)
    parts = read_parts(files, calibrates=target is not None, seed=router.seed, messages=messages)
    check_target(files, parts, target)
    for remark in remarks(files, parts, target, guarded=guard not in (None, "none")):
        messages.say(f"note: {remark}")
    with warnings_as_lines():
        measured = _train(router, parts, target, folder, messages)
    if report is not None and measured is not None:
        with whole_file(report) as place:
            measured.to_html(place)
    if as_json:
        print_json(_record(router, folder, files, parts, measured))
    elif not quiet:
        put("\n".join(_lines(router, folder, files, parts, measured)))


def _folder(out: Path | None, config: Config, inputs: Sequence[Path | None], *, overwrite: bool) -> Path:
    if out is None and config.model_path.save_model_path is None:
        raise typer.BadParameter(
            "where to save the router? Add --out FOLDER, or model_path.save_model_path to --config"
        )
    folder = out if out is not None else Path(str(config.model_path.save_model_path))
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file; a router is saved as a folder, name a new one")
    if (folder / "router.json").exists():
        if not overwrite:
            raise ConfigError(f"{folder}: holds a router already; name another folder, or add --overwrite")
    elif folder.is_dir() and any(path.suffix != ".new" for path in folder.iterdir()):  # as a save that failed leaves
        raise ConfigError(f"{folder}: holds other files; a router has a folder of its own, name a new or empty one")
    check_folder(folder, inputs=inputs)
    return folder


def _train(
    router: HybridRouter, parts: Parts, target: Target | None, folder: Path, messages: Messages
) -> Report | None:
    messages.say(f"Training on {len(parts.train):,} rows ...")
    router.fit(parts.train, progress=messages.bars)
    _save(router, folder)  # whatever comes, the training was not in vain
    if target is not None and parts.calibration is not None:
        try:
            with messages.working(f"Calibrating on {len(parts.calibration):,} rows"):
                router.calibrate(parts.calibration, **target.arguments())
        except HybridRouterError as error:
            raise HybridRouterError(
                f"{str(error).rstrip('.')}. The router is saved in {folder} without a calibration; go on with: "
                "hybrid-router calibrate"
            ) from error
        _save(router, folder)
    if parts.test is None:
        return None
    with messages.working(f"Measuring on {len(parts.test):,} rows"):
        return router.evaluate(parts.test, across=measured_across(parts, target))


def _save(router: HybridRouter, folder: Path) -> None:
    try:
        with writing(folder):
            router.save(folder)
    except HybridRouterError as error:
        try:  # a full disk: perhaps there is another
            refuge = router.save(Path(mkdtemp(prefix="hybrid-router-")))
        except OSError:
            raise error from None
        raise HybridRouterError(f"{error}; the router is saved in {refuge} instead") from error


def _record(router: HybridRouter, folder: Path, files: Files, parts: Parts, measured: Report | None) -> dict[str, Any]:
    return {
        "router": str(folder),
        "mode": router.mode,
        "margin": router.margin,
        "threshold": router.threshold,
        "seed": router.seed,
        "data": parts_record(parts, files),
        "calibration": None if router.calibration is None else router.calibration.model_dump(mode="json"),
        "test": None if measured is None else measured.to_dict(),
    }


def _lines(router: HybridRouter, folder: Path, files: Files, parts: Parts, measured: Report | None) -> list[str]:
    margin = "" if router.margin is None else f", margin {router.margin:g}"
    lines = [f"saved {folder}: {router.mode} label{margin}, threshold {router.threshold:.4f}, seed {router.seed}"]
    lines += part_lines(parts, files, calibrated=router.calibration is not None, seed=router.seed)
    if router.calibration is not None:
        first, *others = calibration_lines(router.calibration)
        lines += [f"calibrated: {first}", *others]
    return lines if measured is None else [*lines, *report_lines(measured)]
