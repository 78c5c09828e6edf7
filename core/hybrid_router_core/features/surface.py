"""What the form of a query says about its difficulty: lengths, characters, kinds of words, numbers, options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from math import log1p, sqrt

import numpy as np

from hybrid_router_core._types import AnyArray, Float32Array
from hybrid_router_core.embedders import StaticEmbedder, TokenIds, bound_text

from .words import GROUPS, RANKS, token_codes

__all__ = ["surface_features"]

_BYTE_KINDS = (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    b"0123456789",
    b" \t",
    b"\n",
    bytes(range(128, 256)),
    b"?",
    b".",
    b",",
    b"!",
    b":",
    b";",
    b"'",
    b'"',
    b"()",
    b"[]{}",
    b"+*/=<>^~|",
    b"-",
    b"$",
    b"%",
    b"\\",
    b"_",
    b"`#@&",
)
_KINDS = len(_BYTE_KINDS) + 1  # kind 0: small letters and control characters
_SPACE, _LINE = 3, 4
_KIND_OF_BYTE = bytes(next((k for k, kind in enumerate(_BYTE_KINDS, 1) if byte in kind), 0) for byte in range(256))

_PATTERNS = 12  # columns of _read_patterns
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_OPTION = re.compile(r"(?:^|\s)\(?(?:[A-Ja-j]|[1-9])[.)]\s")  # "A. ", "(b) ", "3) "
_CODE = re.compile(r"```|\bdef \w|\(\);|\{\n|</\w|#include|\bSELECT\b")


def surface_features(texts: Sequence[str], tokens: TokenIds | None = None) -> Float32Array:
    """Describe each text by about 120 numbers, none of them learned.

    Args:
        texts: Any strings; only what `bound_text` keeps is read.
        tokens: The ids of the texts by the bundled tokenizer, if they are known already.
    """
    if tokens is None:
        tokens = StaticEmbedder().token_ids(texts)
    count = len(texts)
    bounded = [bound_text(text) for text in texts]
    kinds, sizes = _count_kinds(bounded)
    codes = token_codes()[tokens.flat]
    lengths = np.diff(tokens.offsets)
    by_code = _count_rows(codes, lengths, GROUPS * RANKS).reshape(count, GROUPS, RANKS)
    groups = by_code.sum(axis=2)
    ranks = by_code.sum(axis=1)

    first = np.zeros((count, GROUPS), dtype=np.float32)
    filled = np.flatnonzero(lengths)
    first[filled, codes[tokens.offsets[filled]] // RANKS] = 1.0

    size = np.maximum(sizes, 1)[:, None]
    length = np.maximum(lengths, 1)[:, None]
    words = kinds[:, _SPACE : _SPACE + 1] + kinds[:, _LINE : _LINE + 1] + 1
    patterns = np.array([_read_patterns(text) for text in bounded], dtype=np.float64).reshape(count, _PATTERNS)
    amounts = np.concatenate([size, length, words, kinds, groups], axis=1)
    shares = [kinds / size, groups / length, ranks / length, size / words, length / words]
    return np.concatenate([np.log1p(amounts), *shares, patterns, first], axis=1, dtype=np.float32, casting="same_kind")


def _count_rows(codes: AnyArray, lengths: AnyArray, width: int) -> AnyArray:
    """How often each code < width occurs in each row; the rows lie one behind the other."""
    count = len(lengths)
    if count != 1:
        codes = codes + np.repeat(np.arange(count) * width, lengths)
    return np.bincount(codes, minlength=count * width).reshape(count, width)


def _count_kinds(texts: Sequence[str]) -> tuple[AnyArray, AnyArray]:
    encoded = [text.encode() for text in texts]
    sizes = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
    kinds = np.frombuffer(b"".join(encoded).translate(_KIND_OF_BYTE), dtype=np.uint8)
    return _count_rows(kinds, sizes, _KINDS), sizes


def _read_patterns(text: str) -> tuple[float, ...]:
    numbers = _NUMBER.findall(text)
    longest = max(map(len, numbers)) if numbers else 0
    decimals = any("." in number for number in numbers)
    end = text.rstrip()[-1:]
    return (
        log1p(len(numbers)),
        min(longest, 12),
        decimals,
        end == "?",
        end == ":",
        end == ".",
        text[:1].isupper(),
        _CODE.search(text) is not None,
        *_read_options(text),
    )


def _read_options(text: str) -> tuple[float, ...]:
    """Number of enumerated options, their mean length and its spread, and the length of what stands before them."""
    starts = [match.start() for match in _OPTION.finditer(text)]
    if len(starts) < 2:
        return (0.0, 0.0, 0.0, 0.0)
    lengths = [end - start for start, end in pairwise([*starts, len(text)])]
    mean = sum(lengths) / len(lengths)
    spread = sqrt(sum((length - mean) ** 2 for length in lengths) / len(lengths))
    return (min(len(starts), 12), log1p(mean), spread / (mean + 1), log1p(starts[0]))
