"""HybridRouterMiddleware: one routing decision for each turn of a LangChain agent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from langchain.agents.middleware.types import (
    AgentMiddleware,
    AgentState,
    ModelCallResult,
    ModelRequest,
    ModelResponse,
    OmitFromInput,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langgraph.runtime import Runtime
from typing_extensions import NotRequired

from hybrid_router_core import ConfigError
from hybrid_router_core.live import Arms, OnRouterError, Prices, RouterLike, Sticky

from ._question import MODEL_KEY, THRESHOLD_KEY, QueryFrom
from ._settings import SETTINGS
from ._turn import first_step, kept, written
from .router import RunnableHybridRouter

__all__ = ["HybridRouterMiddleware"]


class HybridRouterState(AgentState[Any]):
    """The agent's state with the decision of the turn, as plain values that any checkpointer keeps.

    The result of an agent has it; what the agent is given, and what its subagents come back with, does not change it.
    """

    hybrid_router: NotRequired[Annotated[dict[str, Any], OmitFromInput, kept]]


class HybridRouterMiddleware(AgentMiddleware[HybridRouterState, Any]):
    """Decides once for each user turn; the same model answers through the whole tool loop.

    ```python
    agent = create_agent(large, tools, middleware=[HybridRouterMiddleware(small=small, large=large, router="router/")])
    agent.invoke({"messages": [...]})["hybrid_router"]  # {"model": "small", "score": 0.83, ...}
    ```
    The model that `create_agent` is given is not called. Per run, ``hybrid_router_model`` and
    ``hybrid_router_threshold`` in the runtime context (a dict, or attributes of your context schema) or in
    ``config["configurable"]`` override the decision; the context goes first, and is the one that reaches async code on
    Python 3.10.

    What comes after this middleware sees the chosen model itself, so put it first: `ModelFallbackMiddleware` before it
    would have each fallback routed again, and Anthropic's caching before it looks at the agent's own model. A call that
    small cannot take (an image from a tool, say) goes to large by itself. After a fallback the turn stays on large.

    Args:
        small: As of `RunnableHybridRouter`, and so are all others.
        large: The large model.
        router: A trained router, its folder, or a callable.
        threshold: Small iff score >= threshold.
        query_from: From the messages to the text to score.
        on_router_error: ``"large"`` or ``"raise"``.
        fallback: Whether the large model answers when the small one raises.
        sticky: False decides each turn anew; True, ``"up"`` and ``"follow_up"`` stay, each in its way.
        arms: Where it is remembered which model answered.
        prices: Of both models, for a small that must also be cheaper.
    """

    state_schema = HybridRouterState

    def __init__(
        self,
        *,
        small: BaseChatModel | str,
        large: BaseChatModel | str,
        router: RouterLike,
        threshold: float | None = None,
        query_from: QueryFrom | None = None,
        on_router_error: OnRouterError = "large",
        fallback: bool = False,
        sticky: Sticky = False,
        arms: Arms | None = None,
        prices: Prices | None = None,
    ) -> None:
        super().__init__()
        self.model = RunnableHybridRouter(
            small=small,
            large=large,
            router=router,
            threshold=threshold,
            query_from=query_from,
            on_router_error=on_router_error,
            fallback=fallback,
            sticky=sticky,
            arms=arms,
            prices=prices,
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in SETTINGS:
            raise ConfigError(f"{name} is a setting of the router: set middleware.model.{name}")
        if name == "model" and not isinstance(value, RunnableHybridRouter):
            raise ConfigError(f"model is a {type(value).__name__}; allowed: a RunnableHybridRouter")
        super().__setattr__(name, value)

    def before_agent(self, state: HybridRouterState, runtime: Runtime[Any]) -> dict[str, Any]:
        """Decide for the turn."""
        return {"hybrid_router": written(self.model._unpriced(state["messages"], _config(runtime), {}))}

    async def abefore_agent(self, state: HybridRouterState, runtime: Runtime[Any]) -> dict[str, Any]:
        """As `before_agent`."""
        return {"hybrid_router": written(await self.model._aunpriced(state["messages"], _config(runtime), {}))}

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelCallResult[Any]:
        """Call the model of the turn."""
        step = first_step(self.model, request)
        try:
            return step.result(handler(step.request))
        except Exception as error:
            second = step.after(error)
            if second is None:
                raise
        return second.result(handler(second.request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelCallResult[Any]:
        """As `wrap_model_call`."""
        step = first_step(self.model, request)
        try:
            return step.result(await handler(step.request))
        except Exception as error:
            second = step.after(error)
            if second is None:
                raise
        return second.result(await handler(second.request))


def _config(runtime: Runtime[Any]) -> RunnableConfig:
    """The ambient config with the overrides of the runtime context."""
    context: Any = runtime.context
    config = ensure_config()
    found = dict(config["configurable"])
    for key in (MODEL_KEY, THRESHOLD_KEY):
        value = context.get(key) if isinstance(context, Mapping) else getattr(context, key, None)
        if value is not None:
            found[key] = value
    return {**config, "configurable": found}
