"""What the features promise: shapes, no dependence on the batch, a state that comes back, and texts of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_router_core.embedders import StaticEmbedder
from hybrid_router_core.errors import NotFittedError
from hybrid_router_core.features import Featurizer, LexicalTable, surface_features

TEXTS = [
    *(f"What is {a} + {a * 7}? Answer with a number." for a in range(20)),
    *(
        f"Who wrote the book number {a} about the history of {c}?"
        for a, c in enumerate(["France", "Spain", "Peru"] * 5)
    ),
    "def add(a, b):\n    return a + b\n",
    "Which one is right?\nA. the first\nB. the second\nC. neither of them\n",
    "",
    "Übersetze das bitte ins Englische: größer",
]


class OtherEmbedder:
    """An embedder that knows no tokens."""

    name = "custom"

    def encode(self, texts):
        return np.array([[len(text), text.count("a"), 1.0] for text in texts], dtype=np.float32).reshape(-1, 3)

    def fingerprint(self):
        return "other"


@pytest.mark.parametrize("embedder", [StaticEmbedder(), OtherEmbedder()])
def test_state_round_trip(embedder):
    fitted = Featurizer(embedder).fit(TEXTS)
    again = Featurizer.from_state(embedder, fitted.state())
    expected = fitted.transform(TEXTS)
    np.testing.assert_array_equal(Featurizer(embedder).fit_transform(TEXTS), expected)
    assert expected.dtype == np.float32
    assert len(expected) == len(TEXTS)
    np.testing.assert_array_equal(again.transform(TEXTS), expected)


def test_given_embeddings_are_used():
    embedder = OtherEmbedder()
    vectors = embedder.encode(TEXTS)
    with_vectors = Featurizer(embedder).fit(TEXTS, vectors)
    np.testing.assert_array_equal(
        with_vectors.transform(TEXTS, vectors), Featurizer(embedder).fit(TEXTS).transform(TEXTS)
    )


def test_one_text_has_the_features_it_has_in_a_batch():
    features = Featurizer(StaticEmbedder()).fit(TEXTS)
    batch = features.transform(TEXTS)
    single = np.concatenate([features.transform([text]) for text in TEXTS])
    np.testing.assert_allclose(single, batch, atol=1e-4)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(), max_size=5))
def test_any_text_is_finite(texts):
    features = Featurizer(StaticEmbedder()).fit(TEXTS)
    rows = features.transform(texts)
    assert rows.shape == (len(texts), features.transform([""]).shape[1])
    assert np.isfinite(rows).all()


def test_lone_surrogates_and_huge_texts():
    rows = surface_features(["\ud800 what?", "a\0b", "word " * 300_000, ""])
    assert np.isfinite(rows).all()


def test_form_is_seen():
    plain, options, code, numbers = surface_features(
        ["Tell me about Rome", "Which?\nA. one\nB. two\nC. three\n", "```\ndef f(): pass\n```", "12.5 + 7 - 1000"]
    )
    for other in (options, code, numbers):
        assert not np.array_equal(plain, other)


def test_training_features_are_centred_and_bounded():
    rows = Featurizer(StaticEmbedder()).fit(TEXTS).transform(TEXTS)
    assert np.abs(rows.mean(axis=0)).max() < 0.5
    assert np.abs(rows).max() < 20


@pytest.mark.parametrize("texts", [["one"], ["same", "same"], ["", ""]])
def test_hardly_any_data(texts):
    features = Featurizer(StaticEmbedder()).fit(texts)
    assert np.isfinite(features.transform(["something else", *texts])).all()


def test_vocabulary_brings_like_texts_together():
    static = StaticEmbedder()
    about = {"music": ["violin", "piano", "melody", "chord"], "law": ["court", "judge", "contract", "jury"]}
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.permutation(words)[:3]) for words in about.values() for _ in range(20)]
    table = LexicalTable.fit(static.token_ids(texts), static.vocabulary_size(), dimensions=2)
    violin, chord, judge = table.transform(static.token_ids(["violin", "chord", "judge"]))
    assert violin @ chord > 0.9
    assert abs(violin @ judge) < 0.2
    assert not table.transform(static.token_ids(["unseen"])).any()


def test_errors():
    with pytest.raises(NotFittedError, match="not fitted"):
        Featurizer(StaticEmbedder()).transform(["a"])
    with pytest.raises(NotFittedError, match="not fitted"):
        Featurizer(StaticEmbedder()).state()
    state = Featurizer(StaticEmbedder()).fit(TEXTS).state()
    with pytest.raises(ValueError, match="train again"):
        Featurizer.from_state(StaticEmbedder(), {**state, "surface_version": np.array([99])})
    with pytest.raises(ValueError, match="differ"):
        Featurizer.from_state(StaticEmbedder(), {**state, "mean": state["mean"][:-1]})
    with pytest.raises(ValueError, match="do not fit"):
        Featurizer.from_state(StaticEmbedder(), {**state, "lexical.vectors": state["lexical.vectors"][:2]})
