"""What a server says of a request that it did not answer, in whatever form it says it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import AskError, from_status
from .secrets import redact

__all__ = ["decoded", "error_of", "redirected", "refusal_of", "unreadable"]

_START = 60  # characters of an answer that cannot be used
_SHOWN = 1000  # characters, before keys are taken out and it is shortened
_PLACES = (
    "message",
    "msg",
    "status_msg",
    "base_resp",
    "error_description",
    "detail",
    "error",
    "errors",
    "title",
    "description",
)
_CODES = {
    "insufficient_quota": 402,
    "invalid_api_key": 401,
    "model_not_found": 404,
    "rate_limit_exceeded": 429,
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
}
_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)</title>")
_HIDDEN = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>")
_TAG = re.compile(r"<[^>]*>")


def decoded(raw: bytes) -> Any:
    """The JSON value of a body; None if it is none."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def error_of(body: Any) -> Any:
    """The error in a body that came with a success; None if there is none."""
    if not isinstance(body, Mapping):
        return None
    choices = body.get("choices")
    error = body.get("error")
    if error and not (choices and isinstance(error, Mapping) and error.get("code") in (0, "0")):  # "0: success"
        return error
    said = isinstance(body.get("message"), str) or any(body.get(name) for name in ("detail", "errors", "base_resp"))
    if body.get("object") == "error" or (not choices and said):
        return body
    first = choices[0] if isinstance(choices, list) and choices else None
    return first.get("error") if isinstance(first, Mapping) else None


def refusal_of(status: int, raw: bytes, body: Any, after: float | None = None, secrets: Iterable[str] = ()) -> AskError:
    """The server's own word, sorted by its status, or by the code within an error that came with a success."""
    found = _words(body) or _plain(raw)
    error = body.get("error", body) if isinstance(body, Mapping) else body
    code = error.get("code") or error.get("status") or error.get("type") if isinstance(error, Mapping) else None
    if code == "insufficient_quota" and code not in found:
        found = f"{found} ({code})"
    if status < 300:
        status = _status(code)
        if not status:
            return AskError(redact(f"the server answered with an error: {found}", secrets), retry=True)
    return from_status(status, found, after, secrets)


def redirected(status: int, location: str, secrets: Iterable[str] = ()) -> AskError:
    """A redirect: followed, a POST becomes a GET or takes the key to another server."""
    place = re.split(r"[?#]", location, maxsplit=1)[0].removesuffix("/").removesuffix("/chat/completions")
    where = f" to {place}" if place else ""
    return AskError(
        redact(f"{status}: the server redirects{where}, and requests are not sent on; give the right address", secrets)
    )


def unreadable(raw: bytes, body: Any) -> str:
    """What came in place of an answer of OpenAI's form."""
    try:
        text = raw[:_SHOWN].decode()
    except UnicodeDecodeError as error:
        if error.start < len(raw[:_SHOWN]) - 4:  # not a letter that was cut
            return "the server's answer is not UTF-8 text"
        text = raw[:_SHOWN].decode(errors="replace")
    if text.startswith("data:"):
        return "the server sends a stream where a whole answer was asked for"
    kind = "no JSON" if body is None else "not of OpenAI's form"
    start = " ".join(_plain(raw).split())[:_START]
    return f"the server's answer is {kind} ({start!r})" if start else "the server's answer is empty, not even JSON"


def _status(code: Any) -> int:
    if isinstance(code, str):
        code = int(code) if code.isascii() and code.isdigit() and len(code) == 3 else _CODES.get(code, 0)
    return code if isinstance(code, int) and 400 <= code < 600 else 0


def _words(value: Any, depth: int = 0) -> str:
    if isinstance(value, str):
        return value[:_SHOWN].strip()
    if depth > 5:
        return ""
    if isinstance(value, list):
        return next((text for part in value[:5] if (text := _words(part, depth + 1))), "")
    if not isinstance(value, Mapping):
        return ""
    text = next((text for name in _PLACES if (text := _words(value.get(name), depth + 1))), "")
    place = value.get("loc")  # which field, in FastAPI's form
    fields = (
        ".".join(str(part) for part in place[:5] if isinstance(part, (str, int))) if isinstance(place, list) else ""
    )
    return f"{fields}: {text}" if fields and text else text


def _plain(raw: bytes) -> str:
    text = raw[: 16 * _SHOWN].decode(errors="replace")
    if not text.lstrip().startswith("<"):
        return text[:_SHOWN].strip()
    title = _TITLE.search(text)
    found = title[1] if title and title[1].strip() else _HIDDEN.sub(" ", text)
    return " ".join(html.unescape(_TAG.sub(" ", found)).split())[:_SHOWN]
