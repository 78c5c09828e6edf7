"""How far a turn stands alone: a linear model over hashed n-grams of characters and words, for any script."""

from __future__ import annotations

import functools
import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log1p
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from hybrid_router_core._types import Float32Array

from .words import said

__all__ = ["BUCKETS", "KINDS", "LONGEST", "Gate", "Kind", "numbers_of", "places_of"]

Kind: TypeAlias = Literal["alone", "refers", "goes_on", "thanks"]
"""A turn stands alone; refers to what was said before; says nothing by itself; or asks for nothing."""

KINDS: tuple[Kind, ...] = get_args(Kind)
BUCKETS = 32768
LONGEST = 320  # characters; what is longer says something by itself
_SIZES = 5
_DIGIT = re.compile(r"\d")
_DOUBT = 0.25
_GOODBYE = 1.0  # logits: nothing is asked only where that is sure
_MOST_WORDS = 40
_MARKS = ".,!?;:。？！、，"
_SHIFTS = np.arange(_SIZES)
_POWERS = np.array([pow(1_000_003, size, 2**32) for size in range(_SIZES)], dtype=np.uint32)
_SALTS = np.array([(2246822519 * size) % 2**32 for size in range(_SIZES)], dtype=np.uint32)


@dataclass(frozen=True)
class Gate:
    """The weights of one column a `Kind`, and of one more: whether the turn finds fault with the last answer.

    Attributes:
        grams: Of the hashed n-grams, shape (BUCKETS, 5), int8.
        scale: Of each of its columns, shape (5,).
        dense: Of the numbers of `numbers_of` and the constant, shape (11, 5).
    """

    grams: NDArray[np.int8]
    scale: Float32Array
    dense: Float32Array

    def logits(self, text: str) -> list[float]:
        """Of each kind, up to a common constant, and of finding fault."""
        total = np.array([*numbers_of(text), 1.0], dtype=np.float32) @ self.dense
        for places in places_of(text):
            if places.size:
                sums = self.grams.take(places, axis=0).sum(axis=0, dtype=np.int32)
                total = total + sums * self.scale / places.size**0.5
        logits: list[float] = total.tolist()
        return logits

    def kind(self, logits: Sequence[float]) -> tuple[Kind, float]:
        """The likeliest, and the chance in [0, 1] that it refers to something rather than stands alone.

        Alone is only what surely is: the less sure, the less the reading of a turn that refers to something changes it.
        """
        refers = 1 / (1 + exp(min(logits[0] - logits[1], 50.0)))
        kind = KINDS[max(range(len(KINDS)), key=logits.__getitem__)]
        if kind == "thanks" and (logits[3] - logits[2] < _GOODBYE or logits[4] > -1):
            return "goes_on", refers  # "yes, thanks" asks for what was offered, and must not go to small unseen
        return ("refers" if kind == "alone" and refers > _DOUBT else kind), refers


def places_of(text: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The buckets of the text's n-grams of one to five characters, with the ends marked, and of its words and pairs."""
    plain = _plain(text)
    points = np.frombuffer(f"\x02{plain}\x03\0\0\0\0".encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    count = points.size - _SIZES + 1
    # Row k holds the hashes of the grams of k + 1 characters: a polynomial, one power more a row
    hashes = np.cumsum(points[_SHIFTS[:, None] + np.arange(count)] * _POWERS[:, None], axis=0, dtype=np.uint32)
    mixed = (hashes + _SALTS[:, None]) * np.uint32(2654435761)
    buckets = (mixed >> np.uint32(17)).astype(np.int64)
    return np.concatenate([row[: max(count - size, 0)] for size, row in enumerate(buckets)]), _word_places(plain)


def _word_places(plain: str) -> NDArray[np.int64]:
    words = [stripped for word in plain.split()[:_MOST_WORDS] if (stripped := word.strip(_MARKS))]
    if not words:
        return np.zeros(0, dtype=np.int64)
    pairs = map(" ".join, zip(["<", *words], [*words, ">"], strict=True))
    grams = (*words, *pairs)
    return np.array([zlib.crc32(gram.encode("utf-8", "replace")) % BUCKETS for gram in grams], dtype=np.int64)


def numbers_of(text: str) -> list[float]:
    """What the n-grams do not tell: lengths, and how much of it is content."""
    found = said(text)
    wide = 0 if text.isascii() else len([character for character in text if character > "\u2e80"])  # parts no words
    return [
        log1p(len(text)) / 3,
        log1p(found.size) / 2,
        log1p(found.content),
        float(found.content == 0),
        float(found.refers),
        min(found.capitals, 4) / 2,
        float(_DIGIT.search(text) is not None),
        log1p(wide) / 2,
        float(text.rstrip().endswith(("?", "？", "؟"))),
        log1p(text.count("\n")),
    ]


@functools.lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())[:LONGEST]
