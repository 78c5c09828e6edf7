"""Scores for queries of groups that were trained on, by scorers that have not seen the group.

A scorer knows the groups that it learned from. What it loses in them says little about groups to come, so a limit for
new groups needs scores that are as ignorant as theirs will be. Each tenth of the groups is scored by a predictor that
was fitted on the other nine (cross-fitting; Chernozhukov et al. 2018, arXiv:1608.00060, section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ._types import BoolArray, Float32Array, FloatArray
from .data import RoutingDataset, joined
from .embedders import Embedder, StaticEmbedder, embed_in_batches
from .predictor import Predictor

__all__ = ["AsNew", "as_new_groups"]

_FOLDS = 10
_FEWEST = 30  # distinct queries that a fold's predictor must have to learn from


class AsNew(NamedTuple):
    """Queries with scores that know nothing of their groups.

    Attributes:
        data: n queries: those that were given, and behind them those that were trained on, if they could be scored too.
        scores: In [0, 1], shape (n,).
        unfit: Rows whose group was trained on and could not be scored without, shape (n,).
        crossed: Whether other predictors than the router's have scored.
    """

    data: RoutingDataset
    scores: FloatArray
    unfit: BoolArray
    crossed: bool


def as_new_groups(
    data: RoutingDataset,
    scores: FloatArray,
    known: BoolArray,
    train: RoutingDataset | None,
    fit: Callable[[Embedder, RoutingDataset], Predictor],
    embedder: Embedder,
    seed: int,
) -> AsNew:
    """The scores of queries as if their groups were new; the folds go through joblib.

    A predictor without a group has not seen its training queries either, so these tell as much as the others.

    Args:
        data: With queries and their groups.
        scores: The router's, in [0, 1].
        known: Which rows are of groups that it learned from, shape (n,).
        train: What it learned from; None if that is gone, as after loading.
        fit: Learns from a part of ``train`` with an embedder.
        embedder: The router's.
        seed: Of the folds.
    """
    from joblib import Parallel, delayed  # type: ignore[import-untyped]

    if not known.any() or train is None:
        return AsNew(data, scores, known, False)
    names = np.unique(np.asarray(train.groups, dtype=object))
    fold_of = dict(zip(np.random.default_rng(seed).permutation(names), np.arange(len(names)) % _FOLDS, strict=True))
    every = joined(data, train)
    fold = np.array([fold_of.get(name, -1) for name in every.groups or ()])
    rest = {k: np.flatnonzero(fold[len(data) :] != k) for k in range(min(_FOLDS, len(names)))}
    if min(len(np.unique(train.query_hashes[rows])) for rows in rest.values()) < _FEWEST:
        return AsNew(data, scores, known, False)  # one or two groups hold nearly all that was learned from
    once = _remembering(embedder, every)
    done = Parallel()(
        delayed(_scored)(fit, once, train.take(rows), every.take(np.flatnonzero(fold == k))) for k, rows in rest.items()
    )
    found = np.concatenate([scores, np.empty(len(train))])
    for k, part in zip(rest, done, strict=True):
        found[fold == k] = part
    return AsNew(every, found, np.zeros(len(every), dtype=bool), True)


def _scored(
    fit: Callable[[Embedder, RoutingDataset], Predictor],
    embedder: Embedder,
    train: RoutingDataset,
    data: RoutingDataset,
) -> FloatArray:
    return fit(embedder, train).score_rows(data)


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
