"""What is known of texts that were asked lately, for the earlier turns of conversations; only digests are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Generic, TypeVar

__all__ = ["Known"]

_MOST = 2048
T = TypeVar("T")


class Known(Generic[T]):
    """A bounded memory; a copy or an unpickled one is empty."""

    def __init__(self) -> None:
        self._found: dict[bytes, T] = {}

    def of(self, texts: Iterable[str]) -> dict[str, T]:
        """What was found of those texts that are known."""
        known = self._found
        return {text: found for text in texts if (found := known.get(_digest(text))) is not None}

    def add(self, found: Mapping[str, T]) -> None:
        """Remember it, or of very many texts the last ones."""
        fresh = {_digest(text): value for text, value in list(found.items())[-_MOST:]}
        if len(self._found) + len(fresh) > _MOST:
            self._found = {}
        self._found.update(fresh)

    def __reduce__(self) -> tuple[Any, ...]:
        return Known, ()


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
