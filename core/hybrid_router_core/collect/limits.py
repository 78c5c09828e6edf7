"""How fast a model may be asked, and how often again."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from hybrid_router_core.errors import MissingExtraError
from hybrid_router_core.responses import Response

from .errors import AskError

__all__ = ["Pace", "Retries", "Sleep"]

Sleep = Callable[[float], Awaitable[None]]
_LONGEST_WAIT = 600.0  # seconds: what a server may ask for before its query is left for the next run
_FIRST_TRIES = 3  # while a server has never answered: a wrong address shall not take a minute to be told


class Pace:
    """Requests and tokens a minute, spread evenly, without the burst of a full bucket at the start.

    A request takes a guess of its tokens, and is put right when they are known.
    """

    def __init__(self, requests: float | None, tokens: float | None, sleep: Sleep) -> None:
        self._request_gap = 60.0 / requests if requests else 0.0
        self._token_gap = 60.0 / tokens if tokens else 0.0
        self._next_request = self._next_token = self._held = 0.0
        self._sleep = sleep

    async def take(self, tokens: float) -> None:
        """Wait for a turn."""
        while (now := monotonic()) < self._held:  # the server asked for silence; it may do so again while we wait
            await self._sleep(self._held - now)
        if not (self._request_gap or self._token_gap):
            return
        start = max(now, self._next_request, self._next_token)
        self._next_request = max(now, self._next_request) + self._request_gap
        self._next_token = max(now, self._next_token) + tokens * self._token_gap
        if start > now:
            await self._sleep(start - now)

    def correct(self, tokens: float) -> None:
        """Add tokens that were not guessed, or give some back."""
        self._next_token += tokens * self._token_gap

    def hold(self, seconds: float) -> None:
        """Let nobody start for so long."""
        self._held = max(self._held, monotonic() + seconds)


class Retries:
    """Asks again with a growing, random wait, or the one that the server asks for."""

    def __init__(self, attempts: int, pace: Pace, sleep: Sleep) -> None:
        try:
            tenacity: Any = importlib.import_module("tenacity")
        except ImportError:
            raise MissingExtraError("tenacity", "collect") from None
        self._backoff = tenacity.wait_random_exponential(multiplier=0.5, max=60)
        self._pace = pace
        self._attempts = attempts
        self._answered = False
        self._retrying = tenacity.AsyncRetrying(
            stop=self._enough,
            wait=self._wait,
            retry=tenacity.retry_if_exception(self._again),
            sleep=sleep,
            reraise=True,
        )

    async def ask(self, ask: Callable[[str], Awaitable[Response]], query: str, tokens: float) -> Response:
        """One answer.

        Raises:
            AskError: There is none after the last attempt.
        """

        async def attempt() -> Response:
            await self._pace.take(tokens)
            answer = await ask(query)
            self._answered = True
            return answer

        try:
            return await attempt()
        except AskError as error:
            failed: AskError | None = error

        async def attempt_again() -> Response:
            # The first attempt went without the machinery, which costs as much as the request; here it is counted.
            nonlocal failed
            if failed is not None:
                error, failed = failed, None
                raise error
            return await attempt()

        answer: Response = await self._retrying.copy()(attempt_again)
        return answer

    def _enough(self, state: Any) -> bool:
        error = state.outcome.exception()
        few = isinstance(error, AskError) and error.down and not self._answered
        return bool(state.attempt_number >= (min(_FIRST_TRIES, self._attempts) if few else self._attempts))

    @staticmethod
    def _again(error: BaseException) -> bool:
        return isinstance(error, AskError) and error.retry and (error.after or 0.0) <= _LONGEST_WAIT

    def _wait(self, state: Any) -> float:
        error = state.outcome.exception()
        if isinstance(error, AskError) and error.after is not None:
            self._pace.hold(error.after)
            return error.after
        return float(self._backoff(state))
