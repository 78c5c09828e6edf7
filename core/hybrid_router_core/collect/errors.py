"""What goes wrong when a model is asked, sorted by what to do about it; never with a key in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

from hybrid_router_core.errors import HybridRouterError

__all__ = ["AskError", "CollectError", "from_exception", "from_status", "redact", "retry_after"]

_LONGEST = 300  # characters of a reason
_SECRET = re.compile(r"(?i)\bbearer\s+\S+|\b(?:sk|pk|gsk|xai|hf|key|tok)[-_][A-Za-z0-9_\-]{8,}|\bAIza[\w\-]{12,}")
_SECRET_NAME = re.compile(r"(?i)(KEY|TOKEN|SECRET|PASSWORD)$")
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")


class CollectError(HybridRouterError, RuntimeError):
    """Collecting cannot go on; what was answered is kept."""


class AskError(Exception):
    """One request that brought no answer.

    Attributes:
        reason: One line, without keys.
        retry: Whether the same request may work later.
        after: Seconds that the server asks to wait, if it does.
        fatal: Whether no other request to this model would work either.
        down: Whether there was no connection at all.
    """

    def __init__(
        self, reason: str, *, retry: bool = False, after: float | None = None, fatal: bool = False, down: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.after = after
        self.fatal = fatal
        self.down = down


def from_status(status: int, message: str, after: float | None = None, secrets: Iterable[str] = ()) -> AskError:
    """Sort an HTTP status that is not a success."""
    text = redact(f"{status}: {message}" if message else str(status), secrets)
    if status in (401, 403):
        return AskError(f"{text}; check the key; --small-key-env and --large-key-env name its variable", fatal=True)
    if status == 402 or "insufficient_quota" in message:
        return AskError(f"{text}; the account has no money left", fatal=True)
    if status in (404, 405):
        return AskError(f"{text}; check the address and the name of the model", fatal=True)
    return AskError(text, retry=status in (408, 409, 425, 429) or status >= 500, after=after)


def from_exception(error: Exception, secrets: Iterable[str] = ()) -> AskError:
    """Sort what a framework's model or a callable raised; no framework is imported for it."""
    if isinstance(error, AskError):
        return error
    kind = type(error).__name__
    response = getattr(error, "response", None)
    for status in (getattr(error, "status_code", None), getattr(response, "status_code", None)):
        if isinstance(status, int) and status >= 400:
            return from_status(status, str(error), retry_after(getattr(response, "headers", None)), secrets)
    text = redact(f"{kind}: {error}" if str(error) else kind, secrets)
    down = isinstance(error, ConnectionError) or kind in ("APIConnectionError", "ConnectError")
    late = isinstance(error, TimeoutError) or "Timeout" in kind
    return AskError(text, retry=down or late or isinstance(error, OSError), down=down and not late)


def retry_after(headers: Any) -> float | None:
    """Seconds of a Retry-After header in either of its forms."""
    value = None if headers is None else headers.get("retry-after") or headers.get("Retry-After")
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (moment - datetime.now(timezone.utc)).total_seconds() if moment.tzinfo else 0.0
    return max(0.0, seconds) if isfinite(seconds) else None


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """One line without what is, or looks like, a key."""
    known = [value for name, value in os.environ.items() if _SECRET_NAME.search(name)]
    for secret in (*secrets, *known):
        if len(secret) >= 6:
            text = text.replace(secret, "***")
    text = " ".join(_USERINFO.sub("***@", _SECRET.sub("***", text)).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
