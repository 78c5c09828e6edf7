"""Drift: whether queries look otherwise than at calibration, without any label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import ConfigDict, Field

from hybrid_router_core._types import FloatArray
from hybrid_router_core.calibration import a_confidence
from hybrid_router_core.errors import ArtifactError, ConfigError, DataError

from .checks import a_count, later
from .found import Drifted
from .ranks import Ranks, noise
from .saved import STRICT, Amount, Count, dump, load

__all__ = ["Drift"]

FEWEST = 60
MOST_FEATURES = 64

_HEAD, _EVEN = 0.5, 0.5  # parts of the error of a horizon: for who bets from the first call on, for who begins later

# What is bet on, as a function of the rank in (0, 1) with mean 1: that values rise, fall, spread out or draw together.
_SIZES = (0.3, 0.9)
_BETS = 4 * len(_SIZES)


@dataclass
class _State:
    names: list[str]
    error: Annotated[float, Field(gt=0, lt=1)]
    horizon: Annotated[int, Field(ge=1)]
    seed: Count
    calls: Count = 0
    drifted_at: int | None = None
    when: float | None = None
    last: float | None = None
    edges: list[list[float]] = field(default_factory=list)  # these three only in what is saved
    counts: list[list[Count]] = field(default_factory=list)
    wealth: list[list[Amount]] = field(default_factory=list)
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


class Drift:
    """An anytime-valid test of "live queries come from where the calibration queries came from".

    Each query is told by a few numbers: the router's score, and whatever else shows who asks (a random projection of
    the embedding, the share of a language, the length). It is a hint to look, to label more calls or to calibrate anew,
    and never an alarm by itself: whether the limit still holds is for `Watch`, from labels. Traffic that follows the
    clock, comes in conversations, or repeats queries drifts by this measure though nothing is wrong.

    As long as reference and live queries are exchangeable, the chance that the state becomes "drifted" within the first
    k horizons is at most k times 1 - confidence. Bettors begin at every call (arXiv:2203.03532) and bet on conformal
    ranks (Vovk, Gammerman and Shafer 2005; see `ranks`), so a change that comes late is found as well. What changes so
    slowly that the live queries before it look alike is not.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> drift = Drift(rng.beta(2, 2, 600), names=["score"])
    >>> for score in rng.beta(2, 4, 400):
    ...     state = drift.see(score)
    >>> state
    'drifted'

    Args:
        reference: Of the calibration queries, none of them trained on, in random order; shape (n,) or (n, d), n at
            least 60, d at most 64.
        names: Of the d features.
        confidence: In (0, 1).
        horizon: Calls, at least 100.
        seed: Of the lots by which ties are broken.

    Raises:
        ConfigError: If a setting is not allowed.
        DataError: If the reference is unusable.
    """

    def __init__(
        self,
        reference: ArrayLike,
        *,
        names: Sequence[str] | None = None,
        confidence: float = 0.95,
        horizon: int = 100_000,
        seed: int = 0,
    ) -> None:
        rows = _numbers("reference", reference)
        rows = rows[:, None] if rows.ndim == 1 else rows
        if rows.ndim != 2 or len(rows) < FEWEST or not 1 <= rows.shape[1] <= MOST_FEATURES:
            raise DataError(
                f"reference has shape {np.shape(reference)}; allowed: (n,) or (n, d), n from {FEWEST} on and d from 1 "
                f"to {MOST_FEATURES}"
            )
        names = [f"feature {k}" for k in range(rows.shape[1])] if names is None else [str(name) for name in names]
        if len(names) != rows.shape[1]:
            raise ConfigError(f"names has {len(names)} entries and there are {rows.shape[1]} features")
        self._state = _State(
            names,
            1 - a_confidence(confidence),
            a_count("horizon", horizon, 100, ConfigError),
            a_count("seed", seed, 0, ConfigError),
        )
        self._ranks = Ranks.of(rows)
        self._wealth = np.full((len(names), _BETS), _HEAD * self._state.error / len(names) / _BETS)

    @property
    def state(self) -> Literal["steady", "drifted"]:
        """As of the last call."""
        return "steady" if self._state.drifted_at is None else "drifted"

    def see(self, values: ArrayLike, *, at: float | None = None) -> Literal["steady", "drifted"]:
        """A live query.

        Args:
            values: Its features, shape (d,), or a number where there is one.
            at: A time, or number, of the call that never goes back; None for none.

        Returns:
            The state.

        Raises:
            DataError: If a value is not allowed; then nothing is told.
        """
        state, row = self._state, np.atleast_1d(_numbers("values", values))
        if row.shape != (len(state.names),):
            raise DataError(f"values has shape {np.shape(values)}; allowed: ({len(state.names)},), one a feature")
        state.last = later(at, state.last)
        state.calls += 1
        if state.drifted_at is not None:  # what came since would pass for normal
            return self.state
        ranks = self._ranks.add(row, noise(state.seed, state.calls))
        self._wealth += _EVEN * state.error / state.horizon / self._wealth.size
        self._wealth *= _payoffs(ranks)
        if self._wealth.sum() >= 1.0:
            state.drifted_at, state.when = state.calls, at
        return self.state

    def report(self) -> Drifted:
        """What was found so far."""
        state, evidence = self._state, self._wealth.sum(axis=1)
        features = tuple(state.names[k] for k in np.argsort(-evidence, kind="stable"))
        return Drifted(self.state, state.calls, float(evidence.sum()), features, state.drifted_at, state.when)

    def to_dict(self) -> dict[str, Any]:
        """All that there is to know, as JSON can hold it; a drift made from it goes on bit for bit the same."""
        edges, counts = self._ranks.lists()
        return dump("drift", replace(self._state, edges=edges, counts=counts, wealth=self._wealth.tolist()))

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Drift:
        """The drift whose `to_dict` this is.

        Raises:
            ArtifactError: If it is damaged, of another kind, or of a newer format.
        """
        drift = cls.__new__(cls)
        drift._state = state = load("drift", _State, saved)
        try:
            drift._ranks = Ranks.of_lists(state.edges, state.counts)
            drift._wealth = np.array(state.wealth, dtype=np.float64).reshape(len(state.names), _BETS)
            if len(drift._ranks.edges) != len(state.names):
                raise ValueError(f"{len(state.names)} names and {len(drift._ranks.edges)} features")
        except ValueError as error:
            raise ArtifactError(f"this drift is damaged: {error}") from error
        return drift

    def __repr__(self) -> str:
        return f"Drift({len(self._state.names)} features, state={self.state!r}, calls={self._state.calls})"


def _payoffs(ranks: FloatArray) -> FloatArray:
    """The factors on the wealth of all bettors, shape (d, 8)."""
    place = 2 * ranks - 1
    apart = 2 * np.abs(place) - 1
    turns = np.stack([place, -place, apart, -apart], axis=1)
    return np.concatenate([1 + size * turns for size in _SIZES], axis=1)


def _numbers(name: str, values: ArrayLike) -> FloatArray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} holds something that is not a number: {error}") from error
    if not np.isfinite(array).all():
        raise DataError(f"{name} holds NaN or infinity; allowed: finite numbers")
    return array
