"""What goes wrong when a model is asked, sorted by what to do about it; never with a key in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

from hybrid_router_core.data import Response
from hybrid_router_core.errors import HybridRouterError

from .secrets import redact

__all__ = ["AskError", "CollectError", "from_exception", "from_status", "retry_after"]


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
        paid: What was counted and is to be paid, though it is no answer.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry: bool = False,
        after: float | None = None,
        fatal: bool = False,
        down: bool = False,
        paid: Response | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.after = after
        self.fatal = fatal
        self.down = down
        self.paid = paid


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
    try:
        said = str(error)
    except Exception:
        said = ""
    response = getattr(error, "response", None)
    for status in (getattr(error, "status_code", None), getattr(response, "status_code", None)):
        if isinstance(status, int) and status >= 400:
            return from_status(status, said, retry_after(getattr(response, "headers", None)), secrets)
    text = redact(f"{kind}: {said}" if said else kind, secrets)
    down = isinstance(error, ConnectionError) or kind in ("APIConnectionError", "ConnectError")
    late = isinstance(error, TimeoutError) or "Timeout" in kind
    return AskError(text, retry=down or late or isinstance(error, OSError), down=down and not late)


def retry_after(headers: Any) -> float | None:
    """Seconds of a Retry-After header in either of its forms."""
    value = headers.get("retry-after") or headers.get("Retry-After") if hasattr(headers, "get") else None
    if not value:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        try:
            moment = parsedate_to_datetime(str(value))
            seconds = (moment - datetime.now(timezone.utc)).total_seconds() if moment.tzinfo else 0.0
        except (TypeError, ValueError, OverflowError):
            return None
    return max(0.0, seconds) if isfinite(seconds) else None
