"""The recorded answers: what two real models answered to each question, how good that was, and what it would cost."""

from __future__ import annotations

import re
from pathlib import Path

from hybrid_router_core import RoutingDataset
from hybrid_router_core.collect import Price
from hybrid_router_core.data import ResponseRow, Side, read_responses
from hybrid_router_core.quality import make_metric, qualities

ANSWERS = Path(__file__).parent / "data" / "answers.jsonl.gz"
ANSWER_MATCH = make_metric("answer_match")


def read_answers(path: Path = ANSWERS) -> list[ResponseRow]:
    """The questions with the answer of both models, as `hybrid-router collect` wrote them."""
    return list(read_responses(path))


def right(row: ResponseRow, side: Side) -> list[float]:
    """1.0 for each answer whose first line holds an accepted one, else 0.0.

    An accepted number must be the last number of the line; an accepted phrase must stand in it as whole words. What
    follows a "than" is not the answer but what it is compared with: "0.58 is greater than 0.3".
    """
    texts = [re.split(r"\bthan\b", text, maxsplit=1)[0] for text in side.texts]
    accepted = [list(row.answers or ())] * len(texts)
    return [float(quality) for quality in qualities(ANSWER_MATCH, [row.query] * len(texts), texts, accepted)]


def cost(row: ResponseRow, side: Side, price: Price) -> float:
    """Money for one answer: its tokens at that price."""
    return sum(price.of_response(row.query, answer) for answer in side.responses) / len(side.responses)


def to_dataset(rows: list[ResponseRow], small: Price, large: Price) -> RoutingDataset:
    """What a router learns from: the quality, and the cost, of both models at each question."""
    return RoutingDataset.from_records(
        {
            "query": row.query,
            "small_quality": right(row, row.small),
            "large_quality": right(row, row.large),
            "small_cost": cost(row, row.small, small),
            "large_cost": cost(row, row.large, large),
            "group": row.group,
            "id": row.id,
        }
        for row in rows
    )
