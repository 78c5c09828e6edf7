"""The settings of a router: checked when it is made, and again whenever one is set, on it or on a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from pydantic import ConfigDict, Field, PrivateAttr
from typing_extensions import Self

from hybrid_router_core import ConfigError, RoutingDecision
from hybrid_router_core.live import (
    Decider,
    Health,
    OnRouterError,
    PriceRule,
    Prices,
    Stay,
    Sticky,
    check_arms,
    check_sticky,
)

from ._batches import Batching
from ._models import checked_model, common_profile, profile_of
from ._routes import Outfit, Routes, fitted
from ._rules import Rules

__all__ = ["SETTINGS", "Settings"]

SETTINGS = (
    *("small", "large", "router", "threshold", "query_from", "on_router_error", "fallback", "sticky", "arms", "prices"),
)
# Fields of every chat model that act inside its own run; the router opens none.
NOT_OURS = ("cache", "rate_limiter", "disable_streaming", "output_version", "custom_get_token_ids", "verbose")


class Settings(Batching, BaseChatModel):
    """The fields of a router, and what follows from them: its rules and its two models as they are called."""

    small: Any
    large: Any
    router: Any = Field(exclude=True)
    threshold: float | None = None
    query_from: Callable[[list[BaseMessage]], str | None] | None = Field(default=None, exclude=True)
    on_router_error: OnRouterError = "large"
    fallback: bool = False
    sticky: Sticky = False
    arms: Any = Field(default=None, exclude=True)
    prices: Prices | None = None

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    _rules: Rules = PrivateAttr()
    _fitted: Routes = PrivateAttr()
    _outfit: Outfit | None = PrivateAttr(default=None)
    _pinned: RoutingDecision | None = PrivateAttr(default=None)
    _own_profile: bool = PrivateAttr(default=False)

    def __init__(self, *, settings: dict[str, Any], others: dict[str, Any]) -> None:
        for name, value in others.items():
            _check_other(type(self), name, value)
        checked = _checked(settings)
        decider = _decider(checked)
        checked["router"] = decider.router  # loaded once, also for the copies that configurable_fields makes
        super().__init__(**checked, **others)
        self._own_profile = self.profile is not None
        self._fit(decider)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in SETTINGS:
            self._set({name: value})
            return
        if not name.startswith("_"):
            _check_other(type(self), name, value)
        super().__setattr__(name, value)
        if name == "profile":
            self._own_profile = value is not None
            self._fit_profile()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As of any model; what is updated is checked, and takes effect.

        Raises:
            ConfigError: If a value is not allowed, or belongs on the two models.
        """
        changes = dict(update or {})
        copy = super().model_copy(deep=deep)
        settings = {name: changes.pop(name) for name in SETTINGS if name in changes}
        if settings:
            copy._set(settings)
        for name, value in changes.items():
            setattr(copy, name, value)
        return copy

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """With the same memory of conversations, which may be a connection and cannot be copied."""
        memo = {} if memo is None else memo
        memo[id(self.arms)] = self.arms
        return super().__deepcopy__(memo)

    def _set(self, changes: dict[str, Any]) -> None:
        """All or nothing: a value that is refused leaves everything as it was."""
        before = {name: self.__dict__[name] for name in SETTINGS}
        checked = {**before, **_checked(changes)}
        decider = _decider(checked)
        checked["router"] = decider.router
        self.__dict__.update(checked)
        try:
            self._fit(decider)
        except Exception:
            self.__dict__.update(before)
            raise
        self.model_fields_set.update(changes)

    def _fit(self, decider: Decider) -> None:
        """Draw the rules and the dressed models from the settings."""
        routes = fitted(self.small, self.large, self._outfit)
        old = (self.__pydantic_private__ or {}).get("_rules")
        same = old is not None and old.small is self.small and old.large is self.large
        health = old.health if old is not None and old.small is self.small else Health()
        stay = Stay(check_sticky(self.sticky), self.arms)
        price = old.price if old is not None and same and old.price and old.price.prices is self.prices else None
        if self.prices is not None and price is None:
            price = PriceRule(self.prices)
        self._rules = Rules(
            self.small, self.large, decider, self.query_from, self.fallback, stay, price, self._pinned, health
        )
        self._fitted = routes
        self._fit_profile()

    def _fit_profile(self) -> None:
        if not self._own_profile:
            small, large = profile_of(self.small), profile_of(self.large)
            # Of a pinned router what holds for the one model that will answer, else for both.
            one = self._pinned and profile_of(getattr(self, self._pinned.model))
            self.__dict__["profile"] = (one or None) if self._pinned else common_profile(small, large)

    def _with(self, *, outfit: Outfit | None = None, pinned: RoutingDecision | None = None) -> Self:
        """A copy with both models dressed anew, from the bare ones, or that stays with a decision."""
        copy = super().model_copy()
        if outfit is not None:
            copy._outfit = outfit
        if pinned is not None:
            copy._pinned, copy._own_profile = pinned, False
        copy._fit(self._rules.decider)
        return copy

    @property
    def _ruling(self) -> Rules:
        # Not by attribute, for which pydantic takes a tenth of what routing adds to a call.
        return self.__pydantic_private__["_rules"]  # type: ignore[index, no-any-return]

    @property
    def _routes(self) -> Routes:
        return self.__pydantic_private__["_fitted"]  # type: ignore[index, no-any-return]

    def _own_config(self) -> RunnableConfig | None:
        metadata = {key: value for key, value in (self.metadata or {}).items() if key != "lc_versions"}
        if not (self.tags or metadata or self.callbacks):
            return None
        return RunnableConfig(tags=self.tags or [], metadata=metadata, callbacks=self.callbacks)


def _check_other(kind: type[BaseChatModel], name: str, value: Any) -> None:
    """What is no setting of a router: is it a field at all, and one that has an effect here?"""
    if name not in kind.model_fields:
        allowed = ", ".join(sorted(set(kind.model_fields) - set(NOT_OURS)))
        raise ConfigError(f"unknown argument {name!r}; allowed: {allowed}")
    if name in NOT_OURS and value != kind.model_fields[name].get_default(call_default_factory=True):
        raise ConfigError(f"{name}={value!r} has no effect on a router; set it on small and on large")


def _checked(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with models made of strings; the decider checks its own."""
    checked = dict(settings)
    for side in ("small", "large"):
        if side in checked:
            checked[side] = checked_model(side, checked[side])
    check_sticky(checked.get("sticky", False))
    if "arms" in checked:
        checked["arms"] = check_arms(checked["arms"])
    if not isinstance(checked.get("prices"), (Prices, type(None))):
        raise ConfigError(f"prices is a {type(checked['prices']).__name__}; allowed: Prices(small=..., large=...)")
    if not isinstance(checked.get("fallback", False), bool):
        raise ConfigError(f"fallback is {checked['fallback']!r}; allowed: True, False")
    query_from = checked.get("query_from")
    if query_from is not None and not callable(query_from):
        raise ConfigError(f"query_from is a {type(query_from).__name__}; allowed: a callable that takes the messages")
    return checked


def _decider(settings: Mapping[str, Any]) -> Decider:
    return Decider(
        settings["router"], threshold=settings["threshold"], on_router_error=cast("Any", settings["on_router_error"])
    )
