"""Which conversation a chat memory holds: a name that is the same in every process, or the store itself.

LlamaIndex names conversations as it does nothing else: the key of a `ChatMemoryBuffer` is ``"chat_history"`` for
everybody, examples give every `Memory` the session ``"my_session"``, and both keep their messages in an object of this
process unless they are given a database. So a name counts where it leads to a database, else the object does.
"""

from __future__ import annotations

import threading
import uuid
import weakref
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.memory import BaseMemory
from llama_index.core.storage.chat_store import SimpleChatStore

__all__ = ["Key", "Talking", "key_of", "memory_of"]

_DEFAULT_KEY = "chat_history"
_BARE = ("sqlite+aiosqlite://", "sqlite+aiosqlite:///")  # as in memory as that with ":memory:" in it


class Talking(NamedTuple):
    """What the spans around a call say of the conversation.

    Attributes:
        memory: Where its messages are kept.
        agent: Who speaks in it, if there may be several.
    """

    memory: BaseMemory | None = None
    agent: str = ""


class Key(NamedTuple):
    """The key of a conversation.

    Attributes:
        text: The key.
        is_name: Whether it was given to the conversation, and not to an object that may be made for each request.
    """

    text: str
    is_name: bool


class _Objects:
    """Names for objects, for as long as these are alive; another object never gets the same one.

    Those that hold anybody's conversation have the empty name.
    """

    def __init__(self) -> None:
        self._names: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._lock = threading.RLock()  # the collector may forget one while another is being named

    def name(self, thing: Any, *, shared: bool = False) -> str:
        """The name.

        Raises:
            TypeError: If the object cannot be referred to weakly.
        """
        place = id(thing)
        with self._lock:
            known = self._names.get(place)
            if shared or known is None or known[0]() is not thing:
                name = "" if shared else uuid.uuid4().hex
                known = self._names[place] = weakref.ref(thing, lambda gone: self._forget(place, gone)), name
            return known[1]

    def _forget(self, place: int, gone: Any) -> None:
        with self._lock:
            known = self._names.get(place)
            if known is not None and known[0] is gone:
                del self._names[place]


_objects = _Objects()


def memory_of(instance: Any, arguments: Mapping[str, Any]) -> Talking | None:
    """The conversation that begins with a span, from its instance and arguments; None if none does.

    Where the caller gives the history too, an engine may serve everybody, so that its memory is nobody's.
    """
    given: Any = arguments
    if isinstance(instance, BaseChatEngine) and "message" in arguments:
        memory = getattr(instance, "_memory", None)
    elif "start_event" in arguments:  # of a workflow's run
        given = arguments["start_event"]
        memory = given.get("memory") if hasattr(given, "get") else None
    elif isinstance(arguments.get("memory"), BaseMemory):  # of what reads a chat engine's stream to its end
        memory = arguments["memory"]
    else:
        return None
    if not isinstance(memory, BaseMemory):
        return Talking()
    if given.get("chat_history"):
        _objects.name(memory, shared=True)
    return Talking(memory)


def key_of(memory: BaseMemory | None) -> Key | None:
    """The key of the one conversation in a memory; None if it may hold anybody's."""
    try:
        return None if memory is None or not _objects.name(memory) else _key_of(memory)
    except Exception:  # a memory of the user's own, whose attributes may do anything
        return None


def _key_of(memory: BaseMemory) -> Key | None:
    memory = getattr(memory, "primary_memory", memory)  # of a SimpleComposableMemory
    store: Any = getattr(memory, "sql_store", None)
    if store is not None:
        session, engine = getattr(memory, "session_id", ""), getattr(store, "_async_engine", None)
        place = unquote(str(getattr(engine, "url", getattr(store, "async_database_uri", ""))))
        if ":memory:" in place or place in _BARE:
            return Key(f"{_objects.name(store)}\x1f{session}", is_name=False)
        return Key(f"{getattr(store, 'table_name', '')}\x1f{session}", is_name=True) if session else None
    store, key = getattr(memory, "chat_store", None), getattr(memory, "chat_store_key", None)
    if store is None or key is None:
        return Key(_objects.name(memory), is_name=False)
    if isinstance(store, SimpleChatStore):
        return Key(f"{_objects.name(store)}\x1f{key}", is_name=False)
    return None if key == _DEFAULT_KEY else Key(str(key), is_name=True)
