"""Hyperparameters of the scorer `mlp`, named as in scikit-learn's MLPRegressor and ExtraTreesRegressor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hybrid_router_core.errors import ConfigError

from .hparam import check_choice, check_count, check_number

__all__ = ["MlpSettings"]


@dataclass(frozen=True)
class MlpSettings:
    """Checked on creation.

    Attributes:
        hidden_layer_sizes: Width of each hidden layer; () gives linear models.
        activation: Of the hidden layers.
        solver: "adam" or "sgd" (with momentum 0.9) in mini-batches, or "lbfgs" on all rows at once (no dropout).
        alpha: L2 penalty on the weights, divided by the number of rows as in scikit-learn.
        batch_size: Rows a step; "auto" takes a tenth of the training rows, from 8 to 128.
        learning_rate_init: Step size of adam and sgd.
        max_iter: The most passes over the data.
        early_stopping: Stop each network when its held-out loss no longer falls, and keep its best weights.
        validation_fraction: Share of the rows that each network does not learn from. All rows are held out in turn,
            which also gives the predictions on unseen rows from which the probabilities are calibrated.
        n_iter_no_change: Passes without improvement before a network stops.
        tol: What counts as improvement of the held-out loss.
        n_networks: Networks whose estimates are averaged.
        dropout: Share of the hidden units that are left out of each training step.
        input_dropout: Share of the features that are left out of each training step.
        n_trees: Trees whose estimate is blended with that of the networks in equal parts; 0 for networks alone.
        max_depth: Of the trees; None takes log2 of the number of rows a tree learns from, less two.
        min_samples_leaf: The fewest rows in a leaf of a tree.
        max_samples: The most rows a tree learns from, drawn for each tree if there are more.
        max_features: Share of the features that are tried at each split of a tree.
    """

    hidden_layer_sizes: int | tuple[int, ...] = (48,)
    activation: Literal["identity", "logistic", "tanh", "relu"] = "relu"
    solver: Literal["lbfgs", "sgd", "adam"] = "adam"
    alpha: float = 1e-4
    batch_size: int | Literal["auto"] = "auto"
    learning_rate_init: float = 0.002
    max_iter: int = 200
    early_stopping: bool = True
    validation_fraction: float = 0.25
    n_iter_no_change: int = 5
    tol: float = 1e-4
    n_networks: int = 8
    dropout: float = 0.5
    input_dropout: float = 0.2
    n_trees: int = 128
    max_depth: int | None = None
    min_samples_leaf: int = 5
    max_samples: int = 4096
    max_features: float = 0.3

    def __post_init__(self) -> None:
        if not isinstance(self.widths, tuple):
            raise ConfigError(f"hparam hidden_layer_sizes={self.hidden_layer_sizes!r}: give a tuple of whole numbers")
        for width in self.widths:
            check_count("hidden_layer_sizes", width)
        check_choice("activation", self.activation, ("identity", "logistic", "tanh", "relu"))
        check_choice("solver", self.solver, ("lbfgs", "sgd", "adam"))
        check_number("alpha", self.alpha, 0, float("inf"), open_high=True)
        if self.batch_size != "auto":
            check_count("batch_size", self.batch_size)
        check_number("learning_rate_init", self.learning_rate_init, 1e-12, float("inf"), open_high=True)
        check_count("max_iter", self.max_iter)
        check_choice("early_stopping", self.early_stopping, (True, False))
        check_number("validation_fraction", self.validation_fraction, 0.02, 0.5)
        check_count("n_iter_no_change", self.n_iter_no_change)
        check_number("tol", self.tol, 0, float("inf"), open_high=True)
        check_count("n_networks", self.n_networks)
        check_number("dropout", self.dropout, 0, 1, open_high=True)
        check_number("input_dropout", self.input_dropout, 0, 1, open_high=True)
        check_count("n_trees", self.n_trees, 0)
        if self.max_depth is not None:
            check_count("max_depth", self.max_depth)
        check_count("min_samples_leaf", self.min_samples_leaf)
        check_count("max_samples", self.max_samples)
        check_number("max_features", self.max_features, 1e-6, 1)

    @property
    def widths(self) -> tuple[int, ...]:
        """hidden_layer_sizes as a tuple."""
        sizes = self.hidden_layer_sizes
        return (sizes,) if isinstance(sizes, int) else sizes

    @property
    def folds(self) -> int:
        """Parts of the data that are held out in turn."""
        return round(1 / self.validation_fraction)

    def tree_depth(self, rows: int) -> int:
        """The greatest depth of the trees for this many training rows."""
        rows = min(rows, self.max_samples)
        return max(int(np.log2(rows)) - 2, 1) if self.max_depth is None else self.max_depth

    def rows_per_step(self, rows: int) -> int:
        """The batch size for this many training rows."""
        wanted = min(max(rows // 10, 8), 128) if self.batch_size == "auto" else self.batch_size
        return min(wanted, rows)
