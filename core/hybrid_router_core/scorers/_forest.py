"""Extremely randomised trees (Geurts, Ernst & Wehenkel 2006): scikit-learn grows them, numpy walks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid_router_core._types import AnyArray, Float32Array, FloatArray

from ._settings import MlpSettings

__all__ = ["Forest", "grow_forest"]

_NEVER = np.finfo(np.float32).max  # threshold of the leaves; finite, as everything in a saved router
_FOLDS = 4  # for estimates of rows that were not learned from
_CHUNK = 512  # rows at a time: bounds the memory of a batch


@dataclass(frozen=True)
class Forest:
    """All trees in one list of nodes, of which the first `trees` are the roots.

    A row that is at node i goes on to `child[i]`, or to `child[i] + 1` if its feature is above the threshold. Leaves
    lead to themselves, so that every row takes `depth` steps in every tree.
    """

    feature: NDArray[np.int64]
    threshold: Float32Array
    child: NDArray[np.int64]
    value: Float32Array
    trees: int
    depth: int

    def predict(self, features: Float32Array) -> FloatArray:
        """Mean value of the leaves that each row reaches."""
        out = np.empty(len(features))
        for start in range(0, len(features), _CHUNK):
            rows = np.ascontiguousarray(features[start : start + _CHUNK], dtype=np.float32)
            node = np.tile(np.arange(self.trees), len(rows))
            flat = rows.ravel()
            base = np.repeat(np.arange(len(rows)) * rows.shape[1], self.trees) if len(rows) > 1 else None
            for _ in range(self.depth):
                column = self.feature.take(node)
                if base is not None:
                    column += base
                above = flat.take(column) > self.threshold.take(node)
                node = self.child.take(node)
                node += above
            out[start : start + _CHUNK] = self.value.take(node).reshape(len(rows), -1).mean(axis=1, dtype=np.float64)
        return out

    def state(self) -> dict[str, AnyArray]:
        """Arrays that `from_state` reads."""
        return {
            "feature": self.feature.astype(np.int32),
            "threshold": self.threshold,
            "child": self.child.astype(np.int32),
            "value": self.value,
            "shape": np.array([self.trees, self.depth]),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, AnyArray]) -> Forest:
        """The forest whose `state` this is."""
        trees, depth = (int(number) for number in state["shape"])
        feature, child = state["feature"].astype(np.int64), state["child"].astype(np.int64)
        threshold, value = state["threshold"].astype(np.float32), state["value"].astype(np.float32)
        nodes = len(child)
        if not (feature.shape == threshold.shape == child.shape == value.shape == (nodes,) and 1 <= trees <= nodes):
            raise ValueError(f"{trees} trees of {feature.shape}, {threshold.shape}, {child.shape}, {value.shape} nodes")
        inside = threshold < _NEVER
        if feature.min() < 0 or child.min() < 0 or (child + inside).max() >= nodes or not 0 <= depth <= nodes:
            raise ValueError("a tree leads out of its list of nodes")
        return cls(feature, threshold, child, value, trees, depth)


def grow_forest(
    features: Float32Array, qualities: Float32Array, settings: MlpSettings, seed: int
) -> tuple[Forest, FloatArray]:
    """Grow trees that estimate both qualities, columns small and large; their difference is the value of a leaf.

    Returns:
        The forest, and the difference for each row by trees that did not see it.
    """
    rng = np.random.default_rng(seed)
    model = _grow(features, qualities, settings, settings.n_trees, rng)
    forest = _flatten([estimator.tree_ for estimator in model.estimators_])
    if len(features) > settings.max_samples:
        return forest, _predict_out_of_bag(model, features)
    # Every tree has seen every row, which is best for few rows: smaller forests stand in.
    folds = np.array_split(rng.permutation(len(features)), min(_FOLDS, len(features)))
    held_out = np.zeros(len(features))
    for fold, rows in enumerate(folds):
        rest = [other for index, other in enumerate(folds) if index != fold]
        learn = np.sort(np.concatenate(rest)) if rest else rows
        trees = max(settings.n_trees // _FOLDS, 1)
        held_out[rows] = _gap(_grow(features[learn], qualities[learn], settings, trees, rng), features[rows])
    return forest, held_out


def _grow(
    features: Float32Array, qualities: Float32Array, settings: MlpSettings, trees: int, rng: np.random.Generator
) -> Any:
    from sklearn.ensemble import ExtraTreesRegressor  # type: ignore[import-untyped, unused-ignore]

    draws = len(features) > settings.max_samples
    model = ExtraTreesRegressor(
        trees,
        max_depth=settings.tree_depth(len(features)),
        min_samples_leaf=settings.min_samples_leaf,
        max_features=settings.max_features,
        bootstrap=draws,
        max_samples=settings.max_samples if draws else None,
        random_state=int(rng.integers(2**31)),
        n_jobs=-1,  # threads; the trees are the same for any number
    )
    # Predictions by several threads are added up in any order, which changes the last bit.
    return model.fit(features, qualities).set_params(n_jobs=1)


def _predict_out_of_bag(model: Any, features: Float32Array) -> FloatArray:
    total, times = np.zeros(len(features)), np.zeros(len(features))
    for estimator, drawn in zip(model.estimators_, model.estimators_samples_, strict=True):
        unseen = np.ones(len(features), dtype=bool)
        unseen[drawn] = False
        total[unseen] += _gap(estimator, features[unseen])
        times[unseen] += 1
    if (times == 0).any():  # only with a handful of trees
        total[times == 0] = _gap(model, features[times == 0])
    return np.asarray(total / np.maximum(times, 1))


def _gap(model: Any, features: Float32Array) -> FloatArray:
    estimates = model.predict(features)
    return np.asarray(estimates[:, 0] - estimates[:, 1])


def _flatten(trees: list[Any]) -> Forest:
    """Number the nodes level by level over all trees, children next to each other."""
    feature: list[AnyArray] = []
    threshold: list[AnyArray] = []
    child: list[AnyArray] = []
    value: list[AnyArray] = []
    tree_of = np.arange(len(trees))
    offsets = np.concatenate([[0], np.cumsum([tree.node_count for tree in trees])])
    left = np.concatenate([tree.children_left for tree in trees])
    right = np.concatenate([tree.children_right for tree in trees])
    features = np.concatenate([tree.feature for tree in trees])
    thresholds = np.concatenate([tree.threshold for tree in trees])
    gaps = np.concatenate([tree.value[:, 0, 0] - tree.value[:, 1, 0] for tree in trees])
    at = offsets[:-1]
    first, depth = 0, 0
    while True:
        inner = left[at] >= 0
        following = first + len(at)
        own = np.arange(first, following)
        own[inner] = following + 2 * np.arange(int(inner.sum()))
        feature.append(np.where(inner, features[at], 0))
        threshold.append(np.where(inner, thresholds[at], _NEVER))
        child.append(own)
        value.append(gaps[at])
        if not inner.any():
            break
        base = offsets[tree_of[inner]]
        at = np.stack([left[at[inner]] + base, right[at[inner]] + base], axis=1).ravel()
        tree_of = np.repeat(tree_of[inner], 2)
        first, depth = following, depth + 1
    return Forest(
        np.concatenate(feature).astype(np.int64),
        np.concatenate(threshold).astype(np.float32),
        np.concatenate(child).astype(np.int64),
        np.concatenate(value).astype(np.float32),
        len(trees),
        depth,
    )
