"""What a token costs: the user's table, else genai-prices where it is installed, else unknown."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from hybrid_router_core.data import Response
from hybrid_router_core.errors import ConfigError

from .model import Model

__all__ = ["Price", "price_of", "read_prices"]

_CHARACTERS = 4  # in a token, where nobody counted
_MILLION = 1e6


@dataclass(frozen=True)
class Price:
    """Money for a million tokens.

    Attributes:
        input: Of the prompt.
        output: Of the answer.
    """

    input: float
    output: float

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Money for so many tokens."""
        return (self.input * prompt_tokens + self.output * completion_tokens) / _MILLION

    def of_response(self, query: str, response: Response) -> float:
        """Money for an answer; tokens that the server did not count are estimated."""
        prompt, completion = response.prompt_tokens, response.completion_tokens
        return self.of(
            tokens_of(query) if prompt is None else prompt,
            tokens_of(response.text) if completion is None else completion,
        )


def tokens_of(text: str) -> float:
    """A guess of the tokens of a text."""
    return len(text) / _CHARACTERS + 4


def read_prices(path: Path) -> dict[str, Price]:
    """The table in a YAML or JSON file: ``gpt-4o-mini: {input: 0.15, output: 0.60}``, for a million tokens.

    Raises:
        ConfigError: It cannot be read, or holds something else.
    """
    import yaml

    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError(f"{path}: is neither YAML nor JSON; write lines such as {_EXAMPLE}") from None
    return parse_prices(body, str(path))


def parse_prices(table: Any, where: str = "prices") -> dict[str, Price]:
    """A table in Python: from a model's name to a `Price` or its two numbers.

    Raises:
        ConfigError: It is something else.
    """
    if not isinstance(table, Mapping) or not table:
        raise ConfigError(f"{where}: no prices found; write lines such as {_EXAMPLE}")
    return {str(name): _price(value, f"{where}, {str(name)!r}") for name, value in table.items()}


_EXAMPLE = "gpt-4o-mini: {input: 0.15, output: 0.60}"


def _price(value: Any, where: str) -> Price:
    if isinstance(value, Price):
        return value
    try:
        extra = set(value) - {"input", "output"}
        price = Price(float(value["input"]), float(value["output"]))
    except (TypeError, ValueError, KeyError):
        extra, price = set(), Price(inf, inf)
    if extra or not (0 <= price.input < inf and 0 <= price.output < inf):
        raise ConfigError(f"{where}: needs input and output, two numbers ≥ 0 for a million tokens: {_EXAMPLE}")
    return price


def price_of(model: Model, table: Mapping[str, Price] | None = None) -> Price | None:
    """The price of a model by its name in full or its bare one; None if nobody knows it."""
    for name in (model.name, model.model):
        if table and name in table:
            return table[name]
    if model.address is None and model.provider is None:
        return None  # a callable, or a server that nobody bills for: a name alone would find somebody else's price
    try:
        library: Any = importlib.import_module("genai_prices")
    except ImportError:
        return None
    where = {"provider_id": model.provider} if model.provider else {"provider_api_url": model.address}
    try:
        # Above a provider's base tier (very long prompts) this is too low.
        found = library.calc_price(library.Usage(input_tokens=1000, output_tokens=1000), model.model, **where)
        return Price(float(found.input_price) * 1000, float(found.output_price) * 1000)
    except (LookupError, ValueError, TypeError):
        return None
