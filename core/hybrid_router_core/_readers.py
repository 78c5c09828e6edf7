"""Files and frames into numbered records; what the records hold is checked in `_rows`."""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import json
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from ._rows import NUMBER_COLUMNS, Row, Unreadable, check_columns
from .errors import DataError, MissingExtraError

_SPACE = re.compile(r"[ \t\r\n]*")
_GZIP_MAGIC = b"\x1f\x8b"
Wanted: TypeAlias = "Collection[str] | None"
_CSV_CELL = 2**31 - 1  # characters; the csv module's own limit is 131,072, less than a long prompt


class _UnreadableError(Exception):
    """Nothing after this line can be read."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.row: Row = (line, Unreadable(message))


def read_rows(path: Path, *, wanted: Wanted = None) -> tuple[str, Iterator[Row]]:
    """Finds the reader for a path.

    Args:
        path: Names the form by its suffix.
        wanted: Columns of a .csv or .parquet file that are enough; others need not be read, and any of these may be
            missing. Empty: all columns, whatever they are. None: those of a data set, and no others are allowed.

    Returns:
        What the numbers count ("line" or "record"), and the numbered records.

    Raises:
        DataError: there is no such file, it is a folder, or the suffix is unknown.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder; name a file, one of {', '.join(_READERS)}")
    if not path.exists():
        raise DataError(f"{path}: no such file")
    name = path.name.lower()
    for suffix, (unit, reader) in _READERS.items():
        if name.endswith(suffix):
            return unit, reader(path, wanted)
    raise DataError(f"{path}: unknown suffix {path.suffix!r}; allowed are {', '.join(_READERS)}")


def frame_rows(frame: Any) -> Iterator[Row]:
    """Records of a pandas or polars DataFrame, neither of which is imported here.

    Raises:
        DataError: it is neither, or a column is unknown, missing or there twice.
    """
    if not (hasattr(frame, "columns") and (hasattr(frame, "iter_rows") or hasattr(frame, "isna"))):
        raise DataError(f"from_frame: found {type(frame).__name__}, but a pandas or polars DataFrame is needed")
    names = [str(column) for column in frame.columns]
    check_columns("frame", names)
    columns = [_series_values(frame[column]) for column in frame.columns]
    return _table_rows(names, [columns])


def _series_values(series: Any) -> list[Any]:
    if hasattr(series, "to_list") and not hasattr(series, "isna"):
        return cast("list[Any]", series.to_list())
    missing = series.isna()
    if missing.any():  # pandas writes a missing value as NaN, NA, NaT or None, by dtype
        series = series.astype(object).where(~missing, None)
    return cast("list[Any]", series.tolist())


def _table_rows(names: Sequence[str], batches: Iterable[Sequence[list[Any]]]) -> Iterator[Row]:
    number = 0
    for batch in batches:
        columns = [
            [_parsed(cell) if isinstance(cell, str) else cell for cell in cells] if name in NUMBER_COLUMNS else cells
            for name, cells in zip(names, batch, strict=True)
        ]
        for number, cells in enumerate(zip(*columns, strict=True), number + 1):  # noqa: B020
            yield number, dict(zip(names, cells, strict=True))


def _parsed(cell: str) -> Any:
    """The value of a cell that holds a JSON list or object; anything else is left to be refused."""
    if cell.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    return cell


def _csv_value(cell: str) -> Any:
    try:
        return cell if "_" in cell else float(cell)  # float takes 1_000, a spreadsheet does not write it
    except ValueError:
        return _parsed(cell)


def _stream(path: Path) -> BinaryIO:
    try:
        if path.suffix.lower() == ".gz":
            # Without the buffer each line is a Python call in some versions.
            return cast("BinaryIO", io.BufferedReader(cast("Any", gzip.open(path, "rb")), 1 << 20))
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be opened: {error.strerror or error}") from None


def _raw_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    with _stream(path) as stream:
        try:
            for raw in stream:
                number += 1
                yield number, raw.removeprefix(BOM_UTF8) if number == 1 else raw
        except EOFError:
            raise _UnreadableError(number + 1, "the gzip data end early; the file is cut off: copy it again") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise _UnreadableError(number + 1, f"the gzip data are damaged ({error})") from None
        except OSError as error:
            raise _UnreadableError(number + 1, f"cannot be read: {error.strerror or error}") from None


def _decode(raw: bytes) -> str | Unreadable:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        remedy = "it is gzip: name it .gz" if raw.startswith(_GZIP_MAGIC) else "save the file as UTF-8"
        return Unreadable(f"not UTF-8 text (byte 0x{raw[error.start]:02x} at position {error.start + 1}); {remedy}")


def read_lines(path: Path) -> Iterator[Row]:
    """The lines of a text file without the white space around them; blank ones are skipped."""
    try:
        for number, raw in _raw_lines(path):
            text = _decode(raw)
            if isinstance(text, Unreadable):
                yield number, text
            elif stripped := text.strip():
                yield number, stripped
    except _UnreadableError as error:
        yield error.row


def _invalid_json(error: ValueError | RecursionError) -> str:
    # Never the text itself: it may hold a query.
    if isinstance(error, json.JSONDecodeError):
        return f"invalid JSON ({error.msg} at character {error.colno})"
    return "invalid JSON (a number too long or lists too deep)"


def _jsonl(path: Path, _wanted: Wanted = None) -> Iterator[Row]:
    loads = json.loads
    try:
        for number, raw in _raw_lines(path):
            text = _decode(raw.rstrip())
            if not text:
                continue
            if isinstance(text, Unreadable):
                yield number, text
                continue
            try:
                record = loads(text)
            except (ValueError, RecursionError) as error:
                record = Unreadable(_invalid_json(error))
            yield number, record
    except _UnreadableError as error:
        yield error.row


def _json(path: Path, _wanted: Wanted = None) -> Iterator[Row]:
    """A list of objects, decoded one at a time: the whole tree of a million rows would take gigabytes."""
    try:
        text = _decode(b"".join(raw for _, raw in _raw_lines(path)))
    except _UnreadableError as error:
        yield error.row
        return
    if isinstance(text, Unreadable):
        yield 1, text
        return
    decode = json.JSONDecoder().raw_decode
    position = _skip(text, 0)
    if position == len(text):
        return
    line, counted = 1 + text.count("\n", 0, position), position
    if text[position] != "[":
        yield line, Unreadable("a .json file holds a list of objects, [{…}, …]; one object a line is .jsonl")
        return
    position = _skip(text, position + 1)
    ended = text.startswith("]", position)
    while not ended:
        line += text.count("\n", counted, position)
        counted = position
        try:
            record, position = decode(text, position)
        except (ValueError, RecursionError) as error:
            yield error.lineno if isinstance(error, json.JSONDecodeError) else line, Unreadable(_invalid_json(error))
            return
        yield line, record
        position = _skip(text, position)
        ended = text.startswith("]", position)
        if not ended:
            if not text.startswith(",", position):
                yield line, Unreadable("invalid JSON (after this object a comma or ] is missing; is the file cut off?)")
                return
            position = _skip(text, position + 1)
    if _skip(text, position + 1) != len(text):
        yield line, Unreadable("invalid JSON (there is text after the end of the list)")


def _skip(text: str, position: int) -> int:
    return cast("re.Match[str]", _SPACE.match(text, position)).end()


def _csv(path: Path, wanted: Wanted = None) -> Iterator[Row]:
    # Never lowered again: another thread may be reading a file of its own.
    if csv.field_size_limit() < _CSV_CELL:
        csv.field_size_limit(_CSV_CELL)
    reader = csv.reader(_csv_lines(path), strict=True)
    start = 1
    names: list[str] = []
    try:
        for cells in reader:
            start, line = reader.line_num + 1, start
            if not cells:
                continue
            if not names:
                names = [cell.strip() for cell in cells]
                if wanted is None:
                    check_columns(f"{path}, line {line}", names)
            elif len(cells) != len(names):
                yield line, Unreadable(f"found {len(cells)} cells, but the header has {len(names)}")
            else:
                yield (
                    line,
                    {
                        name: _csv_value(cell) if name in NUMBER_COLUMNS else cell
                        for name, cell in zip(names, cells, strict=True)
                        if cell
                    },
                )
    except csv.Error as error:
        yield start, Unreadable(f"invalid CSV ({error})")
    except _UnreadableError as error:
        yield error.row


def _csv_lines(path: Path) -> Iterator[str]:
    for number, raw in _raw_lines(path):
        text = _decode(raw)
        if isinstance(text, Unreadable):
            raise _UnreadableError(number, text.message)
        yield text


def arrow_modules() -> tuple[Any, Any]:
    """Pyarrow and pyarrow.parquet, or a MissingExtraError."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None


def _parquet(path: Path, wanted: Wanted = None) -> Iterator[Row]:
    arrow, parquet = arrow_modules()
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if not wanted or name in wanted]
            if wanted is None:
                check_columns(str(path), names)
            elif wanted and not names:
                found = ", ".join(map(repr, file.schema_arrow.names[:10])) or "none"
                yield (
                    1,
                    Unreadable(f"the column {' or '.join(map(repr, wanted or ()))} is missing; columns found: {found}"),
                )
                return
            read = file.iter_batches(1 << 14, columns=names)
            batches = ([column.to_pylist() for column in batch.columns] for batch in read)
            for number, record in _table_rows(names, batches):
                yield number, record
    except (arrow.ArrowException, OSError) as error:
        yield number + 1, Unreadable(f"not a readable Parquet file ({str(error).partition(chr(10))[0]})")


_READERS: dict[str, tuple[str, Callable[[Path, Wanted], Iterator[Row]]]] = {
    ".jsonl": ("line", _jsonl),
    ".jsonl.gz": ("line", _jsonl),
    ".json": ("line", _json),
    ".json.gz": ("line", _json),
    ".csv": ("line", _csv),
    ".csv.gz": ("line", _csv),
    ".parquet": ("record", _parquet),
}
