"""Judgements: arena battles, which say who won, and MT-Bench's grades."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hybrid_router_core.errors import ConfigError, DataError
from hybrid_router_core.quality import SMALL_WINS, preference_qualities

from .base import ImportedRow, ImportSettings, names_of
from .files import Place, read_records, text_of

__all__ = ["read_arena", "read_mt_bench"]

_TIES = frozenset({"tie", "tie (bothbad)", "both_bad", "bothbad"})
_OUTCOMES = ("winner_model_a", "winner_model_b", "winner_tie")
# Of the prompts that FastChat's judge was given: one turn, and the first of two.
_QUESTION = re.compile(r"\[Question\]\n(.+?)\n\n\[The Start of", re.DOTALL)
_FIRST_TURN = re.compile(r"### User:\n(.+?)\n\n### (?:Assistant A|Reference answer):", re.DOTALL)


def read_arena(path: Path, settings: ImportSettings) -> Iterator[ImportedRow]:
    """Battles of two models each: model_a, model_b and winner, or winner_model_a, winner_model_b and winner_tie.

    The query is the first message of the user, in ``prompt`` or ``conversation_a``. A win counts 1 and 0, a tie 0.5 and
    0.5 (see `preference_qualities`). The names of several models with commas between them make one side of them, as
    RouteLLM's tiers do. Battles of other models are left out.

    Raises:
        ConfigError: The sides are not named, or share a model.
    """
    small, large = names_of(settings.small), names_of(settings.large)
    if not small or not large:
        raise ConfigError("battles need --small and --large: of many models, two sides are compared")
    if both := set(small) & set(large):
        raise ConfigError(f"{', '.join(sorted(both))} is on both sides; name different models")
    for place in read_records(path, settings.split):
        a, b = place.text("model_a"), place.text("model_b")
        row_id = place.name("question_id") or place.name("id")
        if not ((a in small and b in large) or (a in large and b in small)):
            # The names alone, so that a mistyped one can be told from those that are there.
            yield ImportedRow("", dict.fromkeys((a, b), SMALL_WINS["tie"]), id=row_id, where=place.where)
            continue
        won_a = _outcome(place)
        of_small, of_large = preference_qualities(won_a if a in small else 1 - won_a)
        quality: dict[str, float | list[float]] = {
            str(settings.small): float(of_small),
            str(settings.large): float(of_large),
        }
        yield ImportedRow(_asked(place), quality, id=row_id, where=place.where)


def _outcome(place: Place) -> float:
    """Model a's share of the win."""
    if "winner" in place.record:
        winner = place.record["winner"]
        if isinstance(winner, str) and winner.strip().lower() in _TIES:
            return SMALL_WINS["tie"]
        if winner in ("model_a", place.record["model_a"]):
            return SMALL_WINS["win"]
        if winner in ("model_b", place.record["model_b"]):
            return SMALL_WINS["loss"]
        raise place.bad("winner", "model_a, model_b, a model's name, tie or tie (bothbad)")
    shares = [place.number(column) for column in _OUTCOMES]
    if sorted(shares) != [0.0, 0.0, 1.0]:
        raise DataError(f"{place.where}, columns {', '.join(_OUTCOMES)}: exactly one of them must be 1")
    return shares[0] + SMALL_WINS["tie"] * shares[2]


def _asked(place: Place) -> str:
    column = "prompt" if place.record.get("prompt") is not None else "conversation_a"
    value = text_of(place.record.get(column))
    if isinstance(value, list) and value:
        value = _content(value[0])
    if not isinstance(value, str) or not value.strip():
        raise place.bad(column, "a text, a list of texts or a list of messages")
    return value


def _content(message: Any) -> Any:
    content = message.get("content") if isinstance(message, dict) else message
    if isinstance(content, list):  # blocks of text and pictures
        content = "\n".join(str(block.get("text") or "") for block in content if isinstance(block, dict))
    return content


def read_mt_bench(path: Path, settings: ImportSettings) -> Iterator[ImportedRow]:
    """MT-Bench's judgements: question_id, model, score (1 to 10) and turn, a line each.

    A model's quality is the mean of its scores over the turns, as RouteLLM takes it; a score of -1 is a verdict that
    could not be read, and is left out. The query is the first turn of the question, from `settings.questions`
    (question_id, category, turns), else from the prompt of the judge. The category, if known, is the group.
    """
    asked, categories = _questions(settings.questions)
    scores: dict[str, dict[str, list[float]]] = {}
    places: dict[str, str] = {}
    for place in read_records(path):
        number = place.name("question_id")
        if number is None:
            raise place.bad("question_id", "a number or text")
        model, score = place.text("model"), place.number("score")
        if score == -1:
            continue
        if number not in asked:
            if settings.questions is not None:
                raise DataError(
                    f"{place.where}, column 'question_id': {number} is not in {settings.questions}; give the questions "
                    "that were judged"
                )
            asked[number] = _from_prompt(place)
        places.setdefault(number, place.where)
        scores.setdefault(number, {}).setdefault(model, []).append(score)
    for number, by_model in scores.items():
        quality = {model: sum(found) / len(found) for model, found in by_model.items()}
        yield ImportedRow(asked[number], quality, group=categories.get(number), id=number, where=places[number])


def _questions(path: Path | None) -> tuple[dict[str, str], dict[str, str]]:
    asked: dict[str, str] = {}
    categories: dict[str, str] = {}
    for place in () if path is None else read_records(path):
        number, turns = place.name("question_id"), place.record.get("turns")
        if number is None:
            raise place.bad("question_id", "a number or text")
        if not isinstance(turns, list) or not turns or not isinstance(turns[0], str) or not turns[0].strip():
            raise place.bad("turns", "a list of texts")
        asked[number] = turns[0]
        if (category := place.name("category")) is not None:
            categories[number] = category
    return asked, categories if len(categories) == len(asked) else {}


def _from_prompt(place: Place) -> str:
    prompt = place.text("user_prompt")
    match = _QUESTION.search(prompt) or _FIRST_TURN.search(prompt)
    if match is None:
        raise place.bad("user_prompt", "the prompt of FastChat's judge (or give --questions question.jsonl)")
    return match[1].strip()
