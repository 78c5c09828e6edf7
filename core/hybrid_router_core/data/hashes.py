"""A number for a query, by which its repeats are known."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

__all__ = ["one_spelling", "query_hash", "query_hashes"]


def query_hash(text: str) -> int:
    """A number in [0, 2**64) that is the same for queries which differ only in white space or Unicode composition.

    The first 8 bytes, little-endian, of BLAKE2b (64-byte digest) of the text in NFC, with each run of white space one
    space and none at the ends, in UTF-8. Letter case counts. The same on every machine and in every version.
    """
    return int.from_bytes(_digest(text), "little")


def query_hashes(texts: Iterable[str]) -> NDArray[np.uint64]:
    """`query_hash` of each text, of shape (n,)."""
    return np.frombuffer(b"".join(map(_digest, texts)), dtype="<u8").astype(np.uint64)


def one_spelling(text: str) -> str:
    """The text in NFC, with each run of white space one space and none at the ends."""
    return " ".join(normalize("NFC", text).split())


def _digest(text: str) -> bytes:
    words = one_spelling(text)
    # A lone surrogate is no UTF-8, but it can come out of JSON.
    return blake2b(words.encode("utf-8", "surrogatepass")).digest()[:8]
