"""Where a call can go at all, whatever its score."""

import pytest

from hybrid_router_core.live import Demand, Limits, estimate_tokens, place

ANY = Limits()


def test_a_call_that_both_can_take_is_left_to_the_score():
    assert place(Demand(), ANY, ANY) is None
    assert place(Demand(100, 50), Limits(window=150), Limits(window=1000)) is None
    assert place(Demand(kinds=frozenset({"image"})), Limits(kinds=frozenset({"image", "audio"})), ANY) is None


@pytest.mark.parametrize("large", [ANY, Limits(kinds=frozenset({"image"}))])
def test_what_small_is_not_known_to_take_goes_to_large(large):
    decision = place(Demand(kinds=frozenset({"image"})), ANY, large)
    assert (decision.model, decision.reason) == ("large", "capability")
    assert "image" in decision.detail


@pytest.mark.parametrize(
    ("demand", "small", "large", "model"),
    [
        (Demand(100, 51), Limits(window=150), ANY, "large"),  # the room for the answer counts
        (Demand(101), Limits(prompt=100), ANY, "large"),
        (Demand(101, 10), Limits(window=200, prompt=100), ANY, "large"),
        (Demand(100), Limits(window=1000), Limits(window=99), "small"),  # large's window is looked at as well
        (Demand(100), ANY, Limits(window=99), "small"),
        (Demand(100), Limits(window=50), Limits(window=99), "large"),  # neither: the caller gets large's own error
    ],
)
def test_a_call_goes_where_it_fits(demand, small, large, model):
    decision = place(demand, small, large)
    assert (decision.model, decision.reason) == (model, "context_window")
    assert f"{demand.tokens:,} tokens" in decision.detail


def test_an_image_goes_to_large_even_if_it_is_too_long_for_it():
    decision = place(Demand(100, kinds=frozenset({"image"})), ANY, Limits(window=10))
    assert (decision.model, decision.reason) == ("large", "capability")


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        ("The quick brown fox jumps over the lazy dog. " * 100, 1000, 1500),  # 10 tokens a sentence
        ("敏捷的棕色狐狸跳过了懒狗。" * 100, 1000, 1400),
        ("Быстрая коричневая лиса прыгает через ленивую собаку. " * 100, 1500, 4000),
        ("\ud800 lone", 1, 4),
    ],
)
def test_tokens_are_estimated_for_any_script_and_rather_too_many(text, least, most):
    assert least <= estimate_tokens(text) <= most
