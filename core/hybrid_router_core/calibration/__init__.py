"""Scores and qualities -> a threshold, for a share, a recovered gap, or a guaranteed limit on the quality drop."""

from .calibrate import calibrate_on, calibrate_threshold
from .limit import Limit
from .record import Calibration

__all__ = ["Calibration", "Limit", "calibrate_on", "calibrate_threshold"]
