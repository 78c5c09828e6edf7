"""Something that answers, in whatever way it was given, and what is sent with each request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

from hybrid_router_core.data import Response
from hybrid_router_core.errors import ConfigError

__all__ = ["Ask", "Model", "Options", "check_count", "check_number"]

_MOST_AT_ONCE = 1024

Ask = Callable[[str], Awaitable[Response]]


@dataclass(frozen=True)
class Options:
    """What is sent with each request.

    Attributes:
        temperature: None leaves it to the model.
        max_tokens: Length limit of an answer; None leaves it to the model.
        timeout: Seconds for one request.
        concurrency: Requests in flight.
        key_env: Environment variable with the key, for an address.
        response_format: The form of the answer that an OpenAI-compatible address is asked for, as its API takes it.

    Raises:
        ConfigError: A value is not allowed.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float = 120.0
    concurrency: int = 8
    key_env: str | None = field(default=None, repr=False)  # it may be the key itself, by mistake
    response_format: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.temperature is not None:
            check_number("temperature", self.temperature, 0, 2)
        if self.max_tokens is not None:
            check_count("max_tokens", self.max_tokens)
        check_number("timeout", self.timeout)
        check_count("concurrency", self.concurrency, _MOST_AT_ONCE)
        if self.key_env is not None and not isinstance(self.key_env, str):
            raise ConfigError("key_env: the name of an environment variable is needed")


@dataclass(frozen=True)
class Model:
    """Something that answers.

    Attributes:
        name: What the files and messages call it; a part of its identity.
        ask: From a text to its answer; raises `AskError`.
        model: The bare name of the model, by which prices are looked up.
        provider: Whose model it is, if known.
        address: The server's address, if known.
        close: Frees its connections.
        notes: What its server does not take of what was asked for, in words; may grow.
    """

    name: str
    ask: Ask = field(repr=False)
    model: str
    provider: str | None = None
    address: str | None = None
    close: Callable[[], Awaitable[None]] | None = field(default=None, repr=False)
    notes: Sequence[str] = field(default=(), repr=False)


def check_count(name: str, value: Any, most: int = 10**9) -> None:
    """Refuse what is no whole number from 1 on.

    Raises:
        ConfigError: It is none.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not 1 <= value <= most:
        limit = f"≤ {most:,}" if whole and value > most else "≥ 1"
        raise ConfigError(f"{name}={value!r}; a whole number {limit} is needed")


def check_number(name: str, value: Any, low: float = 0.0, high: float = inf) -> None:
    """Refuse what is no number > 0, or between the limits where there is an upper one.

    Raises:
        ConfigError: It is none.
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
    if not number or not (low <= value <= high if high < inf else value > low):
        wanted = f"from {low:g} to {high:g}" if high < inf else "> 0"
        raise ConfigError(f"{name}={value!r}; a number {wanted} is needed")
