"""Metrics that compare a response with the accepted answers: 1 if it has one of them, else 0."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError

from ._words import first_line, last_number, normalise, number_value, stands_in
from .base import Direction, Need, References

__all__ = ["AnswerMatch", "AnswerMetric", "Contains", "ExactMatch", "Numeric"]


class AnswerMetric(ABC):
    """Base: a response is right or wrong."""

    name: str
    source: str
    range: tuple[float, float] = (0.0, 1.0)
    direction: Direction = "higher"
    needs: frozenset[Need] = frozenset({"references"})

    @abstractmethod
    def _accepts(self, response: str, wanted: str) -> bool:
        """Whether the response gives this answer."""

    def score(
        self,
        queries: Sequence[str],  # noqa: ARG002
        responses: Sequence[str],
        references: References,
    ) -> FloatArray:
        """1.0 where the response gives one of the accepted answers, else 0.0."""
        return np.array(
            [
                any(self._accepts(response, wanted) for wanted in accepted)
                for response, accepted in zip(responses, references, strict=True)
            ],
            dtype=np.float64,
        )

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


class ExactMatch(AnswerMetric):
    """The whole response is an accepted answer, after `normalise`."""

    name = "exact_match"
    source = "Rajpurkar et al. 2016, SQuAD, arXiv:1606.05250, section 6.1; with the differences told in normalise"

    def _accepts(self, response: str, wanted: str) -> bool:
        plain = normalise(wanted)
        # "The" or "?" as an answer leaves nothing to compare.
        return normalise(response) == plain if plain else response.strip() == wanted.strip()


class Contains(AnswerMetric):
    """An accepted answer stands in the response as whole words, after `normalise`."""

    name = "contains"
    source = "Mallen et al. 2023, PopQA, arXiv:2212.10511, section 3; here whole words only"

    def _accepts(self, response: str, wanted: str) -> bool:
        plain = normalise(wanted)
        return stands_in(plain, normalise(response)) if plain else wanted.strip() in response


class Numeric(AnswerMetric):
    """The last number of the response is an accepted one.

    Args:
        tolerance: The largest difference, relative to the accepted number (absolute below 1).

    Raises:
        ConfigError: The tolerance is not a number from 0 on.
    """

    name = "numeric"
    source = "Cobbe et al. 2021, GSM8K, arXiv:2110.14168; the last number, as evaluations of it commonly take"

    def __init__(self, tolerance: float = 1e-6) -> None:
        if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or not 0 <= tolerance < math.inf:
            raise ConfigError(f"tolerance={tolerance!r}: a number from 0 on is needed")
        self.tolerance = tolerance

    def _accepts(self, response: str, wanted: str) -> bool:
        # GSM8K's references are a whole solution, with the number at their end.
        return self._equal(last_number(response), last_number(wanted))

    def _equal(self, found: float | None, target: float | None) -> bool:
        if found is None or target is None:
            return False
        return found == target or abs(found - target) <= self.tolerance * max(1.0, abs(target))


class AnswerMatch(Numeric):
    """The first line of the response holds an accepted answer.

    An accepted number must be the last number of the line; an accepted phrase must stand in it as whole words,
    whatever the case of its letters. For short questions of mixed kinds, and models that go on after the answer.

    Args:
        tolerance: As for `Numeric`.
    """

    name = "answer_match"
    source = "this project's quiz (examples/data/README.md)"

    def _accepts(self, response: str, wanted: str) -> bool:
        line = first_line(response)
        number = number_value(wanted)
        if number is not None:
            return self._equal(last_number(line), number)
        return bool(wanted.strip()) and stands_in(wanted.strip().casefold(), line.casefold())
