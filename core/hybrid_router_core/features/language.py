"""Which language a text is in: by its letters, or by the frequent words that it holds.

Short texts, names, code and formulas are English unless something says otherwise.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import numpy as np

__all__ = ["FOLDER", "LATIN", "language_of", "words_of"]

FOLDER = Path(__file__).with_name("languages")
LATIN = frozenset(["de", "nl", "sv", "da", "fr", "es", "pt", "it", "ro", "pl", "cs", "tr", "id", "vi", "sw"])

_HEAD = 400  # characters that are looked at: a language shows at once
_ENGLISH_SHARE = 0.3  # of the words: so many of these few hardly occur in another language
_COMMAND = re.compile(r"\\[a-zA-Z]+")  # of TeX
_WORD = re.compile(r"[^\W\d_]+")
_LEAST_SHARE = 1 / 6  # of the words must stand in a language's list

_SCRIPTS = {
    "el": (0x370, 0x3FF),
    "ru": (0x400, 0x52F),
    "he": (0x590, 0x5FF),
    "ar": (0x600, 0x77F),
    "hi": (0x900, 0x97F),
    "bn": (0x980, 0x9FF),
    "ta": (0xB80, 0xBFF),
    "te": (0xC00, 0xC7F),
    "th": (0xE00, 0xE7F),
    "ja": (0x3040, 0x30FF),
    "zh": (0x4E00, 0x9FFF),
    "ko": (0xAC00, 0xD7AF),
}
_COUSINS = {"ru": ("ru", "uk"), "ar": ("ar", "fa")}  # of one script, told by their words
_ASCII_LETTER = re.compile("[A-Za-z]")
_BOUNDS = np.array(list(chain.from_iterable((first, last + 1) for first, last in _SCRIPTS.values())), dtype=np.uint32)
_SCRIPT_SHARE = 0.3  # of the letters; less is a name, a quotation or a formula in an English text


def language_of(text: str) -> str | None:
    """The code of the text's language, None for English or where nothing tells."""
    head = text[:_HEAD]
    if not head.isascii():
        language = _by_letters(head)
        if language is not None:
            return language
    return _by_words(head)


def words_of(language: str) -> Mapping[str, str]:
    """The English gloss of each frequent word of a language."""
    return _read()[0].get(language, {})


@functools.cache
def _english() -> tuple[frozenset[str], frozenset[str]]:
    """Frequent words, and with them those of other lists that English texts, code and formulas hold as well."""
    words = json.loads((FOLDER / "english.json").read_text(encoding="utf-8"))
    frequent = frozenset(words["frequent"])
    return frequent, frequent | frozenset(words["loans"])


@functools.cache
def _read() -> tuple[dict[str, dict[str, str]], dict[str, tuple[str, ...]]]:
    """Of each language its words, and of each word of those in Latin letters its languages."""
    languages: dict[str, dict[str, str]] = json.loads((FOLDER / "lists.json").read_text(encoding="utf-8"))
    speakers: dict[str, list[str]] = {}
    for language in sorted(LATIN):
        for word in languages[language].keys() - _english()[1]:
            speakers.setdefault(word, []).append(language)
    return languages, {word: tuple(spoken) for word, spoken in speakers.items()}


def _by_letters(text: str) -> str | None:
    codes = np.frombuffer(text.encode("utf-32-le", errors="replace"), dtype=np.uint32)
    slots = np.bincount(np.searchsorted(_BOUNDS, codes, side="right"), minlength=len(_BOUNDS) + 1)
    counts = dict(zip(_SCRIPTS, slots[1::2].tolist(), strict=True))
    foreign = sum(counts.values())
    if foreign < 2 or foreign < _SCRIPT_SHARE * (foreign + len(_ASCII_LETTER.findall(text))):
        return None
    if counts["ja"] > 0.1 * counts["zh"] and counts["ja"] + counts["zh"] > foreign / 2:
        return "ja"
    language = max(counts, key=lambda name: counts[name])
    cousins = _COUSINS.get(language)
    if cousins is None:
        return language
    words = _WORD.findall(text.lower())
    return max(cousins, key=lambda name: sum(word in words_of(name) for word in words))


def _by_words(text: str) -> str | None:
    lower = text.lower()
    rough, frequent = lower.split(), _english()[0]
    if text.isascii() and sum(map(frequent.__contains__, rough)) >= max(_ENGLISH_SHARE * len(rough), 1):
        return None
    words = _WORD.findall(_COMMAND.sub(" ", lower))
    english = sum(map(frequent.__contains__, words))
    speakers = _read()[1]
    # single letters of English never count: they are options and formulas
    known = {word for word in words if word in speakers and (len(word) > 1 or not word.isascii())}
    counts = Counter(chain.from_iterable(speakers[word] for word in words if word in known))
    if not counts:
        return None
    language = max(sorted(counts), key=lambda name: counts[name])
    of_it = [word for word in known if language in speakers[word]]
    # One word may be a name or a loan; a foreign letter beside it makes it sure enough.
    sure = len(of_it) >= 2 or any(not word.isascii() for word in words)
    found = counts[language]
    return language if sure and found > 1.5 * english and found >= _LEAST_SHARE * len(words) else None
