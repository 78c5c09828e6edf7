"""The error of this room."""

from __future__ import annotations

from hybrid_router_core.errors import HybridRouterError

__all__ = ["StoreError"]


class StoreError(HybridRouterError, RuntimeError):
    """The store cannot be opened, read or written; the message holds no password and nothing of a row."""
