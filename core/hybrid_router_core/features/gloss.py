"""Reads a text that is not English as a rough English one, word by word, so that a translation scores alike.

What a scorer has learned from English, the words that ask, the topic and the form, is then found in any language.
Each frequent word has its gloss in a list; of the others, the pieces of a multilingual vocabulary have one by the
nearest English word. The tables in `languages/` are made by `scripts/make_gloss_table.py`.
"""

from __future__ import annotations

import functools
import json
import re
import threading
import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .language import FOLDER, LATIN, language_of, words_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["gloss"]

# Cosines of a piece to its gloss, of 255, below which it is a sound and no meaning: of a word's first piece, of a later
# one, of a capitalised word, in writing without spaces, in languages that the encoder was not trained on.
_NEAR, _NEAR_TAIL, _NEAR_NAME, _NEAR_RUN, _NEAR_COUSIN = 165, 190, 200, 150, 215
_ENCODED = frozenset(["de", "nl", "fr", "es", "pt", "it", "pl", "tr", "ru", "ar", "zh", "ja", "ko", "th"])
_UNSPACED = frozenset({"zh", "ja", "th"})
_POINT_MARKS_THOUSANDS = frozenset(["de", "nl", "da", "es", "pt", "it", "ro", "tr", "id", "vi"])
_COMMA_MARKS_DECIMALS = _POINT_MARKS_THOUSANDS | frozenset(["sv", "fr", "pl", "cs", "ru", "uk", "el"])
_SIGNS = dict(
    zip(
        "。、，；：？！「」『』“”„«»‘’（）【】《》।॥؟،؛…·・～‐‑–—¿¡",
        [*".,,;:?!", *'"' * 9, "'", "'", "(", ")", "[", "]", '"', '"', *"..?,;", "...", " ", ",", "~", *"----", "", ""],
        strict=True,
    )
)
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0dff\u0e31-\u0e4e\u200c\u200d"
_PART = re.compile(rf"[^\W\d_](?:[^\W\d_]|['{_MARKS}])*|\d+(?:[.,:/]\d+)*|\s+|[^\w\s]|[\w\s]")
_GROUPED = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")  # 10 000
_DECIMAL = re.compile(r"[.,](?=(\d+))")
_MONEY = re.compile(r"(\d[\d.,]*) ?(?:dollars?\b|\$)", re.IGNORECASE)  # English writes the sign first
_GAPS, _BEFORE, _AFTER = re.compile(" {2,}"), re.compile(r" ([.,;:?!])"), re.compile(r"([.,;:?!])(?=[^\W\d])")
_START = re.compile(r"(^\s*|[.?!]\s+)([a-z])")
_FILLERS = [
    "place",
    "part",
    "group",
    "line",
    "side",
    "thing",
    "piece",
    "form",
    "case",
    "kind",
    "point",
    "type",
    "level",
    "set",
    "unit",
    "item",
]
_LAST_DIGIT = 0x1FBF9  # of Unicode 16
_STEM = 3  # letters; what is left of a word with endings must be no shorter


def gloss(text: str) -> str:
    """The text itself if it is English, else its words in English, in their order; numbers and signs as in English."""
    language = language_of(text)
    return text if language is None else _gloss(text, language)


def _gloss(text: str, language: str) -> str:
    plain = _GROUPED.sub(",", unicodedata.normalize("NFKC", text).translate(_characters()))
    parts = _PART.findall(plain)
    listed = words_of(language)
    out: list[str] = []
    unknown: list[tuple[int, str, bool]] = []  # place in `out`, word, whether a sentence begins with it
    position, begins = 0, True
    while position < len(parts):
        part = parts[position]
        position += 1
        if not part[0].isalpha():
            begins = (begins and part[0].isspace()) or part[0] in ".?!\n"
            out.append(_number(part, language) if part[0].isdigit() else part)
            continue
        found = None
        if position + 1 < len(parts) and parts[position] == " ":
            found = listed.get(f"{part} {parts[position + 1]}".lower())
            position += 2 * (found is not None)
        if found is None:
            found = _listed(part.lower(), listed, language)
        if found is None:
            unknown.append((len(out), part, begins))
        out.append(found or "")
        begins = False
    if unknown:
        _look_up(unknown, language, out)
    if language in _UNSPACED:
        spaced = "".join(f" {part} " if part[:1].isalnum() else part for part in out)
        joined = _AFTER.sub(r"\1 ", _BEFORE.sub(r"\1", spaced))
    else:
        joined = "".join(out)
    joined = _MONEY.sub(r"$\1", _GAPS.sub(" ", joined).strip()).replace(" %", "%")
    return _START.sub(lambda match: match[1] + match[2].upper(), joined)


def _listed(word: str, listed: Mapping[str, str], language: str) -> str | None:
    """The gloss of a listed word, with or without an ending or what stands before an apostrophe."""
    found = listed.get(word)
    if found is not None:
        return found
    if "'" in word:
        parts = [listed.get(part) for part in word.split("'") if part]
        return " ".join(part for part in parts if part) if any(parts) else None
    if language not in _ENCODED or language == "ko":  # endings; of the others, the pieces know them
        for end in range(len(word) - 1, max(2 if language == "ko" else _STEM, len(word) // 2) - 1, -1):
            found = listed.get(word[:end])
            if found is not None:
                return found
    return None


def _number(number: str, language: str) -> str:
    """1.234,5 as 1,234.5."""
    if language not in _COMMA_MARKS_DECIMALS:
        return number

    def sign(match: re.Match[str]) -> str:
        thousands = len(match[1]) == 3 and (match[0] == "." or language not in _POINT_MARKS_THOUSANDS)
        return "," if thousands else "."

    return _DECIMAL.sub(sign, number)


def _look_up(unknown: list[tuple[int, str, bool]], language: str, out: list[str]) -> None:
    """Put the glosses of the words that are in no list to their places."""
    tables = _tables()
    text = " ".join(word for _, word, _ in unknown)
    groups: list[list[int]] = []
    for piece in tables.tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids:
        if tables.starts[piece] or not groups:
            groups.append([])
        groups[-1].append(piece)
    groups += [[]] * (len(unknown) - len(groups))  # never needed as far as the vocabulary holds the sign of a start
    for (place, word, begins), group in zip(unknown, groups, strict=False):
        out[place] = _choose(tables, word, group, language, begins)


def _choose(tables: _Tables, word: str, ids: list[int], language: str, begins: bool) -> str:
    """What a word's pieces mean, at most two of them; a name stays, and what means nothing becomes a filler."""
    near, words = tables.near, tables.glosses
    if word.isascii() and language not in LATIN:
        return word
    if language in _UNSPACED:
        return " ".join(words[piece] for piece in ids if near[piece] >= _NEAR_RUN)
    good = [piece for piece in ids if words[piece]]
    name = word[0].isupper() and language != "de" and not begins  # German capitals are nouns
    if language not in _ENCODED:
        best = [piece for piece in good if near[piece] >= _NEAR_COUSIN and tables.size[piece] > 3][:1]
        good = []
    elif len(good) > 1:
        least = _NEAR_NAME if name else _NEAR
        letters = 2 if language == "ko" else 3  # a Korean letter is a syllable
        best = [
            p for p in good if tables.size[p] >= letters and near[p] >= (least if tables.starts[p] else _NEAR_TAIL)
        ][:2]
    else:
        best = good if not name or (good and near[good[0]] >= _NEAR) else []
    if best:
        return " ".join(words[piece] for piece in best)
    if word[0].isupper() and word.isascii():
        return word
    if good:
        return words[max(good, key=lambda piece: near[piece])]
    return _FILLERS[zlib.crc32(word.encode()) % len(_FILLERS)]


@dataclass(frozen=True)
class _Tables:
    """Of each piece: its gloss or "", how near that is, its letters, and whether it begins a word."""

    tokenizer: Tokenizer
    glosses: list[str]
    near: list[int]
    size: list[int]
    starts: list[bool]


_loading = threading.Lock()


def _tables() -> _Tables:
    with _loading:  # two threads with a first text each must not both read the tables
        return _read_tables()


@functools.cache
def _read_tables() -> _Tables:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    table = load_file(FOLDER / "table.safetensors")
    words = json.loads((FOLDER / "words.json").read_text(encoding="utf-8"))
    glosses = [words[row] for row in table["gloss"].tolist()]
    columns = [table[name].tolist() for name in ("near", "size", "starts")]
    return _Tables(Tokenizer.from_file(str(FOLDER / "pieces.json")), glosses, *columns)


@functools.cache
def _characters() -> dict[int, str]:
    """Signs and digits of all scripts to those of English."""
    codes = (code for code in range(0x80, _LAST_DIGIT + 1) if unicodedata.category(chr(code)) == "Nd")
    digits = {code: str(unicodedata.digit(chr(code))) for code in codes}
    return digits | {ord(sign): plain for sign, plain in _SIGNS.items()}
