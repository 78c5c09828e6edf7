"""Reads a text that is not English as a rough English one, word by word, so that a translation scores like the original.

The tables in `languages/` are made by `scripts/make_gloss_table.py`.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import threading
import unicodedata
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .language import FOLDER, language_of, words_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["gloss"]

_NEAR, _NEAR_TAIL, _NEAR_NAME, _NEAR_RUN = 165, 190, 200, 150  # of 255: farther from its gloss a piece is a sound
_LATIN = frozenset("de nl sv da fr es pt it ro pl cs tr id vi sw".split())
_UNSPACED = frozenset({"zh", "ja", "th", ""})
_POINT_MARKS_THOUSANDS = frozenset("de nl da es pt it ro tr id vi".split())
_COMMA_MARKS_DECIMALS = _POINT_MARKS_THOUSANDS | frozenset("sv fr pl cs ru uk el".split())
_SIGNS = dict(
    zip(
        "。、，；：？！「」『』“”„«»‘’（）【】《》।॥؟،؛…·・～‐‑–—¿¡",
        [*".,,;:?!", *'"' * 9, "'", "'", "(", ")", "[", "]", '"', '"', *"..?,;", "...", " ", ",", "~", *"----", "", ""],
        strict=True,
    )
)
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0dff\u0e31-\u0e4e\u200c\u200d"
_PART = re.compile(rf"[^\W\d_](?:[^\W\d_]|['{_MARKS}])*|\d+(?:[.,:/]\d+)*|\s+|[^\w\s]|_")
_GROUPED = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")
_DECIMAL = re.compile(r"[.,](?=(\d+))")
_MONEY = re.compile(r"(\d[\d.,]*) ?(?:dollars?\b|\$)", re.IGNORECASE)
_BEFORE = re.compile(r" ([.,;:?!])")
_AFTER = re.compile(r"([.,;:?!])(?=[^\W\d])")
_START = re.compile(r"(^\s*|[.?!]\s+)([a-z])")
_FILLERS = "place part group line side thing piece form case kind point type level set unit item".split()


@functools.cache
def _characters() -> dict[int, str]:
    """Signs and digits of all scripts to those of English."""
    digits = {
        code: str(unicodedata.digit(chr(code)))
        for code in range(0x80, sys.maxunicode + 1)
        if unicodedata.category(chr(code)) == "Nd"
    }
    return digits | {ord(sign): plain for sign, plain in _SIGNS.items()}


@dataclass(frozen=True)
class _Tables:
    tokenizer: Tokenizer
    words: list[str]
    gloss: list[int]
    near: list[int]
    size: list[int]
    starts: list[bool]


_loading = threading.Lock()


def _tables() -> _Tables:
    with _loading:
        return _read_tables()


@functools.cache
def _read_tables() -> _Tables:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    table = load_file(FOLDER / "table.safetensors")
    words = json.loads((FOLDER / "words.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(FOLDER / "pieces.json"))
    columns = [table[name].tolist() for name in ("gloss", "near", "size", "starts")]
    return _Tables(tokenizer, words, *columns)


def gloss(text: str) -> str:
    """The text itself if it is English, else its words in English, in their order."""
    language = language_of(text)
    return text if language is None else _gloss(text, language)


def _gloss(text: str, language: str) -> str:
    plain = unicodedata.normalize("NFKC", text).translate(_characters())
    if not plain.isascii() or language:
        plain = _GROUPED.sub(",", plain)
    parts = _PART.findall(plain)
    listed = words_of(language)
    out: list[str] = []
    unknown: list[tuple[int, str, bool]] = []
    position, begins = 0, True
    while position < len(parts):
        part = parts[position]
        position += 1
        if not part[0].isalpha():
            begins = begins and part[0].isspace() or part[0] in ".?!\n"
            if part[0].isdigit() and language in _COMMA_MARKS_DECIMALS:
                part = _number(part, language)
            out.append(part)
            continue
        found = None
        if position + 1 < len(parts) and parts[position] == " ":
            found = listed.get(f"{part} {parts[position + 1]}".lower())
            if found is not None:
                position += 2
        found = found or listed.get(part.lower())
        if found is None:
            unknown.append((len(out), part, begins))
            found = ""
        out.append(found)
        begins = False
    if unknown:
        _look_up(unknown, language, out)
    if language in _UNSPACED:
        out = [f" {part} " if part[:1].isalnum() else part for part in out]
    joined = "".join(out)
    if language in _UNSPACED:
        joined = _AFTER.sub(r"\1 ", _BEFORE.sub(r"\1", " ".join(joined.split())))
    joined = _MONEY.sub(r"$\1", joined).replace(" %", "%")
    return _START.sub(lambda match: match[1] + match[2].upper(), joined)


def _number(number: str, language: str) -> str:
    """1.234,5 as 1,234.5"""
    def sign(match: re.Match[str]) -> str:
        return "," if len(match[1]) == 3 and (match[0] == "." or language not in _POINT_MARKS_THOUSANDS) else "."

    return _DECIMAL.sub(sign, number)


def _look_up(unknown: list[tuple[int, str, bool]], language: str, out: list[str]) -> None:
    """Put the glosses of the words that are in no list to their places."""
    tables = _tables()
    text = " ".join(word for _, word, _ in unknown)
    ids = tables.tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids
    groups: list[list[int]] = []
    for piece in ids:
        if tables.starts[piece]:
            groups.append([])
        groups[-1].append(piece)
    for (place, word, begins), group in zip(unknown, groups, strict=True):
        out[place] = _choose(tables, word, group, language, begins)


def _choose(tables: _Tables, word: str, ids: list[int], language: str, begins: bool) -> str:
    gloss, near = tables.gloss, tables.near
    if word.isascii() and language not in _LATIN:
        return word
    if language in _UNSPACED:
        return " ".join(tables.words[gloss[piece]] for piece in ids if near[piece] >= _NEAR_RUN)
    name = word[0].isupper() and language != "de" and not begins
    good = [piece for piece in ids if gloss[piece]]
    if len(good) > 1:
        least = _NEAR_NAME if name else _NEAR
        best = [p for p in good if tables.size[p] > 2 and near[p] >= (least if tables.starts[p] else _NEAR_TAIL)][:2]
    else:
        best = good if not name or (good and near[good[0]] >= _NEAR) else []
    if best:
        return " ".join(tables.words[gloss[piece]] for piece in best)
    if word[0].isupper() and word.isascii():
        return word
    if good:
        return tables.words[gloss[max(good, key=lambda piece: near[piece])]]
    return _FILLERS[zlib.crc32(word.encode()) % len(_FILLERS)]
