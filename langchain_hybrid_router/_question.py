"""What a score must answer for, and the overrides that a caller may bring."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from hybrid_router_core import ConfigError, RoutingDecision
from hybrid_router_core.live import Query

__all__ = ["MODEL_KEY", "THRESHOLD_KEY", "QueryFrom", "Question", "question_from"]

MODEL_KEY = "hybrid_router_model"
THRESHOLD_KEY = "hybrid_router_threshold"

QueryFrom = Callable[[list[BaseMessage]], str | None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """What a score must answer: a text or a conversation (None goes to large), and the threshold if there is one."""

    query: Query
    threshold: Any = None


def question_from(
    query_from: QueryFrom, messages: list[BaseMessage], threshold: Any, *, raises: bool
) -> RoutingDecision | Question:
    """The question, or the decision that follows from a ``query_from`` that failed."""
    try:
        query = query_from(messages)
    except Exception as error:  # the user's code: the policy for router errors decides what becomes of it
        if raises:
            raise
        kind = type(error).__name__  # the message may quote the query, so it goes to the debug log alone
        logger.warning("query_from failed with %s; the large model answers", kind)
        logger.debug("the error of query_from", exc_info=error)
        return RoutingDecision("large", reason="router_error", detail=f"query_from: {kind}")
    if query is not None and not isinstance(query, str):
        raise ConfigError(
            f"query_from returned a {type(query).__name__}; allowed: a string, or None for the large model"
        )
    return Question(query, threshold)
