"""What the user gave, a name, an address, a framework's chat model or a callable, made into one `Model`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from hybrid_router_core.data import Response
from hybrid_router_core.errors import ConfigError

from . import frameworks, http
from .errors import from_exception
from .model import Ask, Model, Options
from .replies import checked
from .secrets import looks_like_a_key, redact

__all__ = ["resolve"]

_OPENAI = "https://api.openai.com/v1"
_OPTION = "--{}-key-env"  # how the command names it
_LONGEST_NAME = 200  # characters


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
    if name is not None and (not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME):
        raise ConfigError(f"{side}: the name is empty, too long or not printable; give a short one")
    if isinstance(spec, Model):
        found = spec  # its settings are its own
    elif isinstance(spec, str):
        found = _named(spec.strip(), options, side)
    else:
        found = frameworks.wrap(spec, options, side)
    return replace(found, name=name or found.name, ask=_checked(found.ask))


def _checked(ask: Ask) -> Ask:
    """Whoever answers, what comes out is an answer or an `AskError`."""

    async def checked_ask(query: str) -> Response:
        try:
            found = await ask(query)
        except Exception as error:
            raise from_exception(error) from None
        return checked(found)

    return checked_ask


def _named(spec: str, options: Options, side: str) -> Model:
    if "://" in spec:
        address, mark, model = spec.partition("#")
        host = _host(address, side)
        if not mark or not model or host is None:
            raise ConfigError(
                f"{side}: the address needs the model's name after a #, such as http://localhost:11434/v1#llama3.2"
            )
        _check_model(model, side)
        address = address.rstrip("/")
        default = "OPENAI_API_KEY" if host == "api.openai.com" else None
        return http.server(f"{address}#{model}", address, model, _key(options.key_env, default, side), options)
    _check_model(spec, side)
    provider, colon, model = spec.partition(":")
    if colon and provider == "openai" and model:
        # What init_chat_model would do, without LangChain.
        address = (os.environ.get("OPENAI_BASE_URL") or _OPENAI).rstrip("/")
        if _host(address, f"{side}, OPENAI_BASE_URL") is None:
            raise ConfigError(f"{side}: OPENAI_BASE_URL is no address such as {_OPENAI}")
        key = _key(options.key_env, "OPENAI_API_KEY", side)
        return http.server(spec, address, model, key, options, provider="openai")
    if not spec or (colon and not (provider and model)):
        raise ConfigError(
            f"{side}: {redact(spec)!r} is no model; give provider:model, such as openai:gpt-4o-mini, or an address "
            "with a model's name, such as http://localhost:11434/v1#llama3.2"
        )
    return frameworks.by_name(spec, options, side)


def _host(address: str, side: str) -> str | None:
    """The host of an address without secrets; None if it is no address. It is never shown, since it may hold a key."""
    try:
        parts = urlsplit(address)
        host = parts.hostname if parts.scheme in ("http", "https") and parts.port != 0 else None
    except ValueError:  # a port, or brackets, that cannot be
        return None
    kept = parts.query or "=" in parts.path or looks_like_a_key(parts.netloc + parts.path)
    if parts.username is not None or parts.password is not None or kept:
        raise _no_keys(side)
    return host if len(address.split()) == 1 and address.isprintable() else None


def _check_model(model: str, side: str) -> None:
    if set(model) & set("?&=") or looks_like_a_key(model):
        raise _no_keys(side)


def _no_keys(side: str) -> ConfigError:
    option = _OPTION.format(side.partition(",")[0])
    return ConfigError(
        f"{side}: no keys in the address, nor in the model's name; put the key in an environment variable and name it "
        f"with {option}"
    )


def _key(given: str | None, default: str | None, side: str) -> str | None:
    variable = default if given is None else given
    if variable is None:
        return None  # a local server asks for no key; never another provider's key from the environment
    try:
        key = os.environ.get(variable, "").strip(" \t\r\n")
    except ValueError:
        key = ""
    option = _OPTION.format(side)
    if not key:
        if given is None:
            raise ConfigError(
                f"{side}: the environment variable {variable} is not set; set it to the key, or name another with "
                f"{option}"
            )
        # What was given is not shown: it may be the key itself.
        raise ConfigError(
            f"{side}: there is no environment variable of the name that {option} gives; set it to the key, or name "
            "another; the key itself does not belong there"
        )
    bad = next((letter for letter in key if not "!" <= letter <= "~"), None)
    if bad is not None:
        kind = "a line break" if bad in "\r\n" else "white space" if bad.isspace() else "a character that is not ASCII"
        raise ConfigError(f"{side}: the key in {variable} holds {kind}, which no key does; set it anew")
    return key
