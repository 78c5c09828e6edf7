"""Which text of a conversation is scored."""

import pytest

from hybrid_router_core.conversation import message_text, query_from_messages


def user(content):
    return {"role": "user", "content": content}


def test_the_last_user_message_is_scored_and_not_the_rest():
    messages = [
        {"role": "system", "content": "Answer briefly."},
        user("What is DNA?"),
        {"role": "assistant", "content": "A molecule."},
        user("And RNA?"),
        {"role": "tool", "content": "42"},
    ]
    assert query_from_messages(messages) == "And RNA?"


def test_a_message_without_text_is_passed_over():
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    assert query_from_messages([user("What is this?"), user([image]), user("  ")]) == "What is this?"


@pytest.mark.parametrize("messages", [[], [{"role": "system", "content": "Be brief."}], [user(None)], [user([])]])
def test_no_user_text_gives_no_query(messages):
    assert query_from_messages(messages) is None


def test_text_parts_are_joined():
    assert message_text(["One.", {"type": "text", "text": "Two."}, {"type": "image"}, 3]) == "One.\nTwo."
