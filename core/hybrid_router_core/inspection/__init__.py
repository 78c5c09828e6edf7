"""Is this pair worth routing: the figures of a data set, a learning curve, and a verdict in words."""

from .figures import LabelBalance
from .findings import Finding
from .inspect import Inspection, inspect_data
from .learning_curve import LearningCurve, learning_curve
from .verdict import Verdict

__all__ = ["Finding", "Inspection", "LabelBalance", "LearningCurve", "Verdict", "inspect_data", "learning_curve"]
