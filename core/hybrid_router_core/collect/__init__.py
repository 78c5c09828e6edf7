"""Ask both models for several answers to each query, so that nothing is lost and nothing is paid twice."""

from .api import acollect, collect
from .errors import AskError, CollectError
from .export import Failure
from .hooks import Hooks, Start
from .limits import Pace, Retries, Waits
from .model import Model, Options
from .prices import Price
from .replies import cut_off
from .resolve import resolve
from .secrets import redact
from .settings import Collected, Progress, Settings

__all__ = [
    "AskError",
    "CollectError",
    "Collected",
    "Failure",
    "Hooks",
    "Model",
    "Options",
    "Pace",
    "Price",
    "Progress",
    "Retries",
    "Settings",
    "Start",
    "Waits",
    "acollect",
    "collect",
    "cut_off",
    "redact",
    "resolve",
]
