"""A learned router between a small and a large model, in the place of a LlamaIndex LLM."""

from .events import HybridRoutingEvent, capture_decisions
from .llm import HybridRouterLLM
from .selector import HybridSelector

__all__ = ["HybridRouterLLM", "HybridRoutingEvent", "HybridSelector", "capture_decisions"]
