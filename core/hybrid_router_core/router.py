"""HybridRouter: learn from examples, choose a threshold, decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from ._bars import progress_bar
from ._types import AnyArray, FloatArray
from .artifact import ArtifactRecord, load_artifact, save_artifact
from .calibration import Calibration, calibrate_threshold
from .dataset import RoutingDataset
from .decision import RoutingDecision, check_threshold, decide
from .embedders import (
    Embedder,
    StaticEmbedder,
    embed_in_batches,
    fingerprints_match,
    resolve_embedder,
    tokens_in_batches,
)
from .errors import ArtifactError, ConfigError, DataError, NotFittedError
from .evaluation import Outcomes, Report, evaluate_scores
from .features import Featurizer
from .labels import deterministic_labels, probabilistic_labels, transformed_labels
from .margin import MarginSearch, find_margin
from .scorers import Scorer, Targets, make_scorer, scorer_from_state

__all__ = ["HybridRouter", "Mode"]

Mode = Literal["deterministic", "probabilistic", "transformed"]
SCORING_CHUNK = 4096
CURVE_POINTS = 200


class HybridRouter:
    """Predicts for a query whether the small model will do. Ding et al. 2024, "Hybrid LLM" (arXiv:2404.14618).

    >>> from hybrid_router_core import HybridRouter, RoutingDataset
    >>> rows = [{"query": f"What is {a} + {b}?", "small_quality": float(a < 5), "large_quality": 1.0}
    ...         for a in range(10) for b in range(10)]
    >>> train, calibration, test = RoutingDataset.from_records(rows).split((0.6, 0.2, 0.2))
    >>> router = HybridRouter(mode="deterministic").fit(train).calibrate(calibration, cost_advantage=0.4)
    >>> router.route("What is 3 + 4?").model
    'small'

    Args:
        mode: Which label is learned; see `hybrid_router_core.labels`.
        embedder: ``"static"`` (bundled, no torch), ``"sentence-transformers:<name or folder>"``, an object with
            ``encode``, ``embed_documents`` or ``get_text_embedding_batch``, or a callable list of str -> array.
        scorer: ``"mlp"``, ``"linear"``, ``"knn"``, ``"constant"`` or ``"random"``.
        hparam: Hyperparameters of the scorer; the names of scikit-learn where it has them.
        tau: Temperature of the probabilistic label with single samples, in units of quality, > 0.
        margin: Fixes t of the transformed label instead of searching for t*; >= 0, in units of quality.
        threshold: small iff score >= threshold, in [0, 1]; `calibrate` chooses a better one.
        seed: Of everything random; the same seed and data give the same artifact, byte for byte.

    Attributes:
        embedder: What turns text into vectors.
        threshold: The threshold in force; may be set.
        margin: The margin of the labels after `fit`; None unless the mode is transformed.
        margin_search: The search for t* with its curve, after a `fit` that searched.
        calibration: The record of the last `calibrate`, or None.
    """

    def __init__(
        self,
        mode: Mode = "transformed",
        *,
        embedder: Any = "static",
        scorer: str = "mlp",
        hparam: Mapping[str, Any] | None = None,
        tau: float = 0.1,
        margin: float | None = None,
        threshold: float = 0.5,
        seed: int = 0,
    ) -> None:
        if mode not in get_args(Mode):
            raise ConfigError(f"mode is {mode!r}; allowed: {', '.join(get_args(Mode))}")
        for name, value in (("tau", tau), ("margin", margin)):
            if value is not None and not (np.isfinite(value) and value >= 0 and (value > 0 or name == "margin")):
                raise ConfigError(
                    f"{name} is {value!r}; allowed: a finite number in units of quality, > 0 (margin: >= 0)"
                )
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ConfigError(f"seed is {seed!r}; allowed: an integer >= 0")
        make_scorer(scorer, hparam)  # so that a wrong hyperparameter fails here and not after the embedding
        self.mode: Mode = mode
        self.embedder: Embedder = resolve_embedder(embedder)
        self.scorer = scorer
        self.hparam = dict(hparam or {})
        self.tau = float(tau)
        self.margin = margin
        self.seed = seed
        self.threshold = threshold
        self.margin_search: MarginSearch | None = None
        self.calibration: Calibration | None = None
        self._fixed_margin = margin
        self._first_threshold = self.threshold
        self._features: Featurizer | None = None
        self._scorer: Scorer | None = None
        self._trained_on: AnyArray = np.empty(0, dtype=np.uint64)
        self._figures: dict[str, float] = {}

    @property
    def threshold(self) -> float:
        """Small iff score >= threshold; in [0, 1]."""
        return self._threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._threshold = check_threshold(value)

    def labels(self, data: RoutingDataset) -> FloatArray:
        """The labels of this router's mode, in [0, 1], shape (n,). The transformed mode uses the margin that fit found.

        Raises:
            NotFittedError: If the mode is transformed and neither fit nor the user has set a margin.
        """
        if self.mode == "deterministic":
            return deterministic_labels(data.small_quality, data.large_quality)
        if self.mode == "probabilistic":
            return probabilistic_labels(data.small_quality, data.large_quality, self.tau)
        if self.margin is None:
            raise NotFittedError("the margin of the transformed labels is not known yet; call fit(data) first")
        return transformed_labels(data.small_quality, data.large_quality, self.margin)

    def fit(self, data: RoutingDataset, *, progress: bool = False) -> HybridRouter:
        """Learn from examples; sets the margin, forgets an earlier calibration, returns self.

        Args:
            data: Queries with the quality of both models, at least two distinct ones.
            progress: Show bars on stderr.

        Raises:
            DataError: If there are fewer than two distinct queries.
        """
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]  # of scikit-learn

        _check_dataset("fit", data)
        seen = np.unique(data.query_hashes)
        if len(seen) < 2:
            raise DataError(f"fit needs at least 2 distinct queries, got {len(seen)}; collect more examples")
        self.margin_search = None
        self.margin = self._fixed_margin
        if self.mode == "transformed" and self.margin is None:
            self.margin_search = find_margin(data.small_quality, data.large_quality)
            self.margin = self.margin_search.margin
        targets = Targets(label=self.labels(data), small_quality=data.mean_small, large_quality=data.mean_large)
        tokens = tokens_in_batches(data.queries, progress=progress)
        shares_tokens = isinstance(self.embedder, StaticEmbedder)
        embeddings = None if shares_tokens else embed_in_batches(self.embedder, data.queries, progress=progress)
        features, scorer = Featurizer(self.embedder), make_scorer(self.scorer, self.hparam)
        # The matrices are small: more threads only wait for each other, and their number would show in the last bits.
        with threadpool_limits(limits=1), progress_bar("Training", progress) as show:
            scorer.fit(features.fit_transform(data.queries, embeddings, tokens), targets, seed=self.seed, progress=show)
        self._features, self._scorer, self._trained_on = features, scorer, seen
        self._figures = {
            "n_queries": float(len(data)),
            "mean_label": float(targets.label.mean()),
            "mean_small_quality": float(targets.small_quality.mean()),
            "mean_large_quality": float(targets.large_quality.mean()),
        }
        self.threshold, self.calibration = self._first_threshold, None
        return self

    def score(self, queries: Sequence[str]) -> FloatArray:
        """The estimated probability that small is good enough for each query, in [0, 1], shape (n,).

        Raises:
            DataError: If this is not a list of strings.
            NotFittedError: Before fit or load.
        """
        features, scorer = self._fitted()
        texts = _check_queries(queries)
        if len(texts) <= SCORING_CHUNK:
            return scorer.predict(features.transform(texts)) if texts else np.empty(0)
        chunks = (texts[i : i + SCORING_CHUNK] for i in range(0, len(texts), SCORING_CHUNK))
        return np.concatenate([scorer.predict(features.transform(chunk)) for chunk in chunks])

    def route(self, query: str, *, threshold: float | None = None) -> RoutingDecision:
        """Decide for one query, at the router's threshold or at the given one.

        Raises:
            DataError: If the query is not a string.
            NotFittedError: Before fit or load.
        """
        limit = self.threshold if threshold is None else check_threshold(threshold)
        return decide(float(self.score([query])[0]), limit)

    def route_batch(self, queries: Sequence[str], *, threshold: float | None = None) -> list[RoutingDecision]:
        """Decide for many queries with one scoring; see `route`."""
        limit = self.threshold if threshold is None else check_threshold(threshold)
        return [decide(score, limit) for score in self.score(queries).tolist()]

    def calibrate(
        self,
        data: RoutingDataset,
        *,
        cost_advantage: float | None = None,
        pgr: float | None = None,
        max_quality_drop: float | None = None,
        confidence: float = 0.95,
        quality_range: tuple[float, float] | None = None,
    ) -> HybridRouter:
        """Choose the threshold on data that fit has not seen, for exactly one target; returns self.

        Args:
            data: Held-out queries with qualities.
            cost_advantage: Share of the queries that shall go to small, 0 to 1.
            pgr: Performance gap that shall be recovered on these data, 0 to 1.
            max_quality_drop: Most quality that may be lost against all-large, in units of quality, >= 0; holds with the
                given confidence over the draw of the calibration data.
            confidence: Of that guarantee, in (0, 1).
            quality_range: Lowest and highest quality possible, for that guarantee; (0, 1) if all qualities lie in it.

        Raises:
            DataError: If any of the queries was trained on.
            CalibrationError: If no threshold reaches the target; says the best that can be had.
            ConfigError: If not exactly one target is given, or a value is not allowed.
        """
        _check_dataset("calibrate", data)
        self._fitted()
        seen = self._count_seen(data)
        if seen:
            raise DataError(
                f"{seen} of the {len(data)} calibration queries were trained on, so their scores flatter the router. "
                "Calibrate on a part that fit has not seen, as data.split((0.6, 0.2, 0.2)) gives it"
            )
        self.calibration = calibrate_threshold(
            self.score(data.queries),
            data.mean_small,
            data.mean_large,
            cost_advantage=cost_advantage,
            pgr=pgr,
            max_quality_drop=max_quality_drop,
            confidence=confidence,
            quality_range=quality_range,
            seed=self.seed,
        )
        self.threshold = self.calibration.threshold
        return self

    def evaluate(self, data: RoutingDataset, *, resamples: int = 1000, confidence: float = 0.95) -> Report:
        """Measure this router on held-out data; warns if any of the queries was trained on.

        Args:
            data: Held-out queries with qualities; with groups and costs the report has them too.
            resamples: Bootstrap resamples behind the intervals, >= 1.
            confidence: Of the intervals, in (0, 1).
        """
        _check_dataset("evaluate", data)
        outcomes = Outcomes(
            scores=self.score(data.queries),
            small=data.mean_small,
            large=data.mean_large,
            labels=self.labels(data),
            small_cost=data.small_cost,
            large_cost=data.large_cost,
            groups=data.groups,
        )
        return evaluate_scores(
            outcomes,
            threshold=self.threshold,
            resamples=resamples,
            confidence=confidence,
            seed=self.seed,
            about=self._about(),
            margin_curve=self._margin_curve(),
            seen_in_training=self._count_seen(data),
        )

    def save(self, folder: str | Path) -> Path:
        """Write the router to a folder, atomically; see `hybrid_router_core.artifact`."""
        features, scorer = self._fitted()
        curve = self._margin_curve()
        record = ArtifactRecord(
            library_version=library_version(),
            mode=self.mode,
            tau=self.tau,
            margin=self.margin,
            margin_curve=None if curve is None else [(float(t), float(y)) for t, y in curve.T],
            threshold=self.threshold,
            calibration=self.calibration,
            embedder=self.embedder.name,
            embedder_fingerprint=self.embedder.fingerprint(),
            scorer=self.scorer,
            hparam=self.hparam,
            seed=self.seed,
            training=self._figures,
            arrays={},
            files={},
        )
        arrays: dict[str, AnyArray] = {"trained_on": self._trained_on}
        arrays.update({f"features.{name}": array for name, array in features.state().items()})
        arrays.update({f"scorer.{name}": array for name, array in scorer.state().items()})
        return save_artifact(folder, record, arrays)

    @classmethod
    def load(cls, folder: str | Path, *, embedder: Any = None) -> HybridRouter:
        """Read a saved router back.

        Args:
            folder: What `save` wrote.
            embedder: The embedder it was trained with; needed only for one that is an object of yours.

        Raises:
            ArtifactError: If the folder is damaged, of a newer format, or the embedder is another than in training.
        """
        record, arrays = load_artifact(folder)
        if embedder is None and record.embedder == "custom":
            raise ArtifactError(
                f"the router in {folder} was trained with an embedder of yours; pass it: load(..., embedder=...)"
            )
        router = cls(
            record.mode,
            embedder=record.embedder if embedder is None else embedder,
            scorer=record.scorer,
            hparam=record.hparam,
            tau=record.tau,
            margin=record.margin,
            threshold=record.threshold,
            seed=record.seed,
        )
        if not fingerprints_match(record.embedder_fingerprint, router.embedder.fingerprint()):
            raise ArtifactError(
                f"the router in {folder} was trained with another embedder than {router.embedder.name!r} is now: its "
                "fingerprint differs. Use the same embedder and version, or train again"
            )
        try:
            router._features = Featurizer.from_state(router.embedder, _part(arrays, "features."))
            router._scorer = scorer_from_state(record.scorer, _part(arrays, "scorer."))
            router._trained_on = arrays["trained_on"]
        except (KeyError, ValueError, IndexError) as error:
            raise ArtifactError(
                f"the router in {folder} lacks an array or has one of the wrong shape: {error}"
            ) from error
        router.calibration = record.calibration
        router._figures = record.training
        if record.margin_curve:
            margins, objective = np.asarray(record.margin_curve, dtype=np.float64).T
            router.margin_search = MarginSearch(margin=record.margin or 0.0, candidates=margins, objective=objective)
            router._fixed_margin = None
        return router

    def __repr__(self) -> str:
        state = "not fitted" if self._scorer is None else f"threshold={self.threshold:.3f}"
        return f"HybridRouter(mode={self.mode!r}, embedder={self.embedder.name!r}, scorer={self.scorer!r}, {state})"

    def _fitted(self) -> tuple[Featurizer, Scorer]:
        if self._features is None or self._scorer is None:
            raise NotFittedError("this router is not trained yet; call fit(data), or HybridRouter.load(folder)")
        return self._features, self._scorer

    def _count_seen(self, data: RoutingDataset) -> int:
        return int(np.isin(data.query_hashes, self._trained_on).sum())

    def _margin_curve(self) -> FloatArray | None:
        if self.margin_search is None:
            return None
        search = self.margin_search
        last = len(search.candidates) - 1
        best = int(np.searchsorted(search.candidates, search.margin))
        keep = np.unique(np.append(np.linspace(0, last, min(last + 1, CURVE_POINTS)).round().astype(np.intp), best))
        return np.stack([search.candidates[keep], search.objective[keep]])

    def _about(self) -> dict[str, Any]:
        return {
            "mode": self.mode,
            "embedder": self.embedder.name,
            "scorer": self.scorer,
            "hparam": self.hparam,
            "margin": self.margin,
            "seed": self.seed,
            "calibration": None if self.calibration is None else self.calibration.model_dump(mode="json"),
            "training": self._figures,
            "library_version": library_version(),
        }


def library_version() -> str:
    """The installed version of this library."""
    try:
        return version("hybrid-llm-router")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0+unknown"


def _part(arrays: Mapping[str, AnyArray], prefix: str) -> dict[str, AnyArray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _check_dataset(step: str, data: RoutingDataset) -> None:
    if not isinstance(data, RoutingDataset):
        raise DataError(
            f"{step} takes a RoutingDataset, got {type(data).__name__}; make one with RoutingDataset.read(path), "
            "from_records(rows) or from_frame(frame)"
        )


def _check_queries(queries: Sequence[str]) -> list[str]:
    if isinstance(queries, str):
        raise DataError("score takes a list of queries, got one string; use score([query]) or route(query)")
    texts = list(queries)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"query {i} is a {type(text).__name__}; allowed: a string")
    return texts
