"""What `RunnableHybridRouter.with_structured_output` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from langchain_core.runnables.utils import ConfigurableFieldSpec
from pydantic import ConfigDict

from hybrid_router_core import RoutingDecision
from hybrid_router_core.decider import Decider

from ._call import Call, Routes
from ._delegate import Delegating, Kwargs
from ._question import Question

if TYPE_CHECKING:
    from .router import RunnableHybridRouter

__all__ = ["StructuredRouter"]


class StructuredRouter(Delegating, RunnableSerializable[LanguageModelInput, Any]):
    """Decides as its router does, and calls each model with its own way to structured output."""

    router: Any
    routes: Routes

    model_config = ConfigDict(arbitrary_types_allowed=True)

    def __init__(self, router: RunnableHybridRouter, routes: Routes) -> None:
        fields: dict[str, Any] = {"router": router, "routes": routes}
        super().__init__(**fields)

    @property
    def InputType(self) -> Any:  # noqa: N802
        """As of the router."""
        return self.router.InputType

    @property
    def OutputType(self) -> Any:  # noqa: N802
        """As of the large model's structured output."""
        return self.routes.large.OutputType

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """As of the router."""
        return list(self.router.config_specs)

    @property
    def _decider(self) -> Decider:
        return self.router._decider  # type: ignore[no-any-return]

    def _ask(self, model_input: Any, config: RunnableConfig, kwargs: Kwargs) -> RoutingDecision | Question:
        return self.router._rules(self.routes, model_input, config, kwargs)  # type: ignore[no-any-return]

    def _call(self, decision: RoutingDecision, config: RunnableConfig) -> Call:
        return self.router._call_to(self.routes, decision, config)  # type: ignore[no-any-return]
