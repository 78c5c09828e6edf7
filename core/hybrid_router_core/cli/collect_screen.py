"""What ``collect`` shows while it runs, and how it is interrupted."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from hybrid_router_core.collect import Progress

from .console import Messages

__all__ = ["interruptible", "money", "progress_bar"]


def money(before: str, amount: float | None) -> str:
    """An amount with its words; nothing if it is not known."""
    return "" if amount is None else f"{before}${amount:.4f}"


@contextmanager
def interruptible(messages: Messages, stop: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C waits for what is in flight, since it is paid for; a second one does not."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        messages.say("waiting for the requests in flight; Ctrl-C again stops at once")
        stop()

    with suppress(NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        loop.add_signal_handler(signal.SIGINT, first)
    try:
        yield
    finally:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGINT)


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None]]:
    """A bar with the money spent so far, on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("Collecting"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    bar = Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True, redirect_stdout=False)
    task = bar.add_task("", total=None)

    def show(progress: Progress) -> None:
        if not bar.live.is_started:  # what is said before the first request stays above it
            bar.start()
        failed = f"  {progress.failed:,} failed" if progress.failed else ""
        description = f"{money('', progress.spent) or 'cost unknown'}{failed}"
        bar.update(task, total=progress.total, completed=progress.done, description=description)

    try:
        yield show
    finally:
        bar.stop()
