"""An OpenAI-compatible chat server on the loopback, for tests of the real HTTP path. Standard library only.

    with OpenAIServer({"s": Reply("Paris."), "l": [Reply(status=429, retry_after=0), Reply("Lyon.")]}) as server:
        ChatOpenAI(model="s", base_url=server.base_url, api_key="none").invoke("Capital of France?")
        server.requests[0].body["messages"]

A model's script is a `Reply`, a list of them (one a request, the last one again and again), or a callable that takes
the `Request` and returns a `Reply`. `POST /v1/chat/completions` answers whole or streamed, as the request asks.
Each answer closes its connection, so that no idle client socket outlives a test.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

__all__ = ["OpenAIServer", "Reply", "Request", "Script"]


@dataclass(frozen=True)
class Reply:
    """What a model answers.

    Attributes:
        text: The content; streamed word by word. For a structured output, the JSON.
        tool_calls: Pairs of tool name and arguments; their ids are call_0, call_1 and so on.
        usage: Prompt and completion tokens; None leaves the usage out.
        status: Of HTTP; anything but 200 answers with an error body as OpenAI's.
        retry_after: Seconds in the Retry-After header, for a 429 or 503.
        cut_after: Drop the connection after so many streamed events (of a whole answer: in the middle of the body).
        delay: Seconds before the answer begins.
        chunk_delay: Seconds before each streamed event.
    """

    text: str = ""
    tool_calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    usage: tuple[int, int] | None = (10, 5)
    status: int = 200
    retry_after: float | None = None
    cut_after: int | None = None
    delay: float = 0.0
    chunk_delay: float = 0.0


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def model(self) -> str:
        """The model asked for."""
        return str(self.body.get("model"))

    @property
    def last_text(self) -> str:
        """The content of the last message, if it is a string."""
        content = (self.body.get("messages") or [{}])[-1].get("content")
        return content if isinstance(content, str) else ""


Script: TypeAlias = "Reply | Sequence[Reply] | Callable[[Request], Reply]"


@dataclass
class OpenAIServer:
    """Serves scripted models; a context manager.

    Attributes:
        models: The script of each model by name; may be changed while serving.
        requests: All requests so far, in order of arrival.
    """

    models: dict[str, Script]
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._served: dict[str, int] = {}
        self._http: ThreadingHTTPServer | None = None

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        if self._http is None:
            raise RuntimeError("the server runs only inside its with block")
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def requests_for(self, model: str) -> list[Request]:
        """The requests for one model."""
        return [request for request in self.requests if request.model == model]

    def __enter__(self) -> OpenAIServer:
        self._http = _Server(("127.0.0.1", 0), type("_BoundHandler", (_Handler,), {"owner": self}))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._thread.join()
            self._http = None

    def _reply(self, request: Request) -> Reply | None:
        with self._lock:
            self.requests.append(request)
            script = self.models.get(request.model)
            turn = self._served.get(request.model, 0)
            self._served[request.model] = turn + 1
        if script is None or isinstance(script, Reply):
            return script
        return script(request) if callable(script) else script[min(turn, len(script) - 1)]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the tests; nothing to print."""


class _Handler(BaseHTTPRequestHandler):
    owner: OpenAIServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def end_headers(self) -> None:
        self.send_header("Connection", "close")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            listed = [{"id": name, "object": "model", "owned_by": "test"} for name in self.owner.models]
            self._send(200, {"object": "list", "data": listed})
        else:
            self._send(404, _error(f"no such path: {self.path}", "not_found"))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/v1/chat/completions":
            self._send(404, _error(f"no such path: {self.path}", "not_found"))
            return
        request = Request(self.path, dict(self.headers.items()), json.loads(raw))
        reply = self.owner._reply(request)
        if reply is None:
            self._send(404, _error(f"the model {request.model!r} does not exist", "model_not_found"))
            return
        time.sleep(reply.delay)
        if reply.status != 200:
            code = "rate_limit_exceeded" if reply.status == 429 else "server_error"
            headers = {} if reply.retry_after is None else {"Retry-After": f"{reply.retry_after:g}"}
            self._send(reply.status, _error(reply.text or f"scripted error {reply.status}", code), headers)
        elif request.body.get("stream"):
            self._stream(request, reply)
        else:
            self._send(200, _completion(request, reply), cut=reply.cut_after is not None)

    def _send(self, status: int, body: Any, headers: Mapping[str, str] | None = None, *, cut: bool = False) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)

    def _stream(self, request: Request, reply: Reply) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i, event in enumerate(_events(request, reply)):
            if i == reply.cut_after:
                return  # without the chunk of length zero that ends a whole body
            time.sleep(reply.chunk_delay)
            data = f"data: {event}\n\n".encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


def _events(request: Request, reply: Reply) -> Iterator[str]:
    def event(delta: dict[str, Any], finish: str | None = None) -> str:
        return json.dumps(_frame(request, "chat.completion.chunk", [_choice("delta", delta, finish)]))

    yield event({"role": "assistant", "content": None if reply.tool_calls else ""})
    for word in re.findall(r"\s*\S+\s*$|\s*\S+|\s+", reply.text):
        yield event({"content": word})
    for i, call in enumerate(_tool_calls(reply)):
        arguments = call["function"].pop("arguments")
        call["function"]["arguments"] = ""
        yield event({"tool_calls": [{"index": i, **call}]})
        half = len(arguments) // 2
        for part in (arguments[:half], arguments[half:]):
            yield event({"tool_calls": [{"index": i, "function": {"arguments": part}}]})
    yield event({}, "tool_calls" if reply.tool_calls else "stop")
    if reply.usage is not None and (request.body.get("stream_options") or {}).get("include_usage"):
        yield json.dumps({**_frame(request, "chat.completion.chunk", []), "usage": _usage(reply.usage)})
    yield "[DONE]"


def _completion(request: Request, reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.tool_calls:
        message["tool_calls"] = _tool_calls(reply)
    choice = _choice("message", message, "tool_calls" if reply.tool_calls else "stop")
    body = _frame(request, "chat.completion", [choice])
    return body if reply.usage is None else {**body, "usage": _usage(reply.usage)}


def _frame(request: Request, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "chatcmpl-test", "object": kind, "created": 0, "model": request.model, "choices": choices}


def _choice(key: str, value: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, key: value, "finish_reason": finish}


def _tool_calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{i}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for i, (name, arguments) in enumerate(reply.tool_calls)
    ]


def _usage(usage: tuple[int, int]) -> dict[str, int]:
    prompt, completion = usage
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _error(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": code, "param": None, "code": code}}
