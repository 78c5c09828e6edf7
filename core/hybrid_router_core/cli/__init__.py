"""The command ``hybrid-router``: thin commands over `HybridRouter`."""

from .app import main

__all__ = ["main"]
