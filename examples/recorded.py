"""The recorded quiz: what two real models answered to each question, and how good each answer was."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from hybrid_router_core import RoutingDataset
from hybrid_router_core.quality import make_metric

QUIZ = Path(__file__).parent / "data" / "quiz.jsonl.gz"
ANSWER_MATCH = make_metric("answer_match")


def read_quiz(path: Path = QUIZ) -> list[dict[str, Any]]:
    """The recorded questions with all answers."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def is_right(answer: str, accepted: list[str]) -> float:
    """1.0 if the first line of the answer holds an accepted one, else 0.0.

    An accepted number must be the last number of the line; an accepted phrase must stand in it as whole words.
    """
    return float(ANSWER_MATCH.score([""], [answer], [accepted])[0])


def quiz_dataset(rows: list[dict[str, Any]]) -> RoutingDataset:
    """Four quality samples per question and model."""
    return RoutingDataset.from_records(
        {
            "query": row["query"],
            "small_quality": [is_right(r["text"], row["answers"]) for r in row["small"]["responses"]],
            "large_quality": [is_right(r["text"], row["answers"]) for r in row["large"]["responses"]],
            "group": row["group"],
            "id": row["id"],
        }
        for row in rows
    )
