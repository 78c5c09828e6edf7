"""MixInstruct (LLM-Blender): an instruction with the scored answers of many models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from hybrid_router_core.data import nearest
from hybrid_router_core.errors import DataError

from .base import ImportedRow, ImportSettings
from .files import finite, read_records, text_of

__all__ = ["read_mixinstruct"]


def read_mixinstruct(path: Path, settings: ImportSettings) -> Iterator[ImportedRow]:
    """Rows with instruction, input and candidates; a candidate has a model and scores by metric.

    The quality is the score of the metric `settings.score`, else BARTScore, by which Ding et al. 2024 measure on these
    data. Several candidates of one model are its samples. The query is the instruction, and the input below it. The
    part of the id before a slash, which names the source, is the group.
    """
    metric = settings.score or "bartscore"
    grouped: bool | None = None
    for place in read_records(path, settings.split):
        instruction = place.record.get("instruction") or ""
        given = place.record.get("input") or ""
        query = "\n".join(part for part in (instruction, given) if isinstance(part, str) and part.strip())
        if not query:
            raise place.bad("instruction", "non-empty text here or in 'input'")
        candidates = text_of(place.record.get("candidates"))
        if not isinstance(candidates, list) or not candidates:
            raise place.bad("candidates", "a list of objects with model and scores")
        quality: dict[str, float | list[float]] = {}
        for i, candidate in enumerate(candidates):
            model, score = _scored(candidate, metric, f"{place.where}, column 'candidates[{i}]'")
            before = quality.get(model, [])
            quality[model] = [*before, score] if isinstance(before, list) else [before, score]
        single = {
            model: found[0] if isinstance(found, list) and len(found) == 1 else found
            for model, found in quality.items()
        }
        row_id = place.name("id")
        if grouped is None:
            grouped = row_id is not None and "/" in row_id
        group = (row_id or "").partition("/")[0] or "other" if grouped else None
        yield ImportedRow(query, single, group=group, id=row_id, where=place.where)


def _scored(candidate: object, metric: str, where: str) -> tuple[str, float]:
    model = candidate.get("model") if isinstance(candidate, Mapping) else None
    scores = candidate.get("scores") if isinstance(candidate, Mapping) else None
    if not isinstance(model, str) or not model or not isinstance(scores, Mapping):
        raise DataError(f"{where}: an object with model and scores is needed")
    score = finite(scores.get(metric))
    if score is None:
        raise DataError(
            f"{where}: no finite score {metric!r}; name one with --score, of "
            f"{', '.join(map(str, scores)) or 'none'}{nearest(metric, scores)}"
        )
    return model, score
