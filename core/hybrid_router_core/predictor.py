"""Queries -> scores: the features and the scorer as the one thing that is fitted, asked and saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._bars import progress_bar
from ._types import AnyArray, BoolArray, FloatArray
from .data import RoutingDataset
from .embedders import Embedder, StaticEmbedder, embed_in_batches, tokens_in_batches
from .features import Featurizer
from .labels import check_label_settings
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
    """

    features: Featurizer
    scorer: Scorer
    trained_on: AnyArray

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

        tokens = tokens_in_batches(data.queries, progress=progress)
        shares_tokens = isinstance(embedder, StaticEmbedder)
        embeddings = None if shares_tokens else embed_in_batches(embedder, data.queries, progress=progress)
        features, model = Featurizer(embedder), make_scorer(scorer, hparam)
        # The matrices are small: more threads only wait for each other, and their number would show in the last bits.
        with threadpool_limits(limits=1), progress_bar("Training", progress) as show:
            model.fit(features.fit_transform(data.queries, embeddings, tokens), targets, seed=seed, progress=show)
        return cls(features, model, np.unique(data.query_hashes))

    def score(self, texts: list[str]) -> FloatArray:
        """One score in [0, 1] a text, shape (n,)."""
        if len(texts) <= CHUNK:
            return self.scorer.predict(self.features.transform(texts)) if texts else np.empty(0)
        return np.concatenate([self.score(texts[i : i + CHUNK]) for i in range(0, len(texts), CHUNK)])

    def has_seen(self, hashes: AnyArray) -> BoolArray:
        """Which of these queries were trained on, by their hashes; shape (n,)."""
        return np.isin(hashes, self.trained_on)

    def arrays(self) -> dict[str, AnyArray]:
        """What `from_arrays` reads."""
        parts = {"features": self.features.state(), "scorer": self.scorer.state()}
        named = {f"{part}.{name}": array for part, state in parts.items() for name, array in state.items()}
        return {"trained_on": self.trained_on, **named}

    @classmethod
    def from_arrays(cls, embedder: Embedder, scorer: str, arrays: Mapping[str, AnyArray]) -> Predictor:
        """The predictor whose `arrays` these are.

        Raises:
            KeyError, ValueError, IndexError: If an array is missing or of another shape.
        """
        features = Featurizer.from_state(embedder, _part(arrays, "features."))
        return cls(features, scorer_from_state(scorer, _part(arrays, "scorer.")), arrays["trained_on"])


def _part(arrays: Mapping[str, AnyArray], prefix: str) -> dict[str, AnyArray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
