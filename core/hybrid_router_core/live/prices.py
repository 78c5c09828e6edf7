"""What a token costs on each arm, and for how long a provider keeps a prompt: the setting `prices=` of an adapter."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, fields
from math import inf
from typing import Any

from hybrid_router_core.errors import ConfigError, MissingExtraError
from hybrid_router_core.routing import ModelName

__all__ = ["Price", "Prices"]

_MILLION = 1e6
_EXAMPLE = "Price(input=0.15, output=0.60, cached_input=0.075)"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, each from 0.

    Attributes:
        input: Of the prompt.
        output: Of the answer.
        cached_input: Of the part of the prompt that the provider has in its cache; None: as `input`.
        cache_write: Of the part that it puts there, where that costs extra (Anthropic); None: as `input`.

    Raises:
        ConfigError: If one is no such number.
    """

    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name.startswith("cache"):
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < inf:
                raise ConfigError(
                    f"{field.name} is {value!r}; allowed: US dollars for a million tokens, a number ≥ 0: {_EXAMPLE}"
                )

    @classmethod
    def of(cls, name: str) -> Price:
        """Today's list price of a model, from the package genai-prices, without a network.

        Of prices in tiers it is that of short prompts. It assumes that prompts are cached where the list has a price
        for it: a caller of Anthropic who sets no cache_control gives `Price` with input and output alone.

        Args:
            name: ``"gpt-4o-mini"``, or with the provider: ``"openai:gpt-4o-mini"``.

        Raises:
            MissingExtraError: If genai-prices is not installed.
            ConfigError: If it does not know the model.
        """
        try:
            library: Any = importlib.import_module("genai_prices")
        except ImportError:
            raise MissingExtraError("genai-prices", "collect") from None
        provider, _, model = name.rpartition(":")
        where = {"provider_id": provider} if provider else {}

        def listed(**usage: int) -> float:
            # A thousand, since above some hundred thousand tokens other tiers begin.
            return float(library.calc_price(library.Usage(**usage), model, **where).total_price * 1000)

        try:
            return cls(
                listed(input_tokens=1000),
                listed(output_tokens=1000),
                listed(input_tokens=1000, cache_read_tokens=1000),
                listed(input_tokens=1000, cache_write_tokens=1000),
            )
        except (LookupError, ValueError, TypeError):
            raise ConfigError(
                f"genai-prices knows no price of {name!r}; allowed: a model that it lists, such as 'gpt-4o-mini' or "
                f"'openai:gpt-4o-mini'. For any other give the numbers: {_EXAMPLE}"
            ) from None

    def call(self, fresh: float, warm: float, output: float, *, caches: bool) -> float:
        """US dollars of a call.

        Args:
            fresh: Tokens of the prompt that the provider has not in its cache, from 0.
            warm: Those that it has.
            output: Tokens of the answer.
            caches: Whether the prompt is long enough for the provider to put it there.
        """
        cached = self.input if self.cached_input is None else self.cached_input
        write = self.cache_write if caches and self.cache_write is not None else self.input
        return (fresh * write + warm * cached + output * self.output) / _MILLION


@dataclass(frozen=True, slots=True)
class Prices:
    """What each arm costs.

    Attributes:
        small: A price, or a model's name for `Price.of`.
        large: Likewise.
        cache_lifetime: Seconds from the last use of a prompt for which providers keep it, above 0. Five minutes are
            what Anthropic grants, and about what OpenAI and others do.

    Raises:
        ConfigError: If a value is not allowed, or a model's price is not known.
        MissingExtraError: If a name is given and genai-prices is not installed.
    """

    small: Price | str
    large: Price | str
    cache_lifetime: float = 300.0

    def __post_init__(self) -> None:
        for arm in ("small", "large"):
            given = getattr(self, arm)
            if isinstance(given, str):
                object.__setattr__(self, arm, Price.of(given))
            elif not isinstance(given, Price) and hasattr(given, "input") and hasattr(given, "output"):
                object.__setattr__(self, arm, Price(given.input, given.output))  # that of `hybrid_router_core.collect`
            elif not isinstance(given, Price):
                raise ConfigError(
                    f"the price of {arm} is {given!r}; allowed: a model's name such as 'gpt-4o-mini', or {_EXAMPLE}"
                )
        seconds = self.cache_lifetime
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < inf:
            raise ConfigError(
                f"cache_lifetime is {seconds!r}; allowed: seconds above 0, 300 for most providers. For providers "
                "that cache nothing give prices without cached_input"
            )

    def of(self, arm: ModelName) -> Price:
        """The price of an arm."""
        price: Price = getattr(self, arm)
        return price
