"""Scorers: features of a query to the estimated label. One file a kind, all behind the Protocol `Scorer`."""

from .base import Progress, Scorer, Targets, check_seed
from .baselines import ConstantScorer, RandomScorer
from .knn import KnnScorer
from .linear import LinearScorer
from .mlp import MlpScorer
from .registry import SCORERS, make_scorer, scorer_from_state

__all__ = [
    "SCORERS",
    "ConstantScorer",
    "KnnScorer",
    "LinearScorer",
    "MlpScorer",
    "Progress",
    "RandomScorer",
    "Scorer",
    "Targets",
    "check_seed",
    "make_scorer",
    "scorer_from_state",
]
