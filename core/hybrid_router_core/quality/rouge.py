"""ROUGE-L, by the package rouge-score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError, MissingExtraError

from .base import Direction, Need, References

__all__ = ["RougeL"]

_MEASURES = ("fmeasure", "precision", "recall")
_WORD = re.compile(r"[^\W_]+")


class RougeL:
    """The longest common subsequence of words with the best-fitting accepted answer.

    Args:
        measure: "fmeasure", "precision" or "recall".

    Raises:
        ConfigError: Another measure.
    """

    name = "rouge_l"
    range = (0.0, 1.0)
    direction: Direction = "higher"
    needs: frozenset[Need] = frozenset({"references"})
    source = "Lin 2004, ROUGE, aclanthology.org/W04-1013, section 3; package rouge-score"

    def __init__(self, measure: str = "fmeasure") -> None:
        if measure not in _MEASURES:
            raise ConfigError(f"measure={measure!r}; allowed are {', '.join(_MEASURES)}")
        self.measure = measure

    def score(
        self,
        queries: Sequence[str],  # noqa: ARG002
        responses: Sequence[str],
        references: References,
    ) -> FloatArray:
        """One number a response; the highest over its accepted answers."""
        scorer = _scorer()
        best = [
            max((getattr(scorer.score(wanted, response)["rougeL"], self.measure) for wanted in accepted), default=0.0)
            for response, accepted in zip(responses, references, strict=True)
        ]
        return np.array(best, dtype=np.float64)

    def __repr__(self) -> str:
        return f"RougeL(measure={self.measure!r})"


class _Words:
    """The package's own tokenizer knows no letters but a to z; on English text both give the same words."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.lower())


def _scorer() -> Any:
    try:
        from rouge_score import rouge_scorer  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise MissingExtraError("rouge-score", "rouge") from error
    return rouge_scorer.RougeScorer(["rougeL"], tokenizer=_Words())
