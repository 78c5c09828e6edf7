"""Rows without a group in data that have groups: each is one by itself, under a name that says so."""

from __future__ import annotations

__all__ = ["is_unnamed_group", "unnamed_group"]

_START = "(no group, row "


def unnamed_group(place: int) -> str:
    """The group of the row at this place, counted from 1: all such rows together would be one that nobody made."""
    return f"{_START}{place})"


def is_unnamed_group(name: str) -> bool:
    """Whether `unnamed_group` made the name."""
    return name.startswith(_START)
