"""The default scorer: small networks that estimate both models' qualities, and trees that do the same.

Ding et al. 2024 (arXiv:2404.14618) train one network on the label by cross-entropy. Here each network has three
outputs, the quality of small, the quality of large, and the label, learned together by cross-entropy on soft targets.
The difference of the two qualities ranks the queries: what makes the large model fail teaches too. Extremely randomised
trees on the same features err differently, and the mean of both ranks better than either. A logistic curve, fitted on
rows that were not learned from, turns the ranking into the probability that the label promises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hybrid_router_core._types import AnyArray, Float32Array, FloatArray
from hybrid_router_core.errors import NotFittedError

from ._forest import Forest, grow_forest
from ._network import Networks
from ._settings import MlpSettings
from .base import Progress, Targets
from .hparam import read_settings
from .platt import fit_platt, sigmoid

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MlpScorer"]

_CHUNK = 4096  # rows at a time: bounds the memory of the hidden layers
_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")


class MlpScorer:
    """Blend of several small networks and a forest; see the module.

    Args:
        hparam: Fields of `MlpSettings`.
    """

    kind: ClassVar[str] = "mlp"

    def __init__(self, hparam: Mapping[str, Any] | None = None) -> None:
        self.settings = read_settings(self.kind, MlpSettings, hparam)
        self._networks: Networks | None = None
        self._forest: Forest | None = None
        self._blend = (1.0, 0.0)
        self._curve = (1.0, 0.0)

    def fit(self, features: Float32Array, targets: Targets, *, seed: int = 0, progress: Progress | None = None) -> Self:
        """Learn from one row of features a query; the same seed and data give the same state."""
        from ._train import train_networks

        small, large = scale_qualities(targets)
        outputs = np.stack([small, large, targets.label], axis=1).astype(np.float32)
        features = features.astype(np.float32, copy=False)
        settings = self.settings
        trained = train_networks(features, outputs, settings, seed, progress)
        self._networks, self._forest = _without_label(trained.networks), None
        by_networks = trained.held_out[:, 0] - trained.held_out[:, 1]
        by_forest = np.zeros_like(by_networks)
        if settings.n_trees:
            self._forest, by_forest = grow_forest(features, outputs[:, :2], settings, seed)
        self._blend = _unit(by_networks), _unit(by_forest)
        self._curve = fit_platt(self._blend[0] * by_networks + self._blend[1] * by_forest, targets.label)
        return self

    def predict(self, features: Float32Array) -> FloatArray:
        """The estimated label of each row, in [0, 1]."""
        if self._networks is None:
            raise NotFittedError("the scorer is not fitted yet; call fit(features, targets)")
        signal = self._blend[0] * _estimate_gap(self._networks, features)
        if self._forest is not None:
            signal += self._blend[1] * self._forest.predict(features)
        slope, intercept = self._curve
        return sigmoid(slope * signal + intercept)

    def state(self) -> dict[str, AnyArray]:
        """Arrays that `from_state` reads."""
        if self._networks is None:
            raise NotFittedError("the scorer is not fitted yet; call fit(features, targets)")
        arrays: dict[str, AnyArray] = {"curve": np.array(self._curve)}
        arrays["activation"] = np.array([_ACTIVATIONS.index(self._networks.activation)])
        for layer, (weight, bias) in enumerate(zip(self._networks.weights, self._networks.biases, strict=True)):
            arrays[f"weight{layer}"], arrays[f"bias{layer}"] = weight, bias
        arrays["blend"] = np.array(self._blend)
        if self._forest is not None:
            arrays |= {f"forest.{name}": array for name, array in self._forest.state().items()}
        return arrays

    @classmethod
    def from_state(cls, state: Mapping[str, AnyArray]) -> Self:
        """The fitted scorer whose `state` this is."""
        layers = sum(name.startswith("weight") for name in state)
        weights = [state[f"weight{layer}"].astype(np.float32) for layer in range(layers)]
        biases = [state[f"bias{layer}"].astype(np.float32) for layer in range(layers)]
        _check_shapes(weights, biases)
        scorer = cls()
        scorer._networks = Networks(weights, biases, _ACTIVATIONS[int(state["activation"][0])])
        forest = {name[len("forest.") :]: array for name, array in state.items() if name.startswith("forest.")}
        scorer._forest = Forest.from_state(forest) if forest else None
        scorer._blend = _pair(state["blend"])
        scorer._curve = _pair(state["curve"])
        return scorer


def scale_qualities(targets: Targets) -> tuple[FloatArray, FloatArray]:
    """Both qualities on one scale from 0 to 1, which half a percent of outliers at each end do not stretch."""
    both = np.concatenate([targets.small_quality, targets.large_quality])
    low, high = np.quantile(both, [0.005, 0.995])
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-300):  # nearly all alike: then the outliers are what there is
        low, high = both.min(), both.max()
    if high <= low:
        half = np.full(targets.label.shape, 0.5)
        return half, half
    return tuple(np.clip((q - low) / (high - low), 0, 1) for q in (targets.small_quality, targets.large_quality))


def _estimate_gap(networks: Networks, features: Float32Array) -> FloatArray:
    """Mean estimate of the quality of small minus that of large, on the scale of `scale_qualities`."""
    out = np.empty(len(features))
    for start in range(0, len(features), _CHUNK):
        qualities = np.tanh(0.5 * networks.logits(features[start : start + _CHUNK])).mean(axis=0, dtype=np.float64)
        out[start : start + _CHUNK] = 0.5 * (qualities[:, 0] - qualities[:, 1])
    return out


def _unit(signal: FloatArray) -> float:
    """The factor that gives the signal a standard deviation of one; a constant signal counts nothing."""
    spread = float(signal.std())
    return 1 / spread if spread > 1e-9 else 0.0


def _pair(values: AnyArray) -> tuple[float, float]:
    first, second = values
    return float(first), float(second)


def _without_label(networks: Networks) -> Networks:
    """The label's output helped to learn the hidden layers and is not needed for the difference."""
    weights = [*networks.weights[:-1], np.ascontiguousarray(networks.weights[-1][..., :2])]
    biases = [*networks.biases[:-1], np.ascontiguousarray(networks.biases[-1][..., :2])]
    return Networks(weights, biases, networks.activation)


def _check_shapes(weights: list[Float32Array], biases: list[Float32Array]) -> None:
    good = bool(weights) and all(w.ndim == 3 for w in weights) and weights[-1].shape[2] == 2
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        good = good and bias.shape == (weight.shape[0], 1, weight.shape[2])
        good = good and (index == 0 or weights[index - 1].shape[::2] == weight.shape[:2])
    if not good:
        raise ValueError(f"layers of shapes {[w.shape for w in weights]} do not follow one another")
