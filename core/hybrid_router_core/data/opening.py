"""From a path to lines of bytes in UTF-8: compression, pipes, byte order marks, and a bound on the length of a line."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from hybrid_router_core.errors import DataError, MissingExtraError

from .pipes import as_file
from .rows import Row, Unreadable

__all__ = [
    "COMPRESSED",
    "LONGEST_LINE",
    "UnreadableError",
    "decoded",
    "open_bytes",
    "raw_lines",
    "read_lines",
    "start_of",
    "whole_text",
]

LONGEST_LINE = 1 << 24
"""Bytes of one line or record, 16 MB: far above a long prompt, far below what would fill the memory."""

LARGEST_FILE = 1 << 31
"""Bytes of a file that has to be read as a whole, 2 GB."""

_GZIP_MAGIC = b"\x1f\x8b"
_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)
Opener: TypeAlias = Callable[[Path], Any]


class UnreadableError(Exception):
    """Nothing after this line can be read."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.row: Row = (line, Unreadable(message))


def _zstd(path: Path) -> Any:
    try:
        arrow = importlib.import_module("pyarrow")
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None
    return arrow.CompressedInputStream(arrow.OSFile(str(path)), "zstd")


COMPRESSED: dict[str, Opener] = {
    ".gz": partial(gzip.open, mode="rb"),
    ".bz2": partial(bz2.open, mode="rb"),
    ".xz": partial(lzma.open, mode="rb"),
    ".zst": _zstd,
}
"""By suffix; .zst needs the extra "parquet", since pyarrow brings it."""


def open_bytes(path: Path) -> BinaryIO:
    """The content, unpacked, to be read once.

    Raises:
        DataError: It cannot be opened.
        MissingExtraError: .zst without pyarrow.
    """
    source = as_file(path)
    unpack = COMPRESSED.get(path.suffix.lower())
    try:
        # Without the buffer each line is a Python call in some versions.
        return cast("BinaryIO", io.BufferedReader(unpack(source) if unpack else io.FileIO(source), 1 << 20))
    except OSError as error:
        raise DataError(f"{path}: cannot be opened: {error.strerror or error}") from None


def raw_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The numbered lines in UTF-8, whatever the byte order mark says they are in.

    Raises:
        UnreadableError: What follows is damaged, or the line is longer than `LONGEST_LINE`.
    """
    number = 0
    with open_bytes(path) as stream, _damage_at(lambda: number + 1):
        for raw in _lines(stream):
            number += 1
            if len(raw) > LONGEST_LINE:
                raise UnreadableError(
                    number,
                    f"the line is longer than {LONGEST_LINE >> 20} MB; write one row a line, and shorten what no model "
                    "could read",
                )
            yield number, raw.removeprefix(BOM_UTF8) if number == 1 else raw


def start_of(path: Path) -> bytes:
    """The first kilobytes in UTF-8, behind a byte order mark and white space."""
    with open_bytes(path) as stream:
        start = stream.read(1 << 12)
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        start = start.decode("utf-16", errors="ignore").encode("utf-8", "surrogatepass")
    return start.removeprefix(BOM_UTF8).lstrip()


def whole_text(path: Path) -> str | Unreadable:
    """All of a file that cannot be read by lines.

    Raises:
        UnreadableError: It is damaged, or larger than `LARGEST_FILE`.
    """
    with open_bytes(path) as stream, _damage_at(lambda: 1):
        raw = stream.read(LARGEST_FILE + 1)
    if len(raw) > LARGEST_FILE:
        raise UnreadableError(1, f"larger than {LARGEST_FILE >> 30} GB; write one object a line, as .jsonl")
    if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        with _damage_at(lambda: 1):
            return raw.decode("utf-16")
    return decoded(raw.removeprefix(BOM_UTF8))


@contextmanager
def _damage_at(place: Callable[[], int]) -> Iterator[None]:
    """Around the reading of a file: what is damaged there is told with the line that could not be read."""
    try:
        yield
    except EOFError:
        raise UnreadableError(place(), "the packed data end early; the file is cut off: copy it again") from None
    except UnicodeDecodeError:
        raise UnreadableError(place(), "not UTF-16 text, as its beginning says; save the file as UTF-8") from None
    except _DAMAGED as error:
        raise UnreadableError(place(), f"the packed data are damaged ({error})") from None
    except OSError as error:
        raise UnreadableError(place(), f"cannot be read: {error.strerror or error}") from None


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    start = cast("io.BufferedReader", stream).peek(2)[:2]
    if start in (BOM_UTF16_LE, BOM_UTF16_BE):
        return _utf16_lines(stream)
    return iter(partial(stream.readline, LONGEST_LINE + 1), b"")


def _utf16_lines(stream: BinaryIO) -> Iterator[bytes]:
    text = io.TextIOWrapper(stream, encoding="utf-16", newline="\n")
    try:
        for line in iter(partial(text.readline, LONGEST_LINE + 1), ""):
            yield line.encode("utf-8", "surrogatepass")
    finally:
        text.detach()


def decoded(raw: bytes) -> str | Unreadable:
    """The text of bytes in UTF-8, or why they are none."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if raw.startswith(_GZIP_MAGIC):
            remedy = "it is gzip: name it .gz"
        else:
            remedy = "save the file as UTF-8, for example: iconv -f LATIN1 -t UTF-8 OLD > NEW"
        return Unreadable(f"not UTF-8 text (byte 0x{raw[error.start]:02x} at position {error.start + 1}); {remedy}")


def read_lines(path: Path) -> Iterator[Row]:
    """The lines of a text file without the white space around them; blank ones are skipped."""
    try:
        for number, raw in raw_lines(path):
            text = decoded(raw)
            if isinstance(text, Unreadable):
                yield number, text
            elif stripped := text.strip():
                yield number, stripped
    except UnreadableError as error:
        yield error.row
