"""Which messages are turns of the user, and when there is nothing to answer."""

import re
import time

import pytest

from hybrid_router_core.conversation import read, user_turns
from hybrid_router_core.conversation.turns import turns_of


def user(content):
    return {"role": "user", "content": content}


def answer(content="An answer.", **more):
    return {"role": "assistant", "content": content, **more}


QUESTION = "What is photosynthesis?"
NOT_QUESTIONS = [
    "<system-reminder>\nThe todo list is empty.\n</system-reminder>",
    "<system-reminder>cut off in the middle",
    "<environment_details>\n# Visible files\na.py\n</environment_details>",
    "[SYSTEM NOTIFICATION] The file was changed on disk.",
    "System reminder: do not forget to run the tests.",
    "Here is a summary of the conversation to date:\n\nThe user asked about plants.",
    "Summary of the conversation so far: we spoke of proofs and of primes.",
    "## Conversation summary\n\nThe user wants a parser.",
    "This session is being continued from a previous conversation that ran out of context.",
    "Previous conversation:\nUser: hello",
    "<conversation_summary>They spoke of proofs.</conversation_summary>",
    "<summary>They spoke of proofs.</summary>",
    "<memory>\nThe user lives in Oslo.\n</memory>",
    "Zusammenfassung des bisherigen Gesprächs: es ging um Beweise.",
    "Resumen de la conversación hasta ahora: hablamos de pruebas.",
    "Résumé de la conversation jusqu'ici : nous avons parlé de preuves.",
    "以下是对话摘要：用户询问了证明。",
    "これまでの会話の要約：証明について話しました。",
]
QUESTIONS = [
    "Summarize the conversation between Alice and Bob below.",
    "Write a summary of the French Revolution.",
    "What does the <summary> tag do in HTML?",
    "How do I nest <details><summary>a</summary>b</details>?",
    "What is a system reminder?",
    "Explain system: message ordering in chat APIs",
    "Is memory safety worth it?",
    "Write a summary of the discussion in chapter 3.",
    "Write a summary of this conversation.",
    "Give a summary of US history.",
    "Generate a summary of thread safety in Java.",
    "Previous messages: how do I see them in Slack?",
    "Zusammenfassung der Vorlesung: Beweise Satz 3",
    "请把下面的对话总结一下：甲说，乙说",
    "次の会話を要約して：甲、乙",
    "System prompt: what is it?",
    "System notification - how do I turn it off on Android?",
    "<summary> tag in HTML: how do I style it?",
    "<memory> header in C++: what is in it?",
    "How do I parse <tool_result> blocks, and prove termination?",
    "Translate: Zusammenfassung",
    "Give me a summary of this session's main ideas on proofs: what are they?",
]


@pytest.mark.parametrize("text", NOT_QUESTIONS)
@pytest.mark.parametrize("place", ["before", "after"])
def test_what_an_agent_says_in_the_users_name_is_no_turn(text, place):
    messages = [user(text), user(QUESTION)] if place == "before" else [user(QUESTION), user(text)]
    assert turns_of(messages).texts == (QUESTION,)
    assert turns_of([user(text)]).why_none == "there is no user text to score"


@pytest.mark.parametrize("text", QUESTIONS)
def test_a_question_about_such_words_is_a_turn_as_it_is(text):
    assert turns_of([user(text)]).texts == (text,)


def test_a_reminder_beside_what_the_user_wrote_is_taken_off():
    noise = "<system-reminder>\nBe brief. What about France?\n</system-reminder>"
    for text in (f"{noise}\n{QUESTION}", f"{QUESTION}\n\n{noise}", f"{noise}{QUESTION}{noise}"):
        assert turns_of([user(text)]).texts == (QUESTION,)
    assert turns_of([user(f"<user_query>\n{QUESTION}\n</user_query>")]).texts[0].strip() == QUESTION


def test_results_of_tools_system_messages_and_answers_are_no_turns():
    messages = [
        {"role": "system", "content": "You are helpful. What is 2 + 2?"},
        user(QUESTION),
        answer("", tool_calls=[{"id": "1", "function": {"name": "search", "arguments": "{}"}}]),
        {"role": "tool", "content": "How many results? 42"},
    ]
    assert turns_of(messages).texts == (QUESTION,)
    assert turns_of(messages[:-1]).texts == (QUESTION,)


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([], "there are no messages"),
        (None, "the messages are a NoneType; a list of dicts is needed"),
        ("hello", "the messages are a str; a list of dicts is needed"),
        ({"role": "user", "content": "hello"}, "the messages are a dict; a list of dicts is needed"),
        (["hello"], "the last message is a str; a dict with role and content is needed"),
        ([user(QUESTION), answer()], "the messages end with an answer, so there is no question"),
        ([user(QUESTION), {"role": "banana", "content": "x"}], "the last message has the role 'banana'; known are"),
        ([user(QUESTION), {"role": ["user"], "content": "x"}], r"the last message has the role \['user'\]; known are"),
        ([{"content": "x"}], "the last message has the role None; known are"),
        ([user(None)], "there is no user text to score"),
        ([user([])], "there is no user text to score"),
        ([user(42)], "there is no user text to score"),
        ([user("  \n")], "there is no user text to score"),
        ([{"role": "system", "content": "Be brief."}], "there is no user text to score"),
    ],
)
def test_bad_messages_raise_nothing_and_say_why(messages, why):
    reading = read(messages)
    assert reading.texts == ()
    assert re.match(why, reading.why_none)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "input_text", "text": QUESTION}]},
        {"role": "user", "content": {"type": "text", "text": QUESTION}},
        {"role": "user", "parts": [{"text": QUESTION}]},
        {"role": " User ", "content": QUESTION},
        {"role": "human", "content": [QUESTION]},
    ],
)
def test_the_forms_of_other_providers_are_read(message):
    assert turns_of([user("What is DNA?"), answer(), message]).texts[-1] == QUESTION
    loop = [message, {"type": "function_call_output", "call_id": "1", "output": "42"}]
    assert turns_of(loop).texts == (QUESTION,)


def test_unknown_roles_before_the_question_are_passed_over():
    assert turns_of([{"role": "banana", "content": "x"}, {}, None, user(QUESTION)]).texts == (QUESTION,)


def test_turns_of_recorded_conversations_may_be_followed_by_the_answer():
    assert user_turns([user("a"), answer(), user("b"), answer()]) == ("a", "b")
    assert user_turns([]) == ()


def test_ten_thousand_messages_and_a_megabyte_take_no_longer_than_a_blink():
    many = [message for i in range(5000) for message in (user(f"What is {i} + {i}?"), answer())][:-1]
    large = [user("<summary>" * 100_000), answer(), user("continue")]
    attack = [user("<system-reminder>x" * 60_000), answer(), user("a " * 500_000), answer(), user("why?")]
    for messages in (many, large, attack, [user("Summary of " * 90_000)]):
        started = time.perf_counter()
        read(messages)
        assert time.perf_counter() - started < 1.0
