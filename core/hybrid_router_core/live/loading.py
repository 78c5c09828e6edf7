"""A router in any of the forms that a user may give."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from hybrid_router_core.errors import ConfigError
from hybrid_router_core.router import HybridRouter

__all__ = ["RouterLike", "load_router"]

RouterLike: TypeAlias = "HybridRouter | str | PathLike[str] | Callable[[str], float | Awaitable[float]]"
"""A router, the folder of a saved one, or a callable from the query to a score in [0, 1], high meaning small.

An async callable serves async calls alone. Of a conversation a callable gets one text as the user wrote it: the last
turn, or the one that it goes on with.
"""
Scoring: TypeAlias = Callable[[str], Any]


def load_router(router: Any) -> HybridRouter | Scoring:
    """The router itself, or a callable that scores; raises as `Decider` does."""
    if isinstance(router, (str, PathLike)):
        return HybridRouter.load(Path(router))
    if isinstance(router, HybridRouter):
        router.score([])  # raises if it was never trained
        return router
    if callable(router):
        score: Scoring = router
        return score
    raise ConfigError(
        f"router is a {type(router).__name__}; allowed: a HybridRouter, the folder of a saved one, or a callable that "
        "takes the query and returns a score in [0, 1]"
    )
