"""Chat models of LangChain and LlamaIndex, recognised by their methods, and plain callables."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

from hybrid_router_core.errors import ConfigError, HybridRouterError
from hybrid_router_core.responses import Response

from .errors import AskError, from_exception, redact
from .models import Model, Options

__all__ = ["by_name", "wrap"]

_PROVIDERS = {"google_genai": "google", "google_vertexai": "google", "mistralai": "mistral", "xai": "x-ai"}


def by_name(spec: str, options: Options, side: str) -> Model:
    """A model by LangChain's init_chat_model.

    Raises:
        ConfigError: LangChain knows no such provider, or misses a key.
        HybridRouterError: A package is not installed; names the pip command.
    """
    provider = spec.partition(":")[0] if ":" in spec else None
    try:
        init: Any = importlib.import_module("langchain.chat_models").init_chat_model
    except ImportError:
        pip = f"pip install langchain langchain-{(provider or 'openai').replace('_', '-')}"
        raise HybridRouterError(f"{side}: {spec} needs LangChain. Install it with: {pip}") from None
    limits = {"temperature": options.temperature, "max_tokens": options.max_tokens}
    given: dict[str, Any] = {key: value for key, value in limits.items() if value is not None}
    if provider in ("anthropic", "azure_openai", "deepseek", "groq", "mistralai", "together", "xai"):
        given["max_retries"] = 0  # retries are ours, so that they are counted and honour the limits
    try:
        chat = init(spec, **given)
    except Exception as error:
        if provider is None:
            raise ConfigError(
                f"{side}: whose model is {spec!r}? Give provider:model, such as openai:gpt-4o-mini, or an address with "
                "the model's name, such as http://localhost:11434/v1#llama3.2"
            ) from None
        raise ConfigError(f"{side}: {spec} cannot be made: {redact(str(error) or type(error).__name__)}") from None
    wrapped = wrap(chat, options, side, given=True)
    bare = spec.partition(":")[2] or spec
    return Model(spec, wrapped.ask, bare, _PROVIDERS.get(provider or "", provider))


def wrap(target: Any, options: Options, side: str, *, given: bool = False) -> Model:
    """A chat model or callable.

    Args:
        target: Anything with ``ainvoke`` (LangChain) or ``acomplete`` (LlamaIndex), or a callable from text to text.
        options: Settings; temperature and max_tokens are the target's own business.
        side: small or large, for messages.
        given: Whether the target has these settings already.

    Raises:
        ConfigError: It is neither, or a setting is given that would have no effect.
    """
    call: Callable[[str], Any]
    if callable(getattr(target, "ainvoke", None)):
        call, read = target.ainvoke, _langchain
    elif callable(getattr(target, "acomplete", None)):
        call, read = target.acomplete, _llama_index
    elif callable(target):
        call, read = target, _plain
    else:
        raise ConfigError(
            f"{side}: found {type(target).__name__}; give a name such as openai:gpt-4o-mini, an address with #model, a "
            "LangChain or LlamaIndex chat model, or a callable from text to text"
        )
    if not given and (options.temperature is not None or options.max_tokens is not None):
        raise ConfigError(f"{side}: temperature and max_tokens of a {type(target).__name__} are set where it is made")
    waits = inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004
    threads = None if waits else ThreadPoolExecutor(options.concurrency, thread_name_prefix=f"collect-{side}")

    async def answer(query: str) -> Any:
        if threads is None:
            return await call(query)
        found = await asyncio.get_running_loop().run_in_executor(threads, call, query)
        return await found if isinstance(found, Awaitable) else found

    async def ask(query: str) -> Response:
        started = perf_counter()
        try:
            found = await asyncio.wait_for(answer(query), options.timeout)
        except asyncio.TimeoutError:
            raise AskError(f"no answer in {options.timeout:g} s", retry=True) from None
        except Exception as error:
            raise from_exception(error) from None
        return read(found, round(perf_counter() - started, 4))

    async def close() -> None:
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

    name = _name(target)
    module = type(target).__module__
    known = [word for word in ("openai", "anthropic", "google", "mistral", "groq", "cohere") if word in module]
    provider = known[0] if known and "openai_like" not in module and name != module else None
    address = next((value for key in _ADDRESSES if isinstance(value := getattr(target, key, None), str)), None)
    return Model(name, ask, name, None if address else provider, address, close)


_ADDRESSES = ("openai_api_base", "api_base", "base_url")


def _name(target: Any) -> str:
    for key in ("model_name", "model", "name", "__qualname__"):
        value = getattr(target, key, None)
        if isinstance(value, str) and value:
            return value
    return type(target).__qualname__


def _plain(found: Any, seconds: float) -> Response:
    if isinstance(found, Response):
        return found
    if not isinstance(found, str):
        raise AskError(f"the callable returned {type(found).__name__}; text is needed", fatal=True)
    return Response(found, seconds=seconds)


def _langchain(found: Any, seconds: float) -> Response:
    content = getattr(found, "content", found)
    if isinstance(content, list):  # blocks: the text of those that have one
        parts = [part if isinstance(part, str) else part.get("text", "") for part in content]
        content = "".join(part for part in parts if isinstance(part, str))
    usage = getattr(found, "usage_metadata", None) or {}
    about = getattr(found, "response_metadata", None) or {}
    reason = about.get("finish_reason") or about.get("stop_reason") or about.get("done_reason")
    return Response(str(content), usage.get("input_tokens"), usage.get("output_tokens"), seconds, reason)


def _llama_index(found: Any, seconds: float) -> Response:
    about = getattr(found, "additional_kwargs", None) or {}
    raw = getattr(found, "raw", None)
    usage = _item(raw, "usage")
    choices = _item(raw, "choices") or [None]
    return Response(
        str(getattr(found, "text", found)),
        about.get("prompt_tokens") or _item(usage, "prompt_tokens"),
        about.get("completion_tokens") or _item(usage, "completion_tokens"),
        seconds,
        _item(choices[0], "finish_reason"),
    )


def _item(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else getattr(value, key, None)
