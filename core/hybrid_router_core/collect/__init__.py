"""Ask both models for several answers to each query, so that nothing is lost and nothing is paid twice."""

from .api import acollect, collect
from .errors import AskError, CollectError
from .export import Failure
from .models import Model
from .prices import Price
from .settings import Collected, Progress, Settings

__all__ = [
    "AskError",
    "CollectError",
    "Collected",
    "Failure",
    "Model",
    "Price",
    "Progress",
    "Settings",
    "acollect",
    "collect",
]
