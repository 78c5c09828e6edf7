"""The progress bars of long work, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(description: str, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """Give a function that takes the steps done and the most there can be; it draws nothing unless ``shown``."""
    if not shown:
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
        bar.update(task, completed=bar.tasks[task].total or 1, total=bar.tasks[task].total or 1)  # it may end early
