"""What the commands write: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import typer

from hybrid_router_core.errors import HybridRouterError

from .wording import as_options, sentence

__all__ = ["Messages", "json_line", "one_line", "print_json", "put", "tell", "warnings_as_lines", "writing"]


class Messages:
    """Steps and notes for the person at the terminal; silent if quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.bars = not quiet and sys.stderr is not None and sys.stderr.isatty()

    def say(self, text: str) -> None:
        """One line on stderr."""
        if not self.quiet:
            tell(text)

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Says what is going on; a spinner at a terminal, a line elsewhere."""
        if not self.bars:
            self.say(f"{text} ...")
            yield
            return
        from rich.console import Console
        from rich.markup import escape

        with Console(stderr=True).status(escape(text)):
            yield


def put(text: str) -> None:
    """A result on stdout.

    Raises:
        HybridRouterError: If it cannot be written there.
    """
    if sys.stdout is None:
        raise HybridRouterError("standard output is closed, and the result goes there")
    try:
        typer.echo(text)
    except BrokenPipeError:  # as in `| head -1`: who reads has enough, and says so to nobody
        _silence(sys.stdout)
        raise typer.Exit(1) from None
    except OSError as error:
        _silence(sys.stdout)
        raise HybridRouterError(f"standard output: cannot be written: {error.strerror or error}") from error


def tell(text: str) -> None:
    """A line on stderr; what cannot be said there must not end a run that may cost money."""
    try:
        typer.echo(text, err=True)
    except (OSError, ValueError):
        _silence(sys.stderr)


def print_json(value: Any) -> None:
    """One JSON document on stdout, for a program."""
    put(_dumped(value, indent=2, ascii_only=not _utf8(sys.stdout)))


def json_line(value: Any, *, ascii_only: bool = False) -> str:
    """One JSON value in one line."""
    return _dumped(value, indent=None, ascii_only=ascii_only)


def one_line(error: BaseException | str, settings: Iterable[str] = ()) -> str:
    """A message without line breaks, and with options in the place of parameters; see `as_options`."""
    return as_options(" ".join(str(error).split()), settings)


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """The library's warnings as lines on stderr, in place of a source line that means nothing to the user.

    Where two say the same of other rows, as of those that calibrate and those that test, the first will do.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    said: set[str] = set()
    for warning in caught:
        line = one_line(str(warning.message))
        if issubclass(warning.category, UserWarning) and sentence(line) not in said:
            said.add(sentence(line))
            tell(f"warning: {line}")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns the system's refusal to write into one line."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise HybridRouterError(f"{path}: cannot be written: {error.strerror or error}") from error


def _silence(stream: Any) -> None:
    """Let what is left in the buffer go nowhere; else Python tries again at its end, and complains."""
    with suppress(AttributeError, OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _utf8(stream: Any) -> bool:
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"


def _dumped(value: Any, *, indent: int | None, ascii_only: bool) -> str:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8, but JSON can escape it
        return json.dumps(value, indent=indent)
    return text
