"""Reading a judge's verdict, as a person would: the JSON object asked for, wherever it stands, or a plain grade.

What can be read in two ways is no verdict: the judge may repeat the answer that it judges, grades in it included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["better_in", "grade_in", "json_objects"]

_READ = 20_000  # last characters of an answer: the verdict stands at its end
_MOST = 200  # braces to try
_THOUGHTS = re.compile(r"\A\s*<think>(?:.*</think>|.*\Z)", re.DOTALL)

_NUMBER = r"(?<![-\u2212\u2013.,\d])(\d{1,3}(?:[.,]\d{1,6})?)(?![.,]?\d)"
_OUT_OF = r"(?:\s*(?:/|out of)\s*(\d+)(?![.,]?\d))?"
_NO_RANGE = r"(?!\s*(?:-|\u2013|to)\s*\d)(?!\s*(?:%|/|out of))"
_GRADE_KEYS = ("grade", "score", "rating")
_GRADE_ALONE = re.compile(rf"[^\w-]*{_NUMBER}{_OUT_OF}\W*", re.IGNORECASE)
_GRADE_NAMED = re.compile(
    rf"\b(?:grade|score|rating)\b[^\w\n]{{0,8}}(?:(?:is|of|would be)\b[^\w\n]{{0,8}})?{_NUMBER}{_OUT_OF}{_NO_RANGE}",
    re.IGNORECASE,
)

_SIDES = {
    "a": 1.0, "answer a": 1.0, "response a": 1.0,
    "b": 0.0, "answer b": 0.0, "response b": 0.0,
    "tie": 0.5, "equal": 0.5, "equally good": 0.5, "draw": 0.5, "both": 0.5, "neither": 0.5,
}  # fmt: skip
_BETTER_KEYS = ("better", "winner", "verdict")
_BETTER_ALONE = re.compile(
    r"\W*((?:(?:answer|response) )?[ab]|tie|equal|equally good|draw|both|neither)\W*", re.IGNORECASE
)
_BETTER_NAMED = re.compile(  # letters in capitals, as in the question: "a" is a word
    r"\[\[\s*([ABC]|(?i:tie))\s*\]\]"
    r"|\b(?i:better|winner|verdict)\b[^\w\n]{0,8}(?i:is\b[^\w\n]{0,8})?(?i:(?:answer|response)\s+)?([AB]|(?i:tie))\b(?!\s+\w)"
    r"|\b(?i:answer|response)\s+([AB])\s+(?i:wins|is\s+(?:(?:clearly|slightly|much|the)\s+)*better)\b"
)


def grade_in(text: str) -> float | None:
    """A grade from 1 to 10; None if there is none, or more than one.

    >>> [grade_in(text) for text in ('Sure: {"grade": "8"}', "8/10", "**Score:** 7.5", "eleven", "score: 11")]
    [8.0, 8.0, 7.5, None, None]
    """
    return _read(text, _GRADE_KEYS, _grade, _GRADE_ALONE, _GRADE_NAMED, _matched_grade)


def better_in(text: str) -> float | None:
    """1 if the first of two answers is better, 0 for the second, 0.5 for a tie; None as in `grade_in`.

    >>> [better_in(text) for text in ('{"better": "a"}', "[[B]]", "Tie.", "Answer A is better.", "C")]
    [1.0, 0.0, 0.5, 1.0, None]
    """
    return _read(text, _BETTER_KEYS, _better, _BETTER_ALONE, _BETTER_NAMED, _matched_side)


def json_objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects that stand in a text, the outermost only."""
    decoder, place = json.JSONDecoder(), 0
    for _ in range(_MOST):
        place = text.find("{", place)
        if place < 0:
            return
        try:
            found, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place += 1
            continue
        yield found


def _read(
    text: str,
    keys: tuple[str, ...],
    value_of: Callable[[Any], float | None],
    alone: re.Pattern[str],
    named: re.Pattern[str],
    matched: Callable[[re.Match[str]], float | None],
) -> float | None:
    text = _THOUGHTS.sub("", text, count=1)[-_READ:].strip()
    values = [value for found in json_objects(text) for value in _under(found, keys)]
    if values:
        verdicts = {value_of(value) for value in values}
    elif whole := alone.fullmatch(text):
        verdicts = {matched(whole)}
    elif text.lstrip("`json \n").startswith("{") and not text.rstrip("` \n").endswith("}"):
        return None  # an object that is cut off: what stands in its reason is no verdict
    else:
        verdicts = {matched(found) for found in named.finditer(text)}
    return verdicts.pop() if len(verdicts) == 1 else None


def _under(found: Any, keys: tuple[str, ...], depth: int = 0) -> Iterator[Any]:
    """What stands under the first of these keys that there is, else the same within the objects inside."""
    if not isinstance(found, dict) or depth > 2:
        return
    lower = {str(name).strip().lower(): value for name, value in found.items()}
    key = next((key for key in keys if key in lower), None)
    if key is not None and not isinstance(lower[key], dict):
        yield lower[key]
        return
    for value in found.values():
        yield from _under(value, keys, depth + 1)


def _grade(value: Any) -> float | None:
    if isinstance(value, str):
        whole = _GRADE_ALONE.fullmatch(value.strip())
        return _matched_grade(whole) if whole else None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number and 1 <= value <= 10 else None


def _matched_grade(found: re.Match[str]) -> float | None:
    if found[2] not in (None, "10"):
        return None
    return _grade(float(found[1].replace(",", ".")))


def _better(value: Any) -> float | None:
    return _SIDES.get(" ".join(value.lower().split()).strip(".!*\"'")) if isinstance(value, str) else None


def _matched_side(found: re.Match[str]) -> float | None:
    side = next((group for group in found.groups() if group), "")
    return 0.5 if side.lower() == "c" and found[0].startswith("[[") else _better(side)
