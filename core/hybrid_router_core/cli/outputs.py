"""Where a command may write: never over what it reads, and only where there is a place for a file."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hybrid_router_core.errors import ConfigError, HybridRouterError, MissingExtraError

from .console import writing

__all__ = ["check_drawing", "check_folder", "check_output", "refuse_same_file"]

# What commands write beside NAME while they run: results on their way, collected answers, a router's new files.
_BESIDE = (".partial", ".partial.about", ".sqlite", ".sqlite-wal", ".sqlite-shm", ".sqlite-journal", ".new")


def check_output(path: Path, *, overwrite: bool, inputs: Iterable[str | Path | None] = ()) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        HybridRouterError: If it is an input, exists and shall not be replaced, is no file, or has no folder to be in.
    """
    if path.is_dir():
        raise HybridRouterError(f"{path}: is a folder; name a file")
    if path.exists() and not path.is_file():
        raise HybridRouterError(f"{path}: is a device or a pipe; name a file")
    refuse_same_file(path, inputs)
    if path.exists() and not overwrite:
        raise HybridRouterError(f"{path}: exists already; name another file, or add --overwrite to replace it")
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    if not place.parent.is_dir():
        raise HybridRouterError(f"{path}: there is no folder {place.parent}; make it with: mkdir -p {place.parent}")
    with writing(path):
        _try(place.with_name(f"{place.name}.partial"))


def check_drawing(path: Path | None, *, overwrite: bool, inputs: Iterable[str | Path | None]) -> None:
    """The same for a page or a picture, if one is asked for.

    Raises:
        HybridRouterError: As `check_output`.
        MissingExtraError: If there is nothing to draw with.
    """
    if path is None:
        return
    check_output(path, overwrite=overwrite, inputs=inputs)
    if find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "report")


def check_folder(path: Path, *, inputs: Iterable[str | Path | None]) -> None:
    """Refuse a folder that files could not be written to, before any work is done; leaves nothing behind.

    Raises:
        HybridRouterError: If there is no place for it, or one of the inputs lies in it.
    """
    refuse_same_file(path, inputs)
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    made: list[Path] = []
    with writing(path):
        try:
            for folder in reversed(missing):
                folder.mkdir()
                made.append(folder)
            _try(path / "trial.partial")
        finally:
            for folder in reversed(made):
                folder.rmdir()


def _try(path: Path) -> None:
    """Make a file, as the only sure way to know whether it can be made."""
    there = path.exists()
    with path.open("ab"):
        pass
    if not there:
        path.unlink()


def refuse_same_file(output: str | Path | None, inputs: Iterable[str | Path | None]) -> None:
    """Refuse an output that is an input as well, whatever ``--overwrite`` says.

    Files are compared, not names: links, other spellings and other cases of one file are one file. So are the files
    that a command writes beside its output. A folder is what lies in it.

    Args:
        output: What will be written, a file or a folder; None is standard output.
        inputs: What will be read; None is left out, and ``-`` is standard input.

    Raises:
        ConfigError: If one of the inputs would be written over; names both.
    """
    written = {_identity(path) for path in _written(output)} - {None}
    for given in inputs:
        if given is None:
            continue
        name = Path(given)
        if (
            _identity(given) in written
            or _lies_in(output, name)
            or _lies_in(name, output)
            or (written and name.is_dir() and any(_identity(path) in written for path in _files(name)))
        ):
            if output is None:
                raise ConfigError(f"{name}: is an input, and standard output goes to it as well; name another file")
            raise ConfigError(f"{output}: would be written over the input {name}; name another place for the output")


def _written(output: str | Path | None) -> Iterator[str | Path | int]:
    """The files that are written, by name or by number."""
    if output is None:
        with suppress(AttributeError, OSError, ValueError):  # it is closed, or no file
            yield sys.stdout.fileno()
        return
    for path in (Path(output), Path(os.path.realpath(output))):
        yield path
        yield from _files(path)
        if path.name:
            yield path.with_name(f"{path.name.removesuffix('.gz').removesuffix('.jsonl')}.failed.jsonl")
            yield from (path.with_name(f"{path.name}{suffix}") for suffix in _BESIDE)


def _identity(path: str | Path | int) -> tuple[int, int] | None:
    """What makes a file itself; None if there is none, or if it may be read and written, as a terminal or a socket."""
    try:
        if str(path) == "-":
            path = sys.stdin.fileno()
        found = os.stat(path)  # noqa: PTH116  a number is a file as well
    except (AttributeError, OSError, ValueError):
        return None
    kept = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    return (found.st_dev, found.st_ino) if kept else None


def _lies_in(inner: str | Path | None, outer: Any) -> bool:
    if inner is None or outer is None or not Path(outer).is_dir():
        return False
    folder = _identity(outer)
    with suppress(OSError, RuntimeError, ValueError):
        return any(_identity(parent) == folder for parent in Path(inner).resolve().parents)
    return False


def _files(folder: Path) -> Iterator[Path]:
    """All files of a folder; none of a file."""
    for root, _, names in os.walk(folder):
        yield from (Path(root) / name for name in names)
