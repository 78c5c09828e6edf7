"""What a turn refers to: phrases of earlier turns, each with the chance that a reader would supply it.

Voskarides et al. 2020, "Query Resolution for Conversational Search with Limited Supervision" (arXiv:2005.11723): term
by term, whether it belongs into the turn. Here phrase by phrase, with a linear model over a dozen numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log
from typing import NamedTuple

from .words import PRONOUN, Run, content_runs, is_function_word, root, words_of

__all__ = ["FEATURES", "MOST_TURNS", "Candidate", "Topic", "candidates", "topics"]

FEATURES = 13
MOST_TURNS = 12  # earlier turns that are read, and the first one
_RARE = log(12_000)


class Topic(NamedTuple):
    """A phrase, as it was written, and the chance in [0, 1] that the turn refers to it."""

    phrase: str
    chance: float


class Candidate(NamedTuple):
    """A phrase of earlier turns with its numbers, `FEATURES` of them."""

    run: Run
    numbers: list[float]


def topics(turn: str, earlier: Sequence[str], weights: Sequence[float], ranks: Mapping[str, float]) -> list[Topic]:
    """At most two phrases that the turn leaves out and refers to, the likeliest first.

    Args:
        turn: The turn.
        earlier: Those before it, oldest first.
        weights: Of the numbers, and last the constant.
        ranks: log of the rank in frequency of the common words.
    """
    said = {root(word) for word in words_of(turn)}
    rated = []
    for run, numbers in candidates(turn, earlier, ranks):
        if not said.issuperset(run.roots):
            logit = weights[-1] + sum(map(float.__mul__, weights, numbers))
            rated.append((logit, run))
    rated.sort(key=lambda pair: -pair[0])
    chosen: list[Topic] = []
    known: list[set[str]] = []
    for logit, run in rated:
        if not any(roots.issuperset(run.roots) for roots in known):
            known.append(set(run.roots))
            chosen.append(Topic(" ".join(run.words), 1 / (1 + exp(-logit))))
            if len(chosen) == 2:
                break
    return chosen


def candidates(turn: str, earlier: Sequence[str], ranks: Mapping[str, float]) -> list[Candidate]:
    """The distinct phrases of earlier turns, with what speaks for each."""
    turns = list(earlier) if len(earlier) <= MOST_TURNS + 1 else [earlier[0], *earlier[-MOST_TURNS:]]
    runs = [content_runs(text) for text in turns]
    refers = [PRONOUN.search(text) is not None for text in turns]
    content = {root(word) for word in words_of(turn) if not is_function_word(word)}
    found: dict[tuple[str, ...], list[int]] = {}
    written: dict[tuple[str, ...], Run] = {}
    for place, each in enumerate(runs):
        for run in each:
            places = found.setdefault(run.roots, [])
            if not places or places[-1] != place:
                places.append(place)
            best = written.get(run.roots)
            if best is None or _capitals(run) > _capitals(best):
                written[run.roots] = run
    held = [{part for run in each for part in run.roots} for each in runs]
    shares = {key: [len(each.intersection(key)) / len(key) for each in held] for key in found}
    sets = [set(key) for key in found]
    return [
        Candidate(written[key], _numbers(written[key], places, shares[key], runs, content, refers, ranks, sets))
        for key, places in found.items()
    ]


def _numbers(
    run: Run,
    places: list[int],
    shares: list[float],
    runs: Sequence[tuple[Run, ...]],
    content: set[str],
    refers: Sequence[bool],
    ranks: Mapping[str, float],
    sets: Sequence[set[str]],
) -> list[float]:
    latest, count = places[-1], len(runs)
    roots = run.roots
    overlap = len(content.intersection(roots)) / len(roots)
    rarities = [ranks.get(word.lower()) or ranks.get(part) or _RARE for word, part in zip(*run, strict=True)]
    total = recent = 0.0
    for share in shares:
        total += share
        recent = recent * 0.7 + share
    held = False
    for other in sets:
        if len(other) > len(roots) and other.issuperset(roots):
            held = True
            break
    return [
        1 / (count - latest),
        float(places[0] == 0),
        float(runs[latest][-1].roots == roots),
        float(min(len(roots), 4)),
        float(_capitals(run) > 0),
        overlap,
        float(overlap == 1),
        float(refers[latest]),
        log(1 + total),
        recent,
        float(held),
        max(rarities),
        sum(rarities) / len(rarities),
    ]


def _capitals(run: Run) -> int:
    return len([word for word in run.words if word[0].isupper()])
