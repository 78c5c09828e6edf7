"""A learned router between a small and a large model, in the place of a LlamaIndex LLM."""

from hybrid_router_core.errors import MissingExtraError as _MissingExtraError

try:
    import llama_index.core as _  # noqa: F401
except ImportError as error:
    raise _MissingExtraError("llama-index-core", "llama-index") from error

from .events import HybridRoutingEvent, capture_decisions
from .llm import HybridRouterLLM
from .selector import HybridSelector

__all__ = ["HybridRouterLLM", "HybridRoutingEvent", "HybridSelector", "capture_decisions"]
