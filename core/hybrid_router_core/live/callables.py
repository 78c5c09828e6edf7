"""A callable of the user's in the place of a router: from the query to a score, sync or async."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import math
from collections.abc import Callable
from typing import Any

from hybrid_router_core.errors import ConfigError, DataError

from .threads import threads

__all__ = ["NOT_A_FAULT", "ascored", "scored"]

NOT_A_FAULT = (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError)
"""What ends a call and is nobody's fault. Anything else that a router raises, panics of native code too, is its own."""


def scored(router: Callable[[str], Any], query: str) -> float | BaseException:
    """The score in [0, 1], or what went wrong: a ConfigError if the callable is async and so cannot serve here."""
    score = _called(router, query)
    if not inspect.isawaitable(score):
        return _checked(score)
    if inspect.iscoroutine(score):
        score.close()  # it is not going to run, which Python would warn of
    return ConfigError(
        "the router is an async callable, which serves async calls alone; call the model by its async methods, or pass "
        "a callable that returns the score itself"
    )


async def ascored(router: Callable[[str], Any], query: str) -> float | BaseException:
    """As `scored`, off the event loop: a callable may be slow, and may read the caller's context variables."""
    context = contextvars.copy_context()
    score = await asyncio.get_running_loop().run_in_executor(threads(), context.run, _called, router, query)
    if inspect.isawaitable(score):
        try:
            score = await score
        except NOT_A_FAULT:
            raise
        except BaseException as error:  # see above
            score = error
    return _checked(score)


def _called(router: Callable[[str], Any], query: str) -> Any:
    """What it returned, or raised: a future cannot carry every exception from thread to thread."""
    try:
        return router(query)
    except NOT_A_FAULT:
        raise
    except BaseException as error:  # see above
        return error


def _checked(score: Any) -> float | BaseException:
    if isinstance(score, BaseException):
        return score
    try:
        value = float(score)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if 0 <= value <= 1:
        return value
    return DataError(f"the router callable returned {score!r}; allowed: a score in [0, 1]")
