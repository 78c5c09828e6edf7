"""Likeness: strange is strange, the same bits always, any text survives."""

from __future__ import annotations

import base64
import random

import numpy as np
import pytest

from hybrid_router_core.embedders import StaticEmbedder
from hybrid_router_core.features import Featurizer
from hybrid_router_core.guard import Guard, Likeness

NAMES = "Ana Ben Chen Dora Emil Farah Gita Hugo Ines Jonas Lena Mateo Nora Olga Pavel Rosa Sven Tariq".split()  # noqa: SIM905
THINGS = "apples books chairs coins cups doors eggs flowers lamps maps pears pens plates shoes stones".split()  # noqa: SIM905
PLACES = "France Norway Peru Kenya Japan Canada Egypt Chile Ghana Nepal Spain Cuba".split()  # noqa: SIM905
HOSTILE = [
    "",
    " ",
    "\n\n\t",
    "?",
    "x",
    "🙂" * 40,
    "\ud800 lone \udfff",
    "a\0b\0",
    "y" * 1_000_000,
    "\u3000",
    "\U0001f600",
]
STRANGE = {
    "script": "什么是光合作用？请用简单的语言解释一下。",
    "code": "for (int i = 0; i < n; ++i) {\n    total += v[i] * 2;\n}\nreturn total == 0 ? NULL : &total;",
    "table": "id,city,amount\n17,Lagos,55.20\n18,Oslo,7.75\n19,Quito,88.10\n20,Riga,3.35",
    "gibberish": "qzxv wrrtk plmqz xxkjd vbnzq trwqk zzxjq",
    "base64": base64.b64encode(bytes(range(200))).decode(),
    "long": "Who was the first ruler of France, and why? " * 2500,
}


def queries(count, seed):
    rng = random.Random(seed)
    made = {}
    while len(made) < count:
        name, thing, place = rng.choice(NAMES), rng.choice(THINGS), rng.choice(PLACES)
        first, second = rng.randint(2, 99), rng.randint(2, 99)
        made[
            rng.choice(
                [
                    f"{name} has {first} {thing} and buys {second} more. How many {thing} are there now?",
                    f"What is the capital of {place}, and how many people live there?",
                    f"Who was the first ruler of {place}, and why is he or she remembered in {first} books?",
                    f"Write a short poem about {thing} for my friend {name} from {place}.",
                    f"Which is larger, {first} or {second}? Explain it to {name}.",
                ]
            )
        ] = None
    return list(made)


@pytest.fixture(scope="module")
def featurizer():
    return Featurizer(StaticEmbedder()).fit(queries(300, 0))


@pytest.fixture(scope="module")
def read(featurizer):
    def read(texts):
        return texts, StaticEmbedder().token_ids(texts), featurizer.transform(texts)

    return read


@pytest.fixture(scope="module")
def likeness(read):
    return Likeness.fit(*read(queries(300, 0)), seed=3)


@pytest.fixture(scope="module")
def guard(likeness, read):
    seen = set(queries(300, 0))
    return Guard.calibrated(
        0.02, likeness.strangeness(*read([q for q in queries(300, 1) if q not in seen])), likeness.edge
    )


def test_strangers_are_told_from_queries_like_those_learned(likeness, guard, read):
    assert guard.strangers(likeness.strangeness(*read(list(STRANGE.values())))).tolist() == [True] * len(STRANGE)
    seen = {*queries(300, 0), *queries(300, 1)}
    new = [query for query in queries(600, 2) if query not in seen]
    assert guard.strangers(likeness.strangeness(*read(new))).mean() <= 0.05


def test_about_a_tenth_lies_beyond_the_edge(likeness, read):
    seen = set(queries(300, 0))
    new = [query for query in queries(600, 2) if query not in seen]
    assert 0.01 <= (likeness.strangeness(*read(new)) > likeness.edge).mean() <= 0.2  # less: few queries to learn from


def test_long_prompts_are_ordinary_where_they_were_learned():
    texts = ["\n".join(queries(150, seed)) for seed in range(120)]  # 10,000 characters
    embedder = StaticEmbedder()
    features = Featurizer(embedder).fit(texts[:60])
    likeness = Likeness.fit(texts[:60], embedder.token_ids(texts[:60]), features.transform(texts[:60]))
    rest = likeness.strangeness(texts[60:], embedder.token_ids(texts[60:]), features.transform(texts[60:]))
    guard = Guard.calibrated(0.02, rest[:50], likeness.edge)
    assert guard.strangers(rest[50:]).sum() <= 1
    short = ["Who was the first ruler of France?", "Write a short poem."]
    assert guard.strangers(likeness.strangeness(short, embedder.token_ids(short), features.transform(short))).all()


def test_a_text_has_the_same_strangeness_alone_and_in_any_batch(likeness, read):
    texts = [*queries(300, 0), *queries(300, 4), *STRANGE.values(), *HOSTILE]
    together = likeness.strangeness(*read(texts))
    rows = list(range(0, len(texts), 7)) + list(range(600, len(texts)))
    parts = read(texts)[2]
    for row in rows:
        text = [texts[row]]
        alone = likeness.strangeness(text, StaticEmbedder().token_ids(text), parts[row : row + 1])
        assert alone.tolist() == [together[row]]


def test_any_text_has_a_finite_strangeness(likeness, guard, read):
    found = likeness.strangeness(*read(HOSTILE))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert guard.strangers(found).all()
    assert likeness.strangeness(*read([])).shape == (0,)


def test_features_out_of_all_bounds_are_most_strange(likeness, guard, read):
    texts, tokens, features = read(queries(3, 5))
    features = features.copy()
    features[0], features[1], features[2] = np.inf, -3e38, 1e5
    found = likeness.strangeness(texts, tokens, features)
    assert np.isfinite(found).all()
    assert guard.strangers(found).all()


def test_the_state_gives_the_same_bits(likeness, read):
    again = Likeness.from_state(likeness.state())
    texts = [*queries(50, 6), *STRANGE.values(), *HOSTILE]
    assert (again.strangeness(*read(texts)) == likeness.strangeness(*read(texts))).all()
    assert again.edge == likeness.edge
    for name, array in likeness.state().items():
        assert array.dtype == again.state()[name].dtype
        assert (array == again.state()[name]).all()
    assert sum(array.nbytes for array in likeness.state().values()) < 300_000


def test_the_same_queries_and_seed_give_the_same_bits(likeness, read):
    again = Likeness.fit(*read(queries(300, 0)), seed=3)
    assert all((array == again.state()[name]).all() for name, array in likeness.state().items())


def test_repeated_queries_count_once(read):
    texts = queries(60, 0)
    once, often = Likeness.fit(*read(texts)), Likeness.fit(*read(texts[:20] * 5 + texts))
    assert (once.models.characters.surprise == often.models.characters.surprise).all()


@pytest.mark.parametrize(
    "texts", [["one query"], ["one", "two"], ["a b", "a c", "a d", "a e"], ["x"] * 50, ["", " ", "."]]
)
def test_few_or_equal_queries_can_be_learned(texts):
    embedder = StaticEmbedder()
    features = Featurizer(embedder)
    rows = features.fit_transform(texts)
    likeness = Likeness.fit(texts, embedder.token_ids(texts), rows)
    assert np.isfinite(likeness.edge)
    assert np.isfinite(likeness.strangeness(texts, embedder.token_ids(texts), rows)).all()
    again = Likeness.from_state(likeness.state())
    other = ["Was ist das?"]
    parts = other, embedder.token_ids(other), features.transform(other)
    assert again.strangeness(*parts) == likeness.strangeness(*parts)


def test_wide_embeddings_keep_the_state_small(read):
    texts, tokens, features = read(queries(200, 0))
    wide = np.concatenate([np.random.default_rng(0).normal(size=(200, 4096)).astype(np.float32), features], axis=1)
    likeness = Likeness.fit(texts, tokens, wide)
    assert sum(array.nbytes for array in likeness.state().values()) < 300_000
    assert (
        likeness.strangeness(texts, tokens, wide)[:5] == likeness.strangeness(texts[:5], _first(tokens, 5), wide[:5])
    ).all()


def _first(tokens, count):
    return type(tokens)(tokens.flat[: tokens.offsets[count]], tokens.offsets[: count + 1])


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("characters", np.zeros(7, dtype=np.uint8)),
        ("tokens", np.zeros((2, 2), dtype=np.uint8)),
        ("tokens", np.zeros(29_523, dtype=np.uint8)),
        ("space.axes", np.zeros((3, 2), dtype=np.int16)),
        ("space.prototypes", np.zeros((0, 32), dtype=np.int32)),
        ("adjustments", np.zeros((4, 3))),
        ("tails", np.zeros((7, 2))),
        ("edge", np.zeros(2)),
        ("edge", np.zeros((1, 1))),
    ],
)
def test_a_damaged_state_is_refused(likeness, name, array):
    with pytest.raises(ValueError, match=r".+"):
        Likeness.from_state({**likeness.state(), name: array})
    with pytest.raises(KeyError):
        Likeness.from_state({key: kept for key, kept in likeness.state().items() if key != name})
