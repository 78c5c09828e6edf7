"""Chat models of LangChain and LlamaIndex, recognised by their methods, and plain callables."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import perf_counter
from typing import Any

from hybrid_router_core.data import Response
from hybrid_router_core.errors import ConfigError, HybridRouterError

from .errors import AskError, from_exception
from .model import Model, Options
from .replies import Reply, answer, checked, item, reply_of
from .secrets import redact, secrets_of

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
        raise HybridRouterError(f"{side}: {redact(spec)} needs LangChain. Install it with: {pip}") from None
    limits = {"temperature": options.temperature, "max_tokens": options.max_tokens}
    given: dict[str, Any] = {key: value for key, value in limits.items() if value is not None}
    if provider in ("anthropic", "azure_openai", "deepseek", "groq", "mistralai", "together", "xai"):
        given["max_retries"] = 0  # retries are ours, so that they are counted and honour the limits
    try:
        chat = init(spec, **given)
    except Exception as error:
        if provider is None:
            raise ConfigError(
                f"{side}: whose model is {redact(spec)!r}? Give provider:model, such as openai:gpt-4o-mini, or an "
                "address with the model's name, such as http://localhost:11434/v1#llama3.2"
            ) from None
        raise ConfigError(
            f"{side}: {redact(spec)} cannot be made: {redact(str(error) or type(error).__name__)}"
        ) from None
    wrapped = wrap(chat, options, side, given=True)
    bare = spec.partition(":")[2] or spec
    return replace(wrapped, name=spec, model=bare, provider=_PROVIDERS.get(provider or "", provider), address=None)


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
    if options.key_env is not None:
        raise ConfigError(f"{side}: --{side}-key-env is for models by address and for openai:...; leave it out here")
    waits = inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004
    threads = None if waits else ThreadPoolExecutor(options.concurrency, thread_name_prefix=f"collect-{side}")

    async def called(query: str) -> Any:
        if threads is None:
            return await call(query)
        found = await asyncio.get_running_loop().run_in_executor(threads, call, query)
        return await found if isinstance(found, Awaitable) else found

    async def ask(query: str) -> Response:
        started = perf_counter()
        try:
            found = await asyncio.wait_for(called(query), options.timeout)
        except asyncio.TimeoutError:
            raise AskError(f"no answer in {options.timeout:g} s", retry=True) from None
        except Exception as error:
            raise from_exception(error, secrets_of(target)) from None
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
    response = checked(found)
    return replace(response, seconds=seconds) if response.seconds is None else response


def _langchain(found: Any, seconds: float) -> Response:
    usage, about = item(found, "usage_metadata"), item(found, "response_metadata")
    more = item(found, "additional_kwargs")
    reply = Reply(
        found if isinstance(found, str) else item(found, "content"),
        item(more, "refusal"),
        item(more, "reasoning_content"),
        item(found, "tool_calls") or item(more, "function_call"),
        item(about, "finish_reason") or item(about, "stop_reason") or item(about, "done_reason"),
        item(usage, "input_tokens"),
        item(usage, "output_tokens"),
    )
    return answer(reply, seconds)


def _llama_index(found: Any, seconds: float) -> Response:
    about, raw = item(found, "additional_kwargs"), item(found, "raw")
    inner = reply_of(raw) or Reply()  # what the provider said, where it speaks as OpenAI does
    text = found if isinstance(found, str) else item(found, "text")
    reply = replace(
        inner,
        content=inner.content if text is None or text == "" else text,
        calls=inner.calls or item(about, "tool_calls"),
        prompt_tokens=item(about, "prompt_tokens") or inner.prompt_tokens,
        completion_tokens=item(about, "completion_tokens") or inner.completion_tokens,
    )
    return answer(reply, seconds)
