"""Scores and outcomes -> every measure with its interval, as figures, pictures and a page."""

from .bootstrap import Interval, Outcomes
from .figures import for_json, oracle_curve
from .grouping import GROUPED, Across, check_groups, design_effect, grouping_note
from .metrics import TradeOff, expected_calibration_error
from .report import Report, evaluate_scores

__all__ = [
    "GROUPED",
    "Across",
    "Interval",
    "Outcomes",
    "Report",
    "TradeOff",
    "check_groups",
    "design_effect",
    "evaluate_scores",
    "expected_calibration_error",
    "for_json",
    "grouping_note",
    "oracle_curve",
]
