"""Routing, and answering, a stream of queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hybrid_router_core.conversation import Reading
from hybrid_router_core.data import in_chunks
from hybrid_router_core.errors import DataError
from hybrid_router_core.live import Decider
from hybrid_router_core.routing import RoutingDecision

from .answer import Answers
from .config import Config

__all__ = ["Run"]

CHUNK = 4096  # queries a scoring: bounds the memory


class Run:
    """Records for queries, in order, with counts of what came out.

    Attributes:
        count: Queries so far.
        to_small: Those that went to small.
        unanswered: Those whose model gave no answer.
    """

    def __init__(self, decider: Decider, config: Config, answers: Answers | None) -> None:
        self.decider = decider
        self.names = {"small": config.small.name, "large": config.large.name}
        self.answers = answers
        self.count = self.to_small = self.unanswered = 0

    def records(self, queries: Iterable[str | Reading]) -> Iterator[dict[str, Any]]:
        """One record a query; the queries are taken a chunk at a time."""
        for chunk in in_chunks(queries, CHUNK):
            for query, decision, answer in self._answered(chunk, self.decider.decide_batch(chunk)):
                self.count += 1
                self.to_small += decision.model == "small"
                self.unanswered += "error" in answer
                name = self.names[decision.model]
                yield {
                    "query": query if isinstance(query, str) else "".join(query.turns[-1:]),
                    "model": decision.model,
                    **({} if name is None else {"model_name": name}),
                    "score": decision.score,
                    "threshold": decision.threshold,
                    "reason": decision.reason,
                    **({"detail": decision.detail} if decision.detail else {}),
                    **answer,
                }

    def _answered(
        self, queries: list[str | Reading], decisions: list[RoutingDecision]
    ) -> Iterator[tuple[str | Reading, RoutingDecision, dict[str, Any]]]:
        if self.answers is None:
            yield from ((query, decision, {}) for query, decision in zip(queries, decisions, strict=True))
            return
        texts = [query for query in queries if isinstance(query, str)]
        if len(texts) < len(queries):
            raise DataError("rows with messages are routed and not answered; add --route-only")
        models = [decision.model for decision in decisions]
        yield from zip(queries, decisions, self.answers.ask(models, texts), strict=True)
