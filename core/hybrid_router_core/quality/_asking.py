"""Asking a chat model many questions at once, and reading a verdict from each answer."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from hybrid_router_core.collect import AskError, Model, Options, Pace, Retries, Waits, redact, resolve
from hybrid_router_core.errors import ConfigError, HybridRouterError

__all__ = ["Asker", "Counts"]

Parse = Callable[[str], "float | None"]
T = TypeVar("T")

_ATTEMPTS = 6  # of a request that fails: refused for now, no connection, no answer in time
_SHOWN = 60  # characters of an answer that was no verdict
_REMINDER = "\n\nYour last answer could not be read. Answer with nothing but one JSON object of exactly that form."


@dataclass
class Counts:
    """What became of the questions.

    Attributes:
        asked: Requests that were answered.
        unparsable: Answers that were no verdict, and were asked for again.
        given_up: Questions without a verdict after the last try.
        failed: Questions whose requests failed.
        example: The start of an answer that was no verdict.
        reason: Why a request failed.
    """

    asked: int = 0
    unparsable: int = 0
    given_up: int = 0
    failed: int = 0
    example: str | None = None
    reason: str | None = None


class Asker:
    """A chat model with a loop of its own, so that its connections outlive a batch, also within a notebook.

    Args:
        model: What `collect` takes as a model.
        options: What is sent with each request.
        tries: How often a question is asked until its answer can be read.
    """

    def __init__(self, model: Any, options: Options, tries: int) -> None:
        try:
            self.model: Model = resolve(model, options, side="judge")
        except ConfigError as error:
            raise ConfigError(_in_our_words(str(error))) from None
        self.counts = Counts()
        self._concurrency = options.concurrency
        self._tries = tries
        self.say: Callable[[str], None] | None = None
        self._waits = Waits(f"judge {self.model.name}", self._say)
        self._retries = Retries(_ATTEMPTS, Pace(None, None, asyncio.sleep), asyncio.sleep, self._waits)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: weakref.finalize[..., Asker] | None = None

    def verdicts(self, prompts: Sequence[str], parse: Parse) -> list[float | None]:
        """The verdict on each prompt, in order; the same prompt is asked once.

        Raises:
            HybridRouterError: No request at all was answered, or none ever will be.
        """
        different = list(dict.fromkeys(prompts))
        found = dict(zip(different, self._run(self._all(different, parse)), strict=True)) if different else {}
        return [found[prompt] for prompt in prompts]

    def close(self) -> None:
        """Free the connections and the thread."""
        if self._closing is not None:
            self._closing()
            self._loop = self._closing = None

    async def _all(self, prompts: list[str], parse: Parse) -> list[float | None]:
        turns = asyncio.Semaphore(self._concurrency)
        errors: list[AskError] = []

        async def one(prompt: str) -> float | None:
            async with turns:
                try:
                    return await self._verdict(prompt, parse)
                except AskError as error:
                    if error.fatal:
                        raise
                    errors.append(error)
                    self.counts.failed += 1
                    self.counts.reason = _in_our_words(error.reason)
                    return None

        tasks = [asyncio.ensure_future(one(prompt)) for prompt in prompts]
        try:
            found = await asyncio.gather(*tasks)
        except AskError as error:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise HybridRouterError(
                f"the judge {self.model.name} cannot be asked: {_in_our_words(error.reason)}"
            ) from None
        if errors and len(errors) == len(prompts):
            raise HybridRouterError(f"the judge {self.model.name} answers nothing: {self.counts.reason}")
        return found

    async def _verdict(self, prompt: str, parse: Parse) -> float | None:
        question = prompt
        for _ in range(self._tries):
            answer = await self._retries.ask(self.model.ask, question, 0.0)
            self.counts.asked += 1
            verdict = parse(answer.text)
            if verdict is not None:
                return verdict
            self.counts.unparsable += 1
            self.counts.example = self.counts.example or redact(answer.text)[:_SHOWN]
            question = prompt + _REMINDER  # at temperature 0 the very same question has the very same answer
        self.counts.given_up += 1
        return None

    def _say(self, line: str) -> None:
        if self.say is not None:
            self.say(_in_our_words(line))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            thread = threading.Thread(target=self._loop.run_forever, name="judge", daemon=True)
            thread.start()
            self._closing = weakref.finalize(self, _stop, self._loop, thread, self.model)
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:  # Ctrl-C: what is in flight need not be paid for
            future.cancel()
            raise


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread, model: Model) -> None:
    if model.close is not None:
        with suppress(Exception):  # a connection that does not close is no matter, the verdicts are there
            asyncio.run_coroutine_threadsafe(_closed(model), loop).result(timeout=5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=5)
    loop.close()


async def _closed(model: Model) -> None:
    if model.close is not None:
        await model.close()


def _in_our_words(text: str) -> str:
    """The client names the options of the command ``collect``; a judge has its own."""
    named = {"--judge-key-env": "the option key_env", "--max-tokens": "the option max_tokens"}
    named["--small-key-env and --large-key-env name"] = "the option key_env names"
    for theirs, ours in named.items():
        text = text.replace(theirs, ours)
    return text
