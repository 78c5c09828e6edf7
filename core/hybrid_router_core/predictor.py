"""Queries -> scores: the features and the scorer as the one thing that is fitted, asked and saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ._bars import progress_bar
from ._types import AnyArray, BoolArray, FloatArray
from .conversation import Known, Messages, Reading, decide_reading, no_question, read
from .data import RoutingDataset, check_queries, query_hashes
from .embedders import Embedder, StaticEmbedder, embed_in_batches
from .errors import DataError
from .features import Featurizer
from .labels import check_label_settings
from .routing import RoutingDecision, decide
from .scorers import Scorer, Targets, check_seed, make_scorer, scorer_from_state

__all__ = ["Predictor", "check_settings"]

CHUNK = 4096  # queries that are scored at once: bounds the memory of long lists


def check_settings(mode: str, tau: Any, margin: Any, seed: Any, scorer: Any, hparam: Mapping[str, Any] | None) -> None:
    """Refuse what no router can be made with, before anything is embedded or written.

    Raises:
        ConfigError: A value is not allowed.
    """
    check_label_settings(mode, tau, margin)
    check_seed(seed)
    make_scorer(scorer, hparam)


@dataclass(frozen=True)
class Predictor:
    """A fitted scorer with the features that it reads, and what it was trained on.

    Attributes:
        features: Text to numbers.
        scorer: Numbers to the estimated label.
        trained_on: Hashes of the distinct training queries, ascending, uint64.
        trained_groups: Hashes of the names of their groups, ascending, uint64; None where they had none.
        turns: How many of the rows that it learned, or was calibrated on, were turns of conversations.
    """

    features: Featurizer
    scorer: Scorer
    trained_on: AnyArray
    trained_groups: AnyArray | None = None
    turns: int = 0
    _known: Known = field(default_factory=Known, repr=False, compare=False)

    @classmethod
    def fit(
        cls,
        embedder: Embedder,
        scorer: str,
        hparam: Mapping[str, Any],
        data: RoutingDataset,
        targets: Targets,
        *,
        seed: int,
        progress: bool = False,
    ) -> Predictor:
        """Learn the targets of the queries of these data; the same arguments give the same bits."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]  # of scikit-learn

        shares_tokens = isinstance(embedder, StaticEmbedder)
        embeddings = None if shares_tokens else embed_in_batches(embedder, data.texts, progress=progress)
        features, model = Featurizer(embedder), make_scorer(scorer, hparam)
        # The matrices are small: more threads only wait for each other, and their number would show in the last bits.
        with threadpool_limits(limits=1):
            rows = features.fit_transform(data.texts, embeddings, progress=progress)
            with progress_bar("Training", progress) as show:
                model.fit(rows, targets, seed=seed, progress=show)
        groups = None if data.groups is None else np.unique(query_hashes(data.groups))
        return cls(features, model, np.unique(data.query_hashes), groups, _turns(data))

    def score(self, texts: list[str]) -> FloatArray:
        """One score in [0, 1] a text, shape (n,)."""
        if len(texts) <= CHUNK:
            return self.scorer.predict(self.features.transform(texts)) if texts else np.empty(0)
        return np.concatenate([self.score(texts[i : i + CHUNK]) for i in range(0, len(texts), CHUNK)])

    def score_of(self, queries: Sequence[str] | RoutingDataset | None, messages: Messages | None) -> FloatArray:
        """The scores of `HybridRouter.score`."""
        if messages is not None:
            reading = _asked(queries, messages)
            if not reading.texts:
                raise DataError(f"there is nothing to score: {reading.why_none}")
            return np.array([reading.score(self.score_readings([reading])[0])])
        return self.score_rows(queries) if isinstance(queries, RoutingDataset) else self.score(check_queries(queries))

    def decide(self, query: str | None, messages: Messages | None, threshold: float) -> RoutingDecision:
        """The decision of `HybridRouter.route`."""
        if messages is None:
            return decide(self.score(check_queries([query])).tolist()[0], threshold)
        reading = _asked(query, messages)
        if not reading.texts:
            return no_question(reading)
        return decide_reading(reading, self.score_readings([reading])[0], threshold)

    def score_readings(
        self, readings: Sequence[Reading], score: Callable[[list[str]], FloatArray] | None = None
    ) -> list[list[float]]:
        """The scores of the texts of each; those of earlier turns are mostly known from when they were asked.

        Args:
            readings: With texts.
            score: What scores the texts; `score` unless given.
        """
        again = self._known.of(text for reading in readings for text in reading.texts[1:])
        texts = [text for reading in readings for text in reading.texts if text not in again]
        scores = dict(zip(texts, (score or self.score)(texts).tolist(), strict=True))
        self._known.add(scores)
        scores |= again
        return [[scores[text] for text in reading.texts] for reading in readings]

    def score_rows(self, data: RoutingDataset) -> FloatArray:
        """One score in [0, 1] a row, shape (n,); a turn of a conversation is read with what was said before."""
        readings = data.readings
        if readings is None:
            return self.score(data.queries)
        scores = self.score([text for reading in readings for text in reading.texts]).tolist()
        ends = accumulate((len(reading.texts) for reading in readings), initial=0)
        return np.array([r.score(scores[a:b]) for r, (a, b) in zip(readings, pairwise(ends), strict=True)])

    def after(self, data: RoutingDataset) -> Predictor:
        """This one, with its record that it was calibrated on turns of conversations too, if it was."""
        return replace(self, turns=self.turns or _turns(data))

    def has_seen(self, hashes: AnyArray) -> BoolArray:
        """Which of these queries were trained on, by their hashes; shape (n,)."""
        return np.isin(hashes, self.trained_on)

    def arrays(self) -> dict[str, AnyArray]:
        """What `from_arrays` reads."""
        parts = {"features": self.features.state(), "scorer": self.scorer.state()}
        named = {f"{part}.{name}": array for part, state in parts.items() for name, array in state.items()}
        groups = {} if self.trained_groups is None else {"trained_groups": self.trained_groups}
        return {"trained_on": self.trained_on, **groups, **named}

    @classmethod
    def from_arrays(
        cls, embedder: Embedder, scorer: str, arrays: Mapping[str, AnyArray], *, turns: int = 0
    ) -> Predictor:
        """The predictor whose `arrays` these are.

        Raises:
            KeyError, ValueError, IndexError: If an array is missing or of another shape.
        """
        features = Featurizer.from_state(embedder, _part(arrays, "features."))
        model = scorer_from_state(scorer, _part(arrays, "scorer."))
        return cls(features, model, arrays["trained_on"], arrays.get("trained_groups"), turns)


def _turns(data: RoutingDataset) -> int:
    return sum(len(turns) > 1 for turns in data.turns or ())


def _asked(query: object, messages: Messages) -> Reading:
    if query is not None:
        raise DataError("a query and messages are given; give one of them: the last message of the user is the query")
    return read(messages)


def _part(arrays: Mapping[str, AnyArray], prefix: str) -> dict[str, AnyArray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
