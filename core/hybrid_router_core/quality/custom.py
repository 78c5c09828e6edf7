"""Any Python function as a metric."""

from __future__ import annotations

import importlib
import math
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.data import nearest
from hybrid_router_core.errors import ConfigError

from .base import Direction, Need, References, checked_scores

__all__ = ["FunctionMetric", "import_function"]


class FunctionMetric:
    """A function of a query, a response and its accepted answers that returns a number.

    Args:
        function: Called as ``function(query, response, references)``; with `batch`, once for all, with three lists.
        batch: Whether it takes lists and returns one number a response.
        low: The lowest number it returns.
        high: The highest.
        direction: Which numbers are the better ones, "higher" or "lower".
        references: Whether it needs accepted answers, so that rows without any are left out.

    Raises:
        ConfigError: A setting with a value that is not allowed.
    """

    source = "the user's own"

    def __init__(
        self,
        function: Callable[..., Any],
        batch: bool = False,
        low: float = -math.inf,
        high: float = math.inf,
        direction: Direction = "higher",
        references: bool = False,
    ) -> None:
        if not callable(function):
            raise ConfigError(f"{function!r} is a {type(function).__name__}; a metric is a function")
        if direction not in ("higher", "lower"):
            raise ConfigError(f"direction={direction!r}; allowed are higher, lower")
        for name, value in (("low", low), ("high", high)):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ConfigError(f"{name}={value!r}: a number is needed")
        if not low < high:
            raise ConfigError(f"low={low!r}, high={high!r}: low must be below high")
        self.function = function
        self.batch = batch
        self.range = (float(low), float(high))
        self.direction = direction
        self.needs: frozenset[Need] = frozenset({"references"} if references else ())
        self.name = getattr(function, "__qualname__", type(function).__name__)

    def score(self, queries: Sequence[str], responses: Sequence[str], references: References) -> FloatArray:
        """What the function returns; None and NaN mean that there is no verdict."""
        try:
            if self.batch:
                found = self.function(list(queries), list(responses), [list(accepted) for accepted in references])
            else:
                found = [
                    self.function(query, response, list(accepted))
                    for query, response, accepted in zip(queries, responses, references, strict=True)
                ]
        except Exception as error:
            raise ConfigError(f"{self.name} raised {_raised(error)}") from error
        try:
            found = [np.nan if value is None else value for value in found]
        except TypeError:
            raise ConfigError(f"{self.name} returned {type(found).__name__}; with batch it returns a list") from None
        return checked_scores(self.name, found, len(responses), self.range)

    def __repr__(self) -> str:
        return f"FunctionMetric({self.name})"


def import_function(spec: str) -> Any:
    """What ``module:name`` names; a dot goes on into a class or object.

    Raises:
        ConfigError: There is no such module or name.
    """
    module_name, _, path = spec.partition(":")
    if not all(part.isidentifier() for part in [*module_name.split("."), *path.split(".")]):
        raise ConfigError(f"{spec!r}: give MODULE:FUNCTION, such as my_metrics:politeness")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            # The module is there; what it imports is not.
            raise ConfigError(
                f"{spec!r}: {module_name} needs the module {error.name!r}, which is not installed"
            ) from error
        raise ConfigError(
            f"{spec!r}: there is no module {error.name!r}; its file must be installed or lie in the folder "
            "in which the command is run"
        ) from None
    except Exception as error:
        raise ConfigError(f"{spec!r}: importing {module_name} raised {_raised(error)}") from error
    for part in path.split("."):
        if not hasattr(found, part):
            raise ConfigError(f"{spec!r}: {module_name!r} has no {part!r}{nearest(part, dir(found))}")
        found = getattr(found, part)
    return found


def _raised(error: Exception) -> str:
    """What the user's code raised, and where; not its message, which may hold a query."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError ({Path(error.filename or '?').name}, line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    return f"{type(error).__name__} ({Path(last.filename).name}, line {last.lineno})"
