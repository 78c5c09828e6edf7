"""The search for t*, the margin that makes the transformed labels tell queries apart best.

Ding et al. 2024 (arXiv:2404.14618), section 3.3: t* maximises the mean of |y_a(t) - y_b(t)| over all pairs of queries.
The paper walks a grid; this search is exact, because the labels change only where t passes a difference of two samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError

from .builders import as_samples, shortfall

__all__ = ["MAX_EVALUATIONS", "MarginSearch", "find_margin", "margin_to_train"]

MAX_EVALUATIONS = 20_000_000
"""Candidates times label levels that are looked at. One sample each is one level, ten of each are a hundred. Where the
data hold more distinct candidates, that many of them are taken, evenly spaced in their order."""


@dataclass(frozen=True, slots=True, eq=False)
class MarginSearch:
    """The result of the search.

    Attributes:
        margin: t*, >= 0, in units of quality; the smallest of the best.
        candidates: The margins looked at, ascending, shape (c,).
        objective: Mean |y_a - y_b| over the unordered pairs of queries at each candidate, in [0, 1], shape (c,).
    """

    margin: float
    candidates: FloatArray
    objective: FloatArray

    def curve(self, points: int = 200) -> FloatArray:
        """The objective as a picture needs it: margins and objective, shape (2, at most points + 1), t* among them."""
        last = len(self.candidates) - 1
        best = int(np.searchsorted(self.candidates, self.margin))
        keep = np.unique(np.append(np.linspace(0, last, min(last + 1, points)).round().astype(np.intp), best))
        return np.stack([self.candidates[keep], self.objective[keep]])

    @classmethod
    def from_curve(cls, curve: Sequence[tuple[float, float]], margin: float) -> MarginSearch:
        """The search as far as its `curve`, a list of (margin, objective), tells it."""
        candidates, objective = np.asarray(curve, dtype=np.float64).T
        return cls(margin=margin, candidates=candidates, objective=objective)


def margin_to_train(
    mode: str, margin: float | None, search: MarginSearch | None, small_quality: FloatArray, large_quality: FloatArray
) -> tuple[float | None, MarginSearch | None]:
    """The margin for labels of this mode, and the search that found it; one found for other data is searched anew.

    Args:
        mode: Of the labels.
        margin: As it was set, or found by the last search.
        search: The last one, if there was one.
        small_quality: Shape (n, k_s).
        large_quality: Shape (n, k_l).
    """
    if search is not None and margin == search.margin:
        margin = search = None
    if mode == "transformed" and margin is None:
        search = find_margin(small_quality, large_quality)
        margin = search.margin
    return margin, search


def find_margin(small: ArrayLike, large: ArrayLike, candidates: ArrayLike | None = None) -> MarginSearch:
    """Find t*, exactly over all margins >= 0, or over the given candidates (the paper's grid).

    With one sample a query the cost is O(n log n). With several it is O(c log n) for each of the label's levels, c
    being the number of candidates; see `MAX_EVALUATIONS`.

    Args:
        small: Qualities of the small model, shape (n, k_small) or (n,); NaN where a query has fewer samples.
        large: Qualities of the large model, shape (n, k_large) or (n,).
        candidates: Margins >= 0 to choose from.

    Raises:
        DataError: If the arrays are not samples of the same n queries, or not finite.
        ConfigError: If candidates are given that are empty, negative or not finite.
    """
    qs, ql = as_samples(small, large)
    steps = np.sort(shortfall(qs[:, :, None], ql[:, None, :]).reshape(len(qs), -1), axis=1)  # NaN, no pair, goes last
    pairs = np.isfinite(steps).sum(axis=1)
    levels = np.unique(np.concatenate([np.arange(k) / k for k in np.unique(pairs)]))
    margins = _all_margins(qs, ql, len(levels)) if candidates is None else _given_margins(candidates)

    # The mean difference of labels is an integral over the label's level v: of all pairs, those with one label above v
    # and one not. A label is above v as soon as t reaches the query's (floor(v * pairs) + 1)-th smallest step, so one
    # sorted column of steps gives the count of labels above v for every candidate at once.
    n = len(qs)
    objective = np.zeros(len(margins))
    rows = np.arange(n)
    for level, width in zip(levels, np.diff(levels, append=1.0), strict=True):
        rank = np.floor(level * pairs + 1e-9).astype(np.intp)
        above = np.searchsorted(np.sort(steps[rows, rank]), margins, side="right").astype(np.float64)
        objective += width * above * (n - above)
    objective /= max(1.0, n * (n - 1) / 2)
    best = int(np.argmax(objective >= objective.max() - 1e-12))  # the first, so that ties go to the smallest margin
    return MarginSearch(margin=float(margins[best]), candidates=margins, objective=objective)


def _all_margins(qs: FloatArray, ql: FloatArray, levels: int) -> FloatArray:
    """0 and every positive difference of two samples of a query: the only places where a label can change."""
    difference = (ql[:, None, :] - qs[:, :, None]).ravel()
    margins = np.unique(np.append(difference[difference > 0], 0.0))
    most = max(2, MAX_EVALUATIONS // levels)
    if len(margins) > most:
        margins = margins[np.linspace(0, len(margins) - 1, most).round().astype(np.intp)]
    return margins


def _given_margins(candidates: ArrayLike) -> FloatArray:
    margins = np.unique(np.asarray(candidates, dtype=np.float64))
    if margins.size == 0 or not (np.isfinite(margins).all() and margins[0] >= 0):
        raise ConfigError(
            f"candidates are {np.asarray(candidates).tolist()!r}; allowed: one or more finite numbers >= 0"
        )
    return margins
