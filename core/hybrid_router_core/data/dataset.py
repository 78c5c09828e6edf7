"""Queries with the quality of both models' answers: read, checked, split."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybrid_router_core._types import FloatArray
from hybrid_router_core.conversation import Reading, read_turns
from hybrid_router_core.errors import DataError

from .arrays import cost_vector, group_list, name_list, quality_matrix, row_mean, turn_list
from .collector import collect
from .hashes import query_hashes
from .notes import Notes
from .readers import read_rows
from .rows import Row
from .splits import rows_of_parts
from .tables import frame_rows
from .writing import pair_lines

__all__ = ["RoutingDataset"]


@dataclass(frozen=True, eq=False, repr=False)
class RoutingDataset:
    """How well the small and the large model answered the same n queries.

    Attributes:
        queries: n non-empty texts.
        small_quality: shape (n, k_s), the samples of the small model. Higher is better. A row with fewer than k_s
            samples is filled up with NaN; each row has at least one finite number.
        large_quality: shape (n, k_l), the same for the large model.
        groups: n names of a subject, task or source, or None.
        small_cost: shape (n,), ≥ 0 in any unit, NaN where unknown; or None.
        large_cost: the same for the large model.
        ids: n names of the rows, or None.
        turns: of rows that are turns of conversations what the user said up to them, oldest first, the query last; of
            all others the query alone. None if there are no conversations.

    Raises:
        DataError: lengths differ, a query is empty, or a number is not allowed.
    """

    queries: list[str]
    small_quality: FloatArray
    large_quality: FloatArray
    groups: list[str] | None = None
    small_cost: FloatArray | None = None
    large_cost: FloatArray | None = None
    ids: list[str] | None = None
    turns: list[tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        n = len(self.queries)
        empty = next((i for i, q in enumerate(self.queries) if not isinstance(q, str) or not q or q.isspace()), None)
        if empty is not None:
            raise DataError(f"queries[{empty}] is empty or not text; each query is a non-empty string")
        checked: dict[str, Any] = {"queries": list(self.queries)}
        for name in ("small_quality", "large_quality"):
            checked[name] = quality_matrix(name, getattr(self, name), n)
        for name in ("small_cost", "large_cost"):
            checked[name] = cost_vector(name, getattr(self, name), n)
        checked["groups"] = group_list(self.groups, n)
        checked["ids"] = name_list("ids", self.ids, n)
        checked["turns"] = turn_list(self.turns, self.queries)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def read(
        cls, path: str | os.PathLike[str], *, small: str | None = None, large: str | None = None
    ) -> RoutingDataset:
        """Reads a file, checking each row.

        Args:
            path: .jsonl or .ndjson, .json (a list of objects, or an object with one or with columns), .csv or .tsv,
                each also with .gz, .bz2, .xz, .zst; .parquet, .feather, .arrow (extra "parquet"), .xlsx (pandas and
                openpyxl); or ``-`` for stdin. Text is UTF-8, or UTF-16 with its mark. The columns are query (or
                messages, of which it is the last user turn, read with those before it), small_quality, large_quality,
                and optionally group, small_cost, large_cost, id; or, in the many-model form, query, quality, and
                optionally cost, group, id. A quality is a number, a truth value or a list of samples, several qualities
                or costs an object by model name. In CSV a list or an object is written as JSON, and an empty cell is a
                missing value. Rows without a quality of both models and columns that are none of these are left out;
                one warning counts and names them.
            small: the small model's name, in the many-model form only.
            large: the large model's name, in the many-model form only.

        Raises:
            DataError: the file cannot be read, or rows are bad: one error for all of them.
            MissingExtraError: .parquet without pyarrow.
            ConfigError: small and large are the same model.
        """
        unit, rows = read_rows(cast("Path", path))
        return cls._collected(str(path), unit, rows, small, large)

    @classmethod
    def from_frame(cls, frame: Any, *, small: str | None = None, large: str | None = None) -> RoutingDataset:
        """Takes the columns of `read` from a pandas or polars DataFrame; in messages the first record is 1.

        Raises:
            DataError: as for `read`.
            ConfigError: as for `read`.
        """
        return cls._collected("frame", "record", frame_rows(frame), small, large)

    @classmethod
    def from_records(
        cls, records: Iterable[Mapping[str, Any]], *, small: str | None = None, large: str | None = None
    ) -> RoutingDataset:
        """Takes dicts with the columns of `read`; in messages the first record is 1.

        Raises:
            DataError: as for `read`.
            ConfigError: as for `read`.
        """
        if isinstance(records, (str, bytes, Mapping)) or not isinstance(records, Iterable):
            raise DataError(f"from_records takes a list of dicts, one a row; got {type(records).__name__}")
        return cls._collected("records", "record", enumerate(records, 1), small, large)

    @classmethod
    def _collected(
        cls, name: str, unit: str, rows: Iterable[Row], small: str | None, large: str | None
    ) -> RoutingDataset:
        notes = Notes(name)
        columns = collect(unit, rows, small, large, notes)
        if columns is None:
            raise notes.nothing()
        notes.warn()
        return cls(**vars(columns))

    def __len__(self) -> int:
        return len(self.queries)

    def __repr__(self) -> str:
        samples = f"samples=({self.small_quality.shape[1]}, {self.large_quality.shape[1]})"
        groups = "" if self.groups is None else f", groups={len(set(self.groups))}"
        costs = "" if self.small_cost is None and self.large_cost is None else ", costs"
        return f"RoutingDataset({len(self)} rows, {samples}{groups}{costs}{'' if self.ids is None else ', ids'})"

    @property
    def mean_small(self) -> FloatArray:
        """Mean quality of the small model's samples, shape (n,)."""
        return row_mean(self.small_quality)

    @property
    def mean_large(self) -> FloatArray:
        """Mean quality of the large model's samples, shape (n,)."""
        return row_mean(self.large_quality)

    @property
    def gap(self) -> FloatArray:
        """Quality gap, mean small − mean large, shape (n,)."""
        return self.mean_small - self.mean_large

    @cached_property
    def readings(self) -> list[Reading] | None:
        """How each row is read as the last turn of its conversation; None if there are no conversations."""
        return None if self.turns is None else [read_turns(turns) for turns in self.turns]

    @cached_property
    def texts(self) -> list[str]:
        """The text that is learned of each row: its query, or of a turn of a conversation what it asks."""
        return self.queries if self.readings is None else [reading.about for reading in self.readings]

    @cached_property
    def query_hashes(self) -> NDArray[np.uint64]:
        """`query_hash` of each of the `texts`, shape (n,)."""
        return query_hashes(self.texts)

    def take(self, indices: ArrayLike) -> RoutingDataset:
        """The rows at these positions, in this order; a position may come twice.

        Raises:
            IndexError: a position outside −n … n − 1, or one that is not an integer.
        """
        wanted = np.asarray(indices)
        if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
            raise IndexError("take needs a list or vector of integers; for a mask use data[mask]")
        wanted = wanted.astype(np.int64)

        def taken(column: Any) -> Any:
            if isinstance(column, list):
                return [column[i] for i in wanted.tolist()]
            return None if column is None else column[wanted]

        part = RoutingDataset(**{field.name: taken(getattr(self, field.name)) for field in fields(self)})
        if self.turns is not None and "readings" in self.__dict__:  # which take long to make
            part.__dict__["readings"] = taken(self.__dict__["readings"])
        return part

    def __getitem__(self, rows: slice | ArrayLike) -> RoutingDataset:
        """The rows of a slice, a vector of positions or a boolean mask of shape (n,)."""
        if isinstance(rows, slice):
            return self.take(np.arange(len(self))[rows])
        wanted = np.asarray(rows)
        if wanted.ndim == 0:
            # An integer here would also make the data set an iterable of data sets.
            raise TypeError("data[i] is not there; use data[i : i + 1] for one row, data.queries[i] for its query")
        return self.take(np.arange(len(self))[wanted] if wanted.dtype == np.bool_ else wanted)

    def split(
        self, fractions: Sequence[float], seed: int = 0, by: Literal["query", "group"] = "query"
    ) -> tuple[RoutingDataset, ...]:
        """Disjoint parts, each in the order of the data set; a query that is there twice is in one part only.

        by="query": the queries are ordered by a hash of the seed and their text, and laid along the fractions. The
        order of the rows does not matter; added rows may move queries that lie next to a boundary. A part can be split
        again with the same seed.

        by="group": the same with whole groups, ordered by a hash of the seed and their name; groups that share a query
        stay together. The largest group, if it is more than a quarter of the smallest part, goes to the largest part,
        and others like it as far as that has room, so that the other parts hold many groups. A row without a group is a
        group by itself.

        Args:
            fractions: one share a part, each above 0, their sum at most 1; what is over is left out.
            seed: any integer.
            by: what stays together.

        Raises:
            ConfigError: fractions, seed or `by` with values that are not allowed.
            DataError: a part would be empty, or there are no groups.
        """
        rows = rows_of_parts(self.groups, self.query_hashes, fractions, seed, by)
        return tuple(self.take(part) for part in rows)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes the pair form, from which `read` makes the same data set.

        Args:
            path: .jsonl or .jsonl.gz, in UTF-8; the same data set gives the same bytes. A file there is replaced.

        Raises:
            DataError: another suffix, or the file cannot be written.
        """
        path = Path(path)
        if not path.name.lower().endswith((".jsonl", ".jsonl.gz")):
            raise DataError(f"{path}: unknown suffix {path.suffix!r}; allowed are .jsonl, .jsonl.gz")
        try:
            with path.open("wb") as file:
                if path.suffix.lower() == ".gz":
                    with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                        packed.writelines(pair_lines(self))
                else:
                    file.writelines(pair_lines(self))
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror or error}") from None
