"""bound_text: any string in, a string that every tokenizer takes and of bounded length out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_router_core.embedders import TEXT_LIMIT, bound_text
from hybrid_router_core.errors import ConfigError

# Lone surrogates, which hypothesis leaves out by default, do come in real logs.
any_text = st.text(st.characters() | st.characters(categories=["Cs"]))


@given(any_text, st.integers(3, 50))
def test_is_bounded_encodable_and_stable(text: str, limit: int) -> None:
    bounded = bound_text(text, limit)
    assert len(bounded) <= limit
    assert "\0" not in bounded
    bounded.encode()
    assert bound_text(bounded, limit) == bounded


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert bound_text(text) == text


def test_a_long_text_keeps_its_head_and_its_tail() -> None:
    bounded = bound_text("Summarise this. " + "x" * 1_000_000 + " What is the year?")
    assert bounded.startswith("Summarise this. ")
    assert bounded.endswith(" What is the year?")
    assert len(bounded) <= TEXT_LIMIT


def test_a_text_at_the_limit_is_whole() -> None:
    text = "a" * TEXT_LIMIT
    assert bound_text(text) == text
    assert bound_text(text + "a") != text + "a"


def test_a_lone_surrogate_becomes_a_question_mark_and_nul_a_space() -> None:
    assert bound_text("a\ud800b\0c 😀") == "a?b c 😀"


@pytest.mark.parametrize("limit", [2, 0, -1])
def test_a_limit_without_room_is_refused(limit: int) -> None:
    with pytest.raises(ConfigError, match=f"limit={limit}"):
        bound_text("text", limit)
