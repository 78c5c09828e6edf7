"""Servers that speak OpenAI's chat protocol: OpenAI, Ollama, vLLM, llama.cpp and others."""

from __future__ import annotations

import asyncio
import importlib
import zlib
from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from hybrid_router_core.data import Response
from hybrid_router_core.errors import MissingExtraError

from .dialect import Dialect
from .errors import AskError, retry_after
from .model import Model, Options
from .replies import answer, reply_of
from .secrets import hide, redact
from .server_words import decoded, error_of, redirected, refusal_of, unreadable

__all__ = ["server"]

_CONNECT = 10.0  # seconds
_LARGEST = 32 << 20  # bytes of an answer
_READ = 8192  # bytes of a refusal


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
    return Model(name, client.ask, model, provider, address, client.close, client.dialect.notes)


class _Client:
    def __init__(self, aiohttp: Any, address: str, model: str, key: str | None, options: Options) -> None:
        self._aiohttp = aiohttp
        self._address = address
        self._url = f"{address}/chat/completions"
        self._hint = "" if address.endswith("/v1") else "; does the address end in /v1?"
        self._proxy = _proxy(address)
        self._secrets = () if key is None else (key,)
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._timeout = aiohttp.ClientTimeout(total=options.timeout, sock_connect=min(_CONNECT, options.timeout))
        self._model = model
        limit = "max_completion_tokens" if urlsplit(address).hostname == "api.openai.com" else "max_tokens"
        wanted = {
            "temperature": options.temperature,
            limit: options.max_tokens,
            "response_format": options.response_format,
        }
        self.dialect = Dialect({name: value for name, value in wanted.items() if value is not None})
        self._session: Any = None

    async def ask(self, query: str) -> Response:
        """Send one request; once more for each parameter that the server turns out to know by another name."""
        messages = [{"role": "user", "content": query}]
        while True:
            sent = self.dialect.parameters
            started = perf_counter()
            status, headers, raw = await self._post({"model": self._model, **sent, "messages": messages})
            seconds = round(perf_counter() - started, 4)
            if 300 <= status < 400:
                raise redirected(status, headers.get("Location", ""), self._secrets)
            body = decoded(raw)
            error = error_of(body) if status < 300 else True
            if error is None:
                return self._answer(raw, body, seconds)
            if not self.dialect.learn(sent, status, raw[:_READ].decode(errors="replace")):
                raise refusal_of(
                    status, raw, body if error is True else {"error": error}, retry_after(headers), self._secrets
                )

    async def _post(self, body: dict[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        aiohttp = self._aiohttp
        if self._session is None:  # here, where the loop runs; how many are in flight is the caller's business
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                timeout=self._timeout,
            )
        try:
            async with self._session.post(self._url, json=body, proxy=self._proxy, allow_redirects=False) as reply:
                return reply.status, reply.headers, await self._read(reply)
        except asyncio.TimeoutError as error:
            down = isinstance(error, aiohttp.ConnectionTimeoutError)
            raise AskError(f"no answer from {self._address} in time", retry=True, down=down) from None
        except aiohttp.ClientConnectorError as error:
            why = getattr(error.os_error, "strerror", None) or type(error.os_error).__name__
            text = f"no connection to {self._address} ({why}); is the server running, and is the address right?"
            raise AskError(redact(text, self._secrets), retry=True, down=True) from None
        except (aiohttp.ClientError, OSError, ValueError, zlib.error) as error:  # what came is not HTTP
            raise AskError(redact(f"{type(error).__name__}: {error}", self._secrets), retry=True) from None

    async def _read(self, reply: Any) -> bytes:
        parts, size = [], 0
        async for part in reply.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > _LARGEST:
                reply.close()
                raise AskError(f"the server's answer has more than {_LARGEST >> 20} MiB, which is no answer to a query")
        return b"".join(parts)

    def _answer(self, raw: bytes, body: Any, seconds: float) -> Response:
        reply = reply_of(body)
        if reply is None:
            raise AskError(redact(f"{unreadable(raw, body)}{self._hint}", self._secrets), retry=True)
        if self._secrets and isinstance(reply.finish, str):
            reply = replace(reply, finish=hide(reply.finish, self._secrets))
        response = answer(reply, seconds)
        return replace(response, text=hide(response.text, self._secrets)) if self._secrets else response

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()


def _proxy(address: str) -> str | None:
    # Not aiohttp's trust_env, which reads ~/.netrc before each request and may send what is in it.
    parts = urlsplit(address)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)
