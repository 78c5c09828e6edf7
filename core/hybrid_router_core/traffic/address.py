"""Where a store is: a file of SQLite, or a database of PostgreSQL. The password in an address is never shown."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

from hybrid_router_core.errors import ConfigError

__all__ = ["Address", "AddressLike", "masked"]

AddressLike: TypeAlias = "str | os.PathLike[str] | Address"

_ALLOWED = "allowed: a path, sqlite:///traffic.db, or postgresql+psycopg://user@host/database"
_SQLITE = re.compile(r"(?i)sqlite(\+pysqlite)?://(?P<path>/.*)?$", re.DOTALL)
_POSTGRES = re.compile(r"(?i)postgres(ql)?(\+psycopg)?://(?P<rest>.*)$", re.DOTALL)
_USERINFO = re.compile(r"(?<=://)([^:@/?]*):(.*)@", re.DOTALL)  # greedy: who writes @ unescaped is not to be shown
_OPTION = re.compile(r"(?i)([?&][^=&]*(?:pass|pwd|secret|token|key)[^=&]*=)([^&\s]*)")


def masked(text: str) -> str:
    """The text with ``***`` in the place of the password of an address."""
    return _OPTION.sub(r"\1***", _USERINFO.sub(r"\1:***@", text))


class Address:
    """A checked address.

    Args:
        address: Of one of the forms that are allowed; a relative path counts from the folder of today.

    Attributes:
        path: The file of SQLite; None for PostgreSQL.

    Raises:
        ConfigError: It has another form.
    """

    __slots__ = ("_secrets", "path", "url")

    def __init__(self, address: AddressLike) -> None:
        self.url: str
        self.path: Path | None = None
        self._secrets: tuple[str, ...] = ()
        if isinstance(address, Address):
            self.url, self.path, self._secrets = address.url, address.path, address._secrets
            return
        text = os.fspath(address) if isinstance(address, (str, os.PathLike)) else ""
        if not isinstance(text, str) or not text.strip() or "\x00" in text:
            raise ConfigError(f"the address of a store is {_shown(address)}; {_ALLOWED}")
        if (found := _POSTGRES.match(text)) is not None:
            self.url = f"postgresql+psycopg://{found['rest']}"
            userinfo = _USERINFO.search(self.url.partition("?")[0])
            if userinfo is not None and re.search("[@/]", userinfo[2]):  # a part of it would be taken for the host
                raise ConfigError(f"write @ as %40 and / as %2F in the password of {_shown(text)}")
            passwords = [match[2] for pattern in (_USERINFO, _OPTION) for match in pattern.finditer(self.url)]
            self._secrets = tuple(form for word in passwords if word for form in {word, unquote(word)})
            return
        path = text
        if "://" in text:
            found = _SQLITE.match(text)
            path = (found["path"] or "/")[1:].partition("?")[0] if found else ""
            if not path:
                raise ConfigError(f"the address of a store is {_shown(address)}; {_ALLOWED}")
        if path == ":memory:":
            raise ConfigError("a store in memory is shared by nobody and lost at the end; name a file")
        self.path = Path(path).absolute()
        self.url = f"sqlite:///{self.path}"

    def hide(self, text: str) -> str:
        """One short line of a database's message, without the password."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return masked(" ".join(text.split())[:200])

    def __str__(self) -> str:
        return masked(self.url)

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    def __reduce__(self) -> tuple[type[Address], tuple[str]]:
        return Address, (self.url if self.path is None else os.fspath(self.path),)


def _shown(address: object) -> str:
    return repr(masked(address)[:200]) if isinstance(address, str) else f"a {type(address).__name__}"
