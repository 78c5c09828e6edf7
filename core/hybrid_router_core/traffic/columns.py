"""A row as the columns of its table: any value a caller can bring becomes one that every database takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from math import inf, isfinite
from numbers import Real
from typing import Any, get_args

from hybrid_router_core.errors import DataError

from .rows import Call, Event, Label, Row, Source, Texts

__all__ = ["as_columns", "short", "signed"]

_LONGEST = 128  # characters of a name or an id: an index of PostgreSQL takes no entry above 2.7 kB
_FOREIGN = re.compile("[\x00\ud800-\udfff]")  # what PostgreSQL or UTF-8 cannot hold
_SURROGATE = re.compile("[\ud800-\udfff]")
_MOST = 2**31 - 1  # tokens; so sums fit in 64 bits
_LARGEST = 1e12  # seconds, dollars; so sums stay finite
_LONGEST_JSON = 16_000_000  # characters: a database has limits, too, and says so as if it failed


def as_columns(row: Row) -> tuple[str, dict[str, Any]]:
    """The name of the table, and a value for each of its columns.

    Raises:
        DataError: It is no row, or lacks what every row needs: a time, and names that are strings.
    """
    try:
        return _as_columns(row)
    except DataError:
        raise
    except Exception as error:  # a value may be of any type, and fail in any way; what it says may be a text
        raise DataError(f"a {type(row).__name__} cannot be stored: {type(error).__name__}") from None


def _as_columns(row: Row) -> tuple[str, dict[str, Any]]:
    if isinstance(row, Call):
        return "calls", {
            "time": _time(row.time),
            "run": short(row.run, "run"),
            "routed": short(row.routed, "routed"),
            "answered": short(row.answered, "answered"),
            "reason": short(row.reason, "reason"),
            "conversation": _optional(row.conversation, "conversation"),
            "query_hash": signed(row.query_hash),
            "score": _number(row.score),
            "threshold": _number(row.threshold),
            "input_tokens": _count(row.input_tokens),
            "output_tokens": _count(row.output_tokens),
            "cost": _number(row.cost),
            "latency": _number(row.latency, 0),
            "error": _optional(row.error, "error"),
        }
    if isinstance(row, Label):
        if row.source not in get_args(Source):
            raise DataError(f"the source of a label is {row.source!r:.50}; allowed: {', '.join(get_args(Source))}")
        probability = _number(row.probability, 0, 1)
        return "labels", {
            "time": _time(row.time),
            "run": short(row.run, "run"),
            "arm": short(row.arm, "arm"),
            "quality": _number(row.quality),
            "source": row.source,
            "metric": _optional(row.metric, "metric"),
            "probability": probability or None,
        }
    if isinstance(row, Event):
        return "events", {
            "time": _time(row.time),
            "kind": short(row.kind, "kind"),
            "detail": _json(_mapping(row.detail, "detail"), row),
        }
    if isinstance(row, Texts):
        return "texts", {
            "time": _time(row.time),
            "run": short(row.run, "run"),
            "messages": None if row.messages is None else _json(_sequence(row.messages), row),
            "answers": _json(_mapping(row.answers, "answers"), row),
        }
    raise DataError(f"a row is a {type(row).__name__}; allowed: Call, Label, Event, Texts")


def signed(number: int | None) -> int | None:
    """A hash in [0, 2**64) as the signed number that a database holds; None if it is none."""
    if not isinstance(number, Real) or not 0 <= number < 2**64:
        return None
    number = int(number)
    return number - 2**64 if number >= 2**63 else number


def short(text: Any, name: str = "text") -> str:
    """A name or id that fits into an index; a longer one ends in a hash of the whole.

    Raises:
        DataError: It is no string.
    """
    if not isinstance(text, str):
        raise DataError(f"{name} is a {type(text).__name__}; allowed: a string")
    if len(text) > _LONGEST:
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        text = f"{text[: _LONGEST - len(digest) - 1]}~{digest}"
    return str(_FOREIGN.sub("\ufffd", text))


def _optional(text: Any, name: str) -> str | None:
    return None if text is None else short(text, name)


def _time(value: Any) -> float:
    time = _number(value)
    if time is None:
        raise DataError("time is no finite number; allowed: seconds since 1970")
    return time


def _number(value: Any, low: float = -_LARGEST, high: float = _LARGEST) -> float | None:
    try:
        number = float(value) if isinstance(value, (Real, Decimal)) else inf
    except (OverflowError, ValueError, TypeError):
        return None
    return number if isfinite(number) and low <= number <= high else None


def _count(value: Any) -> int | None:
    number = _number(value, 0, _MOST)
    return None if number is None else round(number)


def _mapping(value: Any, name: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise DataError(f"{name} is a {type(value).__name__}; allowed: a mapping")
    return dict(value)


def _sequence(value: Any) -> list[Any]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise DataError(f"messages is a {type(value).__name__}; allowed: a list of mappings")
    return list(value)


def _json(value: Any, row: Row) -> str:
    try:
        try:
            text = _dumps(value)
        except ValueError:  # NaN, which no JSON has
            text = _dumps(_finite(value))
    except (ValueError, RecursionError, TypeError) as error:
        raise DataError(f"a {type(row).__name__} cannot be written as JSON: {type(error).__name__}") from None
    if len(text) > _LONGEST_JSON:
        raise DataError(f"a {type(row).__name__} is longer than {_LONGEST_JSON:,} characters")
    # A lone surrogate, which is no UTF-8, can stand between quotes alone, and there JSON has an escape for it.
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, skipkeys=True, default=_kind, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_finite(item) for item in value]
    return value


def _kind(value: Any) -> str:
    """What JSON cannot hold is named, not shown."""
    return type(value).__name__
