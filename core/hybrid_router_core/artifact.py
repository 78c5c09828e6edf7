"""A trained router as a folder: ``router.json`` (a checked record) and ``scorer.safetensors`` (arrays). No pickle.

Raising the format: give `FORMAT_VERSION` the next number, teach `_upgrade` to turn a record of the previous format into
one of the new, and keep a folder of the previous format among the golden artifacts of the tests. A format once released
loads for ever.

Saving is atomic. The arrays are first written beside the old ones as ``scorer.safetensors.new``; replacing
``router.json`` commits, because it holds the digest of the arrays that belong to it; only then do the new arrays take
their final name. Whenever the machine stops, the record matches one of the two array files, and loading takes that one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import safetensors.numpy
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ._types import AnyArray
from .calibration import Calibration
from .conversation import VERSION as READING
from .embedders import Embedder, fingerprints_match, resolve_embedder
from .errors import ArtifactError
from .guard import check_guard
from .labels import MarginSearch

__all__ = [
    "FORMAT_VERSION",
    "ArrayRecord",
    "ArtifactRecord",
    "ConversationRecord",
    "damaged_if_it_fails",
    "embedder_of",
    "load_artifact",
    "save_artifact",
]

FORMAT_VERSION = 3
RECORD_FILE = "router.json"
ARRAYS_FILE = "scorer.safetensors"
_FIRST = np.array([1])


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ArrayRecord(_Record):
    """Shape and type of one array."""

    shape: list[int]
    dtype: str


class ConversationRecord(_Record):
    """What the router learned of conversations.

    Attributes:
        turns: Rows that were turns of conversations that had begun before.
        reading: The version of the reading, with which they were learned and calibrated.
    """

    turns: int = Field(gt=0)
    reading: int

    @classmethod
    def of(cls, turns: int) -> ConversationRecord | None:
        """That of a router which learned so many turns by this version's reading; None if it learned none."""
        return cls(turns=turns, reading=READING) if turns else None


class ArtifactRecord(_Record):
    """What ``router.json`` holds, but for the digest of the record itself."""

    format_version: Literal[1, 2, 3] = 1
    library_version: str
    mode: Literal["deterministic", "probabilistic", "transformed"]
    tau: float = Field(gt=0)
    margin: float | None = Field(default=None, ge=0)
    margin_curve: list[tuple[float, float]] | None = None
    threshold: float = Field(ge=0, le=1)
    calibration: Calibration | None = None
    embedder: str
    embedder_fingerprint: str
    scorer: str
    hparam: dict[str, Any]
    seed: int
    guard: Annotated[float | Literal["auto"] | None, AfterValidator(check_guard)] = "auto"
    training: dict[str, float]
    conversation: ConversationRecord | None = None
    arrays: dict[str, ArrayRecord] = {}
    files: dict[str, str] = {}

    def settings(self) -> dict[str, Any]:
        """The settings of the router, but for its embedder."""
        return self.model_dump(include={"mode", "scorer", "hparam", "tau", "margin", "threshold", "guard", "seed"})

    def turns(self) -> int:
        """Rows that were turns of conversations."""
        return 0 if self.conversation is None else self.conversation.turns

    def margin_search(self) -> MarginSearch | None:
        """The search for t*, as far as its curve was kept; None if there was none."""
        return MarginSearch.from_curve(self.margin_curve, self.margin or 0.0) if self.margin_curve else None


def save_artifact(folder: str | Path, record: ArtifactRecord, arrays: dict[str, AnyArray]) -> Path:
    """Write the folder, atomically; an artifact that is there already is replaced.

    The same record and arrays give the same bytes.

    Args:
        folder: Where to; made if absent.
        record: Its ``arrays`` and ``files`` are filled in here.
        arrays: What the scorer and the features need.

    Raises:
        ArtifactError: If the path is a file, or an array holds numbers that are not finite.
    """
    folder = _as_path(folder)
    if folder.exists() and not folder.is_dir():
        raise ArtifactError(f"{folder} is a file; a router is saved as a folder, so name a folder")
    tensors = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    _check_finite(folder, tensors)
    blob = safetensors.numpy.save(tensors)
    described = {name: ArrayRecord(shape=list(a.shape), dtype=str(a.dtype)) for name, a in tensors.items()}
    record = record.model_copy(update={"arrays": described, "files": {ARRAYS_FILE: _sha256(blob)}})
    version = _format_of(record, arrays)
    absent = {"guard": version < 3, "conversation": record.conversation is None}  # as older versions want it
    body = record.model_dump(mode="json", exclude={name for name, leave in absent.items() if leave})
    body["format_version"] = version
    body["sha256"] = _digest(body)
    folder.mkdir(parents=True, exist_ok=True)
    waiting = folder / f"{ARRAYS_FILE}.new"
    _finish_interrupted_save(folder, waiting)
    _write(waiting, blob)
    fresh = folder / f"{RECORD_FILE}.new"
    _write(fresh, (json.dumps(body, indent=2, sort_keys=True, allow_nan=False) + "\n").encode())
    fresh.replace(folder / RECORD_FILE)  # the commit
    _sync_folder(folder)
    waiting.replace(folder / ARRAYS_FILE)
    _sync_folder(folder)
    return folder


def load_artifact(folder: str | Path) -> tuple[ArtifactRecord, dict[str, AnyArray]]:
    """Read and check the folder: format, digests, shapes, types, finite numbers.

    Raises:
        ArtifactError: If anything is missing, damaged or of a newer format; the message names the file and the remedy.
    """
    folder = _as_path(folder)
    if not folder.exists():
        raise ArtifactError(
            f"no router at {folder}: the folder does not exist. Save one with router.save({str(folder)!r})"
        )
    if not folder.is_dir():
        raise ArtifactError(f"{folder} is a file; a saved router is a folder with {RECORD_FILE} and {ARRAYS_FILE}")
    record = _read_record(folder)
    for _ in range(2):  # a second look, since another process may replace the router between the two reads
        blob = _read_arrays(folder, record)
        if blob is not None:
            break
        record = _read_record(folder)
    else:
        raise ArtifactError(
            f"{folder / ARRAYS_FILE} is missing or damaged: its SHA-256 is not the one in {RECORD_FILE}. "
            "Restore the folder from a copy, or train and save again"
        )
    tensors = _parse_arrays(folder, blob)
    described = {name: ArrayRecord(shape=list(a.shape), dtype=str(a.dtype)) for name, a in tensors.items()}
    if described != record.arrays:
        raise ArtifactError(
            f"{folder / ARRAYS_FILE} holds other arrays than {RECORD_FILE} describes; train and save again"
        )
    _check_finite(folder, tensors)
    return record, tensors


def embedder_of(folder: str | Path, record: ArtifactRecord, given: Any = None) -> Embedder:
    """The embedder that a saved router was trained with: of its record, or the given one if it is the same.

    Raises:
        ArtifactError: If the record names one of the user's own and none is given, or it is another one.
    """
    if given is None and record.embedder == "custom":
        raise ArtifactError(
            f"the router in {folder} was trained with an embedder of yours; pass it: load(..., embedder=...)"
        )
    if record.conversation is not None and record.conversation.reading != READING:
        raise ArtifactError(
            f"the router in {folder} learned conversations by reading {record.conversation.reading}, this version "
            f"reads them by {READING}; train and calibrate again, or use the version {record.library_version}"
        )
    embedder = resolve_embedder(record.embedder if given is None else given)
    if not fingerprints_match(record.embedder_fingerprint, embedder.fingerprint()):
        raise ArtifactError(
            f"the router in {folder} was trained with another embedder than {embedder.name!r} is now: its "
            "fingerprint differs. Use the same embedder and version, or train again"
        )
    return embedder


@contextmanager
def damaged_if_it_fails(folder: str | Path) -> Iterator[None]:
    """Say of arrays that cannot be used that the folder is damaged."""
    try:
        yield
    except (KeyError, ValueError, IndexError) as error:
        raise ArtifactError(f"the router in {folder} lacks an array or has one of the wrong shape: {error}") from error


def _as_path(folder: Any) -> Path:
    if not isinstance(folder, (str, os.PathLike)):
        raise ArtifactError(f"{folder!r} is no path of a router's folder; name one, such as 'router/'")
    return Path(folder)


def _read_record(folder: Path) -> ArtifactRecord:
    path = folder / RECORD_FILE
    try:
        body = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ArtifactError(
            f"no router at {folder}: it holds no {RECORD_FILE}. Save one with router.save(...)"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} cannot be read as JSON ({error}); restore it from a copy or save again") from error
    version = body.get("format_version") if isinstance(body, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ArtifactError(f"{path} is not a router's record: its format_version is {version!r}")
    if version > FORMAT_VERSION:
        raise ArtifactError(
            f"{path} has format {version}, this version reads up to {FORMAT_VERSION}. "
            "Upgrade with: pip install --upgrade hybrid-llm-router"
        )
    if body.pop("sha256", None) != _digest(body):
        raise ArtifactError(
            f"{path} was damaged or edited: its SHA-256 does not match. Restore it from a copy; to change a setting, "
            "load the router, set it there and save"
        )
    try:
        return ArtifactRecord.model_validate(_upgrade(body))
    except ValidationError as error:
        raise ArtifactError(f"{path} is not a valid record: {error}") from error


def _finish_interrupted_save(folder: Path, waiting: Path) -> None:
    """Give arrays that a committed save left waiting their final name, lest the next save overwrite them."""
    if not waiting.exists():
        return
    try:
        record = _read_record(folder)
    except ArtifactError:
        return  # nothing that could be lost
    if _sha256(waiting.read_bytes()) == record.files.get(ARRAYS_FILE):
        waiting.replace(folder / ARRAYS_FILE)
        _sync_folder(folder)


def _format_of(record: ArtifactRecord, arrays: dict[str, AnyArray]) -> int:
    """The oldest format that can say it: a router that an older version trained stays readable by that version."""
    if int(arrays.get("features.surface_version", _FIRST)[0]) > 1:
        return FORMAT_VERSION
    return 1 if record.conversation is None else 2


def _upgrade(body: dict[str, Any]) -> dict[str, Any]:
    return body  # formats 2 and 3 add what may be absent


def _read_arrays(folder: Path, record: ArtifactRecord) -> bytes | None:
    for name in (ARRAYS_FILE, f"{ARRAYS_FILE}.new"):
        path = folder / name
        if path.is_file():
            blob = path.read_bytes()
            if _sha256(blob) == record.files.get(ARRAYS_FILE):
                return blob
    return None


def _parse_arrays(folder: Path, blob: bytes) -> dict[str, AnyArray]:
    try:
        return dict(safetensors.numpy.load(blob))
    except Exception as error:  # the parser has no common base for its errors
        raise ArtifactError(f"{folder / ARRAYS_FILE} is not a safetensors file: {error}") from error


def _check_finite(folder: Path, tensors: dict[str, AnyArray]) -> None:
    for name, array in tensors.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ArtifactError(
                f"{folder / ARRAYS_FILE}: array {name!r} holds numbers that are not finite; train again"
            )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest(body: dict[str, Any]) -> str:
    return _sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode())


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the renames durable, where the system can sync a folder."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
