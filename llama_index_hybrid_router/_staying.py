"""The settings by which conversations stay with a model, and switches between models have a price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from llama_index.core.bridge.pydantic import Field, PrivateAttr, WithJsonSchema, field_serializer, field_validator
from llama_index.core.llms.function_calling import FunctionCallingLLM

from hybrid_router_core.errors import ConfigError
from hybrid_router_core.live import Arms, Price, PriceRule, Prices, Stay, Sticky, check_arms, check_sticky

__all__ = ["StayingSettings"]


class StayingSettings(FunctionCallingLLM):
    """See `HybridRouterLLM`."""

    sticky: Sticky = False
    arms: Annotated[Any, WithJsonSchema({})] = Field(default=None, exclude=True, repr=False, validate_default=True)
    prices: Annotated[Any, WithJsonSchema({"type": "object"})] = None

    _stay: Stay = PrivateAttr(default_factory=Stay)
    _price: PriceRule | None = PrivateAttr(default=None)

    @field_validator("sticky", mode="before")
    @classmethod
    def _check_sticky(cls, value: Any) -> Sticky:
        return check_sticky(value)

    @field_validator("arms")
    @classmethod
    def _check_arms(cls, value: Any) -> Arms:
        return check_arms(value)

    @field_validator("prices")
    @classmethod
    def _check_prices(cls, value: Any) -> Prices | None:
        return load_prices(value)

    @field_serializer("prices")
    def _dump_prices(self, prices: Prices | None) -> Any:
        return None if prices is None else asdict(prices)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in ("sticky", "arms", "prices"):
            self._begin_staying()
        elif name in ("small", "large"):  # what the one before has read is not in this one's cache
            self._price = None
            self._begin_staying()

    def _begin_staying(self) -> None:
        """Draw the rules from the settings; what a copy knows of conversations and prompts is shared or begun anew."""
        self._stay = Stay(self.sticky, self.arms)
        if self.prices is None:
            self._price = None
        elif self._price is None or self._price.prices != self.prices:
            self._price = PriceRule(self.prices)


def load_prices(value: Any) -> Prices | None:
    """The setting, or what it was saved as.

    Raises:
        ConfigError: If it is of another kind.
    """
    if value is None or isinstance(value, Prices):
        return value
    if isinstance(value, Mapping):
        try:
            given: dict[str, Any] = {
                arm: Price(**value[arm]) if isinstance(value[arm], Mapping) else value[arm] for arm in value
            }
            return Prices(**given)
        except TypeError:  # other names than the fields'
            raise ConfigError(f"prices has the keys {', '.join(map(str, value))}; allowed: those of Prices") from None
    raise ConfigError(f"prices is a {type(value).__name__}; allowed: Prices(small=..., large=...)")
