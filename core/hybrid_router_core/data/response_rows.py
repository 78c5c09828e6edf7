"""One row of ``responses.jsonl``, and the check of a decoded one; `responses` tells the format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import inf
from typing import Any, TypeVar

from hybrid_router_core.errors import DataError

from .rows import nearest

__all__ = ["Response", "ResponseRow", "Side", "parse_row"]

_SHOWN = 60  # characters of a value in a message: queries and answers are private
_UNSEEN = " \t\n\r\v\f\0\u00a0\u200b\u200c\u200d\u2028\u2029\u2060\ufeff"
N = TypeVar("N", int, float)


@dataclass(frozen=True)
class Response:
    """One answer of one model; None where a figure is not known.

    Attributes:
        text: The answer; see `empty`.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
        seconds: From the request to its answer.
        finish_reason: As the model's server gave it: stop, length and so on.
        cost: Money, in the unit of the prices (US dollars by default).
    """

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float | None = None
    finish_reason: str | None = None
    cost: float | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to read: no text, or thoughts aloud and nothing after them. That is no answer."""
        text = self.text.strip(_UNSEEN)
        if text.startswith("<think>"):
            text = text.rpartition("</think>")[2].strip(_UNSEEN) if "</think>" in text else ""
        return not text

    def to_json(self) -> dict[str, Any]:
        """The object in the file, without what is not known."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Side:
    """The answers of one model to one query, at least one.

    Attributes:
        responses: The samples.
        model: Name of the model, if known.
        seconds: Time of an answer, where it is known for all of them together only.
    """

    responses: tuple[Response, ...]
    model: str | None = None
    seconds: float | None = None

    @property
    def texts(self) -> list[str]:
        """The texts of the samples."""
        return [response.text for response in self.responses]

    @property
    def mean_cost(self) -> float | None:
        """Mean cost of a sample, over those with a known one."""
        costs = [response.cost for response in self.responses if response.cost is not None]
        return sum(costs) / len(costs) if costs else None

    def to_json(self) -> dict[str, Any]:
        """The object in the file, without what is not known."""
        known = {"model": self.model} if self.model is not None else {}
        timed = {"seconds": self.seconds} if self.seconds is not None else {}
        return {**known, "responses": [response.to_json() for response in self.responses], **timed}


@dataclass(frozen=True)
class ResponseRow:
    """One query with the answers of both models.

    Attributes:
        query: The text that was asked.
        small: Answers of the small model.
        large: Answers of the large model.
        id: Name of the row, if any.
        group: Subject, task or source, if any.
        answers: Accepted answers, if any.
        extra: Further keys of the row, as they were.
        line: 1-based line in the file that was read, for messages; 0 if there is none.
    """

    query: str
    small: Side
    large: Side
    id: str | None = None
    group: str | None = None
    answers: tuple[str, ...] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    line: int = field(default=0, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The object in the file, without what is not known."""
        return {
            **({} if self.id is None else {"id": self.id}),
            "query": self.query,
            **({} if self.answers is None else {"answers": list(self.answers)}),
            **({} if self.group is None else {"group": self.group}),
            **self.extra,
            "small": self.small.to_json(),
            "large": self.large.to_json(),
        }


def parse_row(record: Any, where: str = "record", line: int = 0) -> ResponseRow:
    """Check one decoded object.

    Args:
        record: What `ResponseRow.to_json` gives.
        where: The place, for messages.
        line: The line, for messages about the row later on.

    Raises:
        DataError: It is not such a row; names the column, what was found and what is needed.
    """
    if not isinstance(record, Mapping):
        raise DataError(f"{where}: found {_found(record)}, but an object with query, small and large is needed")
    rest = dict(record)
    query = rest.pop("query", None)
    if not isinstance(query, str) or not query.strip():
        raise _bad(where, "query", query, "non-empty text")
    small, large = (_side(where, name, rest.pop(name, None)) for name in ("small", "large"))
    names = {name: _text(where, name, rest.pop(name, None)) for name in ("id", "group")}
    answers = rest.pop("answers", None)
    if answers is not None:
        if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
            raise _bad(where, "answers", answers, "a list of texts")
        answers = tuple(answers)
    return ResponseRow(query, small, large, names["id"], names["group"], answers, rest, line)


_SIDE = tuple(part.name for part in fields(Side))
_RESPONSE = tuple(part.name for part in fields(Response))


def _side(where: str, column: str, value: Any) -> Side:
    if not isinstance(value, Mapping):
        raise _bad(where, column, value, 'an object {"responses": [{"text": "..."}]}')
    _check_keys(where, column, value, _SIDE)
    given = value.get("responses")
    if not isinstance(given, list) or not given:
        raise _bad(where, f"{column}.responses", given, "a list of at least one response")
    responses = tuple(_response(where, f"{column}.responses[{i}]", item) for i, item in enumerate(given))
    seconds = _number(where, f"{column}.seconds", value.get("seconds"), float)
    return Side(responses, _text(where, f"{column}.model", value.get("model")), seconds)


def _response(where: str, column: str, value: Any) -> Response:
    if not isinstance(value, Mapping):
        raise _bad(where, column, value, 'an object {"text": "..."}')
    if not value.keys() <= _RESPONSE_SET:
        _check_keys(where, column, value, _RESPONSE)
    get = value.get
    text = get("text")
    if not isinstance(text, str):
        raise _bad(where, f"{column}.text", text, "text")
    return Response(
        text,
        _number(where, f"{column}.prompt_tokens", get("prompt_tokens"), int),
        _number(where, f"{column}.completion_tokens", get("completion_tokens"), int),
        _number(where, f"{column}.seconds", get("seconds"), float),
        _text(where, f"{column}.finish_reason", get("finish_reason")),
        _number(where, f"{column}.cost", get("cost"), float),
    )


_RESPONSE_SET = frozenset(_RESPONSE)


def _check_keys(where: str, column: str, value: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for key in value:
        if key not in allowed:
            raise DataError(
                f"{where}, column {column!r}: unknown key {_short(key)}; allowed are {', '.join(allowed)}"
                f"{nearest(str(key), allowed)}"
            )


def _text(where: str, column: str, value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise _bad(where, column, value, "non-empty text")


def _number(where: str, column: str, value: Any, kind: type[N]) -> N | None:
    if value is None:
        return None
    allowed = int if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed) or not 0 <= value < inf:
        raise _bad(where, column, value, "a whole number ≥ 0" if kind is int else "a finite number ≥ 0")
    return kind(value)


def _bad(where: str, column: str, value: Any, needed: str) -> DataError:
    found = "missing;" if value is None else f"found {_found(value)}, but"
    return DataError(f"{where}, column {column!r}: {found} {needed} is needed")


def _found(value: Any) -> str:
    return f"{_short(value)} ({type(value).__name__})"


def _short(value: Any) -> str:
    text = repr(value[: _SHOWN + 1] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
