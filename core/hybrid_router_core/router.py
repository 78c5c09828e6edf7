"""HybridRouter: learn from examples, choose a threshold, decide."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._types import FloatArray
from ._version import library_version
from .artifact import ArtifactRecord, ConversationRecord, damaged_if_it_fails, embedder_of, load_artifact, save_artifact
from .calibration import Calibration, Sampling, calibrate_on
from .conversation import Messages
from .cross_fitting import AsNew, Folds
from .data import RoutingDataset, check_dataset
from .embedders import Embedder, resolve_embedder
from .errors import NotFittedError
from .evaluation import Across, Outcomes, Report, check_groups, evaluate_scores
from .guard import GuardSetting, check_guard, guard_for, no_guard, with_level
from .labels import MarginSearch, Mode, labels_of_mode, margin_to_train
from .predictor import Predictor, check_settings
from .routing import RoutingDecision, check_threshold
from .scorers import Targets

__all__ = ["HybridRouter", "Mode"]


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
        embedder: ``"static"`` (bundled, no torch), ``"multilingual"``, ``"sentence-transformers:<name or folder>"``,
            an object with ``encode``, ``embed_documents`` or ``get_text_embedding_batch``, or a callable list of str
            -> array.
        scorer: ``"mlp"``, ``"linear"``, ``"knn"``, ``"constant"`` or ``"random"``.
        hparam: Hyperparameters of the scorer; the names of scikit-learn where it has them.
        tau: Temperature of the probabilistic label with single samples, in units of quality, > 0.
        margin: Fixes t of the transformed label instead of searching for t*; >= 0, in units of quality.
        threshold: small iff score >= threshold, in [0, 1]; `calibrate` chooses a better one.
        guard: Strangers go to large whatever the threshold: queries so unlike those of the calibration that at most
            this share of these is as strange, in (0, 0.1]. "auto" is 0.02 where `calibrate` gives a guarantee and has
            49 queries or more, else no guard; None is none.
        seed: Of everything random; the same seed and data give the same artifact, byte for byte.

    Attributes:
        embedder: What turns text into vectors.
        threshold: The threshold in force; may be set.
        guard: May be set: a guard that is in force changes at once, one that is not comes with the next `calibrate`.
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
        guard: GuardSetting = "auto",
        seed: int = 0,
    ) -> None:
        check_settings(mode, tau, margin, seed, scorer, hparam)
        self._guard = check_guard(guard)
        self.mode: Mode = mode
        self.embedder: Embedder = resolve_embedder(embedder)
        self.scorer = scorer
        self.hparam = dict(hparam or {})
        self.tau = float(tau)
        self.margin = margin
        self.seed = seed
        self.margin_search: MarginSearch | None = None
        self.calibration: Calibration | None = None
        self.threshold = threshold
        self._first_threshold = self.threshold
        self._predictor: Predictor | None = None
        self._figures: dict[str, float] = {}
        self._taught: RoutingDataset | None = None  # only where groups could be left out of it
        self._folds: Folds | None = None

    @property
    def threshold(self) -> float:
        """Small iff score >= threshold; in [0, 1]."""
        return self._threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._threshold = check_threshold(value)
        if self.calibration is not None and self._threshold != self.calibration.threshold:
            self.calibration = None  # what it certified was another threshold

    @property
    def guard(self) -> GuardSetting:
        """The largest share of ordinary queries that may be taken for strangers; "auto", or None for no guard."""
        return self._guard

    @guard.setter
    def guard(self, value: GuardSetting) -> None:
        setting = check_guard(value)
        in_force = None if self._predictor is None else self._predictor.guard
        if self._predictor is not None and in_force is not None:
            changed = with_level(in_force, setting)
            if changed is not in_force:
                self._predictor, self.calibration = self._predictor.guarded(changed), None  # whose figures counted it
        elif self.calibration is not None and setting is not None:
            warnings.warn("no guard is in force: it comes with the next calibrate()", stacklevel=2)
        self._guard = setting

    def labels(self, data: RoutingDataset) -> FloatArray:
        """The labels of this router's mode, in [0, 1], shape (n,); the transformed one needs the margin of a fit."""
        return labels_of_mode(self.mode, data.small_quality, data.large_quality, tau=self.tau, margin=self.margin)

    def fit(self, data: RoutingDataset, *, progress: bool = False) -> HybridRouter:
        """Learn from examples; sets the margin, forgets an earlier calibration, returns self.

        Args:
            data: Queries with the quality of both models, at least two distinct ones.
            progress: Show bars on stderr.
        """
        check_dataset("fit", data, distinct=2)
        found = margin_to_train(self.mode, self.margin, self.margin_search, data.small_quality, data.large_quality)
        margin, search = found
        guarded = self.guard is not None
        predictor, figures = self._learn(self.embedder, data, margin, guarded=guarded, progress=progress)
        self.margin, self.margin_search = margin, search  # only now: a fit that fails leaves all as it was
        self._predictor, self._figures = predictor, figures
        self._taught, self._folds = (None if data.groups is None else data), None
        if self.calibration is not None:  # a threshold belongs to the scores that it was chosen for
            self.threshold, self.calibration = self._first_threshold, None
        return self

    def score(
        self, queries: Sequence[str] | RoutingDataset | None = None, *, messages: Messages | None = None
    ) -> FloatArray:
        """The estimated probability that small is good enough, in [0, 1], shape (n,).

        Args:
            queries: Texts, or a data set for its rows.
            messages: Instead, one conversation, as dicts with role and content; the score is its last turn's.

        Raises:
            DataError: If it is neither, or the messages hold no question.
            NotFittedError: Before fit or load.
        """
        return self._fitted().score_of(queries, messages)

    def route(
        self, query: str | None = None, *, messages: Messages | None = None, threshold: float | None = None
    ) -> RoutingDecision:
        """Decide for a query or a conversation, at the router's threshold or the given one; raises as `score` does.

        Messages that hold no question raise nothing: large answers, and the record says why.
        """
        limit = self.threshold if threshold is None else check_threshold(threshold)
        return self._fitted().decide(query, messages, limit)

    def route_batch(self, queries: Sequence[str], *, threshold: float | None = None) -> list[RoutingDecision]:
        """Decide for many queries with one scoring; see `route`."""
        limit = self.threshold if threshold is None else check_threshold(threshold)
        return self._fitted().decide_all(queries, limit)

    def calibrate(
        self,
        data: RoutingDataset,
        *,
        cost_advantage: float | None = None,
        pgr: float | None = None,
        max_quality_drop: float | str | None = None,
        confidence: float = 0.95,
        quality_range: tuple[float, float] | None = None,
        across: Across | None = None,
        weights: ArrayLike | None = None,
        smallest_probability: float | None = None,
    ) -> HybridRouter:
        """Choose the threshold on data that fit has not seen (what it has is left out), for one target; returns self.

        Args:
            data: Held-out queries with qualities.
            cost_advantage: Share of the queries that shall go to small, 0 to 1.
            pgr: Performance gap that shall be recovered on these data, 0 to 1.
            max_quality_drop: Most quality that may be lost against all-large, in units of quality, >= 0, or as "2%" of
                its mean quality; holds with the given confidence over the draw of the calibration data.
            confidence: Of that guarantee, in (0, 1).
            quality_range: Lowest and highest quality possible, for that guarantee; (0, 1) if all qualities lie in it.
            across: "groups": the guarantee is about as many new groups, of which none is in the data. Queries of groups
                that were trained on are scored by routers without them, which takes ten further fits, once; and what
                was trained on then tells as much of its groups, and is counted too. A router that was loaded leaves
                such queries out.
            weights: 1 / the probability with which each row was chosen for these data, shape (n,), where some queries
                had a better chance than others, as labels of live calls have; not with ``across``. The level of a guard
                is about the rows as they are.
            smallest_probability: Smallest that such a probability can be, known beforehand, in (0, 1].

        Raises:
            DataError: If too few queries, or groups, are left without those that were trained on.
            CalibrationError: If no threshold reaches the target; says the best that can be had.
            ConfigError: If not exactly one target is given, or a value is not allowed.
        """
        check_dataset("calibrate", data)
        sampling = Sampling.of(weights, smallest_probability, len(data), across)
        predictor, seen = self._fitted(), self._fitted().has_seen(data.query_hashes)
        scores, strangeness = predictor.examine_rows(data)
        once = np.unique(data.query_hashes[~seen], return_index=True)[1]  # a repeated query is one draw
        certified = max_quality_drop is not None
        guard = guard_for(self.guard, predictor.likeness, strangeness[~seen][once], certified=certified)
        new = self._as_new(data, scores, strangeness, across)
        self.calibration = calibrate_on(
            new.data,
            new.scores,
            np.append(seen, np.zeros(len(new.data) - len(data), dtype=bool)) | new.unfit,
            strangers=None if guard is None else new.strangers(guard.strangers(strangeness), seen),
            beyond=None if guard is None else new.strangeness > guard.edge,
            cost_advantage=cost_advantage,
            pgr=pgr,
            max_quality_drop=max_quality_drop,
            confidence=confidence,
            quality_range=quality_range,
            across=across,
            trained=new.trained,
            weights=None if sampling is None else sampling.weights,
            smallest_probability=smallest_probability,
            seed=self.seed,
        )
        self.threshold = self.calibration.threshold
        self._predictor = predictor.after(data, guard)
        if guard is None and certified and self.guard == "auto" and predictor.likeness is not None:
            warnings.warn(no_guard(len(once)), stacklevel=2)
        return self

    def evaluate(
        self, data: RoutingDataset, *, resamples: int = 1000, confidence: float = 0.95, across: Across | None = None
    ) -> Report:
        """Measure this router on held-out data; warns if any of the queries, or of the groups to come, was trained on.

        What the guard sends to large goes there at every threshold; how good the scores are is judged on all queries.

        Args:
            data: Held-out queries with qualities; with groups and costs the report has them too.
            resamples: Bootstrap resamples behind the intervals, >= 1.
            confidence: Of the intervals, in (0, 1).
            across: "groups": the intervals are those of a mean over other groups, of which these are a sample.
        """
        check_dataset("evaluate", data)
        scores, strangeness = self._fitted().examine_rows(data)
        strangers = None if self._fitted().guard is None else self._fitted().strangers(strangeness)
        self._tell_of_known_groups(data, across)
        return evaluate_scores(
            Outcomes.of(data, scores=scores, labels=self.labels(data), across=across, strangers=strangers),
            threshold=self.threshold,
            resamples=resamples,
            confidence=confidence,
            seed=self.seed,
            about=self._about(),
            margin_curve=None if self.margin_search is None else self.margin_search.curve(),
            seen_in_training=int(self._fitted().has_seen(data.query_hashes).sum()),
        )

    def save(self, folder: str | Path) -> Path:
        """Write the router to a folder, atomically; see `hybrid_router_core.artifact`."""
        arrays = self._fitted().arrays()
        check_settings(self.mode, self.tau, self.margin, self.seed, self.scorer, self.hparam)
        record = ArtifactRecord(
            **self._about(),
            tau=self.tau,
            margin_curve=None if self.margin_search is None else self.margin_search.curve().T.tolist(),
            threshold=self.threshold,
            embedder_fingerprint=self.embedder.fingerprint(),
            guard=self.guard,
            conversation=ConversationRecord.of(self._fitted().turns),
        )
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
        router = cls(embedder=embedder_of(folder, record, embedder), **record.settings())
        with damaged_if_it_fails(folder):
            router._predictor = Predictor.from_arrays(router.embedder, record.scorer, arrays, turns=record.turns())
        router.calibration = record.calibration
        router._figures = record.training
        router._first_threshold = 0.5 if record.calibration else router.threshold  # a fit makes other scores
        router.margin_search = record.margin_search()
        return router

    def __repr__(self) -> str:
        state = "not fitted" if self._predictor is None else f"threshold={self.threshold:.3f}"
        if self._predictor is not None and self._predictor.guard is not None:
            state += f", guard={self._predictor.guard.level:g}"
        return f"HybridRouter(mode={self.mode!r}, embedder={self.embedder.name!r}, scorer={self.scorer!r}, {state})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_taught": None, "_folds": None}  # another process needs no copy of the training data

    def _learn(
        self, embedder: Embedder, data: RoutingDataset, margin: float | None, *, guarded: bool, progress: bool = False
    ) -> tuple[Predictor, dict[str, float]]:
        labels = labels_of_mode(self.mode, data.small_quality, data.large_quality, tau=self.tau, margin=margin)
        targets = Targets(labels, data.mean_small, data.mean_large)
        learner = (embedder, self.scorer, self.hparam)
        predictor = Predictor.fit(*learner, data, targets, seed=self.seed, guarded=guarded, progress=progress)
        return predictor, targets.figures()

    def _as_new(
        self, data: RoutingDataset, scores: FloatArray, strangeness: FloatArray, across: Across | None
    ) -> AsNew:
        """The rows to calibrate on; with ``across`` as if their groups were new."""
        known = np.zeros(len(data), dtype=bool)
        if across is not None:
            check_groups(data.groups)  # before those of the training data can hide that these are too few
            known = self._fitted().has_seen_groups(data.groups, len(data))
        if self._folds is None and self._taught is not None and known.any():
            self._folds = Folds.fit(self._taught, self._learn_part, self.embedder, self.seed)
        return (self._folds or Folds()).as_new(data, scores, strangeness, known)

    def _tell_of_known_groups(self, data: RoutingDataset, across: Across | None) -> None:
        if across is None:
            return
        check_groups(data.groups)
        names = np.array(data.groups)
        known = names[self._fitted().has_seen_groups(data.groups, len(data))]
        if len(known):
            warnings.warn(
                f"{len(set(known))} of the {len(set(names))} groups were trained on, so the figures flatter the router "
                "where other groups are meant. Keep groups apart with data.split(..., by='group').",
                stacklevel=3,
            )

    def _learn_part(self, embedder: Embedder, data: RoutingDataset) -> Predictor:
        return self._learn(embedder, data, self.margin, guarded=self._fitted().likeness is not None)[0]

    def _fitted(self) -> Predictor:
        if self._predictor is None:
            raise NotFittedError("this router is not trained yet; call fit(data), or HybridRouter.load(folder)")
        return self._predictor

    def _about(self) -> dict[str, Any]:
        return {
            "mode": self.mode,
            "embedder": self.embedder.name,
            "scorer": self.scorer if self._predictor is None else self._predictor.scorer.kind,
            "hparam": self.hparam,
            "margin": self.margin,
            "seed": self.seed,
            "calibration": None if self.calibration is None else self.calibration.model_dump(mode="json"),
            "training": self._figures,
            "library_version": library_version(),
        }
