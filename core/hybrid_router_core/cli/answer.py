"""Answers from the two models, where the config says where they are; asked by the client of ``collect``."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as finished
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hybrid_router_core.collect import Options, Settings, resolve
from hybrid_router_core.errors import ConfigError
from hybrid_router_core.routing import ModelName

from .asking import Asked
from .config import Config, ModelSection
from .console import Messages

__all__ = ["TIMEOUT", "Answers", "Limits", "answers_of"]

TIMEOUT = 120.0  # seconds for one answer
QUIET = 5.0  # seconds without an answer, after which it is said what is waited for


@dataclass(frozen=True)
class Limits:
    """What every answer is asked with.

    Attributes:
        temperature: None leaves it to the model.
        max_tokens: Length limit; None leaves it to the model.
        timeout: Seconds for one answer, all attempts together.

    Raises:
        ConfigError: If a value is not allowed.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float = TIMEOUT

    def __post_init__(self) -> None:
        Settings(temperature=self.temperature, max_tokens=self.max_tokens, timeout=self.timeout)  # its rules are ours


class Answers:
    """Asks both models; a context manager, which leaves nothing in flight.

    Its event loop runs in a thread of its own, so that no answer is late only since the results are read slowly.
    """

    def __init__(self, sides: dict[ModelName, Asked], timeout: float, messages: Messages) -> None:
        self._sides = sides
        self._timeout = timeout
        self._messages = messages
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="answers", daemon=True)

    def __enter__(self) -> Answers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # the results are there; a connection that does not close is no matter
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        if not self._thread.is_alive():
            self._loop.close()

    def ask(self, models: Sequence[ModelName], queries: Sequence[str]) -> Iterator[dict[str, Any]]:
        """One answer a query, in order: ``{"response": text}``, or ``{"response": None, "error": text}``."""
        asked = [
            asyncio.run_coroutine_threadsafe(self._sides[side].answer(query), self._loop)
            for side, query in zip(models, queries, strict=True)
        ]
        for side, future in zip(models, asked, strict=True):
            yield self._waited(side, future)

    def _waited(self, side: ModelName, future: Future[dict[str, Any]]) -> dict[str, Any]:
        waited, pause = 0.0, QUIET
        while not finished([future], pause).done:
            waited, pause = waited + pause, 2 * pause
            name = self._sides[side].model.name
            self._messages.say(f"waiting for {side} ({name}): {waited:.0f} s of at most {self._timeout:g} s")
        return future.result()

    async def _close(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for side in self._sides.values():
            await side.close()


def answers_of(config: Config, limits: Limits, messages: Messages) -> Answers | None:
    """What asks the models; None if the config gives no addresses. Nothing is asked yet.

    Raises:
        ConfigError: If only one model has an address, or a key is not in the environment.
        MissingExtraError: If there is no client.
    """
    sections: dict[ModelName, ModelSection] = {"small": config.small, "large": config.large}
    addresses = {side: section.base_url or _shared(config, section) for side, section in sections.items()}
    missing = [side for side, address in addresses.items() if not address]
    if len(missing) == 2:
        return None
    if missing:
        raise ConfigError(f"{missing[0]} has no base_url, the other model has; give both, or add --route-only")
    sides: dict[ModelName, Asked] = {}
    for side, section in sections.items():
        _check(side, section, str(addresses[side]))
        options = Options(limits.temperature, limits.max_tokens, limits.timeout, key_env=section.api_key_env)
        model = resolve(f"{addresses[side]}#{section.model or section.name}", options, side=side)
        sides[side] = Asked(model, limits.timeout, messages)
    return Answers(sides, limits.timeout, messages)


def _shared(config: Config, section: ModelSection) -> str | None:
    return config.api_endpoint if section.name or section.model else None


def _check(side: ModelName, section: ModelSection, address: str) -> None:
    if not (section.model or section.name):
        raise ConfigError(f"{side} has no model; give the name that its server knows")
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port, or brackets, that cannot be
        usable = False
    if not usable or len(address.split()) > 1 or parts.query or parts.fragment or parts.username:
        # It is not shown, since it may hold a key.
        raise ConfigError(f"{side}.base_url: allowed is an address such as http://localhost:8000/v1, and no key in it")
    if section.api_key_env is not None and not os.environ.get(section.api_key_env, "").strip():
        raise ConfigError(
            f"{side}.api_key_env: no environment variable of that name is set; set it or add --route-only"
        )
