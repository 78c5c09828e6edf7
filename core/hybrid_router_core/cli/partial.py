"""A data set on its way: rows that may have cost money outlive whatever stops the run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from hybrid_router_core.errors import DataError, HybridRouterError

from .console import json_line, tell, writing

__all__ = ["Partial"]


class Partial:
    """Writes NAME.partial, which takes the place of NAME when all is done.

    Args:
        out: The final file.
        resume: Keep the rows of a run that was stopped, and add to them.
        overwrite: Drop them.
        about: What makes the rows what they are; kept beside them, so that others are not mixed in.

    Raises:
        HybridRouterError: There are rows of a stopped run, and neither was asked for; or none, and resume was.
    """

    def __init__(self, out: Path, *, resume: bool, overwrite: bool, about: str = "") -> None:
        self.out = out
        self._place = Path(os.path.realpath(out)) if out.is_symlink() else out  # a link stays one
        self.path = self._place.with_name(f"{self._place.name}.partial")
        self._about, self._about_path = about, self.path.with_name(f"{self.path.name}.about")
        self._old = 0  # bytes of whole lines from the run before
        self._rows = 0
        if resume:
            if not self.path.exists():
                raise HybridRouterError(f"{self.path}: no such file; there is nothing to resume, leave --resume out")
            was = self._about_path.read_text("utf-8") if self._about_path.is_file() else about
            if was != about:
                raise HybridRouterError(
                    f"{self.path}: its rows are of {was}, and not of {about}; give the same again, or --overwrite"
                )
            self._old = _whole_lines(self.path)
        elif self.path.exists() and not overwrite:
            raise HybridRouterError(
                f"{self.path}: holds the rows of a run that was stopped; add --resume to go on after them, or "
                "--overwrite to start again"
            )

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of the run before, in order."""
        if not self._old:
            return
        read = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                read += len(line)
                if read > self._old:
                    return
                try:
                    record = json.loads(line)
                    known = record.keys() >= {"query", "small_quality", "large_quality"}
                except (ValueError, AttributeError):
                    known = False
                if not known:
                    raise DataError(
                        f"{self.path}, line {number}: not a row of a data set; add --overwrite to start again"
                    )
                yield record

    def add(self, record: dict[str, Any]) -> None:
        """Append a row."""
        with writing(self.out):
            self._file.write(json_line(record).encode() + b"\n")
        self._rows += 1

    def flush(self) -> None:
        """Hand the rows to the system, so that they outlive this process."""
        with writing(self.out):
            self._file.flush()

    def __enter__(self) -> Partial:
        with writing(self.out):
            self._about_path.write_text(self._about, "utf-8")
            self._file = self.path.open("r+b" if self._old else "wb")
            self._file.truncate(self._old)
            self._file.seek(self._old)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            with suppress(OSError):  # the disk is full, as `error` says
                self._file.close()
            if self._rows or self._old:
                tell(f"the rows so far are in {self.path}; the same command with --resume goes on")
            else:
                self.path.unlink(missing_ok=True)
                self._about_path.unlink(missing_ok=True)
            return
        with writing(self.out):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self.path.replace(self._place)
            self._about_path.unlink(missing_ok=True)


def _whole_lines(path: Path) -> int:
    """Bytes up to the end of the last whole line: the one after it was cut when the run was killed."""
    whole = 0
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                whole += len(line)
    return whole
