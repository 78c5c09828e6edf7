"""Which question the call being made belongs to, read from LlamaIndex's own spans.

A query engine's span holds the user's question even where the LLM receives nothing but a rendered prompt (a selector, a
condense step, a query generator). A span handler on the root dispatcher remembers the question of each open span.
"""

from __future__ import annotations

import inspect
import threading
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.instrumentation.span import BaseSpan, active_span_id
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.schema import QueryBundle
from llama_index_instrumentation import root_dispatcher

QUESTION_ARGUMENTS = ("query_str", "str_or_query_bundle", "query", "message")


class QuestionTracker(BaseSpanHandler[BaseSpan]):
    """Remembers, for every open span, its parent and the question among its arguments."""

    _open: dict[str, tuple[str | None, str | None]] = PrivateAttr(default_factory=dict)

    @classmethod
    def class_name(cls) -> str:
        """The name of this handler."""
        return "HybridRouterQuestionTracker"

    def question(self) -> str | None:
        """The question of the nearest enclosing span that has one."""
        span = self._open.get(active_span_id.get() or "")
        while span is not None:
            parent, question = span
            if question is not None:
                return question
            span = self._open.get(parent or "")
        return None

    def span_enter(
        self, id_: str, bound_args: inspect.BoundArguments, *_: Any, parent_id: str | None = None, **__: Any
    ) -> None:
        """Remember the span."""
        self._open[id_] = (parent_id, _question_of(bound_args.arguments))

    def span_exit(self, id_: str, *_: Any, **__: Any) -> None:
        """Forget the span."""
        self._open.pop(id_, None)

    span_drop = span_exit

    def close(self) -> None:
        """Forget everything, at the dispatcher's shutdown."""
        self._open.clear()

    def new_span(self, *_: Any, **__: Any) -> None:
        """Unused: nothing but the question is kept."""

    prepare_to_exit_span = prepare_to_drop_span = new_span


tracker = QuestionTracker()
_lock = threading.Lock()


def install() -> None:
    """Put the tracker on the root dispatcher, once for the process."""
    with _lock:
        if not any(handler is tracker for handler in root_dispatcher.span_handlers):
            root_dispatcher.add_span_handler(tracker)


def text_of(value: Any) -> str | None:
    """The text of a question in one of the forms LlamaIndex gives it; None for anything else, or blank."""
    text = value.query_str if isinstance(value, QueryBundle) else value
    return text if isinstance(text, str) and text.strip() else None


def _question_of(arguments: dict[str, Any]) -> str | None:
    for name in QUESTION_ARGUMENTS:
        text = text_of(arguments.get(name))
        if text is not None:
            return text
    return None
