"""Normalisation of short answers, and the numbers in a text."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["first_line", "last_number", "normalise", "number_value", "stands_in"]

_ARTICLES = frozenset({"a", "an", "the"})
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2010": "-", "\u2011": "-"})
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
# A point between digits and a minus before a number are part of it; all other punctuation goes.
_KEPT = re.compile(r"(?<=\d)\.(?=\d)|(?<![\w.])-(?=\.?\d)")
_NUMBER = re.compile(r"(?<![\w.])-?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+(?!\w))?")
_JOINING = frozenset("'’`.")  # within a word: don't, U.S.


@lru_cache(maxsize=256)  # the accepted answers of a row are compared with each of its responses
def normalise(text: str) -> str:
    """The text in lower case, without articles, punctuation and currency signs, with single spaces.

    After SQuAD's (Rajpurkar et al. 2016), with two differences: it knows all of Unicode (NFKC), and it leaves numbers
    whole ("3.5" and "35", "-2" and "2" stay different, "1,000" is "1000"). Normalising twice changes nothing.

    >>> normalise("The answer: 1,000.50 U.S. Dollars!")
    'answer 1000.50 us dollars'
    """
    while (once := _once(text)) != text:
        text = once
    return text


def _once(text: str) -> str:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(_MINUS)
    text = _THOUSANDS.sub("", text)
    kept = {match.start() for match in _KEPT.finditer(text)}
    letters = []
    for i, letter in enumerate(text):
        if i in kept:
            letters.append(letter)
        elif letter in _JOINING:
            continue
        elif unicodedata.category(letter)[0] == "P" or unicodedata.category(letter) == "Sc":
            letters.append(" ")
        else:
            letters.append(letter)
    return " ".join(word for word in "".join(letters).split() if word not in _ARTICLES)


def stands_in(wanted: str, text: str) -> bool:
    """Whether a non-empty text stands in another as whole words."""
    # As the pattern (?<!\w)wanted(?!\w), which would have to be compiled for each answer.
    place = text.find(wanted)
    while place >= 0:
        end = place + len(wanted)
        if not (_in_word(text[place - 1 : place]) or _in_word(text[end : end + 1])):
            return True
        place = text.find(wanted, place + 1)
    return False


def _in_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def first_line(text: str) -> str:
    """The first line that is not blank."""
    return text.strip().split("\n", 1)[0]


def last_number(text: str) -> float | None:
    """The value of the last number of a text; a comma within digits separates thousands."""
    found = _NUMBER.findall(text.translate(_MINUS))
    return float(found[-1].replace(",", "")) if found else None


def number_value(text: str) -> float | None:
    """The value of a text that is a number and nothing else, else None."""
    text = text.strip().translate(_MINUS)
    return float(text.replace(",", "")) if _NUMBER.fullmatch(text) else None
