"""One model that is asked: its attempts, its time, and what is said of its waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from hybrid_router_core.collect import AskError, Model, Pace, Retries
from hybrid_router_core.data import Response

from .console import Messages

__all__ = ["Asked"]

ATTEMPTS = 4  # of a request that fails: refused for now, or no connection
WORKERS = 8  # answers asked for at the same time
LONG = 5.0  # seconds: waits from here on are named


class Asked:
    """A model with its retries.

    Args:
        model: Who answers.
        timeout: Seconds for one answer, all attempts together.
        messages: For waits.
    """

    def __init__(self, model: Model, timeout: float, messages: Messages) -> None:
        self.model = model
        self._timeout = timeout
        self._messages = messages
        self._retries = Retries(ATTEMPTS, Pace(None, None, self._sleep), self._sleep)
        self._turns = asyncio.Semaphore(WORKERS)
        self._told = 0.0  # until when a wait was named
        self._answered = False
        self._hopeless: str | None = None

    async def answer(self, query: str) -> dict[str, Any]:
        """What the model says, or why there is nothing: one query without an answer does not end the run."""
        async with self._turns:
            if self._hopeless is not None:
                return _nothing(self._hopeless)
            try:
                work = self._retries.ask(self._until(monotonic() + self._timeout), query, 0.0)
                text = (await asyncio.wait_for(work, self._timeout)).text
            except asyncio.TimeoutError:
                return _nothing(self._late())
            except AskError as error:
                reason = _in_our_words(error.reason)
                if error.fatal or (error.down and not self._answered):  # the others need not try it, and wait
                    self._hopeless = reason
                return _nothing(reason)
        self._answered = True
        return {"response": text} if text else _nothing("the answer is empty")

    async def close(self) -> None:
        """Free the connections."""
        if self.model.close is not None:
            await self.model.close()

    def _until(self, deadline: float) -> Callable[[str], Awaitable[Response]]:
        """Asks once; there is no further attempt after the deadline, or where the server asks to wait beyond it."""

        async def ask(query: str) -> Response:
            try:
                return await self.model.ask(query)
            except AskError as error:
                left = deadline - monotonic()
                if left <= 0:
                    raise AskError(self._late(), fatal=error.fatal) from None
                if error.after is not None and error.after >= left:
                    wait = f"the server asks to wait {error.after:.0f} s, --timeout is {self._timeout:g} s"
                    raise AskError(f"{error.reason}; {wait}") from None
                raise

        return ask

    def _late(self) -> str:
        return f"no answer from {self.model.name} in {self._timeout:g} s, the --timeout"

    async def _sleep(self, seconds: float) -> None:
        until = monotonic() + seconds
        if seconds >= LONG and until > self._told + 1:  # once for all the queries that wait
            self._told = until
            self._messages.say(f"{self.model.name}: asked to wait, or not there; trying again in {seconds:.0f} s")
        await asyncio.sleep(seconds)


def _nothing(reason: str) -> dict[str, Any]:
    return {"response": None, "error": reason}


def _in_our_words(reason: str) -> str:
    """The client names the options of ``collect``; here keys are named in the config."""
    return reason.replace("--small-key-env", "small.api_key_env").replace("--large-key-env", "large.api_key_env")
