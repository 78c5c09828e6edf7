"""What a command shows on the way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from .jobs import Plan
from .settings import Progress

__all__ = ["Hooks", "Start"]


@dataclass(frozen=True)
class Start:
    """What is known when a run starts.

    Attributes:
        rows: Rows of queries.
        repeated: Those whose query was there before; it is asked once, and its answers written for each row.
        names: Of both models.
        plans: What each is still to answer.
        spent: Money in earlier runs; None if a price is not known.
        priced: Whether the price of each is known.
    """

    rows: int
    repeated: int
    names: tuple[str, str]
    plans: tuple[Plan, Plan]
    spent: float | None
    priced: tuple[bool, bool]


@dataclass(frozen=True)
class Hooks:
    """What a command shows on the way.

    Attributes:
        start: Called before the first request.
        progress: Called after each.
        waiting: Called with a line where a model is waited for.
        stopping: Gives a context in which its argument ends the run in order.
    """

    start: Callable[[Start], None] | None = None
    progress: Callable[[Progress], None] | None = None
    waiting: Callable[[str], None] | None = None
    stopping: Callable[[Callable[[], None]], AbstractContextManager[None]] | None = None
