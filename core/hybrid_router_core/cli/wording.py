"""What the library says of its parameters, as the command's options: ``across='groups'`` is ``--across groups``.

Only what a message says of a known parameter is changed, and only in the forms that the library writes. What stands in
quotes, such as a name from the data, and what belongs to a longer word, such as a path, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["SETTINGS", "as_options", "sentence"]

SETTINGS = ("embedder", "margin", "mode", "scorer", "seed", "tau", "threshold")
"""Parameters of a router that are options of ``train``; elsewhere their names mean other things."""

_NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_NAMED = r"'[^']*'|\"[^\"]*\""
# Each parameter with the values that messages show of it; none, where only its name is said.
_VALUES = {
    "across": r"['\"]groups['\"]",
    "by": r"['\"](?:query|group)['\"]",
    "confidence": _NUMBER,
    "cost_advantage": _NUMBER,
    "embedder": _NAMED,
    "guard": rf"{_NUMBER}|None",
    "max_quality_drop": rf"{_NUMBER}%?",
    "pgr": _NUMBER,
    "quality_range": r"\([^()]*\)",
    "scorer": _NAMED,
}
_NAMES = (*sorted({*_VALUES, "large", "small"} - set(SETTINGS)),)
_ALONE = r"(?<![\w./\\-])"  # no part of a longer word
_END = r"(?=[,;:.)]*(?:\s|$))"
_REFUSED = r" is (?:[-\d'\"(][^;]*|nan|inf|None|True|False); allowed"
_QUOTED = r"(?<![\w=])(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")(?!\w)"  # an apostrophe begins no quotation
_SPLIT = (
    r"(?:data\.)?split\((?:\((?P<shares>[\d., ]+)\)|\.\.\.)?(?:, )?(?:by=['\"](?P<by>\w+)['\"])?\)|"
    r"as (?P<split>data\.split) gives it"
)
_PHRASES = {
    "turn the guard off": "turn the guard off with --guard none",
    "or before the router is saved": "or let train itself calibrate",
    "a part that fit has not seen": "a part that train has not seen",
}


def as_options(text: str, settings: Iterable[str] = ()) -> str:
    """The text with options in the place of parameters.

    >>> as_options("across='groups' needs 8 groups at least. Without across= the figures are about these")
    '--across groups needs 8 groups at least. Without --across the figures are about these'

    Args:
        text: Of an error or a warning.
        settings: Those of `SETTINGS` that are options of the command too.
    """
    for phrase, words in _PHRASES.items():
        text = text.replace(phrase, words)
    names = (*_NAMES, *settings)
    values = "|".join(f"{name}=(?:{_VALUES[name]})" for name in names if name in _VALUES)
    any_name = "|".join(names)
    return re.sub(
        rf"{_ALONE}(?P<given>(?:{values}|quality_range of \([^()]*\)){_END})"
        rf"|{_ALONE}(?P<name>{any_name})(?:={_END}|(?= target\b))"
        rf"|^(?P<refused>{any_name})(?={_REFUSED})"  # further on it may be a key of a config
        rf"|{_ALONE}(?:{_SPLIT})"
        rf"|{_QUOTED}",
        _spelled,
        text,
    )


def sentence(text: str) -> str:
    """What is said first, without its numbers: alike in two warnings that say the same thing of other rows."""
    return re.sub(r"\d[\d,.]*", "", text.partition(". ")[0])


def _spelled(found: re.Match[str]) -> str:
    if found["given"]:
        name, value = re.split("=| of ", found["given"], maxsplit=1)
        return f"{_option(name)} {_plain(value)}"
    if name := found["name"] or found["refused"]:
        return _option(name)
    if found["split"]:
        return "as --split of train gives it"
    if "split(" in found[0] and found[0][0] not in "'\"":
        shares = found["shares"] and f"--split {found['shares'].replace(' ', '')}"
        return " ".join(filter(None, [shares, found["by"] and f"--by {found['by']}"]))
    return found[0]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _plain(value: str) -> str:
    """As the value is written on a command line."""
    if value == "None":
        return "none"
    ends = value.strip("()").replace(", ", ",") if value.startswith("(") else value.strip("'\"")
    return ends.upper() if ends == "lowest,highest" else ends
