"""A turn completed with what it refers to, in the few forms that a reader would write."""

from __future__ import annotations

from collections.abc import Sequence

from .topics import Topic
from .words import PRONOUN, root, said

__all__ = ["completions"]

_POSSESSIVE = frozenset({"its", "their", "theirs", "his", "hers"})
_ENDS = ".?!。？！"


def completions(turn: str, topics: Sequence[Topic]) -> tuple[str, str, str]:
    """Three readings: the topic in the pronoun's place, the topic at the end, the second topic at the end."""
    first = topics[0].phrase
    second = topics[1].phrase if len(topics) > 1 else first
    return _replaced(turn, first), _ended(turn, _unsaid(turn, first)), _ended(turn, f"in {second}")


def _replaced(turn: str, phrase: str) -> str:
    match = PRONOUN.search(turn)
    if match is None:
        return _ended(turn, f"of {phrase}")
    suffix = "'s" if match.group().lower() in _POSSESSIVE else ""
    return f"{turn[: match.start()]}{phrase}{suffix}{turn[match.end() :]}"


def _ended(turn: str, addition: str) -> str:
    text = turn.rstrip()
    end = text[-1:] if text[-1:] in _ENDS else ""
    return f"{text[: len(text) - len(end)].rstrip()} {addition}{end}"


def _unsaid(turn: str, phrase: str) -> str:
    """The words of the phrase that the turn does not hold, or all if it holds all."""
    content = said(turn).roots
    return " ".join(word for word in phrase.split() if root(word) not in content) or phrase
