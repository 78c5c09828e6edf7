"""Learn from examples when a small language model will do, and route queries between it and a large one."""

from .calibration import Calibration
from .data import RoutingDataset
from .errors import (
    ArtifactError,
    CalibrationError,
    ConfigError,
    DataError,
    HybridRouterError,
    MissingExtraError,
    NotFittedError,
)
from .evaluation import Report
from .router import HybridRouter
from .routing import RoutingDecision

__all__ = [
    "ArtifactError",
    "Calibration",
    "CalibrationError",
    "ConfigError",
    "DataError",
    "HybridRouter",
    "HybridRouterError",
    "MissingExtraError",
    "NotFittedError",
    "Report",
    "RoutingDataset",
    "RoutingDecision",
]
