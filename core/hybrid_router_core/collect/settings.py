"""How to collect, checked; and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .export import Failure
from .model import Options, check_count, check_number

__all__ = ["Collected", "Progress", "Settings"]

Stop = Literal["max_cost", "interrupted"]
_MOST_SAMPLES = 10_000


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
        Options(self.temperature, self.max_tokens, self.timeout, self.concurrency)  # its rules are ours
        check_count("samples", self.samples, _MOST_SAMPLES)
        check_count("attempts", self.attempts)
        for name in ("requests_per_minute", "tokens_per_minute", "max_cost"):
            if (value := getattr(self, name)) is not None:
                check_number(name, value)


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
        spent: Money for all answers of this output, and for replies that were none; None if a price is not known.
        empty: Queries whose last reply had no text, by side.
        cut_off: Answers in the rows that the length limit ended, by side.
        notes: What a server did not take of what was asked for.
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
    empty: Mapping[str, int]
    cut_off: Mapping[str, int]
    notes: tuple[str, ...] = ()
    stopped: Stop | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing is left to ask."""
        return self.incomplete == 0 and self.failed == 0 and self.stopped is None
