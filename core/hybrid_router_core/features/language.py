"""Whether a text is English, and what else it is: by its letters, or by the frequent words that it holds."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

__all__ = ["FOLDER", "language_of", "words_of"]

FOLDER = Path(__file__).with_name("languages")
_MOST_WORDS = 60  # of a text are looked at: the language shows at once
_HEAD = 600  # characters
_ENGLISH = frozenset(
    "the of and to a in is that it was for on are as with his they at be this from i have or by one had not but what "
    "all were when we there can an your which their said if do will each how she he him her you my me our us its so "
    "no would could should has who where why than then them these those does did about into more most many much very "
    "some any only also other been being up out write give explain find let show use please between following".split()
)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
# First and last letter of scripts, in order; Latin and whatever is not listed decides by words.
_SCRIPTS = (
    (0x0370, 0x03FF, "el"),
    (0x0400, 0x052F, "ru"),
    (0x0590, 0x05FF, "he"),
    (0x0600, 0x077F, "ar"),
    (0x0900, 0x097F, "hi"),
    (0x0980, 0x09FF, "bn"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0E00, 0x0E7F, "th"),
    (0x3040, 0x30FF, "ja"),
    (0x4E00, 0x9FFF, "zh"),
    (0xAC00, 0xD7AF, "ko"),
)
_OTHER = ""  # a script without a list
_LATIN = ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F))
_BOUNDS = np.array([edge for first, last, *_ in (*_LATIN, *_SCRIPTS) for edge in (first, last + 1)], dtype=np.uint32)
# Of each slot between two bounds, the language that its letters tell.
_NAMES = (None, *(name for _, _, *code in (*_LATIN, *_SCRIPTS) for name in ((code or [None])[0], None)))
_COUSINS = {"ru": ("ru", "uk"), "ar": ("ar", "fa")}
_SHARE = 0.3  # of the letters: less is a foreign name or a formula in an English text


@functools.cache
def _read() -> tuple[dict[str, dict[str, str]], dict[str, tuple[str, ...]]]:
    languages: dict[str, dict[str, str]] = json.loads((FOLDER / "lists.json").read_text(encoding="utf-8"))
    by_script = {language for _, _, language in _SCRIPTS} | {"uk", "fa"}
    speakers: dict[str, list[str]] = {}
    for language, glosses in languages.items():
        if language not in by_script:
            for word in glosses:
                speakers.setdefault(word, []).append(language)
    return languages, {word: tuple(spoken) for word, spoken in speakers.items()}


def words_of(language: str) -> Mapping[str, str]:
    """The English gloss of each frequent word of a language; empty for one without a list."""
    return _read()[0].get(language, {})


def language_of(text: str) -> str | None:
    """The code of the text's language, `""` for a script that no list covers, None for English or nothing to tell by."""
    head = text[:_HEAD]
    if not head.isascii():
        language = _by_letters(head)
        if language is not None:
            return language
    return _by_words(head)


def _by_letters(text: str) -> str | None:
    codes = np.frombuffer(text.encode("utf-32-le", errors="replace"), dtype=np.uint32)
    slots = np.searchsorted(_BOUNDS, codes, side="right")
    found = np.bincount(slots, minlength=len(_NAMES) + 1).tolist()
    letters = found[1] + found[3] + found[5]  # A to Z, a to z, and Latin with accents
    counts = {name: found[slot] for slot, name in enumerate(_NAMES) if name is not None and found[slot]}
    foreign = sum(counts.values())
    if foreign < 2 or foreign < _SHARE * (letters + foreign):
        return None
    if counts.get("ja", 0) > 0.1 * counts.get("zh", 0):
        return "ja"
    language = max(counts, key=lambda name: counts[name])
    cousins = _COUSINS.get(language)
    if cousins is None:
        return language
    words = _WORD.findall(text.lower())
    return max(cousins, key=lambda name: sum(word in words_of(name) for word in words))


def _by_words(text: str) -> str | None:
    words = _WORD.findall(text.lower())[:_MOST_WORDS]
    english = sum(word in _ENGLISH for word in words)
    if english * 4 >= len(words):
        return None
    speakers = _read()[1]
    counts: dict[str, int] = {}
    for word in words:
        for language in speakers.get(word, ()):
            counts[language] = counts.get(language, 0) + 1
    if not counts:
        return None
    language = max(counts, key=lambda name: counts[name])
    found = counts[language]
    # One word may be a name or a loan; a foreign letter beside it makes it sure enough.
    least = 1 if any(not word.isascii() for word in words) else 2
    return language if found >= least and found > 1.5 * english and found * 6 >= len(words) else None
