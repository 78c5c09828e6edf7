"""How unexpected a text's tokens are, by how often the training queries hold them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hybrid_router_core._types import AnyArray, IntArray
from hybrid_router_core.embedders import TokenIds

from ._sums import row_sums

__all__ = ["TokenModel"]

_UNIT = 12  # steps of a nat in which surprise is kept; 255 of them are 21.25 nats
_DISCOUNT = 0.5  # taken from each seen token for those never seen (Ney, Essen and Kneser 1994)
_FLAT = 100  # the first ids of the vocabulary are about equally frequent


@dataclass(frozen=True)
class TokenModel:
    """Expectations learned from texts.

    Attributes:
        surprise: Of each token id, -log of its probability, in twelfths of a nat; uint8.
    """

    surprise: NDArray[np.uint8]

    @classmethod
    def fit(cls, flat: AnyArray, vocabulary_size: int) -> TokenModel:
        """Learn from the ids of all texts."""
        count = np.bincount(flat, minlength=vocabulary_size).astype(np.float64)
        # The ids are in order of frequency, so Zipf's law says how likely a token is that was never seen.
        usual = 1 / (np.arange(vocabulary_size) + _FLAT)
        usual /= usual.sum()
        saved = _DISCOUNT * max((count > 0).sum(), 1)
        chance = np.maximum(count - _DISCOUNT, 0) + saved * usual
        return cls(np.clip(np.rint(-_UNIT * np.log(chance / chance.sum())), 0, 255).astype(np.uint8))

    @classmethod
    def from_state(cls, surprise: AnyArray, vocabulary_size: int) -> TokenModel:
        """The model with this surprise."""
        if surprise.shape != (vocabulary_size,) or surprise.dtype != np.uint8:
            raise ValueError(
                f"surprise of {surprise.shape} tokens, {surprise.dtype}; this library has {vocabulary_size}"
            )
        return cls(surprise)

    def sums(self, tokens: TokenIds) -> IntArray:
        """Sum of the surprise of each text's tokens, shape (n,); that of the rarest token for a text without tokens."""
        starts = tokens.offsets[:-1]
        counts = tokens.offsets[1:] - starts
        sums = row_sums(self.surprise.take(tokens.flat), starts, counts)
        sums[counts == 0] = 255
        return sums
