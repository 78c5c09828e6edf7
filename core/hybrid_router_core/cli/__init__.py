"""The command ``hybrid-router``: thin commands over `HybridRouter`."""

from .start import main

__all__ = ["main"]
