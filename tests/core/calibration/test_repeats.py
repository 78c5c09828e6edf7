"""Queries that were asked more often than others, on the way through a router."""

import warnings

import numpy as np
import pytest

from hybrid_router_core import HybridRouter, RoutingDataset


def asked(times):
    """200 queries on which small is as good, and one on which it is not, asked so often."""
    queries = [f"What is the capital of country number {i}?" for i in range(200)]
    queries += ["What is the colour of the sky over the sea?"] * times
    return RoutingDataset(queries, np.r_[np.ones(200), np.zeros(times)], np.ones(200 + times))


def fitted(toy):
    return HybridRouter(scorer="linear").fit(toy)


def test_it_is_said_where_the_rows_tell_another_story(toy):
    router = fitted(toy)
    with pytest.warns(UserWarning, match=r"each of the 201 distinct queries counts once; over the 2,000 rows as they"):
        router.calibrate(asked(1800), max_quality_drop=0.05)
    assert router.calibration.n_queries == 201


def test_a_repeat_that_changes_nothing_is_no_news(toy):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(toy).calibrate(asked(2), max_quality_drop=0.05)
