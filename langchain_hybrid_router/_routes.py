"""The two models of a call, dressed for it: with tools, or for structured output."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.utils.function_calling import convert_to_openai_tool

from hybrid_router_core import ConfigError, RoutingDecision
from hybrid_router_core.routing import ModelName

from ._models import Model, profile_of

__all__ = ["Outfit", "Routes", "Structured", "Tools", "cannot", "fitted", "neutral"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tools:
    """Tools to bind under what the user has bound, retried or configured already.

    A binding's own ``bind_tools`` forwards to the model under it and forgets itself: ``stop`` would be lost.
    """

    tools: Any
    kwargs: dict[str, Any]
    name: ClassVar[str] = "tools"

    def __reduce__(self) -> tuple[Any, ...]:  # the arguments' schema of a tool is a class that no pickle finds again
        return Tools, ([neutral(tool) for tool in self.tools], self.kwargs)

    def on(self, side: str, model: Model) -> Model:
        """The model with the tools.

        Raises:
            NotImplementedError: If the model, or what its profile says of it, has no tools.
            ConfigError: If it has others already.
        """
        if self.tools and profile_of(model).get("tool_calling") is False:
            raise NotImplementedError(f"the profile of {side} says that it cannot call tools")
        if isinstance(model, RunnableBindingBase) and "tools" in model.kwargs:
            raise ConfigError(f"{side} has tools bound already; pass the bare model and bind tools to the router")
        dressed: Model = _under_bindings(model, self, side, lambda bare: bare.bind_tools(self.tools, **self.kwargs))
        return dressed


@dataclass(frozen=True)
class Structured:
    """Structured output, each model by its own method."""

    schema: Any
    include_raw: bool
    kwargs: dict[str, Any]
    name: ClassVar[str] = "structured output"

    def on(self, side: str, model: Model) -> Model:
        """As of `Tools`."""
        if isinstance(model, RunnableBindingBase) and model.kwargs and self.include_raw:
            raise ConfigError(  # the chain that include_raw makes does not hand arguments on
                f"{side} has {', '.join(model.kwargs)} bound, which include_raw=True would lose; "
                "set it on the model itself"
            )
        dressed: Model = _under_bindings(
            model,
            self,
            side,
            lambda bare: bare.with_structured_output(self.schema, include_raw=self.include_raw, **self.kwargs),
        )
        return dressed


Outfit = Tools | Structured


def neutral(schema: Any) -> Any:
    """A tool or a schema as plain values, in the form that all providers' models read."""
    if isinstance(schema, Mapping):
        return dict(schema)
    try:
        return convert_to_openai_tool(schema)
    except Exception:  # a form of one provider; its words are all that is known of it
        return str(schema)


def _under_bindings(model: Any, outfit: Outfit, side: str, dress: Callable[[Any], Any]) -> Any:
    if isinstance(model, RunnableBindingBase):
        return model.model_copy(update={"bound": outfit.on(side, model.bound)})
    return dress(model)


@dataclass(frozen=True)
class Routes:
    """What answers a call.

    Attributes:
        small: None if the small model cannot be dressed.
        large: Likewise.
        only: If one of them is None, the decision for the other.
        lack: What the missing one has not.
        outfit: What was put on.
    """

    small: Model | None
    large: Model | None
    only: RoutingDecision | None = None
    lack: str = ""
    outfit: Outfit | None = None


def fitted(small: Model, large: Model, outfit: Outfit | None = None) -> Routes:
    """Both models dressed; one that refuses is left out, and fails no call that the other answers.

    Raises:
        ConfigError: If a model is given in a form that cannot be dressed.
        Exception: That of large, if neither can be dressed.
    """
    if outfit is None:
        return Routes(small, large)
    made: dict[str, Model] = {}
    errors: dict[str, Exception] = {}
    for side, model in (("small", small), ("large", large)):
        try:
            made[side] = outfit.on(side, model)
        except ConfigError:  # noqa: PERF203
            raise
        except Exception as error:  # each provider refuses in its own way
            errors[side] = error
    if not made:
        raise errors["large"]
    only = None
    if "small" in errors:
        only = cannot("small", outfit.name, errors["small"])
    elif "large" in errors:
        only = cannot("large", outfit.name, errors["large"])
    return Routes(made.get("small"), made.get("large"), only, outfit.name, outfit)


def cannot(side: ModelName, what: str, error: Exception) -> RoutingDecision:
    """The decision for the other side when one cannot take what is to be bound to it."""
    other: ModelName = "large" if side == "small" else "small"
    if isinstance(error, NotImplementedError):  # it has no such thing at all
        return RoutingDecision(other, reason="capability", detail=what)
    logger.debug("%s cannot be bound to %s", what, side, exc_info=error)
    return RoutingDecision(
        other, reason="unavailable", detail=f"{what} cannot be bound to {side}: {type(error).__name__}"
    )
