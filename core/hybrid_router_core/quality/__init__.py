"""How good a response is: metrics behind one protocol, each telling its range, its needs and its source."""

from .answers import AnswerMatch, Contains, ExactMatch, Numeric
from .bart import BartScore
from .base import PairMetric, QualityMetric, qualities, score_in_batches
from .choice import Choice
from .custom import FunctionMetric
from .embedding import EmbeddingSimilarity
from .judge import Judge, PairJudge
from .preference import SMALL_WINS, preference_qualities
from .registry import METRICS, make_metric
from .reward import RewardModel
from .rouge import RougeL

__all__ = [
    "METRICS",
    "SMALL_WINS",
    "AnswerMatch",
    "BartScore",
    "Choice",
    "Contains",
    "EmbeddingSimilarity",
    "ExactMatch",
    "FunctionMetric",
    "Judge",
    "Numeric",
    "PairJudge",
    "PairMetric",
    "QualityMetric",
    "RewardModel",
    "RougeL",
    "make_metric",
    "preference_qualities",
    "qualities",
    "score_in_batches",
]
