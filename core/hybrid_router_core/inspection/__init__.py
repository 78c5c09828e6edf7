"""Is this pair worth routing: the figures of a data set, a learning curve, and a verdict in words."""

from .figures import LabelBalance
from .findings import Finding
from .inspect import Inspection, inspect_data
from .learning_curve import LearningCurve, learning_curve
from .pool import Arm, PoolInspection, inspect_pool
from .signal import Signal, signal_of
from .verdict import Verdict

__all__ = [
    "Arm",
    "Finding",
    "Inspection",
    "LabelBalance",
    "LearningCurve",
    "PoolInspection",
    "Signal",
    "Verdict",
    "inspect_data",
    "inspect_pool",
    "learning_curve",
    "signal_of",
]
