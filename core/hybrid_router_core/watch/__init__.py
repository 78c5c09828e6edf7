"""A deployed router under watch: does its limit still hold, from a few labels; did its traffic change, from none."""

from .watch import Verdict, Watch, Watched

__all__ = ["Verdict", "Watch", "Watched"]
