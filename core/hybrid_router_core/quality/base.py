"""What a quality metric is, and the one check of what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError, DataError

__all__ = ["Direction", "Need", "PairMetric", "QualityMetric", "References", "qualities", "score_in_batches"]

Direction: TypeAlias = Literal["higher", "lower"]
Need: TypeAlias = Literal["references", "model"]
References: TypeAlias = "Sequence[Sequence[str]]"


@runtime_checkable
class QualityMetric(Protocol):
    """Says how good a response is. Picklable, so that any joblib backend can carry it."""

    @property
    def name(self) -> str:
        """The name under which `make_metric` makes it."""
        ...

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest score there can be."""
        ...

    @property
    def direction(self) -> Direction:
        """Which scores are the better ones; `qualities` turns "lower" round."""
        ...

    @property
    def needs(self) -> frozenset[Need]:
        """Accepted answers in the data ("references"), a model to be loaded or asked ("model")."""
        ...

    @property
    def source(self) -> str:
        """Where the metric is defined."""
        ...

    def score(self, queries: Sequence[str], responses: Sequence[str], references: References) -> FloatArray:
        """One score a response, in order; NaN where there is no verdict.

        Args:
            queries: n texts.
            responses: The response to each of them.
            references: The accepted answers to each of them; empty where there are none.
        """
        ...


@runtime_checkable
class PairMetric(Protocol):
    """Says which of two responses is better; otherwise as `QualityMetric`."""

    @property
    def name(self) -> str:
        """The name under which `make_metric` makes it."""
        ...

    @property
    def range(self) -> tuple[float, float]:
        """Always (0, 1)."""
        ...

    @property
    def needs(self) -> frozenset[Need]:
        """As in `QualityMetric`."""
        ...

    def compare(
        self, queries: Sequence[str], small: Sequence[str], large: Sequence[str], references: References
    ) -> FloatArray:
        """For each query 1 if small's response is better, 0 if large's is, 0.5 for a tie, NaN without a verdict."""
        ...


def qualities(
    metric: QualityMetric, queries: Sequence[str], responses: Sequence[str], references: References
) -> FloatArray:
    """Scores, checked, and turned so that higher is better. NaN is allowed: there is no verdict.

    Raises:
        ConfigError: The metric returned something else than a number within its range for each response.
        DataError: It needs references that are not there.
    """
    if "references" in metric.needs:
        lacking = next((i for i, accepted in enumerate(references) if not accepted), None)
        if lacking is not None:
            raise DataError(
                f"{metric.name} needs an accepted answer for each query; there is none for number {lacking}"
            )
    scores = checked_scores(metric.name, metric.score(queries, responses, references), len(responses), metric.range)
    return -scores if metric.direction == "lower" else scores


def score_in_batches(
    metric: QualityMetric,
    queries: Sequence[str],
    responses: Sequence[str],
    references: References,
    *,
    batch_size: int = 256,
    n_jobs: int | None = None,
) -> FloatArray:
    """`qualities` batch by batch through joblib, in order.

    Args:
        metric: What scores a batch.
        queries: n texts.
        responses: n texts.
        references: n lists of accepted answers.
        batch_size: Responses a call.
        n_jobs: Workers, as in joblib. None is this process alone, unless `joblib.parallel_config` says otherwise,
            which also chooses the backend.

    Raises:
        ConfigError: As for `qualities`.
        DataError: As for `qualities`.
    """
    if len(responses) <= batch_size:
        return qualities(metric, queries, responses, references)
    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    parts = [slice(start, start + batch_size) for start in range(0, len(responses), batch_size)]
    tasks = (delayed(qualities)(metric, queries[part], responses[part], references[part]) for part in parts)
    return np.concatenate(Parallel(n_jobs=n_jobs)(tasks))


def checked_scores(name: str, result: Any, count: int, limits: tuple[float, float]) -> FloatArray:
    """What foreign code made of `count` responses as float64 of shape (count,), or a ConfigError."""
    try:
        scores = np.asarray(result, dtype=np.float64)
    except (TypeError, ValueError):
        raise ConfigError(
            f"{name} returned a {type(result).__name__}, but a number for each response is needed"
        ) from None
    if scores.shape != (count,):
        raise ConfigError(f"{name} returned shape {scores.shape} for {count} responses; ({count},) is needed")
    low, high = limits
    slack = 1e-6  # of float32 models, whose cosine may be 1.0000001
    bad = np.isinf(scores) | (scores < low - slack) | (scores > high + slack)
    if bad.any():
        raise ConfigError(
            f"{name} returned {scores[bad.argmax()]:g} for a response; "
            f"a finite number from {low:g} to {high:g} is needed"
        )
    return np.clip(scores, low, high)
