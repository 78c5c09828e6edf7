"""What can be asked: a name, an address, a framework's chat model or a callable, all as one `Model`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from hybrid_router_core.errors import ConfigError
from hybrid_router_core.responses import Response

__all__ = ["Model", "Options", "resolve"]

Ask = Callable[[str], Awaitable[Response]]
_OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Options:
    """What is sent with each request.

    Attributes:
        temperature: None leaves it to the model.
        max_tokens: Length limit of an answer; None leaves it to the model.
        timeout: Seconds for one request.
        concurrency: Requests in flight.
        key_env: Environment variable with the key, for an address.
        response_format: The form of the answer that an OpenAI-compatible address is asked for, as its API takes it.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float = 120.0
    concurrency: int = 8
    key_env: str | None = None
    response_format: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Model:
    """Something that answers.

    Attributes:
        name: What the files and messages call it; a part of its identity.
        ask: From a text to its answer; raises `AskError`.
        model: The bare name of the model, by which prices are looked up.
        provider: Whose model it is, if known.
        address: The server's address, if known.
        close: Frees its connections.
    """

    name: str
    ask: Ask = field(repr=False)
    model: str
    provider: str | None = None
    address: str | None = None
    close: Callable[[], Awaitable[None]] | None = field(default=None, repr=False)


def resolve(spec: Any, options: Options, *, side: str, name: str | None = None) -> Model:
    """Make a model of what the user gave; asks nothing yet.

    Args:
        spec: ``provider:model`` as for LangChain's init_chat_model, ``http://host/v1#model``, a LangChain or LlamaIndex
            chat model, a callable from text to text (or an awaitable of it), or a `Model`.
        options: What is sent with each request.
        side: small or large, for messages.
        name: In place of the model's own name.

    Raises:
        ConfigError: It is none of these, or its key is not in the environment.
        MissingExtraError: A package is needed.
    """
    from . import frameworks

    if isinstance(spec, Model):
        found = spec
    elif isinstance(spec, str):
        found = _named(spec, options, side)
    else:
        found = frameworks.wrap(spec, options, side)
    if name is None:
        return found
    return Model(name, found.ask, found.model, found.provider, found.address, found.close)


def _named(spec: str, options: Options, side: str) -> Model:
    from . import frameworks, http

    spec = spec.strip()
    if "://" in spec:
        address, mark, model = spec.partition("#")
        parts = urlsplit(address)
        if not mark or not model or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(
                f"{side}: the address needs the model's name after a #, such as http://localhost:11434/v1#llama3.2"
            )
        if parts.username or parts.password or parts.query:
            raise ConfigError(
                f"{side}: no keys in the address; put the key in an environment variable and name it with "
                f"--{side}-key-env"
            )
        address = address.rstrip("/")
        variable = options.key_env or ("OPENAI_API_KEY" if parts.hostname == "api.openai.com" else None)
        return http.server(f"{address}#{model}", address, model, _key(variable, side), options)
    provider, colon, model = spec.partition(":")
    if colon and provider == "openai" and model:
        # What init_chat_model would do, without LangChain.
        address = (os.environ.get("OPENAI_BASE_URL") or _OPENAI).rstrip("/")
        key = _key(options.key_env or "OPENAI_API_KEY", side)
        return http.server(spec, address, model, key, options, provider="openai")
    if not spec or (colon and not (provider and model)):
        raise ConfigError(
            f"{side}: {spec!r} is no model; give provider:model, such as openai:gpt-4o-mini, or an address with a "
            "model's name, such as http://localhost:11434/v1#llama3.2"
        )
    return frameworks.by_name(spec, options, side)


def _key(variable: str | None, side: str) -> str | None:
    if variable is None:
        return None  # a local server asks for no key; never another provider's key from the environment
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ConfigError(
            f"{side}: the environment variable {variable} is not set; set it to the key, or name another with "
            f"--{side}-key-env"
        )
    return key
