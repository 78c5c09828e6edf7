"""What is left out or filled in while rows are read, said once at the end."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

from hybrid_router_core.errors import DataError

from .rows import listed

__all__ = ["Notes"]

_INDEX = ("", "Unnamed: 0", "__index_level_0__", "index")  # what pandas leaves in a file


@dataclass
class Notes:
    """What was left out or filled in while rows were read, to be said once.

    Attributes:
        name: The file or other source.
        dropped: Rows without a quality.
        first: Place and reason of the first of them.
        extra: Columns that are none of ours, in the order they came.
        filled: Rows without a name, by column.
    """

    name: str
    dropped: int = 0
    first: str = ""
    extra: dict[str, None] = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)

    def nothing(self) -> DataError:
        """The error for a source without rows."""
        if self.dropped:
            return DataError(f"{self.name}: none of the {self.dropped} rows has a quality of both models: {self.first}")
        return DataError(f"{self.name}: no rows found; at least one is needed")

    def warn(self) -> None:
        """Say all of it, in one warning."""
        said = []
        if self.dropped:
            rows = "1 row" if self.dropped == 1 else f"{self.dropped} rows"
            said.append(f"{rows} without a quality of both models left out (first: {self.first})")
        if extra := [name for name in self.extra if name not in _INDEX]:
            said.append(f"columns not used: {listed(extra)}")
        for column, count in self.filled.items():
            rows = "1 row" if count == 1 else f"{count} rows"
            said.append(f"{rows} without {column}, which is filled in")
        if said:
            warnings.warn(f"{self.name}: {'; '.join(said)}", stacklevel=4)
