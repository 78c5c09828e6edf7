"""The two chat models: what is accepted as one, and what a router reads off them."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.runnables import Runnable
from langchain_core.runnables.base import RunnableBindingBase

from hybrid_router_core import ConfigError, MissingExtraError

__all__ = [
    "Model",
    "bare_model",
    "bind_tools",
    "checked_model",
    "common_profile",
    "profile_of",
    "with_structured_output",
]

Model = Runnable[LanguageModelInput, Any]


def checked_model(side: str, model: Any) -> Model:
    """Return the chat model, made by ``init_chat_model`` if it is a string.

    Raises:
        ConfigError: If it is no chat model.
        MissingExtraError: If it is a string and ``langchain`` is not installed.
    """
    if isinstance(model, str):
        try:
            from langchain.chat_models import init_chat_model
        except ImportError as error:
            raise MissingExtraError("langchain", "langchain") from error
        return cast("Model", init_chat_model(model))
    if not _is_model(model):
        raise ConfigError(
            f"{side} is a {type(model).__name__}; allowed: a chat model, what its bind, with_config, with_retry or "
            "with_fallbacks returns, or a string for init_chat_model. To route between chains, use "
            'router.as_selector("question") | RouterRunnable({"small": ..., "large": ...})'
        )
    return cast("Model", model)


def bare_model(model: Any) -> BaseChatModel | None:
    """The chat model under bindings, retries and fallbacks; None if it is made only when called."""
    while not isinstance(model, BaseChatModel):
        for inner in ("bound", "runnable", "default"):
            if inner in getattr(type(model), "model_fields", {}):
                model = getattr(model, inner)
                break
        else:
            return None
    return model


def bind_tools(side: str, model: Model, tools: Any, **kwargs: Any) -> Model:
    """Bind tools under what the user has bound, retried or configured already.

    A binding's own ``bind_tools`` forwards to the model under it and forgets itself: ``stop`` would be lost.

    Raises:
        NotImplementedError: If the model, or what its profile says of it, has no tools.
    """
    if tools and profile_of(model).get("tool_calling") is False:
        raise NotImplementedError(f"the profile of {side} says that it cannot call tools")
    if isinstance(model, RunnableBindingBase):
        if "tools" in model.kwargs:
            raise ConfigError(f"{side} has tools bound already; pass the bare model and bind tools to the router")
        return model.model_copy(update={"bound": bind_tools(side, model.bound, tools, **kwargs)})
    return cast("Model", cast("Any", model).bind_tools(tools, **kwargs))


def with_structured_output(side: str, model: Model, schema: Any, *, include_raw: bool, **kwargs: Any) -> Model:
    """As `bind_tools`, for structured output."""
    if isinstance(model, RunnableBindingBase):
        if model.kwargs and include_raw:  # the chain that include_raw makes does not hand arguments on
            raise ConfigError(
                f"{side} has {', '.join(model.kwargs)} bound, which include_raw=True would lose; "
                "set it on the model itself"
            )
        inner = with_structured_output(side, model.bound, schema, include_raw=include_raw, **kwargs)
        return model.model_copy(update={"bound": inner})
    return cast("Model", cast("Any", model).with_structured_output(schema, include_raw=include_raw, **kwargs))


def profile_of(model: Model | None) -> dict[str, Any]:
    """What is known of a model's capabilities; empty if nothing is."""
    return dict(getattr(bare_model(model), "profile", None) or {})


def common_profile(small: dict[str, Any], large: dict[str, Any]) -> dict[str, Any] | None:
    """What holds whichever model answers: both can, the smaller of two limits; None if one is not known."""
    if not small or not large:
        return None
    both = {key: (small[key], large[key]) for key in small if key in large}
    numbers = {key: min(pair) for key, pair in both.items() if all(isinstance(each, (bool, int)) for each in pair)}
    return {**{key: pair[0] for key, pair in both.items() if pair[0] == pair[1]}, **numbers}


def _is_model(model: Any) -> bool:
    if not isinstance(model, Runnable):
        return False
    return callable(getattr(model, "bind_tools", None)) or _is_model(getattr(model, "bound", None))
