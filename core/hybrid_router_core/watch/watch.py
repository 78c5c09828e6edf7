"""Watch: whether the certified limit on the quality drop still holds, from labels of a few live calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import ConfigDict

from hybrid_router_core.calibration import a_confidence, a_range, number
from hybrid_router_core.errors import ConfigError

from .breaking import Breaking
from .checks import a_count, a_probability, a_quality, later
from .found import Verdict, Watched
from .gains import Gains
from .holding import Holding
from .saved import STRICT, dump, load

__all__ = ["Watch"]


@dataclass
class _State:
    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    limit: float
    confidence: float
    quality_range: tuple[float, float]
    horizon: int
    gains: Gains
    breaking: Breaking
    holding: Holding
    broken_at: int | None = None
    when: float | None = None
    last: float | None = None


class Watch:
    """An anytime-valid test of "the mean quality drop of live calls is at most the limit"; look after every call.

    Each call is told once, in the order of the calls: `to_large`, `to_small` if it has no label, else `label`. Only
    calls to small need labels, since those to large lose nothing. Which calls get one is drawn by lot beforehand, with
    a probability that may differ by call. Late labels may be told late, if how late does not depend on what they show.

    What is guaranteed, for losses of any distribution, labels drawn with the probabilities that are told, and looks
    after every call:
    - As long as the mean drop of the traffic, given the past, never exceeds the limit, the chance that the state
      becomes "broken" within the first ``horizon`` labels is at most 1 - confidence, and within the first k horizons at
      most k times that: one false alarm in 20 horizons. "broken" stays, since it says that there was a time when the
      limit did not hold; calibrate again and begin a new watch.
    - If the mean drop is at the limit or above from the first call on, the chance that the state is ever "holds" within
      the first k horizons is at most k times 1 - confidence. Here a drop that rises later takes "holds" away soon, but
      for that nothing is guaranteed.
    Nothing is guaranteed where labels go missing by what they would show, as when a judge fails on long answers: tell
    such a call with the worst quality for small. A mean that swings about the limit by the hour is broken, though it
    may be kept on average.

    Bets on doubly robust gains (arXiv:2010.09686, 2210.10768), begun at every label and, with more at stake, where
    losses rise against the past (arXiv:2203.03532); see `gains`, `evidence`, `breaking` and `holding`.

    >>> watch = Watch(0.05, smallest_probability=0.1)
    >>> for call in range(500):
    ...     watch.to_large(15)
    ...     watch.to_small(9)
    ...     state = watch.label(small_quality=1.0, large_quality=1.0, probability=0.1)
    >>> state
    'holds'

    Args:
        limit: Most quality that may be lost on average, in units of quality, at least 0.
        smallest_probability: Of a label, for any call to small, in (0, 1]; far below most of them it costs power.
        confidence: In (0, 1), of each of the two statements.
        quality_range: Lowest and highest quality possible.
        horizon: Labels, at least 100.

    Raises:
        ConfigError: If a setting is not allowed.
    """

    def __init__(
        self,
        limit: float,
        *,
        smallest_probability: float,
        confidence: float = 0.95,
        quality_range: tuple[float, float] = (0.0, 1.0),
        horizon: int = 10_000,
    ) -> None:
        low, high = a_range(quality_range)
        limit = number("limit", limit, 0.0, high - low, "It is in units of quality.")
        if limit >= high - low:
            raise ConfigError(f"limit is {limit:g}; qualities from {low:g} to {high:g} allow no larger loss")
        smallest = number("smallest_probability", smallest_probability, 0.0, 1.0, "It is that of a label.")
        if smallest < 1e-6:
            raise ConfigError(f"smallest_probability is {smallest:g}; allowed: from 0.000001 to 1. 0.05 is usual.")
        error = 1 - a_confidence(confidence)
        horizon = a_count("horizon", horizon, 100, ConfigError)
        self._state = _State(
            limit,
            float(confidence),
            (low, high),
            horizon,
            Gains(limit / (high - low), smallest),
            Breaking(error, horizon),
            Holding(error, horizon),
        )

    @property
    def state(self) -> Verdict:
        """As of the last label."""
        return "broken" if self._state.breaking.reached else "holds" if self._state.holding.holds else "unsure"

    def to_large(self, calls: int = 1, *, at: float | None = None) -> None:
        """Calls that went to large, at least 0; `at` is a time, or a number, that never goes back, or None for none.

        Raises:
            DataError: If a value is not allowed; then nothing is told.
        """
        calls = a_count("calls", calls, 0)
        self._state.last = later(at, self._state.last)
        self._state.gains.large += calls
        self._state.gains.large_since += calls

    def to_small(self, calls: int = 1, *, at: float | None = None) -> None:
        """Calls that went to small and were not chosen for a label; as `to_large`."""
        calls = a_count("calls", calls, 0)
        self._state.last = later(at, self._state.last)
        self._state.gains.small += calls
        self._state.gains.unlabelled += calls

    def label(
        self, small_quality: float, large_quality: float, probability: float, *, at: float | None = None
    ) -> Verdict:
        """A call that went to small, and what both answers are worth.

        Args:
            small_quality: Of small's answer, in `quality_range`.
            large_quality: Of large's.
            probability: With which the call was chosen for a label, from `smallest_probability` to 1.
            at: As in `to_large`.

        Returns:
            The state.

        Raises:
            DataError: If a value is not allowed; then nothing is told.
        """
        state, gains = self._state, self._state.gains
        low, high = state.quality_range
        loss = a_quality("large_quality", large_quality, low, high) - a_quality(
            "small_quality", small_quality, low, high
        )
        chance = a_probability(probability, gains.smallest)
        state.last = later(at, state.last)
        step = gains.step(loss / (high - low), chance)
        if gains.labels:  # before the first there is nothing to fix bets by
            state.breaking.settle(step, gains)
            state.holding.settle(step, gains)
        gains.learn(step, chance)
        if state.breaking.reached and state.broken_at is None:
            state.broken_at, state.when = gains.labels, at
        return self.state

    def report(self) -> Watched:
        """What was found so far."""
        state, gains = self._state, self._state.gains
        calls, drop = gains.small + gains.large, gains.drop
        return Watched(
            state=self.state,
            labels=gains.labels,
            calls=calls,
            calls_since_label=gains.unlabelled + gains.large_since,
            cost_advantage=gains.small / calls if calls else None,
            quality_drop=None if drop is None else drop * (state.quality_range[1] - state.quality_range[0]),
            against=state.breaking.wealth,
            broken_at=state.broken_at,
            when=state.when,
        )

    def to_dict(self) -> dict[str, Any]:
        """All that there is to know, as JSON can hold it; a watch made from it goes on bit for bit the same."""
        return dump("watch", self._state)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Watch:
        """The watch whose `to_dict` this is.

        Raises:
            ArtifactError: If it is damaged, of another kind, or of a newer format.
        """
        watch = cls.__new__(cls)
        watch._state = load("watch", _State, saved)
        return watch

    def __repr__(self) -> str:
        state = self._state
        return f"Watch(limit={state.limit:g}, state={self.state!r}, labels={state.gains.labels})"
