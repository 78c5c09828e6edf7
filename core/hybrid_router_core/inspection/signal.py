"""Does the text of a query say anything about which model is good? A permutation test, with no router to train."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_router_core._types import AnyArray, FloatArray
from hybrid_router_core.data import Draws, RoutingDataset
from hybrid_router_core.embedders import resolve_embedder
from hybrid_router_core.features import Featurizer

__all__ = ["FEWEST", "MOST", "PERMUTATIONS", "Signal", "signal_of"]

FEWEST, MOST = 20, 2500  # distinct queries: below, no test; above, a sample, since the kernel grows with their square
PERMUTATIONS = 199


@dataclass(frozen=True)
class Signal:
    """Whether queries that read alike have gaps that are alike.

    Attributes:
        p_value: Chance of so much likeness if the gap had nothing to do with the text, in (0, 1].
        queries: Distinct queries behind it.
        over_large: Chance of so much gain over all-large if sending to small what is predicted to be better there
            gained nothing; a one-sided t-test on queries that the prediction has not seen. In (0, 1).
        over_small: The same over all-small, for what is predicted to be better at large.
    """

    p_value: float
    queries: int
    over_large: float
    over_small: float


def signal_of(data: RoutingDataset, *, seed: int = 0, permutations: int = PERMUTATIONS) -> Signal | None:
    """Test that the mean gap depends on the features that routers read.

    The statistic is the HSIC of Gretton et al. 2008 ("A kernel statistical test of independence") with a Gaussian
    kernel of median width on the features and a linear one on the gap, without its diagonal, divided by its own
    spread. Undivided it would also find gaps whose *spread* depends on the text, from which nothing is gained (Chung
    and Romano 2013 on studentised permutation tests). Repeats of a query are one draw, with their mean gap. The error
    level is exact if gap and text are independent, and close to it if only the spread depends on the text.

    Args:
        data: n rows.
        seed: Of the permutations, and of the sample if there are too many queries.
        permutations: Their number; the p-value is at least 1 / (permutations + 1).

    Returns:
        None if there are too few queries, or all gaps are equal.
    """
    draws = Draws.of(data.query_hashes)
    gap = draws.mean(data.gap)
    rng = np.random.default_rng([seed, len(draws)])
    chosen = np.arange(len(draws)) if len(draws) <= MOST else np.sort(rng.choice(len(draws), MOST, replace=False))
    gap = gap[chosen]
    if len(chosen) < FEWEST or np.ptp(gap) <= 0:
        return None
    texts = [data.texts[i] for i in draws.first[chosen].tolist()]
    features = np.asarray(Featurizer(resolve_embedder("static")).fit_transform(texts), dtype=np.float64)
    better_at_small = _predicted(features, gap, seed) > 0
    gains = gap * better_at_small, -gap * ~better_at_small
    kernel = _kernel(features)
    gap = gap - gap.mean()
    gaps = np.stack([gap, *(rng.permutation(gap) for _ in range(permutations))], axis=1)
    strength = (gaps * (kernel @ gaps)).sum(axis=0)
    squares = gaps * gaps
    np.square(kernel, out=kernel)
    strength /= np.sqrt(np.maximum((squares * (kernel @ squares)).sum(axis=0), 1e-300))
    reached = strength >= strength[0] - 1e-9 * abs(strength[0])  # the data themselves are one of the permutations
    return Signal(float(reached.mean()), len(chosen), *(_chance(gain) for gain in gains))


def _predicted(features: FloatArray, gap: FloatArray, seed: int) -> FloatArray:
    """The gap of each query by a ridge regression on the others' fifths."""
    from sklearn.linear_model import RidgeCV  # type: ignore[import-untyped, unused-ignore]
    from sklearn.model_selection import KFold, cross_val_predict  # type: ignore[import-untyped, unused-ignore]

    folds = KFold(5, shuffle=True, random_state=seed)
    found: FloatArray = cross_val_predict(RidgeCV(np.logspace(1, 6, 6)), features, gap, cv=folds)
    return found


def _chance(gain: FloatArray) -> float:
    """One-sided p-value of a mean above 0."""
    from scipy.special import stdtr  # type: ignore[import-untyped, unused-ignore]

    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return float(stdtr(len(gain) - 1, -gain.mean() / error)) if error > 0 else 1.0


def _kernel(features: FloatArray) -> AnyArray:
    """Centred likeness of each two of n rows, 0 on the diagonal, shape (n, n); the large arrays are used again."""
    features = features - features.mean(axis=0)
    length = (features**2).sum(axis=1)
    kernel = features @ features.T
    kernel *= -2
    kernel += length
    kernel += length[:, None]
    width = float(np.median(kernel[:: -(-len(kernel) // 500)]))  # some rows are enough
    kernel /= -width if width > 1e-9 else -1.0
    np.exp(np.minimum(kernel, 0.0, out=kernel), out=kernel)
    kernel -= kernel.mean(axis=0)
    kernel -= kernel.mean(axis=1)[:, None]
    np.fill_diagonal(kernel, 0.0)
    return kernel
