"""How a conversation is read: which texts are scored, and how their scores make one."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_router_core.conversation import read, read_turns
from hybrid_router_core.conversation.completion import completions
from hybrid_router_core.conversation.gate import KINDS, places_of
from hybrid_router_core.conversation.topics import Topic, topics
from hybrid_router_core.conversation.weights import Weights, shipped_weights
from hybrid_router_core.conversation.words import said

HARD = "Prove that there are infinitely many primes congruent to 3 modulo 4."
OTHER = "What is the capital of Australia?"
GOES_ON = [
    *("yes", "yes, do it", "ok", "okay go ahead", "continue", "go on", "keep going", "why?", "run it", "option 2"),
    *("make it shorter", "and the second one?", "explain that again", "please proceed", "can you elaborate?"),
    *(
        "ja, mach weiter",
        "weiter bitte",
        "sí, hazlo",
        "continúa",
        "继续",
        "为什么？",
        "はい、お願いします",
        "続けてください",
    ),
    *("oui, continue", "vai avanti", "continua, por favor", "да, продолжай", "계속해 주세요", "ga verder"),
]
WRONG = [
    *("try again", "no, that is wrong, try again", "that did not work", "that's wrong", "still not working"),
    *(
        "das ist falsch, versuch es noch einmal",
        "eso está mal, inténtalo de nuevo",
        "不对，再试一次",
        "違います、やり直してください",
    ),
]
THANKS = [
    "thanks",
    "thank you so much!",
    "great, thanks!",
    "thanks, bye",
    "danke dir",
    "gracias",
    "谢谢",
    "ありがとうございます",
]
ALONE = [
    OTHER,
    "Write a poem about autumn leaves in the style of Emily Dickinson.",
    "How many continents are there on Earth?",
    "Explain how vaccines train the immune system.",
    "Wie funktioniert ein Kernkraftwerk?",
    "¿Cuál es la capital de Mongolia?",
    "Sort a list of dictionaries by a key in Python",
]


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def logit(value):
    return math.log(value / (1 - value))


def test_one_turn_is_its_own_text_and_has_its_own_score():
    for text in (*GOES_ON, *WRONG, *THANKS, *ALONE, "", "x" * 10_000):
        reading = read_turns([text])
        assert (reading.texts, reading.kind, reading.found_fault) == ((text,), "alone", False)
        assert reading.score([0.123456789]) == 0.123456789


@pytest.mark.parametrize("turn", GOES_ON)
def test_a_turn_that_says_nothing_has_the_score_of_the_one_that_it_goes_on_with(turn):
    for between in ([], ["ok"], ["continue", "ok"], ["thanks"]):
        reading = read_turns([OTHER, HARD, *between, turn])
        assert reading.kind == "goes_on"
        assert reading.texts == (HARD,)
        assert reading.about == HARD
        assert reading.score([0.3]) == 0.3


@pytest.mark.parametrize("turn", WRONG)
def test_a_complaint_is_one_also_in_the_turns_that_go_on_with_it(turn):
    assert read_turns([HARD, turn]).found_fault
    assert read_turns([HARD, turn, "ok, go on"]).found_fault
    assert not read_turns([HARD, turn, OTHER]).found_fault
    assert not read_turns([turn, "continue"]).found_fault, "there was nothing to find fault with"


@pytest.mark.parametrize(
    "turn",
    [
        *("yes, thank you", "ja danke, mach weiter", "go on, thanks", "thanks. continue", "perfect, deploy it"),
        *("thanks, but that is wrong", "gracias, pero está mal", "no, thanks, just the code"),
    ],
)
def test_thanks_beside_something_else_are_no_goodbye(turn):
    assert read_turns([HARD, turn]).kind == "goes_on"


@pytest.mark.parametrize("turn", ["thanks. prove Cauchy-Schwarz", "Thank you letter to my boss", "gradient descent"])
def test_a_new_topic_is_one_however_short(turn):
    assert read_turns([OTHER, turn]).texts[0] == turn


@pytest.mark.parametrize(
    "turn", ["that's wrong, the answer should be 42", "你算错了，应该是2", "no, it should return a list"]
)
def test_a_complaint_may_name_the_right_answer(turn):
    assert read_turns([HARD, turn]).found_fault


@pytest.mark.parametrize("turn", ["no", "no problem, continue", "None"])
def test_a_no_may_answer_a_question_of_the_assistants(turn):
    assert not read_turns([HARD, turn]).found_fault


def test_any_number_of_turns_may_lie_between():
    messages = [{"role": "user", "content": text} for text in (HARD, *["continue"] * 300)]
    assert read(messages).texts == (HARD,)


@pytest.mark.parametrize(
    ("before", "turn"),
    [
        ("What is photosynthesis?", "How does photosynthesis work?"),
        ("How big is Paris?", "How old is Paris?"),
        ("What is 12 + 7?", "What is 12 * 7?"),
        ("Is 17 > 3?", "Is 17 < 3?"),
        ("What is X in graph theory?", "What is Y in graph theory?"),
    ],
)
def test_another_question_in_nearly_the_same_words_is_no_complaint(before, turn):
    assert not read_turns([before, turn]).found_fault


def test_the_same_question_again_is_a_complaint():
    for question in ("What is 7 + 9?", "How many days are in May?"):
        assert read_turns([question, question]).found_fault
        assert read_turns([question, "that is wrong", question]).found_fault
    assert read_turns([HARD, HARD.lower().rstrip(".")]).found_fault
    assert read_turns([HARD, HARD]).texts == (HARD,)
    assert not read_turns(["What is 3 + 4?", "What is 3 + 5?"]).found_fault
    assert not read_turns([HARD, OTHER, HARD]).found_fault, "not a second time in a row"


@pytest.mark.parametrize("turn", THANKS)
def test_thanks_ask_for_nothing_so_that_small_will_do(turn):
    reading = read_turns([HARD, turn])
    assert (reading.kind, reading.found_fault) == ("thanks", False)
    assert reading.score([0.2]) == 0.99
    assert reading.score([1.0]) == 1.0


@pytest.mark.parametrize("turn", ALONE)
def test_a_new_question_has_its_own_score(turn):
    reading = read_turns([HARD, turn])
    own, before = 0.7, 0.1
    others = [before] * (len(reading.texts) - 1)
    assert abs(reading.score([own, *others]) - own) < 0.05


def test_a_long_turn_says_something_by_itself():
    long = "Here is my code. " * 40
    assert read_turns([HARD, long]).texts == (long,)
    assert read_turns([HARD, f"That is wrong, try again. {long}"]).found_fault


def test_a_follow_up_is_completed_with_what_it_refers_to():
    reading = read_turns(["What is throat cancer?", "Is it treatable?", "What are its symptoms?"])
    assert reading.kind == "refers"
    assert reading.texts[:4] == (
        "What are its symptoms?",
        "What are throat cancer's symptoms?",
        "What are its symptoms throat cancer?",
        "What are its symptoms in treatable?",
    )
    assert reading.about == reading.texts[1]
    assert reading.texts[4:] == ("What is throat cancer?", "Is it treatable?")
    assert len(reading.shares) == len(reading.texts) - 1


def test_the_mix_is_the_own_logit_and_shares_of_the_differences():
    reading = read_turns(["What is throat cancer?", "Is it treatable?", "What are its symptoms?"])
    scores = [0.6, 0.5, 0.4, 0.7, 0.3, 0.2]
    own = logit(0.6)
    expected = own + sum(s * (logit(p) - own) for s, p in zip(reading.shares, scores[1:], strict=True))
    assert reading.score(scores) == pytest.approx(sigmoid(expected))
    assert reading.score([0.6] * 6) == pytest.approx(0.6)
    assert 0 <= reading.score([0.0, 1.0, 0.0, 1.0, 0.0, 1.0]) <= 1


def test_what_goes_on_after_a_follow_up_has_its_mixed_score():
    turns = ["What is throat cancer?", "Is it treatable?", "What are its symptoms?"]
    assert read_turns([*turns, "ok", "continue"]).texts == read_turns(turns).texts


def test_what_goes_on_with_something_that_was_cut_off_has_no_question():
    reading = read_turns(["continue"], cut=True)
    assert reading.texts == ()
    assert "not among the messages" in reading.why_none
    assert read_turns([OTHER], cut=True).texts[0] == OTHER


def test_topics_leave_out_what_the_turn_says():
    found = topics(
        "How do sharks hunt?", ["Tell me about tiger sharks.", "Are they endangered?"], shipped_weights().topic
    )
    assert [topic.phrase for topic in found] == ["tiger sharks", "endangered"]
    assert all(0 < topic.chance < 1 for topic in found)
    assert topics("How do tiger sharks hunt?", ["Tell me about tiger sharks."], shipped_weights().topic) == []


def test_completions_of_a_turn_without_a_pronoun():
    assert completions("Who was the author?", [Topic("The Neverending Story", 0.9), Topic("film", 0.2)]) == (
        "Who was the author of The Neverending Story?",
        "Who was the author The Neverending Story?",
        "Who was the author in film?",
    )


def test_words_know_runs_and_roots():
    found = said("Tell me about the Bronze Age collapse, please. What are baby backs?")
    assert [run.words for run in found.runs] == [("Bronze", "Age", "collapse"), ("baby", "backs")]
    assert found.runs[1].roots == ("baby", "back")
    assert (found.refers, found.content) == (False, 5)
    assert said("") == said("?!") == ((), frozenset(), False, 0, 0, 0)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=6))
def test_any_text_can_be_read(turns):
    reading = read_turns(turns)
    assert reading.kind in KINDS
    score = reading.score([0.5] * len(reading.texts))
    assert 0 <= score <= 1
    assert all(map(math.isfinite, reading.shares))


@given(st.text(max_size=400))
def test_grams_have_places_for_any_text(text):
    for places in places_of(text):
        assert ((places >= 0) & (places < 32768)).all()


def test_weights_are_small_and_come_back_as_they_were():
    weights = shipped_weights()
    again = Weights.of(weights.arrays())
    np.testing.assert_array_equal(again.gate.grams, weights.gate.grams)
    assert (again.topic, again.mix, again.history) == (weights.topic, weights.mix, weights.history)
    folder = Path(__import__("hybrid_router_core.conversation", fromlist=["x"]).__file__).parent
    shipped = sum((folder / name).stat().st_size for name in ("weights.safetensors", "common_words.txt"))
    assert shipped <= 300_000


def test_phrases_of_thirty_languages_are_there_for_the_script():
    folder = Path(__file__).parents[3] / "scripts" / "conversation_phrases"
    files = sorted(folder.glob("*.txt"))
    assert len(files) >= 30
    for file in files:
        sections = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
        assert sections == ["# go_on", "# wrong", "# thanks", "# refers", "# alone"], file.name
