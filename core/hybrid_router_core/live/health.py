"""A model that keeps failing is left alone for a while, so that not every call pays for its failure first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Health"]

FAILURES = 3  # in a row, before the first rest
FIRST_REST, LONGEST_REST = 15.0, 300.0  # seconds; each further failure doubles the rest


class Health:
    """Whether a model is worth asking; thread-safe. A copy or an unpickled one starts anew.

    After three failures in a row the model rests for 15 seconds. Then one call may try it, while the others go on
    without it: if that fails the rest is doubled, up to five minutes; an answer ends it.

    Args:
        clock: Seconds; for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._rests_until = 0.0
        self._trying = False

    def may_try(self) -> bool:
        """Whether to ask the model now; after a rest true for one caller, who tries it for all."""
        if self._failures < FAILURES:  # the usual case takes no lock
            return True
        with self._lock:
            if self._failures < FAILURES:
                return True
            now = self._clock()
            if now < self._rests_until:
                return False
            self._trying = True
            self._rests_until = now + FIRST_REST  # whoever tries may be cancelled and never say how it went
            return True

    def failed(self) -> None:
        """The model raised before it had answered anything."""
        with self._lock:
            if self._failures >= FAILURES and not self._trying:
                return  # a call that was under way when the rest began: news of the same failure
            self._trying = False
            self._failures += 1
            doubled = self._failures - FAILURES
            if doubled >= 0:
                self._rests_until = self._clock() + min(FIRST_REST * 2.0 ** min(doubled, 16), LONGEST_REST)

    def answered(self) -> None:
        """The model gave an answer, or its first token."""
        if self._failures:
            with self._lock:
                self._failures, self._trying = 0, False

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self), ()
