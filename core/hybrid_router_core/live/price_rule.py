"""The price of a switch: small answers where it is good enough and, with what is warm where, also cheaper."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from hybrid_router_core.routing import ModelName, RoutingDecision

from .prices import Prices
from .warmth import LEAST_CACHED, Prefix, Warmth

__all__ = ["OUTPUT_TOKENS", "PriceRule"]

OUTPUT_TOKENS = 300.0  # of an answer, until one has been counted
MEMORY = 50  # answers over which the mean of their lengths runs


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
        self._lengths: dict[ModelName, tuple[int, float]] = {}  # answers counted, their mean tokens
        self._decisions = self._further = 0

    def cost(self, arm: ModelName, prefix: Prefix, output_tokens: float | None = None) -> float:
        """US dollars of a call now.

        Args:
            arm: The model that answers.
            prefix: The prompt.
            output_tokens: Of the answer, from 0; None for the mean of this arm's answers so far.
        """
        output = self.expected_output(arm) if output_tokens is None else output_tokens
        warm, whole = self._warmth.tokens(arm, prefix), prefix.whole
        return self.prices.of(arm).call(whole - warm, warm, output, caches=whole >= LEAST_CACHED)

    def expected_output(self, arm: ModelName) -> float:
        """Mean tokens of an arm's answers; those of the other one until this one has answered, or `OUTPUT_TOKENS`."""
        own = self._lengths.get(arm) or self._lengths.get("large" if arm == "small" else "small")
        return own[1] if own else OUTPUT_TOKENS

    def ruled(self, decision: RoutingDecision, prefix: Prefix) -> RoutingDecision:
        """The decision, or large with the reason ``"price"`` if small was chosen by its score and costs more.

        What the caller, a sticky conversation or the call's form has decided stays. Equal costs stay small. Where
        decisions are kept for further calls (see `sent`), as many as follow one on average count with it.
        """
        with self._lock:
            self._decisions += 1
        if decision.model != "small" or decision.reason != "score":
            return decision
        small, large = self._until_next("small", prefix), self._until_next("large", prefix)
        if small <= large:
            return decision
        detail = f"small would cost about ${small:.3g}, large ${large:.3g}"
        return RoutingDecision("large", decision.score, decision.threshold, "price", detail)

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
                count, mean = self._lengths.get(arm, (0, 0.0))
                count = min(count + 1, MEMORY)
                self._lengths[arm] = count, mean + (output_tokens - mean) / count

    def _until_next(self, arm: ModelName, prefix: Prefix) -> float:
        """US dollars of this call and those that keep its decision, which find its prompt warm."""
        cost = self.cost(arm, prefix)
        if not self._further:
            return cost
        whole = prefix.whole
        warm = whole if whole >= LEAST_CACHED else 0
        one = self.prices.of(arm).call(whole - warm, warm, self.expected_output(arm), caches=False)
        return cost + one * self._further / max(self._decisions, 1)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self), (self.prices,)
