"""One row of a public data set, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybrid_router_core.data import nearest
from hybrid_router_core.errors import ConfigError, DataError

__all__ = ["LARGE", "SMALL", "Form", "ImportSettings", "ImportedRow", "Tally", "names_of", "records"]


SMALL, LARGE = "small", "large"
"""Names of the models in a form that has just two, without names."""


@dataclass(frozen=True)
class ImportSettings:
    """What the user knows and a file does not say; each form reads what it needs.

    Attributes:
        small: Name of the small model, or several with commas between them, where models stand for a side.
        large: The same for the large one.
        score: Which of several scores is the quality.
        llm_data: LLMRouter's file of candidates, with their sizes and prices.
        questions: MT-Bench's file of questions.
        split: Which part of a data set that has several.
        columns: Our names of columns, each with the file's own.
    """

    small: str | None = None
    large: str | None = None
    score: str | None = None
    llm_data: Path | None = None
    questions: Path | None = None
    split: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportedRow:
    """One query with the qualities of some models, in the many-model form of a data set.

    Attributes:
        query: The text.
        quality: A number or samples by model.
        cost: Costs by model, as far as known.
        group: Subject, task or source.
        id: Name of the row.
        where: The place in the file, for messages.
    """

    query: str
    quality: Mapping[str, float | list[float]]
    cost: Mapping[str, float] = field(default_factory=dict)
    group: str | None = None
    id: str | None = None
    where: str = ""


@dataclass(frozen=True)
class Form:
    """A public form of data.

    Attributes:
        name: As the command takes it.
        about: In one line, for the help page.
        source: Where the form is defined.
        read: From a path and the settings to rows.
        uses: Names of the settings that it reads, besides small and large.
        choose: Names the pair, where the user has not and other settings tell it.
    """

    name: str
    about: str
    source: str
    read: Callable[[Path, ImportSettings], Iterator[ImportedRow]]
    uses: frozenset[str] = frozenset()
    choose: Callable[[Path, ImportSettings], ImportSettings] | None = None


@dataclass
class Tally:
    """What became of the rows.

    Attributes:
        rows: Written.
        without_pair: Left out, since one of the two models has no quality there.
        models: Models found, with the number of their rows.
    """

    rows: int = 0
    without_pair: int = 0
    models: dict[str, int] = field(default_factory=dict)


def names_of(text: str | None) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def records(rows: Iterable[ImportedRow], settings: ImportSettings, tally: Tally) -> Iterator[dict[str, Any]]:
    """The rows as records of a data set: in the pair form if the pair is named, else in the many-model form.

    Raises:
        ConfigError: Only one model is named, or one twice.
        DataError: There are no rows, or none has both models.
    """
    small, large = settings.small, settings.large
    chosen = small is not None
    if (small is None) != (large is None):
        missing = "--small" if small is None else "--large"
        raise ConfigError(f"{missing} is missing; name both models, or neither to keep all models of the file")
    if small is not None and small == large:
        raise ConfigError(f"small and large are both {small!r}; name two different models")
    first: ImportedRow | None = None
    for row in rows:
        first = first or row
        if not chosen and first.quality.keys() == {SMALL, LARGE}:
            small, large = SMALL, LARGE
        for model in row.quality:
            tally.models[model] = tally.models.get(model, 0) + 1
        named = {"group": row.group, "id": row.id}
        extra = {name: value for name, value in named.items() if value is not None}
        if small is None or large is None:
            cost = {"cost": dict(row.cost)} if row.cost else {}
            tally.rows += 1
            yield {"query": row.query, "quality": dict(row.quality), **cost, **extra}
        elif small in row.quality and large in row.quality:
            costs = {"small_cost": row.cost.get(small), "large_cost": row.cost.get(large)}
            known = {name: value for name, value in costs.items() if value is not None}
            tally.rows += 1
            yield {
                "query": row.query,
                "small_quality": row.quality[small],
                "large_quality": row.quality[large],
                **known,
                **extra,
            }
        else:
            tally.without_pair += 1
    if tally.rows == 0:
        raise DataError(_nothing(tally, settings))


def _nothing(tally: Tally, settings: ImportSettings) -> str:
    if not tally.models:
        return "no rows found; at least one is needed"
    for side, name in (("small", settings.small), ("large", settings.large)):
        if name not in tally.models:
            listed = ", ".join(list(tally.models)[:20])
            return f"no rows of the model {name!r} ({side}); models found: {listed}{nearest(str(name), tally.models)}"
    return f"no query has rows of both {settings.small!r} and {settings.large!r}"
