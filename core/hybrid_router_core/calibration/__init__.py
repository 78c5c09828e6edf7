"""Scores and qualities -> a threshold, for a share, a recovered gap, or a guaranteed limit on the quality drop."""

from .betting import prize_bet
from .calibrate import calibrate_threshold
from .checks import a_confidence, a_range, number
from .limit import Limit
from .on_data import calibrate_on
from .record import Calibration
from .sampling import Sampling

__all__ = [
    "Calibration",
    "Limit",
    "Sampling",
    "a_confidence",
    "a_range",
    "calibrate_on",
    "calibrate_threshold",
    "number",
    "prize_bet",
]
