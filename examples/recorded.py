"""The recorded quiz: what two real models answered to each question, and how good each answer was."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

from hybrid_router_core import RoutingDataset

QUIZ = Path(__file__).parent / "data" / "quiz.jsonl.gz"
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?")


def read_quiz(path: Path = QUIZ) -> list[dict[str, Any]]:
    """The recorded questions with all answers."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def exact_match(answer: str, accepted: list[str]) -> float:
    """1.0 if the first line of the answer holds an accepted one, else 0.0.

    An accepted number must be the last number of the line; an accepted phrase must stand in it as whole words.
    """
    line = answer.strip().split("\n", 1)[0].lower()
    numbers = NUMBER.findall(line)
    for wanted in accepted:
        if NUMBER.fullmatch(wanted):
            if numbers and _value(numbers[-1]) == _value(wanted):
                return 1.0
        elif re.search(rf"(?<!\w){re.escape(wanted.lower())}(?!\w)", line):
            return 1.0
    return 0.0


def quiz_dataset(rows: list[dict[str, Any]]) -> RoutingDataset:
    """Four quality samples per question and model."""
    return RoutingDataset.from_records(
        {
            "query": row["query"],
            "small_quality": [exact_match(r["text"], row["answers"]) for r in row["small"]["responses"]],
            "large_quality": [exact_match(r["text"], row["answers"]) for r in row["large"]["responses"]],
            "group": row["group"],
            "id": row["id"],
        }
        for row in rows
    )


def _value(number: str) -> float:
    return float(number.replace(",", ""))
