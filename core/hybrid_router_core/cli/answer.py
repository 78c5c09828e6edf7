"""Answers from the two models, where the config says where they are."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

from hybrid_router_core.decision import ModelName
from hybrid_router_core.errors import ConfigError, MissingExtraError

from .config import Config, ModelSection
from .console import one_line

__all__ = ["Answerer", "answerer"]

Answerer = Callable[[ModelName, str], dict[str, Any]]
"""From the model and the query to ``{"response": text}``, or ``{"response": None, "error": text}``."""


def answerer(config: Config, *, temperature: float | None, max_tokens: int | None) -> Answerer | None:
    """What asks the models; None if the config gives no addresses.

    Raises:
        ConfigError: If only one model has an address, or a key is not in the environment.
        MissingExtraError: If there is no client.
    """
    sections: dict[ModelName, ModelSection] = {"small": config.small, "large": config.large}
    addresses = {side: section.base_url or _shared(config, section) for side, section in sections.items()}
    missing = [side for side, address in addresses.items() if not address]
    if len(missing) == 2:
        return None
    if missing:
        raise ConfigError(f"{missing[0]} has no base_url, the other model has; give both, or add --route-only")
    limits = {"temperature": temperature, "max_tokens": max_tokens}
    settings = {name: value for name, value in limits.items() if value is not None}
    keys = {side: _key(side, section) for side, section in sections.items()}
    openai = _client_library()
    clients = {side: openai.OpenAI(base_url=addresses[side], api_key=keys[side]) for side in sections}
    names = {side: section.model or section.name for side, section in sections.items()}

    def answer(side: ModelName, query: str) -> dict[str, Any]:
        messages = [{"role": "user", "content": query}]
        try:
            reply = clients[side].chat.completions.create(model=names[side], messages=messages, **settings)
            return {"response": reply.choices[0].message.content}
        except (openai.OpenAIError, IndexError) as error:  # one query without an answer does not end the run
            return {"response": None, "error": f"{type(error).__name__}: {one_line(error)}"}

    return answer


def _shared(config: Config, section: ModelSection) -> str | None:
    return config.api_endpoint if section.name or section.model else None


def _key(side: str, section: ModelSection) -> str:
    if not (section.model or section.name):
        raise ConfigError(f"{side} has no model; give the name that its server knows")
    if section.api_key_env is None:
        return "none"  # a local server asks for no key; never another provider's key from the environment
    key = os.environ.get(section.api_key_env)
    if not key:
        raise ConfigError(
            f"{side}.api_key_env: the environment variable {section.api_key_env} is not set; set it or add --route-only"
        )
    return key


def _client_library() -> Any:
    try:
        return importlib.import_module("openai")
    except ImportError:
        raise MissingExtraError("openai", "langchain") from None
