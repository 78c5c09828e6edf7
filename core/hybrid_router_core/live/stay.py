"""Conversations that stay with an arm: who answered is known from records on messages, by a key, or by the words.

A framework's key (a thread, a session, a chat memory) goes first; without one, a conversation is known again by what
the user said in it so far.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

from hybrid_router_core.conversation import Reading
from hybrid_router_core.errors import ConfigError
from hybrid_router_core.routing import ModelName, RoutingDecision

__all__ = ["Arms", "RecentArms", "Stay", "Sticky", "check_arms", "check_sticky"]

logger = logging.getLogger(__name__)

_TURNS = 32  # by which a conversation is known; adapters read back a few more

Sticky: TypeAlias = bool | Literal["up", "follow_up"]


@runtime_checkable
class Arms(Protocol):
    """Which arm answered a conversation last; asked on every call, so it must be as quick as a dictionary."""

    def get(self, key: str) -> str | None:
        """``"small"`` or ``"large"``; None if it is not known."""

    def put(self, key: str, arm: str) -> None:
        """Remember it; the key may hold the framework's id in clear, so give each application a store of its own."""


class RecentArms:
    """The arms of the last conversations of this process; holds digests and names, no text.

    Args:
        most: Conversations that are kept, > 0.
        lifetime: Seconds for which one is kept after its last answer, > 0.
        clock: Seconds; for tests.
    """

    def __init__(
        self, most: int = 10_000, lifetime: float = 86_400.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            raise ConfigError(f"most is {most!r}; allowed: a whole number of conversations, 1 or more")
        if isinstance(lifetime, bool) or not isinstance(lifetime, (int, float)) or not lifetime > 0:
            raise ConfigError(f"lifetime is {lifetime!r}; allowed: a number of seconds above 0")
        self.most, self.lifetime, self._clock = most, lifetime, clock
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> str | None:
        """See `Arms`."""
        with self._lock:
            arm, until = self._kept.get(key, (None, 0.0))
            return arm if until > self._clock() else None

    def put(self, key: str, arm: str) -> None:
        """See `Arms`."""
        with self._lock:
            self._kept[key] = arm, self._clock() + self.lifetime
            self._kept.move_to_end(key)
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.most, self.lifetime)


@dataclass(frozen=True)
class Stay:
    """The rule by which a conversation stays.

    Attributes:
        sticky: False decides each call anew; True stays with the first arm; ``"up"`` never leaves large again;
            ``"follow_up"`` stays while the user goes on, and decides a new topic anew.
        arms: What is remembered beside the records on messages.
    """

    sticky: Sticky = False
    arms: Arms = field(default_factory=RecentArms)

    def decision(
        self, key: str | None, recorded: Sequence[ModelName], reading: Callable[[], Reading]
    ) -> RoutingDecision | None:
        """The decision that earlier answers make; None if they make none.

        Args:
            key: The framework's, if it gives one.
            recorded: The arms of the answers among the messages that have a record, oldest first.
            reading: Of the conversation, made if it is needed.
        """
        if self.sticky is False:
            return None
        if not recorded:
            found = self.known(key, reading().turns[:-1] if key is None else ())
            recorded = [] if found is None else [found]
        if self.sticky is True:
            return RoutingDecision(recorded[0], reason="sticky") if recorded else None
        if self.sticky == "up":
            return RoutingDecision("large", reason="sticky") if "large" in recorded else None
        if not recorded or reading().is_first or (reading().kind == "alone" and not reading().found_fault):
            return None
        if reading().found_fault and recorded[-1] == "small":
            return RoutingDecision("large", reason="dissatisfied", detail="the user found fault with small's answer")
        return RoutingDecision(recorded[-1], reason="sticky")

    def known(self, key: str | None, turns: Sequence[str]) -> ModelName | None:
        """The arm that answered last in the conversation of this key, or without one in that of these turns."""
        if key is None and not turns:
            return None
        return self._known(by_words(turns) if key is None else key)

    def answered(self, key: str | None, turns: Sequence[str], arm: ModelName) -> None:
        """An arm has answered the last of these turns."""
        if self.sticky is False:
            return
        place = by_words(turns) if key is None else key
        if self.sticky != "follow_up":
            before = self._known(place)
            if before is None and key is None and len(turns) > 1:  # what it was known by until this turn
                before = self._known(by_words(turns[:-1]))
            if before is not None and (self.sticky is True or before == "large"):
                arm = before
        try:
            self.arms.put(place, arm)
        except Exception as error:
            _warn("put", error)

    def _known(self, place: str) -> ModelName | None:
        """The arm that the store has; a store that fails, which may be the user's own, has none."""
        try:
            found = self.arms.get(place)
        except Exception as error:
            _warn("get", error)
            return None
        if found is None:
            return None
        for arm in get_args(ModelName):
            if isinstance(found, str) and found == arm:
                known: ModelName = arm
                return known
        logger.warning("arms.get returned a %s that is no arm; the call is decided anew", type(found).__name__)
        return None


def _warn(method: str, error: Exception) -> None:
    # Its message may quote the key, so it goes to the debug log alone
    logger.warning("arms.%s failed with %s; the call goes on without it", method, type(error).__name__)
    logger.debug("the error of arms.%s", method, exc_info=error)


def by_words(turns: Sequence[str]) -> str:
    """A key of what the user said last, for adapters read back only so far."""
    digest = hashlib.blake2b(digest_size=16)
    for turn in turns[-_TURNS:]:
        digest.update(len(turn).to_bytes(8, "little") + turn.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def check_sticky(value: Any) -> Sticky:
    """The setting.

    Raises:
        ConfigError: If it has another value.
    """
    if not isinstance(value, bool) and value not in ("up", "follow_up"):
        raise ConfigError(f"sticky is {value!r}; allowed: False, True, 'up', 'follow_up'")
    checked: Sticky = value
    return checked


def check_arms(value: Any) -> Arms:
    """The store, or one of its own kind for None.

    Raises:
        ConfigError: If it lacks a method.
    """
    if value is None:
        return RecentArms()
    if not isinstance(value, Arms):
        raise ConfigError(f"arms is a {type(value).__name__}; allowed: an object with get(key) and put(key, arm)")
    if any(map(inspect.iscoroutinefunction, (value.get, value.put))):
        raise ConfigError(
            "arms has async methods; get(key) and put(key, arm) are called from sync code and must not be"
        )
    return value
