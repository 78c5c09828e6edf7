"""Which question and which conversation the call being made belongs to, read from LlamaIndex's own spans.

A query engine's span holds the user's question even where the LLM receives nothing but a rendered prompt (a selector, a
condense step, a query generator), and the span of a chat engine or of an agent's run leads to its memory. A span
handler on the root dispatcher remembers them for each open span.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.instrumentation.span import BaseSpan, active_span_id
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.schema import QueryBundle
from llama_index_instrumentation import root_dispatcher

from ._memories import Talking, memory_of

QUESTION_ARGUMENTS = ("query_str", "str_or_query_bundle", "query", "message")


class Span(NamedTuple):
    """What is kept of an open span.

    Attributes:
        parent: The id of the one around it.
        question: Among its arguments.
        talking: The conversation that begins with it, if one does.
        agent: The name of the agent whose step it is.
    """

    parent: str | None
    question: str | None
    talking: Talking | None
    agent: str | None


class QuestionTracker(BaseSpanHandler[BaseSpan]):
    """Remembers, for every open span, its parent and what is known of the call from its arguments."""

    _open: dict[str, Span] = PrivateAttr(default_factory=dict)

    @classmethod
    def class_name(cls) -> str:
        """The name of this handler."""
        return "HybridRouterQuestionTracker"

    def question(self) -> str | None:
        """The question of the nearest enclosing span that has one."""
        return next((span.question for span in self._around() if span.question is not None), None)

    def talking(self) -> Talking | None:
        """The conversation around the call, with the agent that speaks in it; None if there is none."""
        agent = None
        for span in self._around():
            agent = agent or span.agent
            if span.talking is not None:
                return span.talking._replace(agent=agent or "")
        return None if agent is None else Talking(agent=agent)

    def _around(self) -> Iterator[Span]:
        span = self._open.get(active_span_id.get() or "")
        while span is not None:
            yield span
            span = self._open.get(span.parent or "")

    def span_enter(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any = None,
        parent_id: str | None = None,
        tags: dict[str, Any] | None = None,  # noqa: ARG002
        **_: Any,
    ) -> None:
        """Remember the span."""
        arguments = bound_args.arguments
        self._open[id_] = Span(parent_id, _question_of(arguments), *_talk_of(instance, arguments))

    def span_exit(self, id_: str, *_: Any, **__: Any) -> None:
        """Forget the span."""
        self._open.pop(id_, None)

    span_drop = span_exit

    def close(self) -> None:
        """Forget everything, at the dispatcher's shutdown."""
        self._open.clear()

    def new_span(self, *_: Any, **__: Any) -> None:
        """Unused: nothing but the above is kept."""

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


def _talk_of(instance: Any, arguments: dict[str, Any]) -> tuple[Talking | None, str | None]:
    try:
        agent = getattr(arguments.get("ev"), "current_agent_name", None)  # of an agent's step
        return memory_of(instance, arguments), agent if isinstance(agent, str) else None
    except Exception:  # an event or an engine of the user's own, whose attributes may do anything
        return None, None
