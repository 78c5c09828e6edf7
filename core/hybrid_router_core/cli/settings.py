"""What ``train`` is to do: the command line over the config file over the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import typer

from hybrid_router_core.calibration import Limit
from hybrid_router_core.errors import ArtifactError, ConfigError
from hybrid_router_core.evaluation import Across
from hybrid_router_core.router import HybridRouter

from . import options
from .config import CalibrationSection, Config
from .config_file import check_options
from .console import one_line
from .data import By, Pair
from .parts import Files
from .values import guard_setting, number_or_text, one_target, parse_range, usage
from .wording import SETTINGS

__all__ = ["Target", "data_files", "load_router", "make_router", "target_of"]


@dataclass(frozen=True)
class Target:
    """A target of `HybridRouter.calibrate` with what belongs to it."""

    goal: Mapping[str, float | str] = field(default_factory=dict)
    confidence: float = 0.95
    quality_range: tuple[float, float] | None = None
    across: Across | None = None

    def arguments(self) -> dict[str, Any]:
        """For `HybridRouter.calibrate`."""
        chosen = {"confidence": self.confidence, "quality_range": self.quality_range, "across": self.across}
        return {**self.goal, **chosen}


def make_router(config: Config, source: Path | None, **given: Any) -> HybridRouter:
    """The router to train; `given` are the options of the command line, None where there was none.

    Raises:
        typer.BadParameter: If a setting has a value that is not allowed.
        ConfigError: The same, if all settings are from the config file, which it names.
        MissingExtraError: If the embedder's package is not installed.
    """
    overridden = any(value not in (None, {}) for value in given.values())
    hparam = {**config.hparam, **given.pop("hparam")}
    # scikit-learn's name for the seed, as in the config.
    seed = _first(given.pop("seed"), hparam.pop("random_state", None), config.seed, 0)
    settings = {
        "mode": _first(given["mode"], config.router_mode, "transformed"),
        "embedder": _first(given["embedder"], config.embedder, "static"),
        "scorer": _first(given["scorer"], config.scorer, "mlp"),
        "tau": _first(given["tau"], config.router_tau, 0.1),
        "margin": _first(given["margin"], config.router_margin),
        "threshold": _first(given["threshold"], config.router_threshold, 0.5),
        "guard": guard_setting(_first(given["guard"], config.guard, "auto")),
    }
    try:
        router = HybridRouter(**settings, hparam=hparam, seed=seed)
        router.embedder.encode(["a"])  # some load a model only now, and it may not be there
    except ConfigError as error:
        if source is None or overridden:
            raise typer.BadParameter(one_line(error, SETTINGS)) from error
        raise ConfigError(f"{source}: {error}") from error
    return router


def load_router(folder: Path) -> HybridRouter:
    """Load a router for a command.

    Raises:
        ArtifactError: If there is none, or it is damaged.
    """
    if not folder.exists():
        raise ArtifactError(f"{folder}: no such folder; train a router with: hybrid-router train DATA --out {folder}")
    return HybridRouter.load(folder)


def data_files(
    config: Config,
    data: Path | None,
    *,
    small: str | None,
    large: str | None,
    shares: tuple[float, ...] | None,
    by: str | None,
) -> Files:
    """The files of the parts. DATA on the command line takes the place of all files of the config.

    Raises:
        typer.BadParameter: If there are no data at all.
    """
    section = config.data
    names = Pair(
        small or config.small.name,
        large or config.large.name,
        asked=bool(small or large),
        llm_data=None if section.llm_data is None else Path(section.llm_data),
    )
    keeps: By = "group" if (by or section.by) == "group" else "query"
    shares = shares or (None if section.split is None else tuple(section.split))
    if data is not None:
        return Files(data, names, keeps, shares)
    if section.train_path is None:
        raise typer.BadParameter("no data: name a data set, as in: hybrid-router train dataset.jsonl --out router/")
    calibration, test = (None if path is None else Path(path) for path in (section.calibration, section.test_path))
    if shares is not None and (calibration or test):
        raise typer.BadParameter("--split divides one file; the config gives calibration or test a file of its own")
    return Files(Path(section.train_path), names, keeps, shares, calibration, test)


def target_of(
    config: Config,
    *,
    confidence: float | None,
    quality_range: str | None,
    across: options.Across | None,
    max_quality_drop: str | None,
    **goals: float | None,
) -> Target | None:
    """The target of the command line, else of the config, else none.

    Raises:
        typer.BadParameter: If there are two targets on the command line, or a value is not allowed.
        ConfigError: If the config's calibration has not exactly one target.
    """
    ends = parse_range(quality_range)
    goal = one_target(**goals, max_quality_drop=number_or_text(max_quality_drop))
    with usage():
        check_options(
            CalibrationSection,
            {**goal, "confidence": confidence, "quality_range": None if ends is None else list(ends)},
        )
    section, ours = config.calibration, bool(goal)
    if section is not None and not goal:
        names = ("cost_advantage", "pgr", "max_quality_drop")
        goal = {name: value for name in names if (value := getattr(section, name)) is not None}
        if len(goal) != 1:
            raise ConfigError(
                f"calibration: found {' and '.join(goal) or 'no target'}; give exactly one of {', '.join(names)}"
            )
    if not goal:
        if confidence is not None or ends is not None or across is not None:
            raise typer.BadParameter(
                "--confidence, --quality-range and --across need a target, such as --max-quality-drop 0.02"
            )
        return None
    if section is not None:
        confidence = section.confidence if confidence is None else confidence
        if ends is None and section.quality_range is not None:
            ends = (section.quality_range[0], section.quality_range[1])
    theirs = None if section is None or ours else section.across  # it belongs to their target
    reach: Across | None = theirs if across is None else "groups"
    if "max_quality_drop" in goal:
        with usage() if ours else nullcontext():
            _check_limit(goal["max_quality_drop"], ends or (0.0, 1.0))
    if reach is not None and "max_quality_drop" not in goal:
        raise typer.BadParameter("--across needs the target --max-quality-drop: only a limit holds for other groups")
    return Target(goal, 0.95 if confidence is None else confidence, ends, reach)


def _check_limit(drop: float | str, ends: tuple[float, float]) -> None:
    """Refuse a limit that no data could break or none could have, as the calibration would after the training."""
    best = np.array([ends[1]])
    Limit.of(drop).losses(np.zeros(1), best, best, *ends)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
