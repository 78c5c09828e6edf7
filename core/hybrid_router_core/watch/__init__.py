"""A deployed router under watch: does its limit still hold, from a few labels; did its traffic change, from none."""

from .drift import Drift
from .found import Drifted, Verdict, Watched
from .watch import Watch

__all__ = ["Drift", "Drifted", "Verdict", "Watch", "Watched"]
