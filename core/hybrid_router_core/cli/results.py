"""Writing results: piece by piece beside the final file, which appears when it is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .console import json_line, writing

__all__ = ["results_file"]

Add = Callable[[dict[str, Any]], None]


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
    partial = path.with_name(f"{path.name}.partial")
    count = 0
    with writing(path):
        file = partial.open("w", encoding="utf-8", newline="\n")

    def add(record: dict[str, Any]) -> None:
        nonlocal count
        before = "" if lines else ("[\n" if count == 0 else ",\n")
        with writing(path):
            file.write(before + json_line(record) + ("\n" if lines else ""))
        count += 1

    try:
        with file:
            yield add
            with writing(path):
                file.write("" if lines else ("[]\n" if count == 0 else "\n]\n"))
    except BaseException:
        if count == 0:
            partial.unlink(missing_ok=True)
        raise
    with writing(path):
        partial.replace(path)
