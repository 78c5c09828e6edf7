"""Everything this library raises on purpose.

HybridRouterError
├── DataError          (ValueError)    rows, queries or arrays that cannot be used
├── ConfigError        (ValueError)    a setting with a value that is not allowed
├── NotFittedError     (RuntimeError)  a step was asked for before the one it needs
├── CalibrationError   (ValueError)    no threshold reaches the target on this data
├── ArtifactError      (ValueError)    a saved router that is damaged, foreign or too new
└── MissingExtraError  (ImportError)   an optional package is needed; names the pip command

Each message names the value found, what is allowed, and the remedy.
"""

from __future__ import annotations

__all__ = [
    "ArtifactError",
    "CalibrationError",
    "ConfigError",
    "DataError",
    "HybridRouterError",
    "MissingExtraError",
    "NotFittedError",
]


class HybridRouterError(Exception):
    """Base of all errors of this library."""


class DataError(HybridRouterError, ValueError):
    """Rows, queries or arrays that cannot be used."""


class ConfigError(HybridRouterError, ValueError):
    """A setting with a value that is not allowed."""


class NotFittedError(HybridRouterError, RuntimeError):
    """A step was asked for before the one it needs."""


class CalibrationError(HybridRouterError, ValueError):
    """No threshold reaches the target on the calibration data."""


class ArtifactError(HybridRouterError, ValueError):
    """A saved router that is damaged, of another kind, or of a newer format."""


class MissingExtraError(HybridRouterError, ImportError):
    """An optional package is missing; the message holds the exact pip command."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed. Install it with: pip install 'hybrid-llm-router[{extra}]'")
        self.package = package
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), (self.package, self.extra)
