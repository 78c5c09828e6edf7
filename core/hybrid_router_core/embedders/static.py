"""The bundled embedder: a table of token vectors, no transformer and no download.

`static_table/` is made by `scripts/distill_static_table.py`; `_FINGERPRINT` is the line that script prints.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from hybrid_router_core._types import Float32Array, IntArray

from .text import bound_text

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["StaticEmbedder", "TokenIds"]

_FOLDER = Path(__file__).with_name("static_table")
_VOCABULARY = 29_524
_FINGERPRINT = "sha256:c56b334b43d651b0f24ab3d4e64618f273da22650ae996746c880ca16ca1807f"
_CHUNK = 512  # texts at a time: bounds the memory that the tokenizer's results take


@dataclass(frozen=True)
class TokenIds:
    """Token ids of several texts: those of text i are `flat[offsets[i]:offsets[i + 1]]`."""

    flat: IntArray
    offsets: IntArray

    @classmethod
    def joined(cls, parts: Sequence[TokenIds]) -> TokenIds:
        """Those of all texts of the parts, in order."""
        none = np.zeros(0, dtype=np.int64)
        counts = [np.diff(part.offsets) for part in parts]
        return cls(np.concatenate([none, *(part.flat for part in parts)]), _offsets(np.concatenate([none, *counts])))


@dataclass(frozen=True)
class _Bundle:
    tokenizer: Tokenizer
    values: NDArray[np.int8]
    scale: Float32Array


class StaticEmbedder:
    """Mean of the texts' token vectors, scaled to length one; a text without known tokens is the zero vector.

    All instances share one table, read when the first text comes.
    """

    name: ClassVar[str] = "static"

    def encode(self, texts: Sequence[str]) -> Float32Array:
        """One row a text, in order."""
        bundle = _bundle()
        out = np.empty((len(texts), bundle.scale.size), dtype=np.float32)
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            out[start : start + len(chunk)] = _mean_rows(bundle, _tokenise(bundle.tokenizer, chunk))
        return out

    def encode_tokens(self, tokens: TokenIds) -> Float32Array:
        """What `encode` makes of the texts with these tokens; spares tokenising twice where the ids are needed too."""
        return _mean_rows(_bundle(), tokens)

    def token_ids(self, texts: Sequence[str]) -> TokenIds:
        """The ids that `encode` averages, for features that count tokens."""
        tokenizer = _bundle().tokenizer
        parts = [_tokenise(tokenizer, texts[start : start + _CHUNK]) for start in range(0, len(texts), _CHUNK)]
        return TokenIds.joined(parts)

    def vocabulary_size(self) -> int:
        """Ids are below this number; a constant too."""
        return _VOCABULARY

    def fingerprint(self) -> str:
        """A constant, so that opening a saved router reads no table; a test compares it with the files."""
        return _FINGERPRINT


def _tokenise(tokenizer: Tokenizer, texts: Sequence[str]) -> TokenIds:
    encodings = tokenizer.encode_batch_fast([bound_text(text) for text in texts], add_special_tokens=False)
    ids = [encoding.ids for encoding in encodings]
    offsets = _offsets(np.fromiter(map(len, ids), dtype=np.int64, count=len(ids)))
    return TokenIds(np.fromiter(chain.from_iterable(ids), dtype=np.int64, count=int(offsets[-1])), offsets)


def _offsets(counts: IntArray) -> IntArray:
    offsets = np.zeros(counts.size + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def _mean_rows(bundle: _Bundle, ids: TokenIds) -> Float32Array:
    """The sum of each text's rows at length one, which is the direction of their mean."""
    sums = np.empty((ids.offsets.size - 1, bundle.scale.size), dtype=np.float32)
    # One text at a time stays in the processor's cache: twice as fast as np.add.reduceat over the whole chunk.
    for row, (start, end) in enumerate(pairwise(ids.offsets.tolist())):
        # Sums of int8 are exact, so a text has the same vector alone and in any batch.
        sums[row] = bundle.values.take(ids.flat[start:end], axis=0).sum(axis=0, dtype=np.int32)
    sums *= bundle.scale
    lengths = np.sqrt(np.einsum("ij,ij->i", sums, sums))
    sums /= np.maximum(lengths, np.finfo(np.float32).tiny)[:, None]
    return sums


_loading = threading.Lock()


def _bundle() -> _Bundle:
    with _loading:  # two threads with a first text each must not both read the table
        return _read_bundle()


@functools.cache
def _read_bundle() -> _Bundle:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    table = load_file(_FOLDER / "table.safetensors")
    return _Bundle(Tokenizer.from_file(str(_FOLDER / "tokenizer.json")), table["values"], table["scale"])
