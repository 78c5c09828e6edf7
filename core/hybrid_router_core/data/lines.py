"""Lines of JSON on their way to a file that appears when it is complete."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hybrid_router_core.errors import DataError

__all__ = ["json_bytes", "write_lines"]


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write lines beside the path, force them to the disk, then put them in its place.

    Raises:
        DataError: The file cannot be written; then nothing has changed.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path  # a link stays one
    partial = path.with_name(f"{path.name}.partial")
    try:
        try:
            with partial.open("wb") as file:
                if path.suffix.lower() == ".gz":
                    with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                        packed.writelines(lines)
                else:
                    file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written: {error.strerror or error}; free some space or name another file"
        ) from None


def json_bytes(record: Mapping[str, Any]) -> bytes:
    """One line of a file."""
    try:
        return json.dumps(record, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(record).encode() + b"\n"
