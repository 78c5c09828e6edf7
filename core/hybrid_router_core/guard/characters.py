"""How unexpected a text's characters are after the two before them, and how long it and its words are.

A model of three neighbouring characters (Shannon 1948), interpolated with that of two and of one. Its alphabet of 50
holds the small letters, one sign for all capitals and one for all digits, groups of punctuation, and one sign a family
of scripts: so a few hundred queries teach it, and what they never held is expected nowhere.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import log

import numpy as np
from numpy.typing import NDArray

from hybrid_router_core._types import AnyArray, FloatArray, IntArray
from hybrid_router_core.embedders import bound_text

from ._sums import row_sums

__all__ = ["CharacterModel", "Characters", "read_characters"]

# The order is part of the saved format.
_SIGNS = (" \u00a0", "\n\r", "\t", *"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", ".", ",")
_MORE_SIGNS = ("?!", ":;", "'\"`‘’“”", "-_–—", "()", "[]{}", "+*/=<>^~|", "$%#@&\\")
_SCRIPTS: tuple[tuple[tuple[int, int], ...], ...] = (
    ((0xC0, 0x250), (0x1E00, 0x1F00)),  # Latin with marks
    ((0x370, 0x400), (0x1F00, 0x2000)),  # Greek
    ((0x400, 0x530),),  # Cyrillic
    ((0x530, 0x900),),  # Armenian, Hebrew, Arabic and their neighbours
    ((0x900, 0x1100),),  # India, South-East Asia, Tibet, Georgia
    ((0x1100, 0x1200), (0xAC00, 0xD800)),  # Hangul
    ((0x2E80, 0xAC00), (0xF900, 0xFB00), (0xFF00, 0xFFF0)),  # Han, Kana
    ((0x80, 0xC0), (0x2000, 0x2E80)),  # signs of mathematics, money and typography
)
_OTHER = len(_SIGNS) + len(_MORE_SIGNS) + len(_SCRIPTS)  # emoji, rare scripts, control characters
_SIZE = _OTHER + 1
_TRIPLES = _SIZE**3
_DISCOUNT = 5.0  # a longer context counts as much as the shorter one after so many sightings
_UNIT = 20  # steps of a nat in which surprise is kept; 255 of them are 12.75 nats
_BEFORE = "\n\n"  # stands before each text, so that its first characters have two before them


@dataclass(frozen=True)
class Characters:
    """What is read of several texts.

    Attributes:
        triples: Index of every character with the two before it, of all texts in order; a few between them are void.
        starts: Of each text, where its triples start.
        counts: Of each text, how many it has: its characters, as far as they are read.
        sizes: Logarithm of 1 + the characters of the whole text, however long; and of 1 + those of its longest piece
            without white space, as far as it is read; shape (2, n).
    """

    triples: NDArray[np.int32]
    starts: IntArray
    counts: IntArray
    sizes: FloatArray


def read_characters(texts: Sequence[str]) -> Characters:
    """Reads each text as far as `bound_text` keeps it."""
    bounded = [bound_text(text) for text in texts]
    joined = "".join([part for text in bounded for part in (_BEFORE, text)])
    signs = _table().take(np.frombuffer(joined.encode("utf-32-le"), dtype=np.uint32), mode="clip")
    triples = signs[:-2] * _SIZE
    triples += signs[1:-1]
    triples *= _SIZE
    triples += signs[2:]
    counts = [len(text) for text in bounded]
    starts = list(accumulate(counts, lambda start, count: start + count + len(_BEFORE), initial=0))[:-1]
    lengths = [log(len(text) + 1) for text in texts]
    runs = [log(max(map(len, text.split()), default=0) + 1) for text in bounded]
    return Characters(
        triples, np.array(starts, dtype=np.int64), np.array(counts, dtype=np.int64), np.array([lengths, runs])
    )


@dataclass(frozen=True)
class CharacterModel:
    """Expectations learned from texts.

    Attributes:
        surprise: Of each triple, -log of the probability of its last character, in twentieths of a nat; uint8.
    """

    surprise: NDArray[np.uint8]

    @classmethod
    def fit(cls, triples: AnyArray) -> CharacterModel:
        """Learn from the triples of all texts."""
        three = np.bincount(triples, minlength=_TRIPLES).reshape(_SIZE, _SIZE, _SIZE).astype(np.float64)
        two = three.sum(axis=0)
        one = two.sum(axis=0) + 1
        expected = one / one.sum()
        for seen in (two, three):
            expected = (seen + _DISCOUNT * expected) / (seen.sum(axis=-1, keepdims=True) + _DISCOUNT)
        return cls(np.clip(np.rint(-_UNIT * np.log(expected)), 0, 255).astype(np.uint8).ravel())

    @classmethod
    def from_state(cls, surprise: AnyArray) -> CharacterModel:
        """The model with this surprise."""
        if surprise.shape != (_TRIPLES,) or surprise.dtype != np.uint8:
            raise ValueError(f"surprise of {surprise.shape} triples, {surprise.dtype}; this library has {_TRIPLES}")
        return cls(surprise)

    def sums(self, characters: Characters) -> IntArray:
        """Sum of the surprise of each text's characters, shape (n,)."""
        return row_sums(self.surprise.take(characters.triples), characters.starts, characters.counts)


@functools.cache
def _table() -> NDArray[np.int32]:
    """The sign of each character below 65,536; the last entry serves those above."""
    table = np.full(1 << 16, _OTHER, dtype=np.int32)
    groups = _SIGNS + _MORE_SIGNS
    for sign, ranges in enumerate(_SCRIPTS, start=len(groups)):
        for start, end in ranges:
            table[start:end] = sign
    for sign, characters in enumerate(groups):
        table[[ord(character) for character in characters]] = sign
    return table
