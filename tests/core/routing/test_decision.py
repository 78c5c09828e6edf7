"""The decision record and the one comparison."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_router_core.errors import DataError
from hybrid_router_core.routing import RoutingDecision, decide, goes_to_small

UNIT = st.floats(0, 1)


def test_a_score_at_the_threshold_goes_to_small():
    assert decide(0.5, 0.5).model == "small"
    assert decide(np.nextafter(0.5, 0), 0.5).model == "large"


@given(UNIT, UNIT, UNIT)
def test_a_higher_threshold_never_sends_more_to_small(score, a, b):
    low, high = sorted((a, b))
    assert goes_to_small(score, low) or not goes_to_small(score, high)


@given(UNIT, UNIT)
def test_one_query_and_many_are_decided_alike(score, threshold):
    assert goes_to_small(np.array([score]), threshold)[0] == goes_to_small(score, threshold)


@given(UNIT, UNIT)
def test_a_decision_survives_json_and_pickle(score, threshold):
    decision = decide(score, threshold)
    assert RoutingDecision.from_dict(json.loads(json.dumps(decision.to_dict()))) == decision
    assert pickle.loads(pickle.dumps(decision)) == decision  # noqa: S301 - our own bytes


def test_a_record_of_a_later_version_can_be_read():
    record = {**decide(0.7, 0.5).to_dict(), "something_new": 1}
    assert RoutingDecision.from_dict(record) == decide(0.7, 0.5)


def test_a_record_without_a_model_is_refused():
    with pytest.raises(DataError, match="'model' is 'weak'"):
        RoutingDecision.from_dict({"model": "weak"})


def test_a_decision_cannot_be_changed():
    with pytest.raises(AttributeError):
        decide(0.7, 0.5).model = "large"


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"model": "medium"},
        {"model": ["small"]},
        {"model": "small", "score": "high"},
        {"model": "small", "score": 7},
        {"model": "small", "score": True},
        {"model": "small", "score": float("nan")},
        {"model": "small", "threshold": {"a": 1}},
        {"model": "small", "reason": None},
        {"model": "small", "detail": 5},
    ],
)
def test_a_record_that_somebody_edited_is_refused(record):
    with pytest.raises(DataError, match="not a routing decision"):
        RoutingDecision.from_dict(record)
