"""Which samples are still to be asked for: counted before the start, then handed out one at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import inf
from typing import NamedTuple, TypeVar

from .prices import Price, tokens_of
from .queries import Query, Source
from .store import Store, query_key

__all__ = ["Job", "Jobs", "Plan", "plan"]

CHUNK = 256  # queries a look-up
_GUESS = 300.0  # tokens of an answer, before there is one
T = TypeVar("T")
Call = Callable[[Callable[[], T]], Awaitable[T]]


class Job(NamedTuple):
    """One sample to ask for."""

    key: bytes
    query: str
    sample: int


@dataclass(frozen=True)
class Plan:
    """What one model is still to answer, before the run.

    Attributes:
        total: Samples in all, of different queries.
        missing: Those without an answer.
        prompt_tokens: A guess for the missing.
        completion_tokens: A guess for one answer.
        cost: A guess for the missing; None if the price is not known.
        mean_cost: Of an answer in earlier runs; 0 if there is none.
    """

    total: int
    missing: int
    prompt_tokens: float
    completion_tokens: float
    cost: float | None
    mean_cost: float = 0.0


def plan(
    source: Source,
    store: Store,
    models: tuple[int, int],
    prices: tuple[Price | None, Price | None],
    samples: int,
    max_tokens: int | None,
) -> tuple[int, int, tuple[Plan, Plan]]:
    """Read all queries, so that a bad row is told before any money is spent.

    Returns:
        The number of rows, of those whose query was there before, and the plans for small and large.

    Raises:
        DataError: A row is bad.
    """
    rows = 0
    seen: set[bytes] = set()
    missing, tokens = [0, 0], [0.0, 0.0]
    for chunk in _chunks(source()):
        rows += len(chunk)
        fresh: dict[bytes, str] = {}
        for query in chunk:
            if (key := query_key(query.text)) not in seen:
                fresh[key] = query.text
        seen.update(fresh)
        for side, model in enumerate(models):
            for text, lacking in zip(fresh.values(), store.missing(model, list(fresh), samples), strict=True):
                missing[side] += len(lacking)
                tokens[side] += len(lacking) * tokens_of(text)
    plans = []
    for side, (model, price) in enumerate(zip(models, prices, strict=True)):
        mean_length, mean_cost = store.means(model)
        length = mean_length or min(_GUESS, max_tokens or _GUESS)
        cost = None if price is None else price.of(tokens[side], length * missing[side])
        plans.append(Plan(len(seen) * samples, missing[side], tokens[side], length, cost, mean_cost or 0.0))
    return rows, rows - len(seen), (plans[0], plans[1])


class Jobs:
    """Hands out the missing samples of one model in the order of the queries, each once."""

    def __init__(
        self, source: Source, samples: int, missing: Callable[[list[bytes]], Awaitable[list[list[int]]]]
    ) -> None:
        self._chunks = _chunks(source())
        self._samples = samples
        self._missing = missing
        self._waiting: deque[tuple[int, Job]] = deque()
        self._active: set[tuple[bytes, int]] = set()
        self._lock = asyncio.Lock()
        self._read = 0
        self._behind: Jobs | None = None
        self._moved = asyncio.Event()
        self.position: float = 0
        self._window = 0

    def keep_near(self, other: Jobs, window: int) -> None:
        """Never be more queries ahead of the other model: where the money ends, few answers are without a partner."""
        self._behind, self._window = other, window

    async def next(self) -> Job | None:
        """The next one; None at the end."""
        async with self._lock:
            while not self._waiting:
                chunk = next(self._chunks, None)
                if chunk is None:
                    self._move(inf)
                    return None
                await self._fill(chunk)
            position, job = self._waiting.popleft()
            self._move(position)
            while self._behind is not None and self._behind.position + self._window < position:
                self._behind._moved.clear()
                await self._behind._moved.wait()
            return job

    def done(self, job: Job) -> None:
        """This one is in the store, or has failed."""
        self._active.discard((job.key, job.sample))

    def end(self) -> None:
        """Hand out no more, and let nobody wait for us."""
        self._chunks = iter(())
        self._waiting.clear()
        self._move(inf)

    def _move(self, position: float) -> None:
        self.position = max(self.position, position)
        self._moved.set()

    async def _fill(self, chunk: list[Query]) -> None:
        # Those in flight now may be in the store when the look-up looks, or not: they are handed out either way.
        before = set(self._active)
        keys = [query_key(query.text) for query in chunk]
        for query, key, missing in zip(chunk, keys, await self._missing(keys), strict=True):
            self._read += 1
            for sample in missing:
                if (key, sample) not in before and (key, sample) not in self._active:
                    self._active.add((key, sample))
                    self._waiting.append((self._read, Job(key, query.text, sample)))


def _chunks(queries: Iterator[Query]) -> Iterator[list[Query]]:
    while chunk := list(islice(queries, CHUNK)):
        yield chunk
