"""How a run ends: its exit code, and one line on stderr for whatever went wrong."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from hybrid_router_core.errors import DataError, HybridRouterError

from .console import one_line, tell

__all__ = ["FAILED", "INTERRUPTED", "Group"]

FAILED = 1  # the user's data, settings or world; a defect of ours as well
INTERRUPTED = 130  # Ctrl-C. Wrong usage is 2, which typer sees to
_PACKAGE = str(Path(__file__).resolve().parents[1])


class Group(TyperGroup):
    """Lets no traceback reach the user, who did not write the code that it shows; nor a query, which it may hold."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # typer ends with another code, depending on its version
            tell("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except EOFError as error:
            raise DataError(f"a file ends in its middle: {error}") from error
        except Exception as error:
            if isinstance(message := getattr(error, "message", None), str):  # wrong usage; a value may hold line breaks
                error.message = " ".join(message.split())  # type: ignore[attr-defined]
            raise

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Read the command line and run; what typer knows it has turned into an exit already."""
        try:
            return super().main(*args, **kwargs)
        except Exception as error:
            if not kwargs.get("standalone_mode", True):
                raise
            tell(f"error: {described(error)}")
            sys.exit(FAILED)


def described(error: Exception) -> str:
    """The error in one line."""
    if isinstance(error, HybridRouterError):
        return one_line(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or one_line(error) or type(error).__name__}"
    if isinstance(error, MemoryError):
        return "there is not enough memory; take fewer rows, or a larger machine"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(_PACKAGE)] or frames
    place = f" ({Path(ours[-1].filename).name}, line {ours[-1].lineno})" if ours else ""
    # Its message may hold a query or a key, and is not shown.
    return (
        f"a defect of hybrid-router: {type(error).__name__}{place}; please report it with the command and the version"
    )
