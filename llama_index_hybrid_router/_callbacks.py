"""The router's callback manager reaches its children, which emit the events, and a child keeps its own handlers."""

from __future__ import annotations

from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.llms import LLM


class JointCallbackManager(CallbackManager):
    """The handlers of a child and of the router around it, both as they are at the time of the event."""

    def __init__(self, own: CallbackManager, outer: CallbackManager) -> None:
        self.own = own
        self.outer = outer
        super().__init__()

    @property
    def handlers(self) -> list[BaseCallbackHandler]:
        """Each handler once."""
        own = list(self.own.handlers)
        return own + [handler for handler in self.outer.handlers if not any(handler is known for known in own)]

    @handlers.setter
    def handlers(self, value: Any) -> None:
        """Ignore the base class's first assignment."""

    def add_handler(self, handler: BaseCallbackHandler) -> None:
        """Add a handler to the child alone."""
        self.own.add_handler(handler)

    def remove_handler(self, handler: BaseCallbackHandler) -> None:
        """Remove a handler of the child."""
        self.own.remove_handler(handler)

    def set_handlers(self, handlers: list[BaseCallbackHandler]) -> None:
        """Replace the handlers of the child."""
        self.own.set_handlers(handlers)


def share(outer: CallbackManager, child: LLM) -> None:
    """Let the child report to the outer manager as well."""
    own = child.callback_manager
    if isinstance(own, JointCallbackManager):  # the router got another manager, which takes the place of the former
        own = own.own
    if own is not outer:
        child.callback_manager = JointCallbackManager(own, outer)
