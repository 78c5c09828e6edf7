"""What a turn refers to: phrases of earlier turns, each with the chance that a reader would supply it.

Voskarides et al. 2020, "Query Resolution for Conversational Search with Limited Supervision" (arXiv:2005.11723): term
by term, whether it belongs into the turn. Here phrase by phrase, with a linear model over a dozen numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from operator import mul
from typing import NamedTuple

from .words import Run, said

__all__ = ["Candidate", "Topic", "candidates", "topics"]

_MOST_TURNS = 8  # earlier turns that are read, and the first one
_FADES = 0.7  # of what was said a turn earlier


class Topic(NamedTuple):
    """A phrase, as it was written, and the chance in [0, 1] that the turn refers to it."""

    phrase: str
    chance: float


class Candidate(NamedTuple):
    """A phrase of earlier turns with its numbers, as many as there are weights but the constant."""

    run: Run
    numbers: list[float]


def topics(turn: str, earlier: Sequence[str], weights: Sequence[float]) -> list[Topic]:
    """At most two phrases that the turn leaves out and refers to, the likeliest first.

    Args:
        turn: The turn.
        earlier: Those before it, oldest first.
        weights: Of the numbers, and last the constant.
    """
    content = said(turn).roots
    rated = []
    for run, numbers in candidates(turn, earlier):
        if not content.issuperset(run.roots):
            rated.append((weights[-1] + sum(map(mul, weights, numbers)), run))
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


def candidates(turn: str, earlier: Sequence[str]) -> list[Candidate]:
    """The distinct phrases of earlier turns, with what speaks for each."""
    turns = list(earlier) if len(earlier) <= _MOST_TURNS + 1 else [earlier[0], *earlier[-_MOST_TURNS:]]
    content = said(turn).roots
    spoken = list(map(said, turns))
    places: dict[tuple[str, ...], tuple[int, int]] = {}  # the first and the last turn that holds a phrase
    written: dict[tuple[str, ...], Run] = {}
    often: dict[str, float] = {}
    lately: dict[str, float] = {}
    longer: list[frozenset[str]] = []
    for place, each in enumerate(spoken):
        weight = _FADES ** (len(turns) - 1 - place)
        for part in each.roots:
            often[part] = often.get(part, 0.0) + 1.0
            lately[part] = lately.get(part, 0.0) + weight
        for run in each.runs:
            first = places.get(run.roots)
            places[run.roots] = (place if first is None else first[0], place)
            if first is None or run.capitals > written[run.roots].capitals:
                written[run.roots] = run
            if first is None and len(run.roots) > 1:
                longer.append(frozenset(run.roots))
    inner = {part for other in longer for part in other}
    found = []
    for roots, (first_place, place) in places.items():
        run, count = written[roots], len(roots)
        overlap = len(content.intersection(roots)) / count
        numbers = [
            1 / (len(turns) - place),
            float(first_place == 0),
            float(spoken[place].runs[-1].roots == roots),
            float(min(count, 4)),
            float(run.capitals > 0),
            overlap,
            float(overlap == 1),
            float(spoken[place].refers),
            log(1 + sum([often[part] for part in roots]) / count),
            sum([lately[part] for part in roots]) / count,
            float(roots[0] in inner if count == 1 else _is_part(roots, longer)),
            run.rarest,
            run.rarity,
        ]
        found.append(Candidate(run, numbers))
    return found


def _is_part(roots: tuple[str, ...], longer: Sequence[frozenset[str]]) -> bool:
    """Whether a phrase stands within a longer one."""
    return any(len(other) > len(roots) and other.issuperset(roots) for other in longer)
