"""A model that keeps failing rests; one call after the rest tries it for all."""

import copy
import pickle

from hybrid_router_core.live import Health


class Clock:
    """Seconds that pass when told to."""

    now = 100.0

    def __call__(self):
        return self.now


def failing(times, clock):
    """A model's health after so many failures in a row."""
    health = Health(clock)
    for _ in range(times):
        assert health.may_try()
        health.failed()
    return health


def test_a_failure_now_and_then_changes_nothing():
    clock = Clock()
    health = failing(2, clock)
    health.answered()
    health.failed()
    health.failed()
    assert health.may_try()


def test_three_in_a_row_bring_a_rest_and_then_one_call_tries():
    clock = Clock()
    health = failing(3, clock)
    assert not health.may_try()
    clock.now += 14.9
    assert not health.may_try()
    clock.now += 0.2
    assert health.may_try()  # this caller tries
    assert not health.may_try()  # and the others go on without
    health.answered()
    assert all(health.may_try() for _ in range(5))


def test_each_further_failure_doubles_the_rest_up_to_five_minutes():
    clock, rests = Clock(), []
    health = failing(3, clock)
    for _ in range(8):
        waited = 0
        while not health.may_try():
            clock.now += 1
            waited += 1
        rests.append(waited)
        health.failed()
    assert rests == [15, 30, 60, 120, 240, 300, 300, 300]


def test_who_tries_and_never_says_how_it_went_does_not_block_the_model_for_ever():
    clock = Clock()
    health = failing(3, clock)
    clock.now += 15
    assert health.may_try()  # and is cancelled
    clock.now += 15
    assert health.may_try()


def test_a_copy_starts_anew():
    health = failing(3, Clock())
    for other in (copy.deepcopy(health), pickle.loads(pickle.dumps(health))):  # noqa: S301
        assert other.may_try()


def test_calls_that_were_under_way_when_the_rest_began_are_one_failure():
    clock = Clock()
    health = Health(clock)
    assert all(health.may_try() for _ in range(20))
    for _ in range(20):
        health.failed()
    clock.now += 15.1
    assert health.may_try()
    health.failed()
    clock.now += 15.1
    assert not health.may_try()  # the one that tried has failed: 30 seconds
