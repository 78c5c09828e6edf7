"""The version of this library, as reports and artifacts name it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["library_version"]


def library_version() -> str:
    """The installed version of this library."""
    try:
        return version("hybrid-llm-router")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0+unknown"
