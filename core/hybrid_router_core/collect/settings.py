"""How to collect, checked; and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Literal

from hybrid_router_core.errors import ConfigError

from .export import Failure

__all__ = ["Collected", "Progress", "Settings"]

Stop = Literal["max_cost", "interrupted"]


@dataclass(frozen=True)
class Settings:
    """How to collect.

    Attributes:
        samples: Answers of each model to each query.
        temperature: Sent with each request; None leaves it to the model.
        max_tokens: Length limit of an answer; None leaves it to the model.
        concurrency: Requests in flight, for each model.
        requests_per_minute: Limit for each model.
        tokens_per_minute: Limit for each model, prompt and answer together.
        attempts: Tries of one request, the first included.
        timeout: Seconds for one request.
        max_cost: Money for all answers of this output, those of earlier runs included.
        allow_incomplete: Whether a row is written as soon as each model has one answer.
        change_settings: Whether models or their settings may differ from those of earlier runs for this output.

    Raises:
        ConfigError: A value is not allowed.
    """

    samples: int = 10
    temperature: float | None = None
    max_tokens: int | None = None
    concurrency: int = 8
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    attempts: int = 6
    timeout: float = 120.0
    max_cost: float | None = None
    allow_incomplete: bool = False
    change_settings: bool = False

    def __post_init__(self) -> None:
        for name in ("samples", "concurrency", "attempts", "max_tokens"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ConfigError(f"{name}={value!r}; a whole number ≥ 1 is needed")
        for name in ("requests_per_minute", "tokens_per_minute", "timeout", "max_cost"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                raise ConfigError(f"{name}={value!r}; a number > 0 is needed")
        if self.temperature is not None and not 0 <= self.temperature <= 2:
            raise ConfigError(f"temperature={self.temperature!r}; a number from 0 to 2 is needed")


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes:
        total: Samples in all.
        done: Those that are there.
        failed: Those that failed in this run.
        spent: Money so far, earlier runs included; None if a price is not known.
    """

    total: int
    done: int
    failed: int
    spent: float | None


@dataclass(frozen=True)
class Collected:
    """What a run came to.

    Attributes:
        out: The file with the rows.
        rows: Rows in it.
        incomplete: Rows that are not, since samples are missing.
        failed: Rows with a sample that was tried and failed; listed in `failed_path`.
        failures: The first few of them.
        failed_path: The list of what failed, if anything did.
        answered: Answers that came in this run.
        spent: Money for all answers of this output; None if a price is not known.
        stopped: Why the run ended early, if it did.
    """

    out: Path
    rows: int
    incomplete: int
    failed: int
    failures: tuple[Failure, ...]
    failed_path: Path | None
    answered: int
    spent: float | None
    stopped: Stop | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing is left to ask."""
        return self.incomplete == 0 and self.failed == 0 and self.stopped is None
