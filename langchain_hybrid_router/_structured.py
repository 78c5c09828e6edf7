"""What `RunnableHybridRouter.with_structured_output` returns."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from langchain_core.runnables.utils import ConfigurableFieldSpec
from pydantic import ConfigDict, PrivateAttr

from ._batches import Batching
from ._routes import Routes, Structured, fitted
from ._rules import Rules

__all__ = ["StructuredRouter"]


class StructuredRouter(Batching, RunnableSerializable[LanguageModelInput, Any]):
    """Decides as its router does, and calls each model with its own way to structured output."""

    router: Any
    outfit: Structured

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    _fitted: tuple[Rules, Routes] = PrivateAttr()

    def __init__(self, router: Any, outfit: Structured) -> None:
        fields: dict[str, Any] = {"router": router, "outfit": outfit}
        super().__init__(**fields)
        self._fit()

    @property
    def InputType(self) -> Any:  # noqa: N802
        """As of the router."""
        return self.router.InputType

    @property
    def OutputType(self) -> Any:  # noqa: N802
        """As of the structured output of the large model, or of small if large has none."""
        return (self._routes.large or self._routes.small).OutputType  # type: ignore[union-attr]

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """As of the router."""
        return list(self.router.config_specs)

    @property
    def _ruling(self) -> Rules:
        return self.router._ruling  # type: ignore[no-any-return]

    @property
    def _routes(self) -> Routes:
        rules, routes = self._fitted
        return routes if rules is self._ruling else self._fit()  # the router has other settings now

    def _own_config(self) -> RunnableConfig | None:
        return self.router._own_config()  # type: ignore[no-any-return]

    def _fit(self) -> Routes:
        rules = self._ruling
        routes = fitted(rules.small, rules.large, self.outfit)
        self._fitted = rules, routes
        return routes
