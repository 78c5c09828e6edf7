"""JSON into numbered records: one object a line, a list of objects, or an object of columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from .opening import LONGEST_LINE, UnreadableError, decoded, raw_lines, whole_text
from .rows import Row, Unreadable, Wanted

__all__ = ["json_rows", "jsonl_rows"]

_SPACE = re.compile(r"[ \t\r\n]*")


def jsonl_rows(path: Path, _wanted: Wanted = None) -> Iterator[Row]:
    """One value a line; blank lines are skipped."""
    loads = json.loads
    try:
        for number, raw in raw_lines(path):
            text = decoded(raw.rstrip())
            if not text:
                continue
            if isinstance(text, Unreadable):
                yield number, text
                continue
            try:
                record = loads(text)
            except (ValueError, RecursionError) as error:
                record = Unreadable(_invalid(error))
            yield number, record
    except UnreadableError as error:
        yield error.row


def json_rows(path: Path, _wanted: Wanted = None) -> Iterator[Row]:
    """A list of objects, decoded one at a time: the whole tree of a million rows would take gigabytes.

    Also an object with one list of objects, ``{"data": [...]}``, and one of columns, ``{"query": [...], ...}``.
    """
    try:
        text = whole_text(path)
    except UnreadableError as error:
        yield error.row
        return
    if isinstance(text, Unreadable):
        yield 1, text
        return
    start = _skip(text, 0)
    if start == len(text):
        return
    if text[start] == "[":
        yield from _listed(text, start)
        return
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        hint = "; one object a line is .jsonl" if "Extra data" in str(error) else ""
        yield _line_of(error, 1), Unreadable(_invalid(error) + hint)
        return
    rows = _rows_of(whole)
    if rows is None:
        yield (
            1 + text.count("\n", 0, start),
            Unreadable(
                "a .json file holds a list of objects, [{…}, …], or an object with such a list or with columns of one "
                "length; one object a line is .jsonl"
            ),
        )
        return
    yield from enumerate(rows, 1)


def _rows_of(whole: Any) -> list[Any] | None:
    """The rows of an object that holds one list of objects, or columns (as lists, or as pandas writes them)."""
    if not isinstance(whole, Mapping):
        return None
    lists = [value for value in whole.values() if isinstance(value, list) and value and isinstance(value[0], Mapping)]
    if len(lists) == 1 and "query" not in whole:
        return lists[0]
    index = next((list(v) for v in whole.values() if isinstance(v, Mapping)), [])
    if any(isinstance(v, Mapping) and v.keys() != set(index) for v in whole.values()):
        return None  # columns of different rows, which cannot be laid side by side
    columns = {name: [v[i] for i in index] if isinstance(v, Mapping) else v for name, v in whole.items()}
    lengths = {len(column) if isinstance(column, list) else -1 for column in columns.values()}
    if len(lengths) != 1 or -1 in lengths or "query" not in columns:
        return None
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _listed(text: str, start: int) -> Iterator[Row]:
    decode = json.JSONDecoder().raw_decode
    line, counted = 1 + text.count("\n", 0, start), start
    position = _skip(text, start + 1)
    ended = text.startswith("]", position)
    while not ended:
        line += text.count("\n", counted, position)
        counted = position
        try:
            record, position = decode(text, position)
        except (ValueError, RecursionError) as error:
            yield _line_of(error, line), Unreadable(_invalid(error))
            return
        if position - counted > LONGEST_LINE:
            record = Unreadable(f"the object is longer than {LONGEST_LINE >> 20} MB; shorten what no model could read")
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


def _line_of(error: ValueError | RecursionError, line: int) -> int:
    return error.lineno if isinstance(error, json.JSONDecodeError) else line


def _invalid(error: ValueError | RecursionError) -> str:
    # Never the text itself: it may hold a query.
    if isinstance(error, json.JSONDecodeError):
        return f"invalid JSON ({error.msg} at character {error.colno})"
    return "invalid JSON (a number too long or lists too deep)"
