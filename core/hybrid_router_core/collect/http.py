"""Servers that speak OpenAI's chat protocol: OpenAI, Ollama, vLLM, llama.cpp and others."""

from __future__ import annotations

import asyncio
import importlib
import json
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from hybrid_router_core.errors import MissingExtraError
from hybrid_router_core.responses import Response

from .errors import AskError, from_status, redact, retry_after
from .models import Model, Options

__all__ = ["server"]

_CONNECT = 10.0  # seconds


def server(
    name: str, address: str, model: str, key: str | None, options: Options, provider: str | None = None
) -> Model:
    """A model behind an address.

    aiohttp and not httpx: with 64 requests in flight it needs a third of the processor's time, and that is what bounds
    the throughput.

    Raises:
        MissingExtraError: aiohttp is not installed.
    """
    try:
        aiohttp: Any = importlib.import_module("aiohttp")
    except ImportError:
        raise MissingExtraError("aiohttp", "collect") from None
    client = _Client(aiohttp, address, model, key, options)
    return Model(name, client.ask, model, provider, address, client.close)


class _Client:
    def __init__(self, aiohttp: Any, address: str, model: str, key: str | None, options: Options) -> None:
        self._aiohttp = aiohttp
        self._address = address
        self._url = f"{address}/chat/completions"
        self._proxy = _proxy(address)
        self._secrets = () if key is None else (key,)
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._timeout = aiohttp.ClientTimeout(total=options.timeout, sock_connect=min(_CONNECT, options.timeout))
        self._body: dict[str, Any] = {"model": model}
        if options.temperature is not None:
            self._body["temperature"] = options.temperature
        if options.max_tokens is not None:
            openai = urlsplit(address).hostname == "api.openai.com"
            self._body["max_completion_tokens" if openai else "max_tokens"] = options.max_tokens
        if options.response_format is not None:
            self._body["response_format"] = options.response_format
        self._session: Any = None

    async def ask(self, query: str) -> Response:
        """Send one request."""
        aiohttp = self._aiohttp
        if self._session is None:  # here, where the loop runs; how many are in flight is the caller's business
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), headers=self._headers, timeout=self._timeout
            )
        body = {**self._body, "messages": [{"role": "user", "content": query}]}
        started = perf_counter()
        try:
            async with self._session.post(self._url, json=body, proxy=self._proxy) as reply:
                status, headers, raw = reply.status, reply.headers, await reply.read()
        except asyncio.TimeoutError as error:
            down = isinstance(error, aiohttp.ConnectionTimeoutError)
            raise AskError(f"no answer from {self._address} in time", retry=True, down=down) from None
        except aiohttp.ClientConnectorError as error:
            why = getattr(error.os_error, "strerror", None) or type(error.os_error).__name__
            text = f"no connection to {self._address} ({why}); is the server running, and is the address right?"
            raise AskError(redact(text, self._secrets), retry=True, down=True) from None
        except (aiohttp.ClientError, OSError) as error:
            raise AskError(redact(f"{type(error).__name__}: {error}", self._secrets), retry=True) from None
        seconds = perf_counter() - started
        if status != 200:
            raise from_status(status, _message(raw), retry_after(headers), self._secrets)
        return _response(raw, seconds)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


def _proxy(address: str) -> str | None:
    # Not aiohttp's trust_env, which reads ~/.netrc before each request and may send what is in it.
    parts = urlsplit(address)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _message(raw: bytes) -> str:
    try:
        error = json.loads(raw)["error"]
        if not isinstance(error, dict):
            return str(error)
        quota = " (insufficient_quota)" if error.get("code") == "insufficient_quota" else ""
        return f"{error['message']}{quota}"
    except (ValueError, KeyError, TypeError):
        return raw[:200].decode(errors="replace")


def _response(raw: bytes, seconds: float) -> Response:
    try:
        body = json.loads(raw)
        choice = body["choices"][0]
        text = choice["message"].get("content")
        usage = body.get("usage") or {}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise AskError(
            "the server's answer is not of OpenAI's form; does the address end in /v1?", retry=True
        ) from None
    return Response(
        text if isinstance(text, str) else "",
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        round(seconds, 4),
        choice.get("finish_reason") or None,
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
