"""A conversation as the router reads it: which texts are scored, and how their scores make the one of the last turn.

A turn that stands alone has its own score. One that says nothing by itself has the score of the turn that it goes on
with, however many turns back. One in between is completed with what it refers to, in three ways; in logits, its score
is its own plus a learned share of the differences that the completions and the earlier turns make.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import exp, log, log1p
from operator import mul

from .completion import completions
from .gate import LONGEST, Kind
from .topics import Topic, topics
from .turns import Messages, Turns, turns_of
from .weights import Weights, shipped_weights
from .words import said

__all__ = ["VERSION", "Reading", "read", "read_text", "read_turns"]

VERSION = 1
"""Of the reading: another one gives other scores to conversations."""

_EMPTY = ("goes_on", "thanks")
_WORD = re.compile(r"\w+|[^\w\s,]")
_POLITE = frozenset(
    {"please", "again", "ok", "okay", "so", "hey", "bitte", "nochmal", "noch", "einmal", "now", "i", "said"}
)
THANKS = 0.99  # nothing is asked, so that the small model will do
_EARLIER = 5  # turns whose mean score tells what the conversation is like
_FLOOR = 1e-4  # scores of 0 and 1 have no logit
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s|\n")  # where a long message has said that the answer was wrong


@dataclass(frozen=True)
class Reading:
    """What is to be scored of a conversation.

    Attributes:
        texts: To be scored; the first is the turn itself, or the one that it goes on with.
        kind: How the last turn was read.
        found_fault: Whether the user found fault with the last answer, since the question was asked.
        shares: Of the differences of the other texts to the first, in logits; as many as texts but one.
        about: The one text that stands for the turn where there can be but one: what is learned of a row.
        is_first: Whether nothing was said before.
        turns: What the user said, oldest first.
        why_none: If there is nothing to score, why.
    """

    texts: tuple[str, ...] = ()
    kind: Kind = "alone"
    found_fault: bool = False
    shares: tuple[float, ...] = field(default=(), repr=False)
    about: str = ""
    is_first: bool = True
    turns: tuple[str, ...] = field(default=(), repr=False)
    why_none: str = ""

    def as_written(self) -> Reading:
        """For scorers that know users' texts alone: the turn itself, or the one that it goes on with."""
        return replace(self, texts=self.texts[:1], shares=())

    @property
    def asks_nothing(self) -> bool:
        """Whether it is but thanks or a goodbye."""
        return self.kind == "thanks" and not self.is_first

    def score(self, scores: Sequence[float]) -> float:
        """The score of the last turn, from those of `texts`, all in [0, 1]."""
        if self.asks_nothing:
            return max(THANKS, scores[0])
        if not self.shares:
            return scores[0]
        own, *others = map(_logit, scores)
        total = own + sum(share * (other - own) for share, other in zip(self.shares, others, strict=True))
        return 1 / (1 + exp(-total))


def read_text(text: str | None) -> Reading:
    """The reading of a single query; one without texts if it is blank or None."""
    if text is None or not text.strip():
        return Reading(why_none="there is no user text to score")
    return Reading((text,), about=text)


def read(messages: Messages, weights: Weights | None = None) -> Reading:
    """The reading of chat messages, given as plain dicts; one without texts if they hold no question."""
    turns = turns_of(messages)
    reading = _read(turns, weights)
    if turns.more and reading.kind in _EMPTY and reading.texts[:1] == turns.texts[:1]:  # it goes on from further back
        return _read(turns_of(messages, most=len(messages)), weights)
    return reading


def _read(turns: Turns, weights: Weights | None) -> Reading:
    if turns.why_none:
        return Reading(why_none=turns.why_none)
    return replace(read_turns(turns.texts, weights, cut=turns.cut), turns=turns.texts)


def read_turns(turns: Sequence[str], weights: Weights | None = None, *, cut: bool = False) -> Reading:
    """The reading of the user's turns, oldest first, at least one.

    Args:
        turns: What the user wrote.
        weights: Those of the wheel unless given.
        cut: Whether there was more before, which is not known.
    """
    last = turns[-1]
    if len(turns) == 1 and not cut:
        return Reading((last,), about=last)
    weights = shipped_weights() if weights is None else weights
    place = len(turns) - 1
    kind, refers, found_fault = _kind(last, weights)
    if kind not in _EMPTY and _asked_before(last, turns[:-1], weights):
        kind, found_fault = "goes_on", True
    last_kind = kind
    if kind == "thanks":
        return Reading((last,), kind, about=last, is_first=False)
    while kind in _EMPTY and place:
        place -= 1
        kind, refers, fault = _kind(turns[place], weights)
        found_fault = found_fault or (fault and place > 0)
    if kind in _EMPTY and cut:
        return Reading(why_none="what the turn goes on with is not among the messages")
    head, earlier = turns[place], turns[:place]
    if kind != "refers" or not earlier:
        return Reading((head,), last_kind, found_fault, about=head, is_first=False)
    texts, shares, about = _completed(head, earlier, refers, weights)
    return Reading((head, *texts), last_kind, found_fault, shares, about, is_first=False)


def _kind(turn: str, weights: Weights) -> tuple[Kind, float, bool]:
    """How a turn stands alone, how surely it refers to something, and whether it finds fault with the answer before."""
    if len(turn) <= LONGEST:
        return _short_kind(turn, weights)
    first = _SENTENCE.split(turn[:LONGEST], maxsplit=1)[0]
    kind, _, found_fault = _short_kind(first, weights) if len(first) < LONGEST else ("alone", 0.0, False)
    return "alone", 0.0, found_fault and kind == "goes_on"


@functools.lru_cache(maxsize=1024)  # the earlier turns of a conversation come with each of its calls
def _short_kind(turn: str, weights: Weights) -> tuple[Kind, float, bool]:
    logits = weights.gate.logits(turn)
    return *weights.gate.kind(logits), logits[-1] > 0


def _completed(
    turn: str, earlier: Sequence[str], refers: float, weights: Weights
) -> tuple[tuple[str, ...], tuple[float, ...], str]:
    """The further texts to score for a turn that refers to something, their shares, and the text that stands for it."""
    found = topics(turn, earlier, weights.topic)
    numbers = mix_numbers(turn, found, len(earlier) + 1)
    before = history_of(earlier)
    of_history = (refers * _product(weights.mix[-1] if found else weights.history, numbers) / len(before),) * len(
        before
    )
    if not found:
        return tuple(before), of_history, turn
    shares = [refers * _product(row, numbers) for row in weights.mix[:-1]]
    completed = completions(turn, found)
    return (*completed, *before), (*shares, *of_history), completed[0]


def history_of(earlier: Sequence[str]) -> list[str]:
    """The earlier turns whose mean score tells what the conversation is like."""
    return [text[: 2 * LONGEST] for text in earlier[-_EARLIER:]]


def mix_numbers(turn: str, found: Sequence[Topic], count: int) -> list[float]:
    """What the shares depend on: how sure the topics are, and how much the turn says by itself."""
    words = said(turn)
    return [
        1.0,
        found[0].chance if found else 0.0,
        found[1].chance if len(found) > 1 else 0.0,
        float(words.refers),
        log1p(words.size) - 2,
        float(words.content == 0),
        log(count) - 1.5,
    ]


def _product(weights: Sequence[float], numbers: Sequence[float]) -> float:
    total: float = sum(map(mul, weights, numbers))
    return total


def _asked_before(turn: str, earlier: Sequence[str], weights: Weights) -> bool:
    """Whether the question before is asked again, in the same words."""
    before = next((text for text in reversed(earlier) if _kind(text, weights)[0] not in _EMPTY), None)
    if before is None:
        return False
    if len(turn) > 4 * LONGEST or len(before) > 4 * LONGEST:
        return turn == before
    now = _words(turn)
    return bool(now) and now == _words(before)


def _words(text: str) -> list[str]:
    """The words and signs, but for case, marks at the end and politeness."""
    return [word for word in _WORD.findall(text.casefold().rstrip(" .?!。！？")) if word not in _POLITE]


def _logit(score: float) -> float:
    score = min(max(score, _FLOOR), 1 - _FLOOR)
    return log(score / (1 - score))
