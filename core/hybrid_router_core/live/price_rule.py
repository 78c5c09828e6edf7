"""The price of a switch: small answers where it is good enough and, with what is warm where, saves enough.

Least cost at a given quality needs one exchange rate of quality to money for all calls, so small answers only if
``odds(score) * mean saving <= odds(threshold) * saving``, the odds being those that it fails: at the threshold it has
to save now what it saves on average, and below the threshold, or where it costs more, it never answers. An arm that has
not read a prompt is paid for it by whichever later turn needs that arm; so by not answering now it leaves to be paid
the lesser of that price and of what it would still bring in this conversation, and as of the latter only the mean B is
known, that is ``B * (1 - exp(-price / B))``, as of an exponential quantity. The mean saving, what an arm brings a turn
and how many turns follow before the cache runs out are learnt from the calls.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hybrid_router_core.routing import ModelName, RoutingDecision

from .prices import Prices
from .warmth import LEAST_CACHED, Prefix, Warmth

__all__ = ["OUTPUT_TOKENS", "PriceRule"]

OUTPUT_TOKENS = 300.0  # of an answer, until one has been counted
MEMORY = 50  # answers over which the mean of their lengths runs
DECISIONS = 200  # over which what a saving is worth is learnt
RAREST = 1e-3  # a probability below it counts as this one, so that odds stay finite


@dataclass(slots=True)
class _Mean:
    """A mean that runs over about as many values as its window."""

    window: int
    count: int = 0
    value: float = 0.0

    def add(self, value: float) -> None:
        self.count = min(self.count + 1, self.window)
        self.value += (value - self.value) / self.count


@dataclass(frozen=True, slots=True)
class _Quote:
    """US dollars on one arm, of this call and the further ones that keep its decision."""

    cost: float
    warm: float  # as if the arm had read the prompt before

    @property
    def behind(self) -> float:
        """For reading what the arm has not read."""
        return max(self.cost - self.warm, 0.0)


class PriceRule:
    """What a call costs on each arm; thread-safe. A copy or an unpickled one starts anew.

    It knows what has been sent through it, so a prompt that another process has warmed counts as cold.

    Args:
        prices: Of both arms.
        clock: Seconds; for tests.
    """

    def __init__(self, prices: Prices, clock: Callable[[], float] = time.monotonic) -> None:
        self.prices = prices
        self._warmth = Warmth(prices.cache_lifetime, clock)
        self._lock = threading.Lock()
        self._lengths: dict[ModelName, _Mean] = {}
        self._decisions = self._further = 0
        self._saving, self._goes_on = _Mean(DECISIONS), _Mean(DECISIONS)
        self._brings = _Mean(DECISIONS), _Mean(DECISIONS)  # by small and by large a turn, above the other arm

    def cost(self, arm: ModelName, prefix: Prefix, output_tokens: float | None = None) -> float:
        """US dollars of a call now.

        Args:
            arm: The model that answers.
            prefix: The prompt.
            output_tokens: Of the answer, from 0; None for the mean of this arm's answers so far.
        """
        output = self.expected_output(arm) if output_tokens is None else output_tokens
        return self._call(arm, prefix.whole, self._warmth.tokens(arm, prefix), output)

    def _call(self, arm: ModelName, whole: int, warm: int, output: float) -> float:
        return self.prices.of(arm).call(whole - warm, warm, output, caches=whole >= LEAST_CACHED)

    def expected_output(self, arm: ModelName) -> float:
        """Mean tokens of an arm's answers; those of the other one until this one has answered, or `OUTPUT_TOKENS`."""
        own = self._lengths.get(arm) or self._lengths.get("large" if arm == "small" else "small")
        return own.value if own else OUTPUT_TOKENS

    def ruled(self, decision: RoutingDecision, prefix: Prefix) -> RoutingDecision:
        """The decision, or large with the reason ``"price"`` if small was chosen by its score and saves too little.

        What the caller, a sticky conversation or the call's form has decided stays. Where decisions are kept for
        further calls (see `sent`), as many as follow one on average count with it.
        """
        score, threshold = decision.score, decision.threshold
        with self._lock:
            self._decisions += 1
        if decision.reason != "score" or score is None or threshold is None:
            return decision
        (small, small_goes_on), (large, large_goes_on) = self._quote("small", prefix), self._quote("large", prefix)
        saved, steady = large.cost - small.cost, large.warm - small.warm
        odds = (1 - score) * threshold / (max(score, RAREST) * max(1 - threshold, RAREST))
        with self._lock:
            self._saving.add(max(saved, 0.0))
            risk = odds * self._saving.value
            if prefix.whole >= LEAST_CACHED:
                self._goes_on.add(small_goes_on or large_goes_on)
                for mean, more in zip(self._brings, (steady - risk, risk - steady), strict=True):
                    mean.add(max(more, 0.0))
            gained = saved + self._owed(small, 0) - self._owed(large, 1)
        if decision.model != "small" or (saved >= 0 and risk <= gained):
            return decision
        if saved < 0:
            detail = f"small would cost about ${small.cost:.3g}, large ${large.cost:.3g}"
        else:
            detail = f"small would save about ${saved:.3g}, too little for its score"
        return RoutingDecision("large", score, threshold, "price", detail)

    def sent(
        self, arm: ModelName, prefix: Prefix, output_tokens: float | None = None, *, further: bool = False
    ) -> None:
        """An arm has answered.

        Args:
            arm: The model that answered.
            prefix: The prompt that it read.
            output_tokens: Of its answer, if somebody counted them.
            further: Whether the decision was made for an earlier call and kept, as in the steps of an agent's turn.
        """
        self._warmth.sent(arm, prefix)
        with self._lock:
            self._further += further
            if output_tokens is not None and 0 <= output_tokens < math.inf:
                self._lengths.setdefault(arm, _Mean(MEMORY)).add(output_tokens)

    def _quote(self, arm: ModelName, prefix: Prefix) -> tuple[_Quote, bool]:
        """Also whether the arm has read the conversation so far."""
        whole, output = prefix.whole, self.expected_output(arm)
        tokens, goes_on = self._warmth.longest(arm, prefix)
        cost = self._call(arm, whole, tokens, output)
        warm = self._call(arm, whole, whole if whole >= LEAST_CACHED else 0, output)
        further = self._further / max(self._decisions, 1)
        return _Quote(cost + further * warm, (1 + further) * warm), goes_on

    def _owed(self, quote: _Quote, arm: int) -> float:
        """US dollars that stay to be paid, on average, if the other arm answers; see the module."""
        goes_on = self._goes_on
        turns = goes_on.value / (1 - goes_on.value + 1 / max(goes_on.count, 1))  # as many follow, by their share
        brings = turns * self._brings[arm].value
        return -brings * math.expm1(-quote.behind / brings) if brings > 0 else 0.0

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self), (self.prices,)
