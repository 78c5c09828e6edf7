"""The two chat models: what is accepted as one, and what a router reads off them."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.runnables import Runnable

from hybrid_router_core import ConfigError, MissingExtraError

__all__ = [
    "Model",
    "bare_model",
    "bound_arguments",
    "checked_model",
    "common_profile",
    "profile_of",
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
        model = _within(model)
        if model is None:
            return None
    return model


def bound_arguments(model: Any) -> dict[str, Any]:
    """The arguments that bindings bring to each call, the outermost first."""
    found: dict[str, Any] = {}
    while model is not None and not isinstance(model, BaseChatModel):
        found = {**(getattr(model, "kwargs", None) or {}), **found}
        model = _within(model)
    return found


def _within(model: Any) -> Any:
    names = [name for name in ("bound", "runnable", "default") if name in getattr(type(model), "model_fields", {})]
    return getattr(model, names[0]) if names else None


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
