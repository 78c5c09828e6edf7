"""The kinds of scorer by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from hybrid_router_core._types import AnyArray
from hybrid_router_core.errors import ConfigError

from .base import Scorer
from .baselines import ConstantScorer, RandomScorer
from .knn import KnnScorer
from .linear import LinearScorer
from .mlp import MlpScorer

__all__ = ["SCORERS", "make_scorer", "scorer_from_state"]

SCORERS: dict[str, type[Scorer]] = {
    scorer.kind: scorer for scorer in (MlpScorer, LinearScorer, KnnScorer, ConstantScorer, RandomScorer)
}


def make_scorer(kind: str, hparam: Mapping[str, Any] | None = None) -> Scorer:
    """Return an unfitted scorer.

    Raises:
        ConfigError: If the kind or a hyperparameter is unknown, or a value is not allowed.
    """
    return _scorer_class(kind)(hparam)


def scorer_from_state(kind: str, state: Mapping[str, AnyArray]) -> Scorer:
    """Return the fitted scorer whose `state` this is."""
    return _scorer_class(kind).from_state(state)


def _scorer_class(kind: str) -> type[Scorer]:
    if kind not in SCORERS:
        near = difflib.get_close_matches(str(kind), SCORERS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"scorer {kind!r} is unknown. Use one of {', '.join(map(repr, SCORERS))}.{hint}")
    return SCORERS[kind]
