"""Queries with the quality of both models' answers: read, checked, split."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal
from unicodedata import normalize

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._readers import frame_rows, read_rows
from ._rows import Columns, collect
from ._types import FloatArray, IntArray
from .errors import ConfigError, DataError

__all__ = ["RoutingDataset", "query_hash", "query_hashes"]

_CHUNK = 1 << 16


def query_hash(text: str) -> int:
    """A number in [0, 2**64) that is the same for queries which differ only in white space or Unicode composition.

    The first 8 bytes, little-endian, of BLAKE2b (64-byte digest) of the text in NFC, with each run of white space one
    space and none at the ends, in UTF-8. Letter case counts. The same on every machine and in every version.
    """
    return int.from_bytes(_digest(text), "little")


def query_hashes(texts: Iterable[str]) -> NDArray[np.uint64]:
    """`query_hash` of each text, of shape (n,)."""
    return np.frombuffer(b"".join(map(_digest, texts)), dtype="<u8").astype(np.uint64)


def _digest(text: str) -> bytes:
    words = " ".join(normalize("NFC", text).split())
    # A lone surrogate is no UTF-8, but it can come out of JSON.
    return blake2b(words.encode("utf-8", "surrogatepass")).digest()[:8]


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

    def __post_init__(self) -> None:
        n = len(self.queries)
        empty = next((i for i, q in enumerate(self.queries) if not isinstance(q, str) or not q or q.isspace()), None)
        if empty is not None:
            raise DataError(f"queries[{empty}] is empty or not text; each query is a non-empty string")
        checked: dict[str, Any] = {"queries": list(self.queries)}
        for name in ("small_quality", "large_quality"):
            checked[name] = _quality_matrix(name, getattr(self, name), n)
        for name in ("small_cost", "large_cost"):
            checked[name] = _cost_vector(name, getattr(self, name), n)
        for name in ("groups", "ids"):
            checked[name] = _name_list(name, getattr(self, name), n)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def read(
        cls, path: str | os.PathLike[str], *, small: str | None = None, large: str | None = None
    ) -> RoutingDataset:
        """Reads a file, checking each row.

        Args:
            path: .jsonl, .json (a list of objects) or .csv, each also with .gz, in UTF-8; or .parquet (extra
                "parquet"). The columns are query, small_quality, large_quality, and optionally group, small_cost,
                large_cost, id; or, in the many-model form, query, quality, and optionally cost, group, id. A quality
                is a number or a list of samples, several qualities or costs an object by model name. In CSV a list or
                an object is written as JSON, and an empty cell is a missing value.
            small: the small model's name, in the many-model form only.
            large: the large model's name, in the many-model form only.

        Raises:
            DataError: the file cannot be read, or rows are bad: one error for all of them.
            MissingExtraError: .parquet without pyarrow.
            ConfigError: small and large are the same model.
        """
        unit, rows = read_rows(Path(path))
        return _dataset(collect(os.fspath(path), unit, rows, small, large))

    @classmethod
    def from_frame(cls, frame: Any, *, small: str | None = None, large: str | None = None) -> RoutingDataset:
        """Takes the columns of `read` from a pandas or polars DataFrame; in messages the first record is 1.

        Raises:
            DataError: as for `read`.
            ConfigError: as for `read`.
        """
        return _dataset(collect("frame", "record", frame_rows(frame), small, large))

    @classmethod
    def from_records(
        cls, records: Iterable[Mapping[str, Any]], *, small: str | None = None, large: str | None = None
    ) -> RoutingDataset:
        """Takes dicts with the columns of `read`; in messages the first record is 1.

        Raises:
            DataError: as for `read`.
            ConfigError: as for `read`.
        """
        return _dataset(collect("records", "record", enumerate(records, 1), small, large))

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
        return _row_mean(self.small_quality)

    @property
    def mean_large(self) -> FloatArray:
        """Mean quality of the large model's samples, shape (n,)."""
        return _row_mean(self.large_quality)

    @property
    def gap(self) -> FloatArray:
        """Quality gap, mean small − mean large, shape (n,)."""
        return self.mean_small - self.mean_large

    @cached_property
    def query_hashes(self) -> NDArray[np.uint64]:
        """`query_hash` of each query, shape (n,)."""
        return query_hashes(self.queries)

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

        return RoutingDataset(**{field.name: taken(getattr(self, field.name)) for field in fields(self)})

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
        stay together.

        Args:
            fractions: one share a part, each above 0, their sum at most 1; what is over is left out.
            seed: any integer.
            by: what stays together.

        Raises:
            ConfigError: fractions or `by` with values that are not allowed.
            DataError: a part would be empty, or there are no groups.
        """
        shares = np.asarray(fractions)
        if (
            shares.ndim != 1
            or shares.dtype.kind not in "iuf"
            or not (shares > 0).all()
            or not 0 < shares.sum() < 1 + 1e-9
        ):
            raise ConfigError(f"fractions={fractions!r}; numbers above 0 with a sum of at most 1 are needed")
        edges = np.cumsum(shares)
        if edges[-1] > 1 - 1e-9:
            edges[-1] = np.inf  # 0.7 + 0.2 + 0.1 is less than 1
        if by == "query":
            queries, bundle = np.unique(self.query_hashes, return_inverse=True)
            place = _places(bundle, _uniform(queries, seed))
        elif by == "group":
            place = self._group_places(seed)
        else:
            raise ConfigError(f"by={by!r}; allowed are 'query', 'group'")
        part = np.searchsorted(edges, place, side="right")
        parts = tuple(self.take(np.flatnonzero(part == i)) for i in range(len(edges)))
        for i, rows in enumerate(parts):
            if not len(rows):
                remedy = "another seed" if by == "query" else 'another seed, or by="query"'
                raise DataError(
                    f"split: part {i + 1} of {len(parts)} (fraction {shares[i]:g}) would be empty; the data set has "
                    f"{len(self)} rows. Give more rows, a larger fraction or {remedy}"
                )
        return parts

    def _group_places(self, seed: int) -> FloatArray:
        """`_places` of the rows, when groups lie end to end by hash."""
        if self.groups is None:
            raise DataError('split(by="group"): the data set has no groups; add a column "group", or use by="query"')
        names, group = np.unique(np.asarray(self.groups, dtype=object), return_inverse=True)
        order = _uniform(query_hashes(names), seed)
        bundle = _joined(group, np.unique(self.query_hashes, return_inverse=True)[1])
        # A bundle of groups stands where its first group does, which does not depend on the order of the rows.
        first = np.full(len(names), np.inf)
        np.minimum.at(first, bundle, order[group])
        return _places(bundle, first)

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
                        packed.writelines(self._lines())
                else:
                    file.writelines(self._lines())
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror or error}") from None

    def _lines(self) -> Iterator[bytes]:
        for start in range(0, len(self), _CHUNK):  # lists of Python floats for all rows at once would not be small
            part = slice(start, start + _CHUNK)
            columns = {
                "query": self.queries[part],
                "small_quality": [_samples(row) for row in self.small_quality[part].tolist()],
                "large_quality": [_samples(row) for row in self.large_quality[part].tolist()],
                "group": self.groups and self.groups[part],
                "small_cost": None if self.small_cost is None else self.small_cost[part].tolist(),
                "large_cost": None if self.large_cost is None else self.large_cost[part].tolist(),
                "id": self.ids and self.ids[part],
            }
            given = {name: values for name, values in columns.items() if values is not None}
            for cells in zip(*given.values(), strict=True):
                # A NaN, the only value that is not itself, is a cost that is not known.
                record = {name: cell for name, cell in zip(given, cells, strict=True) if cell == cell}
                yield _json_line(record)


def _json_line(record: dict[str, Any]) -> bytes:
    try:
        return json.dumps(record, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(record).encode() + b"\n"


def _samples(row: list[float]) -> float | list[float]:
    samples = [q for q in row if q == q]
    return samples[0] if len(samples) == 1 else samples


def _dataset(columns: Columns) -> RoutingDataset:
    return RoutingDataset(**vars(columns))


def _row_mean(samples: FloatArray) -> FloatArray:
    return np.asarray(samples[:, 0].copy() if samples.shape[1] == 1 else np.nanmean(samples, axis=1))


def _floats(name: str, values: Any) -> FloatArray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} is not an array of numbers") from None


def _quality_matrix(name: str, values: Any, n: int) -> FloatArray:
    matrix = _floats(name, values)
    matrix = matrix[:, None] if matrix.ndim == 1 else matrix
    if matrix.ndim != 2 or matrix.shape[0] != n or matrix.shape[1] < 1:
        raise DataError(f"{name} has shape {matrix.shape} for {n} queries; ({n},) or ({n}, samples) is needed")
    bad = np.isinf(matrix).any(axis=1) | np.isnan(matrix).all(axis=1)
    if bad.any():
        raise DataError(f"{name}[{bad.argmax()}] is infinite or has no number; each row needs a finite one")
    return matrix


def _cost_vector(name: str, values: Any, n: int) -> FloatArray | None:
    if values is None:
        return None
    vector = _floats(name, values)
    if vector.shape != (n,):
        raise DataError(f"{name} has shape {vector.shape} for {n} queries; ({n},) is needed")
    bad = np.isinf(vector) | (vector < 0)
    if bad.any():
        raise DataError(f"{name}[{bad.argmax()}] is {vector[bad.argmax()]}; a finite number ≥ 0 is needed, or NaN")
    return vector


def _name_list(name: str, values: Any, n: int) -> list[str] | None:
    if values is None:
        return None
    names = list(values)
    if len(names) != n or not all(isinstance(value, str) and value for value in names):
        raise DataError(f"{name} needs a non-empty text for each of the {n} queries, or None for all")
    return names


def _uniform(hashes: NDArray[np.uint64], seed: int) -> FloatArray:
    """Numbers in [0, 1) that a seed and a hash decide: SplitMix64's mixing of the two."""
    key = int.from_bytes(blake2b(f"split:{int(seed)}".encode()).digest()[:8], "little")
    x = hashes ^ np.uint64(key)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return np.asarray((x >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def _places(bundle: IntArray, order: FloatArray) -> FloatArray:
    """For each row the place in [0, 1) of the middle of its bundle, when the bundles lie end to end in their order."""
    size = np.bincount(bundle, minlength=len(order))
    rank = np.argsort(order, kind="stable")
    middle = np.empty(len(order))
    middle[rank] = (np.cumsum(size[rank]) - size[rank] / 2) / max(len(bundle), 1)
    return np.asarray(middle[bundle])


def _joined(group: IntArray, query: IntArray) -> IntArray:
    """For each row the number of its bundle: the groups that are linked by shared queries."""
    label = np.arange(group.max(initial=-1) + 1)
    while True:
        lowest = np.full(query.max(initial=-1) + 1, len(label))
        np.minimum.at(lowest, query, label[group])
        new = label.copy()
        np.minimum.at(new, group, lowest[query])
        new = new[new]  # halves the length of chains
        if (new == label).all():
            return np.asarray(label[group])
        label = new
