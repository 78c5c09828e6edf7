"""Queries -> scores: the features and the scorer as the one thing that is fitted, asked and saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from ._bars import progress_bar
from ._types import AnyArray, BoolArray, FloatArray
from .conversation import Judged, Known, Messages, Reading, decide_reading, no_question, read, read_text
from .data import RoutingDataset, check_queries, query_hashes
from .embedders import Embedder, StaticEmbedder, embed_in_batches
from .errors import DataError
from .features import Featurizer
from .guard import Guard, Likeness
from .labels import check_label_settings
from .routing import RoutingDecision
from .scorers import Scorer, Targets, check_seed, make_scorer, scorer_from_state

__all__ = ["Predictor", "check_settings"]

Found: TypeAlias = "tuple[float, float | None]"  # of a text its score, and its p-value if it is a stranger
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
        likeness: Tells how unlike the training queries a query is; None where no guard is wanted, or in old artifacts.
        guard: Which queries are strangers, since it was calibrated with one; else None.
    """

    features: Featurizer
    scorer: Scorer
    trained_on: AnyArray
    trained_groups: AnyArray | None = None
    turns: int = 0
    likeness: Likeness | None = None
    guard: Guard | None = None
    _known: Known[Found] = field(default_factory=Known, repr=False, compare=False)

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
        guarded: bool = True,
        progress: bool = False,
    ) -> Predictor:
        """Learn the targets of the queries of these data; the same arguments give the same bits."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]  # of scikit-learn

        shares_tokens = isinstance(embedder, StaticEmbedder)
        embeddings = None if shares_tokens else embed_in_batches(embedder, data.texts, progress=progress)
        features, model = Featurizer(embedder), make_scorer(scorer, hparam)
        # The matrices are small: more threads only wait for each other, and their number would show in the last bits.
        with threadpool_limits(limits=1):
            rows, tokens = features.fit_read(data.texts, embeddings, progress=progress)
            with progress_bar("Training", progress) as show:
                model.fit(rows, targets, seed=seed, progress=show)
            likeness = Likeness.fit(data.texts, tokens, rows, seed=seed) if guarded else None
        groups = None if data.groups is None else np.unique(query_hashes(data.groups))
        return cls(features, model, np.unique(data.query_hashes), groups, _turns(data), likeness)

    def score(self, texts: list[str]) -> FloatArray:
        """One score in [0, 1] a text, shape (n,)."""
        if len(texts) <= CHUNK:
            return self.scorer.predict(self.features.transform(texts)) if texts else np.empty(0)
        return np.concatenate([self.score(texts[i : i + CHUNK]) for i in range(0, len(texts), CHUNK)])

    def examine(self, texts: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        """Score and strangeness of each text, shape (n,); without a likeness nothing is strange."""
        scores, strangeness = np.empty(len(texts)), np.full(len(texts), -np.inf)
        for start in range(0, len(texts), CHUNK):
            part = slice(start, start + CHUNK)
            rows, tokens = self.features.read(texts[part])
            scores[part] = self.scorer.predict(rows)
            if self.likeness is not None:
                strangeness[part] = self.likeness.strangeness(texts[part], tokens, rows)
        return scores, strangeness

    def score_of(self, queries: Sequence[str] | RoutingDataset | None, messages: Messages | None) -> FloatArray:
        """The scores of `HybridRouter.score`."""
        if messages is not None:
            reading = _asked(queries, messages)
            if not reading.texts:
                raise DataError(f"there is nothing to score: {reading.why_none}")
            return np.array([reading.score(self.judge([reading])[0].scores)])
        return self.score_rows(queries) if isinstance(queries, RoutingDataset) else self.score(check_queries(queries))

    def decide(self, query: str | None, messages: Messages | None, threshold: float) -> RoutingDecision:
        """The decision of `HybridRouter.route`."""
        if messages is None:
            return self.decide_all([query], threshold)[0]
        return self._decisions([_asked(query, messages)], threshold)[0]

    def decide_all(self, queries: Sequence[str | None], threshold: float) -> list[RoutingDecision]:
        """The decisions for single queries, with one scoring."""
        return self._decisions([read_text(query) for query in check_queries(queries)], threshold)

    def _decisions(self, readings: Sequence[Reading], threshold: float) -> list[RoutingDecision]:
        judged = iter(self.judge([reading for reading in readings if reading.texts]))
        return [
            decide_reading(reading, next(judged), threshold) if reading.texts else no_question(reading)
            for reading in readings
        ]

    def judge(
        self, readings: Sequence[Reading], score: Callable[[list[str]], FloatArray] | None = None
    ) -> list[Judged]:
        """What is known of the texts of each; of earlier turns mostly from when they were asked.

        Args:
            readings: With texts.
            score: What scores the texts where no guard looks at them too; `score` unless given.
        """
        again = self._known.of(text for reading in readings for text in reading.texts[1:])
        texts = [text for reading in readings for text in reading.texts if text not in again]
        fresh = dict(zip(texts, self._found(texts, score or self.score), strict=True))
        self._known.add(fresh)
        fresh |= again
        return [_judged([fresh[text] for text in reading.texts]) for reading in readings]

    def _found(self, texts: list[str], score: Callable[[list[str]], FloatArray]) -> list[Found]:
        if self.guard is None or not texts:
            return [(value, None) for value in score(texts).tolist()]
        scores, strangeness = self.examine(texts)
        unlike = np.where(self.guard.strangers(strangeness), self.guard.p_values(strangeness), np.nan)
        return [(value, None if p != p else p) for value, p in zip(scores.tolist(), unlike.tolist(), strict=True)]

    def score_rows(self, data: RoutingDataset) -> FloatArray:
        """One score in [0, 1] a row, shape (n,); a turn of a conversation is read with what was said before."""
        return self.score(data.queries) if data.readings is None else self.examine_rows(data)[0]

    def examine_rows(self, data: RoutingDataset) -> tuple[FloatArray, FloatArray]:
        """Score and strangeness of each row; the strangeness of a turn is that of its most familiar text."""
        readings = data.readings
        if readings is None:
            return self.examine(data.queries)
        scores, strangeness = self.examine([text for reading in readings for text in reading.texts])
        starts = np.cumsum([0, *(len(reading.texts) for reading in readings)])
        scores_of = [scores[a:b].tolist() for a, b in pairwise(starts.tolist())]
        turns = np.array([reading.score(found) for reading, found in zip(readings, scores_of, strict=True)])
        asks = np.array([not reading.asks_nothing for reading in readings])
        return turns, np.where(asks, np.minimum.reduceat(strangeness, starts[:-1]), -np.inf)

    def strangers(self, strangeness: FloatArray) -> BoolArray:
        """Which the guard sends to large; none without a guard."""
        none = np.zeros(len(strangeness), dtype=bool)
        return none if self.guard is None else self.guard.strangers(strangeness)

    def after(self, data: RoutingDataset, guard: Guard | None) -> Predictor:
        """This one, calibrated on these data, of which some may be turns of conversations."""
        return replace(self.guarded(guard), turns=self.turns or _turns(data))

    def guarded(self, guard: Guard | None) -> Predictor:
        """This one with another guard, or none."""
        return replace(self, guard=guard, _known=Known())

    def has_seen(self, hashes: AnyArray) -> BoolArray:
        """Which of these queries were trained on, by their hashes; shape (n,)."""
        return np.isin(hashes, self.trained_on)

    def has_seen_groups(self, names: Sequence[str] | None, rows: int) -> BoolArray:
        """Of which rows queries of the same group were trained on, shape (rows,)."""
        if names is None or self.trained_groups is None:
            return np.zeros(rows, dtype=bool)
        return np.isin(query_hashes(names), self.trained_groups)

    def arrays(self) -> dict[str, AnyArray]:
        """What `from_arrays` reads."""
        parts = {"features": self.features.state(), "scorer": self.scorer.state()}
        if self.likeness is not None:
            parts["likeness"] = self.likeness.state()
        if self.guard is not None:
            parts["guard"] = self.guard.state()
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
        likeness, guard = _part(arrays, "likeness."), _part(arrays, "guard.")
        if guard and not likeness:
            raise ValueError("a guard, and nothing to measure strangeness by")
        return cls(
            features,
            model,
            arrays["trained_on"],
            arrays.get("trained_groups"),
            turns,
            Likeness.from_state(likeness) if likeness else None,
            Guard.from_state(guard) if guard else None,
        )


def _judged(found: list[Found]) -> Judged:
    unlike = [p for _, p in found if p is not None]
    return Judged([score for score, _ in found], max(unlike) if len(unlike) == len(found) else None)


def _turns(data: RoutingDataset) -> int:
    return sum(len(turns) > 1 for turns in data.turns or ())


def _asked(query: object, messages: Messages) -> Reading:
    if query is not None:
        raise DataError("a query and messages are given; give one of them: the last message of the user is the query")
    return read(messages)


def _part(arrays: Mapping[str, AnyArray], prefix: str) -> dict[str, AnyArray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
