"""HybridRouterMiddleware: one routing decision for each turn of a LangChain agent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain.agents.middleware.types import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from typing_extensions import NotRequired

from hybrid_router_core import RoutingDecision
from hybrid_router_core.decider import OnRouterError, RouterLike

from ._question import MODEL_KEY, THRESHOLD_KEY, QueryFrom, Sticky
from .router import RunnableHybridRouter

__all__ = ["HybridRouterMiddleware"]


class HybridRouterState(AgentState[Any]):
    """The agent's state with the decision of the turn, as plain values that any checkpointer keeps."""

    hybrid_router: NotRequired[dict[str, Any] | None]


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

    A call that small cannot take (an image from a tool, say) goes to large by itself. Put this middleware before
    `ModelFallbackMiddleware`: after it, each fallback would be routed again.

    Args:
        small: As of `RunnableHybridRouter`, and so are all others.
        large: The large model.
        router: A trained router, its folder, or a callable.
        threshold: Small iff score >= threshold.
        query_from: From the messages to the text to score.
        on_router_error: ``"large"`` or ``"raise"``.
        fallback: Whether the large model answers when the small one raises.
        sticky: False decides each turn anew; True stays with the model of the first answer; ``"up"`` never goes back.
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
        )

    def before_agent(self, state: HybridRouterState, runtime: Runtime[Any]) -> dict[str, Any]:
        """Decide for the turn."""
        decision = self.model._decision(state["messages"], _overrides(runtime))
        return {"hybrid_router": decision.to_dict()}

    async def abefore_agent(self, state: HybridRouterState, runtime: Runtime[Any]) -> dict[str, Any]:
        """As `before_agent`."""
        decision = await self.model._adecision(state["messages"], _overrides(runtime))
        return {"hybrid_router": decision.to_dict()}

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Call the model of the turn."""
        return handler(self._routed(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """As `wrap_model_call`."""
        return await handler(self._routed(request))

    def _routed(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        # Not the bare model: the record would be missing from its run, and would be put on a fallback's answer instead.
        record: Any = request.state.get("hybrid_router")
        if record is None:  # resumed from a checkpoint of before this middleware was added
            return request.override(model=self.model)
        return request.override(model=self.model._pin(RoutingDecision.from_dict(record)))


def _overrides(runtime: Runtime[Any]) -> RunnableConfig | None:
    """The config with the overrides of the runtime context; None, which means the ambient one, if there are none."""
    context: Any = runtime.context
    found = {}
    for key in (MODEL_KEY, THRESHOLD_KEY):
        value = context.get(key) if isinstance(context, Mapping) else getattr(context, key, None)
        if value is not None:
            found[key] = value
    return RunnableConfig(configurable=found) if found else None
