"""How fast a model may be asked, and how often again."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from time import monotonic
from typing import Any

from hybrid_router_core.data import Response
from hybrid_router_core.errors import MissingExtraError

from .errors import AskError

__all__ = ["LONGEST_WAIT", "Pace", "Retries", "Sleep", "Waits"]

Sleep = Callable[[float], Awaitable[None]]
LONGEST_WAIT = 600.0  # seconds: what a server may ask for before its query is left for the next run
_LONG = 5.0  # seconds: waits from here on are told
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


class Waits:
    """Says that a model is waited for: nobody shall look at a screen on which nothing happens.

    Args:
        name: Who is waited for.
        say: Takes one line; None says nothing.
    """

    def __init__(self, name: str, say: Callable[[str], None] | None) -> None:
        self._name = name
        self._say = say
        self._until = monotonic() + _LONG  # what is said holds until then

    def before(self, seconds: float, error: AskError) -> None:
        """An attempt failed, and the next one begins in so many seconds."""
        now = monotonic()
        if self._say is not None and now + seconds > self._until + 1:  # once for all the requests that wait
            self._until = now + max(seconds, _LONG)
            when = f" in {seconds:.0f} s" if seconds >= 1 else ""
            self._say(f"{self._name}: {error.reason}; trying again{when}")

    def answered(self) -> None:
        """Something came; a next short wait is nothing to tell."""
        self._until = max(self._until, monotonic() + _LONG)


class Retries:
    """Asks again with a growing, random wait, or the one that the server asks for.

    Args:
        attempts: Of one request, the first included.
        pace: How fast.
        sleep: Waits.
        waits: Says it.
    """

    def __init__(self, attempts: int, pace: Pace, sleep: Sleep, waits: Waits | None = None) -> None:
        try:
            tenacity: Any = importlib.import_module("tenacity")
        except ImportError:
            raise MissingExtraError("tenacity", "collect") from None
        self._backoff = tenacity.wait_random_exponential(multiplier=0.5, max=60)
        self._pace = pace
        self._attempts = attempts
        self._answered = False
        self._waits = waits or Waits("", None)
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
            self._waits.answered()
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

        try:
            answer: Response = await self._retrying.copy()(attempt_again)
        except AskError as error:
            if error.after is not None and error.after > LONGEST_WAIT:
                error.reason += f"; the server asks to wait {_span(error.after)}; run the same command again then"
                error.args = (error.reason,)
            raise
        return answer

    def _enough(self, state: Any) -> bool:
        error = state.outcome.exception()
        few = isinstance(error, AskError) and error.down and not self._answered
        return bool(state.attempt_number >= (min(_FIRST_TRIES, self._attempts) if few else self._attempts))

    @staticmethod
    def _again(error: BaseException) -> bool:
        return isinstance(error, AskError) and error.retry and (error.after or 0.0) <= LONGEST_WAIT

    def _wait(self, state: Any) -> float:
        error = state.outcome.exception()
        asked = isinstance(error, AskError) and error.after is not None
        seconds = float(error.after if asked else self._backoff(state))
        if asked:
            self._pace.hold(seconds)
        self._waits.before(seconds, error)
        return seconds


def _span(seconds: float) -> str:
    """A wait, with its end where that is near enough to be told as a time of day."""
    if seconds > 86_400:
        return f"{seconds / 86_400:,.1f} days"
    end = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return f"{seconds:,.0f} s, until {end:%H:%M} UTC"
