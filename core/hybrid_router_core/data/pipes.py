"""Standard input and named pipes as files: they can be read only once, and are looked at before they are read."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, cast

__all__ = ["as_file"]

_START = 1 << 12
_copies: dict[tuple[int, int], Path] = {}


def as_file(path: Path) -> Path:
    """The path, or a copy of what came if it is a pipe or ``-`` (stdin).

    The copy is deleted when the program ends. It stands for a pipe until somebody writes into that anew.
    """
    try:
        found = os.fstat(sys.stdin.fileno()) if str(path) == "-" else path.stat()
    except (OSError, ValueError):
        return path
    if str(path) != "-" and not stat.S_ISFIFO(found.st_mode):
        return path
    key = found.st_dev, found.st_ino
    source = _source(path, again=key in _copies)
    if source is not None:
        with source, tempfile.NamedTemporaryFile(delete=False, suffix="" if str(path) == "-" else path.name) as copy:
            shutil.copyfileobj(source, copy)
        _copies[key] = Path(copy.name)
        atexit.register(_copies[key].unlink, missing_ok=True)
    return _copies[key]


def _source(path: Path, *, again: bool) -> BinaryIO | None:
    if str(path) == "-":
        return None if again else open(sys.stdin.fileno(), "rb", closefd=False)
    return _refilled(path) if again else path.open("rb")


def _refilled(path: Path) -> BinaryIO | None:
    """The pipe if somebody writes into it, else None."""
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        start = os.read(pipe, _START)
    except BlockingIOError:  # there is a writer, who has not written yet
        start = b""
    else:
        if not start:
            os.close(pipe)
            return None
    os.set_blocking(pipe, True)
    return cast("BinaryIO", _Rest(start, os.fdopen(pipe, "rb")))


class _Rest:
    """A stream of which the start was read already."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end."""
        start, self._start = self._start, b""
        return start or self._rest.read(size)

    def __enter__(self) -> _Rest:
        return self

    def __exit__(self, *_: Any) -> None:
        self._rest.close()
