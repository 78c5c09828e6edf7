from __future__ import annotations

import numpy as np
import pytest

from hybrid_router_core.embedders import StaticEmbedder
from hybrid_router_core.features import Featurizer, surface_features
from hybrid_router_core.features.tidy import tidy

TEXTS = ["What is 3 + 4?", "Name the capital of France.", "def f(x):\n    return x", "Who wrote it?\nA. He\nB. She"]


@pytest.mark.parametrize("change", [str.lower, lambda text: f"  {text} \n", lambda text: text.replace(" is ", "  is ")])
def test_what_a_keyboard_does_by_chance_changes_no_feature(change):
    features = Featurizer(StaticEmbedder()).fit(TEXTS)
    text = "What is it worth?"
    assert np.array_equal(features.transform([change(text)]), features.transform([text]))


def test_capitals_throughout_are_read_as_small_letters():
    assert tidy("WHAT IS IT?") == "What is it?"
    assert tidy("What Isn't It?") == "What isn't it?"
    assert tidy("What is IT?") == "What is IT?"


def test_the_form_of_code_stays():
    assert tidy(TEXTS[2]).splitlines()[1] == "    return x"
    assert tidy("") == ""
    assert tidy(tidy("  a  b ")) == tidy("  a  b ")


def test_features_of_an_old_state_read_the_text_as_it_came():
    features = Featurizer(StaticEmbedder()).fit(TEXTS)
    state = features.state()
    again = Featurizer.from_state(StaticEmbedder(), state)
    assert np.array_equal(again.transform([" what  now "]), features.transform([" what  now "]))
    old = Featurizer.from_state(StaticEmbedder(), {**state, "surface_version": np.array([1])})
    assert old.state()["surface_version"][0] == 1
    columns = surface_features([" what  now "]).shape[1]
    raw = (surface_features([" what  now "]) - state["mean"][-columns:]) * state["scale"][-columns:]
    assert np.allclose(old.transform([" what  now "])[:, -columns:], np.clip(raw, -4, 4), atol=1e-6)
