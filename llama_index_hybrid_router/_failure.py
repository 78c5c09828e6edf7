"""Why a model failed, in a few words that quote neither the query nor a key."""

from __future__ import annotations

import re

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_CODES = ("status_code", "code", "errno")


def reason_of(error: BaseException) -> str:
    """The type of the error with the server's codes and its cause: ``RateLimitError 429 insufficient_quota``.

    Its message is left out: servers put the query into it, and parts of the key.
    """
    cause = error.__cause__
    return _named(error) + (f" from {_named(cause)}" if cause is not None else "")


def _named(error: BaseException) -> str:
    codes = [getattr(error, name, None) for name in _CODES]
    shown = [str(code) for code in codes if isinstance(code, (int, str)) and _CODE.fullmatch(str(code))]
    return " ".join([type(error).__name__, *dict.fromkeys(shown)])
