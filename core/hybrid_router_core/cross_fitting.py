"""Scores for queries of groups that were trained on, by scorers that have not seen the group.

A scorer knows the groups that it learned from. What it loses in them says little about groups to come, so a limit for
new groups needs scores that are as ignorant as theirs will be. Each tenth of the groups is scored by a predictor that
was fitted on the other nine (cross-fitting; Chernozhukov et al. 2018, arXiv:1608.00060, section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ._types import BoolArray, Float32Array, FloatArray, IntArray
from .data import RoutingDataset, is_unnamed_group, joined
from .embedders import Embedder, StaticEmbedder, embed_in_batches
from .predictor import Predictor

__all__ = ["AsNew", "Folds"]

_FOLDS = 10
_FEWEST = 30  # distinct queries that a fold's predictor must have to learn from


class AsNew(NamedTuple):
    """Queries with scores that know nothing of their groups.

    Attributes:
        data: n queries: those that were given, and behind them those that were trained on, if they could be scored too.
        scores: In [0, 1], shape (n,).
        strangeness: Shape (n,).
        unfit: Rows whose group was trained on and could not be scored without, shape (n,).
        trained: Rows that were trained on, shape (n,).
    """

    data: RoutingDataset
    scores: FloatArray
    strangeness: FloatArray
    unfit: BoolArray
    trained: BoolArray

    def strangers(self, given: BoolArray, seen: BoolArray) -> BoolArray:
        """Which rows go to large as strangers, shape (n,).

        Of the rows that were trained on it is the strangest, as many in a hundred as of the given ones: each fold's
        predictor measures by a scale of its own.

        Args:
            given: The guard's strangers among the rows that were given.
            seen: Which of these do not count.
        """
        of_trained = self.strangeness[len(given) :]
        if not len(of_trained):
            return given
        return np.append(given, of_trained > np.quantile(of_trained, 1 - given[~seen].mean()))


@dataclass(frozen=True)
class Folds:
    """Predictors that each lack a tenth of the groups.

    A predictor without a group has not seen its training queries either, whatever other group they are in too, so these
    tell as much as others of the group.

    Attributes:
        train: What was learned from; None where it is gone, as after loading, or was too little.
        fold_of: Of each group the predictor that lacks it.
        predictors: As many as folds.
        found: Score and strangeness of the training queries, each by the predictor that lacks its group; shape (2, n).
    """

    train: RoutingDataset | None = None
    fold_of: Mapping[str, int] | None = None
    predictors: Sequence[Predictor] = ()
    found: FloatArray | None = None

    @classmethod
    def fit(
        cls,
        train: RoutingDataset,
        learn: Callable[[Embedder, RoutingDataset], Predictor],
        embedder: Embedder,
        seed: int,
    ) -> Folds:
        """Learn them, through joblib; none where one or two groups hold nearly all of the queries.

        Queries without a group take no part: they may be of any.

        Args:
            train: Queries with groups.
            learn: Learns from a part of ``train`` with an embedder.
            embedder: The router's.
            seed: Of the folds.
        """
        from joblib import Parallel, delayed  # type: ignore[import-untyped]

        train = train.take([row for row, name in enumerate(train.groups or ()) if not is_unnamed_group(name)])
        names = np.unique(np.asarray(train.groups, dtype=object))
        order = np.random.default_rng(seed).permutation(names)
        fold_of = dict(zip(order, (np.arange(len(names)) % _FOLDS).tolist(), strict=True))
        fold = np.array([fold_of[name] for name in train.groups or ()])
        parts = [np.flatnonzero(fold == k) for k in range(min(_FOLDS, len(names)))]
        rest = [np.flatnonzero(~np.isin(train.query_hashes, train.query_hashes[rows])) for rows in parts]
        if min((len(np.unique(train.query_hashes[rows])) for rows in rest), default=0) < _FEWEST:
            return cls()
        once = _remembering(embedder, train)
        done = Parallel()(delayed(_learned)(learn, once, train, *rows_of) for rows_of in zip(rest, parts, strict=True))
        found = np.empty((2, len(train)))
        for rows, (_, both) in zip(parts, done, strict=True):
            found[:, rows] = both
        return cls(train, fold_of, [predictor for predictor, _ in done], found)

    def as_new(self, data: RoutingDataset, scores: FloatArray, strangeness: FloatArray, known: BoolArray) -> AsNew:
        """The scores and the strangeness of queries as if their groups were new.

        Args:
            data: With queries and their groups.
            scores: The router's, in [0, 1], shape (n,).
            strangeness: The same.
            known: Which rows are of groups that it learned from, shape (n,).
        """
        none = np.zeros(len(data), dtype=bool)
        if not known.any():
            return AsNew(data, scores, strangeness, none, none)
        if self.train is None or self.fold_of is None or self.found is None:
            return AsNew(data, scores, strangeness, known, none)
        fold = np.array([self.fold_of.get(name, -1) for name in data.groups or ()])
        found = np.array([scores, strangeness])
        for k, predictor in enumerate(self.predictors):
            rows = np.flatnonzero(fold == k)
            if len(rows):
                found[:, rows] = predictor.examine_rows(data.take(rows))
        every, trained = joined(data, self.train), np.append(none, np.ones(len(self.train), dtype=bool))
        new_scores, new_strangeness = np.hstack([found, self.found])
        return AsNew(every, new_scores, new_strangeness, np.zeros(len(every), dtype=bool), trained)


def _learned(
    learn: Callable[[Embedder, RoutingDataset], Predictor],
    embedder: Embedder,
    train: RoutingDataset,
    rest: IntArray,
    part: IntArray,
) -> tuple[Predictor, tuple[FloatArray, FloatArray]]:
    predictor = learn(embedder, train.take(rest))
    return predictor, predictor.examine_rows(train.take(part))


class _Remembering:
    """An embedder that embeds each text once: the folds share nearly all of theirs."""

    def __init__(self, embedder: Embedder, texts: Sequence[str]) -> None:
        self._embedder = embedder
        self.name = embedder.name
        self._vectors = embed_in_batches(embedder, texts)
        self._row = {text: row for row, text in enumerate(texts)}

    def encode(self, texts: Sequence[str]) -> Float32Array:
        known = [self._row.get(text, -1) for text in texts]
        if -1 in known:
            return self._embedder.encode(texts)
        return self._vectors[known]

    def fingerprint(self) -> str:
        return self._embedder.fingerprint()


def _remembering(embedder: Embedder, data: RoutingDataset) -> Embedder:
    return embedder if isinstance(embedder, StaticEmbedder) else _Remembering(embedder, list(dict.fromkeys(data.texts)))
