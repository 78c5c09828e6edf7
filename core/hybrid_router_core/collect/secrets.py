"""Keys never reach a message or a file: what is known to be one, or looks like one, becomes ``***``."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

__all__ = ["NAMED_LIKE_A_SECRET", "hide", "looks_like_a_key", "redact", "secrets_of"]

_LONGEST = 300  # characters of a reason
_READ = 4000  # of a message: what lies behind them is not shown anyway
_PIECE = 8  # characters of a key that give it away: servers repeat keys in part
_SECRET = re.compile(
    r"(?i)\b(?:bearer|basic)\s+\S+|\b(?:sk|pk|gsk|xai|hf|key|tok)[-_][A-Za-z0-9_\-]{8,}|\bAIza[\w\-]{12,}"
    r"|(?<=[?&;])[\w\-]*(?:key|token|secret|password|sig)[\w\-]*=[^&\s\"']+"
)
NAMED_LIKE_A_SECRET = re.compile(r"(?i)(KEY|TOKEN|SECRET|PASSWORD)$")
_CERTAIN = re.compile(r"\b(?:(?:sk|pk|rk)[-_]|gsk_|hf_|AIza)[A-Za-z0-9_\-]{12,}")  # no model has such a name
_USERINFO = re.compile(r"(?<=:/)(/?)[^/\s@]+@")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """One line of what can be printed, without what is, or looks like, a key."""
    text = hide(text[:_READ], secrets)
    for secret in secrets:
        text = _without_pieces(text, secret)
    for name, value in os.environ.items():
        if len(value) >= 6 and NAMED_LIKE_A_SECRET.search(name):
            text = text.replace(value, "***")
    text = _USERINFO.sub(r"\1***@", _SECRET.sub("***", text))
    text = "".join(letter if letter.isprintable() else " " for letter in text)  # line breaks, escapes, surrogates
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def looks_like_a_key(text: str) -> bool:
    """Whether a text is a key beyond doubt."""
    return _CERTAIN.search(text) is not None


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text without these keys, also in the forms that a request gives them."""
    for secret in secrets:
        if len(secret) >= 6:
            for form in (secret, quote(secret, safe=""), b64encode(secret.encode("utf-8", "replace")).decode()):
                if form in text:
                    text = text.replace(form, "***")
    return text


def secrets_of(target: Any) -> tuple[str, ...]:
    """The keys that a framework's model holds in its attributes."""
    found = []
    for name, value in dict(getattr(target, "__dict__", None) or {}).items():
        if NAMED_LIKE_A_SECRET.search(str(name)):
            value = getattr(value, "get_secret_value", lambda value=value: value)()
            if isinstance(value, str) and value:
                found.append(value)
    return tuple(found)


def _without_pieces(text: str, secret: str) -> str:
    hidden = [False] * len(text)
    for start in range(len(text) - _PIECE + 1):
        if text[start : start + _PIECE] in secret:
            hidden[start : start + _PIECE] = [True] * _PIECE
    letters = []
    for i, letter in enumerate(text):
        if not hidden[i]:
            letters.append(letter)
        elif i == 0 or not hidden[i - 1]:
            letters.append("***")
    return "".join(letters)
