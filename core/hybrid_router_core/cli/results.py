"""Writing results: piece by piece beside the final file, which appears when it is complete."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hybrid_router_core.errors import HybridRouterError

from .console import json_line, tell, writing

__all__ = ["keep_stopped", "results_file", "whole_file"]

Add = Callable[[dict[str, Any]], None]


def keep_stopped(path: Path, *, overwrite: bool) -> None:
    """Refuse to write over the results of a run that was stopped, since they may have cost money.

    Raises:
        HybridRouterError: If there are some, and they shall not be replaced.
    """
    _, partial = _places(path)
    if partial.is_file() and not overwrite:
        raise HybridRouterError(
            f"{partial}: holds the results of a run that was stopped; move it away, or add --overwrite to replace it"
        )


@contextmanager
def results_file(path: Path, *, lines: bool) -> Iterator[Add]:
    """Gives the function that adds a record.

    A run that fails after answers came leaves them in ``<name>.partial``, since they may have cost money.

    Args:
        path: The final file.
        lines: JSON lines; else one list.

    Raises:
        HybridRouterError: If the file cannot be written.
    """
    count = 0
    with writing(path):
        place, partial = _places(path)
        file = partial.open("w", encoding="utf-8", newline="\n")

    def add(record: dict[str, Any]) -> None:
        nonlocal count
        before = "" if lines else ("[\n" if count == 0 else ",\n")
        with writing(path):
            file.write(before + json_line(record) + ("\n" if lines else ""))
        count += 1

    try:
        yield add
        with writing(path):
            file.write("" if lines else ("[]\n" if count == 0 else "\n]\n"))
            file.close()  # writes what is in the buffer, and may find no place for it
            partial.replace(place)
    except BaseException:
        with suppress(OSError):
            file.close()
        if count == 0:
            partial.unlink(missing_ok=True)
        else:
            tell(f"the results so far are in {partial}")
        raise


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives the name to write to, whose file takes the place of the final one when all went well.

    Raises:
        HybridRouterError: If it cannot be written; a file that was there before is as it was.
    """
    with writing(path):
        place, _ = _places(path)
        partial = place.with_name(f".{place.name}.{os.getpid()}")  # nobody else's
        try:
            yield partial
            partial.replace(place)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def _places(path: Path) -> tuple[Path, Path]:
    """The final file, which may be behind a link that shall stay one, and the file beside it."""
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    return place, place.with_name(f"{place.name}.partial")
