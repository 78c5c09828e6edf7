"""The scores of texts that were asked lately, for the earlier turns of conversations; only digests are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

__all__ = ["Known"]

_MOST = 2048


class Known:
    """A bounded memory; a copy or an unpickled one is empty."""

    def __init__(self) -> None:
        self._scores: dict[bytes, float] = {}

    def of(self, texts: Iterable[str]) -> dict[str, float]:
        """The scores of those texts that are known."""
        known = self._scores
        return {text: score for text in texts if (score := known.get(_digest(text))) is not None}

    def add(self, scores: Mapping[str, float]) -> None:
        """Remember them, or of very many the last ones."""
        fresh = {_digest(text): score for text, score in list(scores.items())[-_MOST:]}
        if len(self._scores) + len(fresh) > _MOST:
            self._scores = {}
        self._scores.update(fresh)

    def __reduce__(self) -> tuple[Any, ...]:
        return Known, ()


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
