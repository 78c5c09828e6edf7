"""A row of a table as what it was when it was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from .rows import Call, Event, Label, Texts

__all__ = ["call_of", "event_of", "label_of", "texts_of"]

_CALL = tuple(field.name for field in fields(Call))
_LABEL = tuple(field.name for field in fields(Label))


def call_of(row: Mapping[str, Any]) -> Call:
    """The call in a row of its table."""
    number = row["query_hash"]
    values = {name: row[name] for name in _CALL}
    return Call(**values | {"query_hash": None if number is None else number % 2**64})


def label_of(row: Mapping[str, Any]) -> Label:
    """The label in a row of its table."""
    return Label(**{name: row[name] for name in _LABEL})


def event_of(row: Mapping[str, Any]) -> Event:
    """The event in a row of its table."""
    return Event(time=row["time"], kind=row["kind"], detail=json.loads(row["detail"]))


def texts_of(row: Mapping[str, Any]) -> Texts:
    """The texts in a row of their table."""
    messages = row["messages"]
    return Texts(
        time=row["time"],
        run=row["run"],
        messages=None if messages is None else json.loads(messages),
        answers=json.loads(row["answers"]),
    )
