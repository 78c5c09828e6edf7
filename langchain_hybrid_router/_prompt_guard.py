"""Refuses a routed message as the input of a prompt, wherever in a chain the two meet.

LangChain fills a chat model's message into a prompt of one variable as its repr, and says nothing. The router cannot
see what follows it: ``a | router | b`` asks ``a`` and ``b``. The run of the prompt is the one place that all
compositions share, so a handler looks there. A configure hook is LangChain's own means for a handler that no one has
to pass; this one does nothing unless a prompt receives a message that a router stamped.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.tracers.context import register_configure_hook

from hybrid_router_core import ConfigError

from ._record import routing_decision

__all__ = ["PromptGuard"]


class PromptGuard(BaseCallbackHandler):
    """Raises when a prompt is about to print a routed message."""

    raise_error = True
    run_inline = True  # else each chain run in async code would take a trip through a thread
    ignore_llm = ignore_chat_model = ignore_retriever = ignore_agent = ignore_retry = ignore_custom_event = True

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        """Look at the input of prompts; other runs are passed over."""
        if kwargs.get("run_type") == "prompt" and _would_print_message(serialized, inputs):
            raise ConfigError(
                "a prompt got the router's message and would print its repr. For the answer's text, write "
                "router | StrOutputParser() | prompt. To decide on a question and then render it, write "
                'router.assign_route("question") | prompt, or router.as_selector("question") | RouterRunnable({...})'
            )


def _would_print_message(serialized: Any, inputs: Any) -> bool:
    if not isinstance(inputs, dict):
        return _routed(inputs)
    variables = (serialized or {}).get("kwargs", {}).get("input_variables", ())
    return any(key in variables for key, value in inputs.items() if _routed(value))


def _routed(value: Any) -> bool:
    return isinstance(value, BaseMessage) and routing_decision(value) is not None


_guard: ContextVar[Any] = ContextVar("hybrid_router_prompt_guard", default=PromptGuard())  # noqa: B039 - it has no state
register_configure_hook(_guard, inheritable=True)
