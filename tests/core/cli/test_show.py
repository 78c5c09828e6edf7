"""Figures as lines of text."""

from hybrid_router_core.calibration import Calibration
from hybrid_router_core.cli.show import calibration_lines

RECORD = Calibration(
    target="max_quality_drop",
    target_value=0.05,
    confidence=0.95,
    threshold=0.71,
    n=1200,
    n_queries=1194,
    cost_advantage=0.123,
    quality_drop=0.01,
    quality_drop_bound=0.05,
    method="betting",
)
FIRST = (
    "threshold 0.7100 for max_quality_drop 0.05: on 1,200 rows 12.3% to small, quality drop 0.0100, "
    "at most 0.0500 with confidence 95%"
)


def test_a_guarantee_is_one_line():
    assert calibration_lines(RECORD) == [FIRST]


def test_strangers_have_a_line():
    assert calibration_lines(RECORD.model_copy(update={"strangers": 0.003})) == [
        FIRST,
        "  the guard sends 0.3% of the queries to large as strangers",
    ]


def test_new_groups_say_how_many_were_seen_by_what_and_what_was_trained_on():
    across = {"across": "groups", "n_groups": 57, "assumes": "an approximation: ...", "strangers": 0.003}
    assert calibration_lines(RECORD.model_copy(update=across)) == [
        FIRST,
        "  holds for 57 new groups, as many as were seen, by a bootstrap-t over groups; an approximation: ...",
        "  the guard sends 0.3% of the queries to large as strangers",
    ]
    assert calibration_lines(RECORD.model_copy(update={**across, "cross_fitted": 800}))[2:] == [
        "  800 of the 1,194 queries were trained on, and scored by routers that had not seen their groups",
        "  the guard sends 0.3% of the queries not trained on to large as strangers",
    ]
