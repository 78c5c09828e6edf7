"""The multilingual embedder on its real weights, which are in its package."""

from __future__ import annotations

import pickle

import numpy as np

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.embedders import resolve_embedder

TEXTS = [
    "What is the capital of France?",
    "Was ist die Hauptstadt von Frankreich?",
    "法国的首都是哪里？",
    "I like cheese.",
]


def test_translations_lie_together():
    vectors = resolve_embedder("multilingual").encode(TEXTS)
    assert vectors.shape == (4, 512)
    cosines = vectors @ vectors.T
    assert cosines[0, 1] > cosines[0, 3] + 0.3
    assert cosines[0, 2] > cosines[0, 3] + 0.3


def test_hostile_texts_have_vectors():
    vectors = resolve_embedder("multilingual").encode(["", " ", "\ud800", "a\0b", "x" * 100_000, "🙂"])
    assert np.isfinite(vectors).all()


def test_a_router_with_it_is_saved_by_its_name(tmp_path):
    rows = [{"query": f"What is {a} + {b}?", "small_quality": float(a < 5), "large_quality": 1.0}
            for a in range(10) for b in range(4)]  # fmt: skip
    router = HybridRouter(embedder="multilingual", scorer="linear").fit(RoutingDataset.from_records(rows))
    loaded = HybridRouter.load(router.save(tmp_path))
    assert loaded.embedder.name == "multilingual"
    np.testing.assert_array_equal(loaded.score(TEXTS), router.score(TEXTS))
    assert len(pickle.dumps(router.embedder)) < 1000
