"""Tables into numbered records: CSV, Parquet, Arrow, Excel and data frames."""

from __future__ import annotations

import csv
import importlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from hybrid_router_core.errors import DataError, MissingExtraError

from .opening import LONGEST_LINE, UnreadableError, decoded, raw_lines
from .pipes import as_file
from .rows import NUMBER_COLUMNS, Row, Unreadable, Wanted, check_columns

__all__ = ["arrow_batches", "arrow_modules", "arrow_rows", "csv_rows", "excel_rows", "frame_rows"]

_BATCH = 1 << 11  # rows at a time: even of long texts a few megabytes
_DELIMITERS = ",;\t|"
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")


def csv_rows(path: Path, wanted: Wanted = None) -> Iterator[Row]:
    """Rows below a header; the header tells whether commas, semicolons, tabs or bars part the cells.

    In a file with semicolons ``0,85`` is a number, as spreadsheets of many countries write it.
    """
    # Never lowered again: another thread may be reading a file of its own.
    if csv.field_size_limit() < LONGEST_LINE:
        csv.field_size_limit(LONGEST_LINE)
    lines = _csv_lines(path)
    start = 1
    names: list[str] = []
    try:
        first = next(lines, "")
        delimiter = max(_DELIMITERS, key=first.count)  # the first of them, the comma, if there is none
        comma = delimiter == ";"
        reader = csv.reader(_again(first, lines), strict=True, delimiter=delimiter)
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
                        name: _csv_value(cell, comma) if name in NUMBER_COLUMNS else cell
                        for name, cell in zip(names, cells, strict=True)
                        if cell
                    },
                )
    except csv.Error as error:
        yield start, Unreadable(f"invalid CSV ({error})")
    except UnreadableError as error:
        yield error.row


def frame_rows(frame: Any) -> Iterator[Row]:
    """Records of a pandas or polars DataFrame, neither of which is imported here.

    Raises:
        DataError: it is neither, or a column is missing or there twice.
    """
    if not (hasattr(frame, "columns") and (hasattr(frame, "iter_rows") or hasattr(frame, "isna"))):
        raise DataError(f"from_frame: found {type(frame).__name__}, but a pandas or polars DataFrame is needed")
    names = [str(column) for column in frame.columns]
    _refuse_twice("frame", names)
    check_columns("frame", names)
    columns = [_series_values(frame[column]) for column in frame.columns]
    return _table_rows(names, [columns])


def arrow_modules() -> tuple[Any, Any]:
    """Pyarrow and pyarrow.parquet, or a MissingExtraError."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet") from None


def arrow_rows(path: Path, wanted: Wanted = None) -> Iterator[Row]:
    """Rows of a Parquet, Arrow or Feather file."""
    arrow, _ = arrow_modules()
    number = 0
    try:
        names: list[str] | None = None
        for batch in arrow_batches(path, _BATCH):
            if names is None:
                names = [name for name in batch.schema.names if not wanted or name in wanted]
                _refuse_twice(str(path), names)
                if wanted is None:
                    check_columns(str(path), names)
                elif wanted and not names:
                    found = ", ".join(map(repr, batch.schema.names[:10])) or "none"
                    missing = " or ".join(map(repr, wanted))
                    yield 1, Unreadable(f"the column {missing} is missing; columns found: {found}")
                    return
            for row, record in _table_rows(names, [[batch.column(name).to_pylist() for name in names]]):
                yield number + row, record
            number += len(batch)
    except (arrow.ArrowException, OSError) as error:
        kind = "Parquet" if path.suffix.lower() == ".parquet" else "Arrow"
        yield number + 1, Unreadable(f"not a readable {kind} file ({str(error).partition(chr(10))[0]})")


def arrow_batches(path: Path, size: int) -> Iterator[Any]:
    """The record batches of a Parquet file, or of an Arrow stream or file (Feather is one), of at most so many rows."""
    arrow, parquet = arrow_modules()
    source = as_file(path)
    if path.suffix.lower() == ".parquet":
        with parquet.ParquetFile(source) as file:
            empty = arrow.RecordBatch.from_pylist(
                [], schema=file.schema_arrow
            )  # so that columns are checked all the same
            yield from file.iter_batches(size) if file.metadata.num_rows else [empty]
        return
    with arrow.memory_map(str(source)) as mapped:
        try:
            reader = arrow.ipc.open_stream(mapped)  # as `datasets` writes them
        except arrow.ArrowInvalid:
            mapped.seek(0)
            opened = arrow.ipc.open_file(mapped)
            batches = (opened.get_batch(i) for i in range(opened.num_record_batches))
        else:
            batches = iter(reader)
        for batch in batches:
            for start in range(0, len(batch), size):
                yield batch.slice(start, size)


def excel_rows(path: Path, wanted: Wanted = None) -> Iterator[Row]:
    """Rows of the first sheet below its header; pandas and openpyxl read it.

    Raises:
        DataError: they are not installed, or it is no such file.
    """
    try:
        pandas = importlib.import_module("pandas")
        importlib.import_module("openpyxl")
    except ImportError:
        raise DataError(
            f"{path}: an Excel file needs pandas and openpyxl: pip install pandas openpyxl. Or save the sheet as CSV"
        ) from None
    try:
        frame = pandas.read_excel(as_file(path))
    except Exception as error:  # openpyxl and zipfile have no common base for their errors
        raise DataError(f"{path}: not a readable Excel file ({str(error).partition(chr(10))[0]})") from None
    names = [str(column) for column in frame.columns]
    if wanted is None:
        check_columns(str(path), names)
    return _table_rows(names, [[_series_values(frame[column]) for column in frame.columns]])


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


def _refuse_twice(where: str, names: Sequence[str]) -> None:
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise DataError(f"{where}: column {twice!r} is there twice")


def _parsed(cell: str) -> Any:
    """The value of a cell that holds a JSON list or object; anything else is left to be judged."""
    if cell.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    return cell


def _csv_value(cell: str, comma: bool) -> Any:
    if comma and _DECIMAL_COMMA.fullmatch(cell):
        cell = cell.replace(",", ".")
    try:
        return cell if "_" in cell else float(cell)  # float takes 1_000, a spreadsheet does not write it
    except ValueError:
        return _parsed(cell)


def _csv_lines(path: Path) -> Iterator[str]:
    for number, raw in raw_lines(path):
        text = decoded(raw)
        if isinstance(text, Unreadable):
            raise UnreadableError(number, text.message)
        yield text


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
