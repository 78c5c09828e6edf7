"""A learned router between a small and a large chat model, in the place of a LangChain chat model."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from hybrid_router_core import MissingExtraError

try:
    import langchain_core as _  # noqa: F401
except ImportError as error:
    raise MissingExtraError("langchain-core", "langchain") from error

from ._record import routing_decision
from .router import RunnableHybridRouter

if TYPE_CHECKING:
    from .decision_model import HybridDecisionModel
    from .middleware import HybridRouterMiddleware

__all__: list[str] = []
if find_spec("langchain_core.decisions") is not None:  # else `import *` would fail
    __all__ += ["HybridDecisionModel"]
__all__ += ["HybridRouterMiddleware", "RunnableHybridRouter", "routing_decision"]


def __getattr__(name: str) -> Any:
    if name == "HybridDecisionModel":
        from .decision_model import HybridDecisionModel

        return HybridDecisionModel
    if name != "HybridRouterMiddleware":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .middleware import HybridRouterMiddleware
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("langchain", "langgraph"):
            raise
        raise MissingExtraError("langchain", "langchain") from error
    return HybridRouterMiddleware


def __dir__() -> list[str]:
    return __all__
