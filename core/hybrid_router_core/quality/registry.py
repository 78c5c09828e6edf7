"""From the name of a metric and its options to the metric."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from hybrid_router_core.data import nearest
from hybrid_router_core.errors import ConfigError

from .answers import AnswerMatch, Contains, ExactMatch, Numeric
from .bart import BartScore
from .base import PairMetric, QualityMetric
from .choice import Choice
from .custom import FunctionMetric, import_function
from .embedding import EmbeddingSimilarity
from .judge import Judge, PairJudge
from .reward import RewardModel
from .rouge import RougeL

__all__ = ["METRICS", "make_metric"]

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _judge(mode: str = "grade", **options: Any) -> Judge | PairJudge:
    if mode not in ("grade", "compare"):
        raise ConfigError(f"mode={mode!r}; allowed are grade, compare")
    made: Judge | PairJudge = _made("judge", Judge if mode == "grade" else PairJudge, options, more=("mode",))
    return made


METRICS: dict[str, Callable[..., Any]] = {
    "exact_match": ExactMatch,
    "contains": Contains,
    "numeric": Numeric,
    "choice": Choice,
    "answer_match": AnswerMatch,
    "rouge_l": RougeL,
    "embedding_similarity": EmbeddingSimilarity,
    "bart_score": BartScore,
    "reward_model": RewardModel,
    "judge": _judge,
}


def make_metric(metric: str | Callable[..., Any] | QualityMetric | PairMetric, **options: Any) -> Any:
    """The metric of a name, with options.

    Args:
        metric: A name of `METRICS`; or ``module:name``, or a function, see `FunctionMetric`; or a metric.
        options: Its settings; each metric's docstring tells them.

    Returns:
        A `QualityMetric`, or a `PairMetric` for the judge that compares.

    Raises:
        ConfigError: The name or an option is not known, or has a value that is not allowed.

    >>> make_metric("numeric", tolerance=0.01)
    Numeric(tolerance=0.01)
    """
    named = ""
    if isinstance(metric, str):
        if ":" not in metric:
            if metric not in METRICS:
                raise ConfigError(
                    f"metric={metric!r} is not known; allowed are {', '.join(METRICS)} and MODULE:FUNCTION"
                    f"{nearest(metric, METRICS)}"
                )
            maker = METRICS[metric]
            return maker(**options) if maker is _judge else _made(metric, maker, options)
        named = metric
        metric = import_function(metric)
    if isinstance(metric, type):
        metric = _made(named or metric.__name__, metric, options)
        options = {}
    if isinstance(metric, (QualityMetric, PairMetric)):
        if options:
            raise ConfigError(f"{metric!r} is made already; it takes no options ({', '.join(options)})")
        return metric
    made = _made(named or "a function", FunctionMetric, options, metric)
    made.name = named or made.name
    return made


def _made(
    name: str, maker: Callable[..., Any], options: dict[str, Any], *given: Any, more: tuple[str, ...] = ()
) -> Any:
    """The maker's metric, once its signature has been compared with the options."""
    parameters = list(inspect.signature(maker).parameters.values())[len(given) :]
    named = [parameter for parameter in parameters if parameter.kind in _NAMED]
    allowed = [*more, *(parameter.name for parameter in named)]
    unknown = next((option for option in options if option not in allowed), None)
    if unknown is not None and len(named) == len(parameters):
        hint = nearest(unknown, allowed)
        raise ConfigError(f"{name} has no option {unknown!r}; allowed are {', '.join(allowed) or 'none'}{hint}")
    for parameter in named:
        if parameter.default is parameter.empty and parameter.name not in options:
            raise ConfigError(f"{name} needs the option {parameter.name!r}")
    return maker(*given, **options)
