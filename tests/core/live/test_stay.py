"""Conversations that stay with an arm: by records, by a key, or by what the user said."""

import pickle
import threading

import pytest

from hybrid_router_core import ConfigError
from hybrid_router_core.conversation import read
from hybrid_router_core.live import RecentArms, Stay, check_arms, check_sticky

HARD = "Prove that there are infinitely many primes congruent to 3 modulo 4."
OTHER = "What is the capital of Australia?"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def talk(*turns):
    messages = [
        message
        for turn in turns
        for message in ({"role": "user", "content": turn}, {"role": "assistant", "content": "Here."})
    ]
    return lambda: read(messages[:-1])


def never():
    raise AssertionError("the reading was not needed")


def after(sticky, arm, *turns, key="t", told=True):
    """The decision for the last turn, after that arm has answered those before it."""
    stay = Stay(sticky)
    if told:
        stay.answered(key, turns[:-1], arm)
    return stay.decision(key, [], talk(*turns))


def test_without_sticky_nothing_is_read_remembered_or_decided():
    stay = Stay(False)
    stay.answered("t", [HARD], "large")
    assert stay.decision("t", ["large"], never) is None
    assert stay.arms.get("t") is None


@pytest.mark.parametrize("key", ["thread", None])
@pytest.mark.parametrize("arm", ["small", "large"])
def test_true_stays_with_the_first_arm_whatever_the_topic(key, arm):
    found = after(True, arm, HARD, OTHER, key=key)
    assert (found.model, found.reason) == (arm, "sticky")
    stay = Stay(True)
    stay.answered("t", [HARD], "large")
    stay.answered("t", [HARD, OTHER], "small")
    assert stay.decision("t", [], never).model == "large"


@pytest.mark.parametrize("key", ["thread", None])
def test_up_never_leaves_large_again(key):
    assert after("up", "large", HARD, OTHER, key=key).model == "large"
    assert after("up", "small", OTHER, HARD, key=key) is None
    stay = Stay("up")
    for arm in ("small", "large", "small"):
        stay.answered("t", [], arm)
    assert stay.decision("t", [], never).model == "large"


@pytest.mark.parametrize("key", ["thread", None])
@pytest.mark.parametrize("arm", ["small", "large"])
def test_follow_up_stays_while_the_user_goes_on_and_not_with_a_new_topic(key, arm):
    for turn in ("continue", "What are its consequences?", "thanks"):
        found = after("follow_up", arm, HARD, turn, key=key)
        assert (found.model, found.reason) == (arm, "sticky"), turn
    assert after("follow_up", arm, HARD, OTHER, key=key) is None
    assert after("follow_up", arm, HARD, "continue", key=key, told=False) is None


def test_a_complaint_goes_up_from_small():
    found = after("follow_up", "small", HARD, "that is wrong, try again")
    assert (found.model, found.reason) == ("large", "dissatisfied")
    assert after("follow_up", "large", HARD, "that is wrong, try again").reason == "sticky"


def test_records_on_messages_go_before_what_is_remembered():
    stay = Stay("follow_up")
    stay.answered("t", [HARD], "small")
    assert stay.decision("t", ["small", "large"], talk(HARD, "continue")).model == "large"
    assert Stay(True).decision(None, ["small", "large"], never).model == "small"


def test_the_first_turn_of_a_conversation_without_a_key_is_decided_afresh():
    for sticky in (True, "up", "follow_up"):
        stay = Stay(sticky)
        stay.answered(None, [HARD], "large")
        assert stay.decision(None, [], talk(OTHER)) is None
        assert stay.decision(None, [], talk(HARD)) is None


def test_conversations_that_differ_in_a_word_are_not_mixed():
    stay = Stay("follow_up")
    stay.answered(None, ["What is DNA?"], "large")
    stay.answered(None, ["What is RNA?"], "small")
    assert stay.decision(None, [], talk("What is DNA?", "continue")).model == "large"
    assert stay.decision(None, [], talk("What is RNA?", "continue")).model == "small"
    assert stay.decision(None, [], talk("What is", " DNA?", "continue")) is None


def test_what_a_store_has_put_in_that_is_no_arm_is_not_followed():
    class Odd(RecentArms):
        def get(self, key):
            return "medium"

    assert Stay("follow_up", Odd()).decision("t", [], talk(HARD, "continue")) is None


def test_the_memory_is_bounded_and_forgets():
    clock = Clock()
    arms = RecentArms(most=2, lifetime=10, clock=clock)
    for key in "abc":
        arms.put(key, "small")
    assert [arms.get(key) for key in "abc"] == [None, "small", "small"]
    arms.put("b", "large")
    arms.put("d", "small")
    assert [arms.get(key) for key in "bcd"] == ["large", None, "small"]
    clock.now = 10
    assert arms.get("b") is None


def test_threads_may_share_it_and_a_copy_is_empty():
    arms = RecentArms(most=100)
    threads = [
        threading.Thread(target=lambda i=i: [arms.put(f"{i}-{j}", "small") for j in range(500)]) for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(arms._kept) == 100
    copy = pickle.loads(pickle.dumps(arms))  # noqa: S301 - our own bytes
    assert (copy.most, copy.lifetime, len(copy._kept)) == (100, 86_400.0, 0)


@pytest.mark.parametrize("value", ["down", 1, None, "True", 0])
def test_other_values_of_sticky_are_refused(value):
    with pytest.raises(ConfigError, match=r"sticky is .*; allowed: False, True, 'up', 'follow_up'"):
        check_sticky(value)


def test_a_store_with_async_methods_is_refused():
    class Store:
        async def get(self, key): ...

        async def put(self, key, arm): ...

    with pytest.raises(ConfigError, match="arms has async methods"):
        check_arms(Store())


def test_a_store_needs_both_methods():
    assert isinstance(check_arms(None), RecentArms)
    with pytest.raises(ConfigError, match=r"arms is a dict; allowed: an object with get\(key\) and put"):
        check_arms({})
    with pytest.raises(ConfigError, match="most is 0"):
        RecentArms(most=0)
    with pytest.raises(ConfigError, match="lifetime is -1"):
        RecentArms(lifetime=-1)
