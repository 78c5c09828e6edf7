"""The run: two models, each with its own workers, one store, one purse."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from time import monotonic

from hybrid_router_core.data import Response

from .errors import AskError, CollectError
from .hooks import Hooks
from .jobs import Job, Jobs, Plan
from .limits import LONGEST_WAIT, Pace, Retries, Waits
from .model import Model
from .prices import Price, tokens_of
from .queries import Source
from .settings import Progress, Settings, Stop
from .store import Row
from .writer import Writer

__all__ = ["Run", "Side"]

_HOPELESS = 20  # queries in a row that failed: it is the model and not the queries
_QUIET = 15.0  # seconds without an answer, after which it is said


class _StoppedError(Exception):
    """A wait ended since the run ends."""


class Side:
    """One model in a run."""

    def __init__(self, name: str, model: Model, number: int, price: Price | None, plan: Plan) -> None:
        self.name = name
        self.model = model
        self.number = number
        self.price = price
        self.plan = plan
        self.in_flight = 0
        self.answered = self.failed = 0
        self.works = plan.missing < plan.total  # it has answered, in this run or an earlier one
        self.refused = 0  # in a row, and in a way that all other requests would be
        self.tokens = plan.completion_tokens
        # Until the very first answer no money is reserved for requests in flight: a wrong guess would stop the run.
        self.mean_cost = plan.mean_cost


class Run:
    """Asks for all missing samples.

    Attributes:
        spent: Money so far, earlier runs included.
        stopped: Why the run ends early, if it does.
    """

    def __init__(
        self,
        sides: Sequence[Side],
        settings: Settings,
        source: Source,
        writer: Writer,
        spent: float,
        hooks: Hooks,
    ) -> None:
        self.sides = sides
        self.settings = settings
        self.source = source
        self.writer = writer
        self.spent = spent
        self.stopped: Stop | None = None
        self._error: Exception | None = None
        self._stop = asyncio.Event()
        self._hooks = hooks
        self._jobs: list[Jobs] = []

    def stop(self, reason: Stop) -> None:
        """Start nothing more; what is in flight is waited for, since it is paid for."""
        if self.stopped is None and self._error is None:
            self.stopped = reason
        self._end()

    async def run(self) -> None:
        """Ask until all is there or the run must end.

        Raises:
            CollectError: The store failed, or a model cannot be asked at all.
        """
        for side in self.sides:
            missing = partial(self._missing, side.number)
            self._jobs.append(Jobs(self.source, self.settings.samples, missing))
        self._jobs[0].keep_near(self._jobs[1], max(16, self.settings.concurrency))
        self._jobs[1].keep_near(self._jobs[0], max(16, self.settings.concurrency))
        self._report()
        workers = []
        for side, jobs in zip(self.sides, self._jobs, strict=True):
            pace = Pace(self.settings.requests_per_minute, self.settings.tokens_per_minute, self._sleep)
            waits = Waits(f"{side.name} ({side.model.name})", self._hooks.waiting)
            retries = Retries(self.settings.attempts, pace, self._sleep, waits)
            workers += [self._worker(side, jobs, pace, retries) for _ in range(self.settings.concurrency)]
        watching = asyncio.ensure_future(self._watch())
        try:
            await asyncio.gather(*workers)
        finally:
            watching.cancel()
        if self._error is not None:
            raise self._error

    async def _worker(self, side: Side, jobs: Jobs, pace: Pace, retries: Retries) -> None:
        try:
            while not self._stop.is_set() and (job := await jobs.next()) is not None:
                if self._stop.is_set() or not self._affordable():
                    break
                side.in_flight += 1
                try:
                    outcome = await self._ask(side, job, pace, retries)
                finally:
                    side.in_flight -= 1
                    jobs.done(job)
                self._count(side, outcome)
        except _StoppedError:
            pass
        except Exception as error:
            self._error = self._error or error
            self._end()

    async def _ask(self, side: Side, job: Job, pace: Pace, retries: Retries) -> Response | str:
        guess = tokens_of(job.query) + side.tokens
        outcome: Response | str
        try:
            response = await retries.ask(side.model.ask, job.query, guess)
        except AskError as error:
            lasting = error.fatal or (error.after or 0.0) > LONGEST_WAIT
            side.refused = side.refused + 1 if lasting else 0
            if error.down or (error.fatal and not side.works) or side.refused >= self._hopeless:
                raise CollectError(f"{side.name} ({side.model.name}): {error.reason}") from None
            outcome, lost = error.reason, self._paid(side, job, pace, error.paid, guess).cost or 0.0
        else:
            outcome, lost = self._paid(side, job, pace, response, guess), 0.0
            side.refused = 0
        await self.writer.save(Row(side.number, job.key, job.sample, outcome, lost))
        return outcome

    def _paid(self, side: Side, job: Job, pace: Pace, response: Response | None, guess: float) -> Response:
        """The response with its cost, once that is counted; also one that is no answer was paid for."""
        if response is None:
            return Response("")
        used = (response.prompt_tokens, response.completion_tokens)
        if None not in used:
            pace.correct(sum(count or 0 for count in used) - guess)
        if response.cost is None and side.price is not None:
            response = replace(response, cost=side.price.of_response(job.query, response))
        self.spent += response.cost or 0.0
        return response

    def _count(self, side: Side, outcome: Response | str) -> None:
        if isinstance(outcome, str):
            side.failed += 1
            if side.answered == 0 and side.failed >= _HOPELESS:
                raise CollectError(
                    f"{side.name} ({side.model.name}): the first {side.failed} requests failed, the last: {outcome}"
                )
        else:
            side.answered += 1
            side.works = True
            weight = 1 / min(side.answered, 100)
            side.mean_cost += weight * ((outcome.cost or 0.0) - side.mean_cost)
            side.tokens += weight * ((outcome.completion_tokens or side.tokens) - side.tokens)
        self._report()

    @property
    def _hopeless(self) -> int:
        return max(_HOPELESS, 2 * self.settings.concurrency)  # what is in flight together may fail together

    def _affordable(self) -> bool:
        limit = self.settings.max_cost
        if limit is None or self.spent + sum(side.in_flight * side.mean_cost for side in self.sides) < limit:
            return True
        self.stop("max_cost")
        return False

    async def _missing(self, model: int, keys: list[bytes]) -> list[list[int]]:
        return await self.writer.call(lambda: self.writer.store.missing(model, keys, self.settings.samples))

    async def _watch(self) -> None:
        """Says that there is no answer, in ever longer steps, while requests are in flight and nothing comes."""
        since, quiet, before = monotonic(), _QUIET, -1
        while self._hooks.waiting is not None:
            await asyncio.sleep(1.0)
            done = sum(side.answered + side.failed for side in self.sides)
            if done != before:
                since, quiet, before = monotonic(), _QUIET, done
            elif monotonic() - since >= quiet and (names := [side.name for side in self.sides if side.in_flight]):
                limit = f"--timeout is {self.settings.timeout:g} s"
                self._hooks.waiting(f"waiting for {' and '.join(names)}: {quiet:.0f} s without an answer; {limit}")
                quiet *= 2

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except asyncio.TimeoutError:
            return
        raise _StoppedError

    def _end(self) -> None:
        self._stop.set()
        for jobs in self._jobs:
            jobs.end()

    def _report(self) -> None:
        if self._hooks.progress is not None:
            total = sum(side.plan.total for side in self.sides)
            missing = sum(side.plan.missing - side.answered for side in self.sides)
            known = all(side.price is not None for side in self.sides)
            failed = sum(side.failed for side in self.sides)
            self._hooks.progress(Progress(total, total - missing, failed, self.spent if known else None))
