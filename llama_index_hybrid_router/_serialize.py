"""The children as plain data and back: without secrets, and with a note of everything that was left out."""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Iterator
from os import PathLike, fspath
from typing import Any

from llama_index.core.base.llms.generic_utils import messages_to_prompt
from llama_index.core.llms import LLM
from llama_index.core.llms.llm import default_completion_to_prompt

from hybrid_router_core.errors import ConfigError
from hybrid_router_core.live import RecentArms

logger = logging.getLogger(__name__)

NOTE = "hybrid_router"
UNSAVED = "unsaved"
_SECRET = re.compile(
    r"api_?key|access_?key|private_?key|secret|passw|credential|authorization|cookie|headers$|(^|_)token$",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_IMPORTABLE = re.compile(r"llama_index\.(core\.)?llms(\.\w+)*")
DEFAULTS = (None, messages_to_prompt, default_completion_to_prompt)


def dump_child(child: LLM) -> dict[str, Any]:
    """A child's fields, its class, and the names of the fields that are not there."""
    gone = left_out(child)
    data = {name: _clean(value, name, gone) for name, value in child.to_dict().items() if not _is_secret(name, value)}
    gone += [name for name, value in child.to_dict().items() if _is_secret(name, value)]
    return {**data, NOTE: {"class": _path(type(child)), "left_out": sorted(gone)}}


def load_child(role: str, value: Any) -> LLM:
    """A child from what `dump_child` wrote, or the LLM itself.

    Raises:
        ConfigError: If it is neither, or its class is not known here.
    """
    if isinstance(value, LLM):
        return value
    if not isinstance(value, dict):
        raise ConfigError(
            f"{role} is a {type(value).__name__}; allowed: a LlamaIndex LLM. Wrap a LangChain model with "
            "llama_index.llms.langchain.LangChainLLM"
        )
    data = dict(value)
    note = data.pop(NOTE, {})
    found = _find(note.get("class"), data.get("class_name"))
    if found is None:
        name = note.get("class") or data.get("class_name")
        raise ConfigError(
            f"the class of {role}, {name!r}, is not known here. Import it before loading, or pass the model: "
            f"HybridRouterLLM.from_dict(data, {role}=...)"
        )
    warn_of(role, note)
    loaded: LLM = found.from_dict(data)
    return loaded


def left_out(llm: LLM) -> list[str]:
    """The fields in use that LlamaIndex itself never serializes, such as an output parser."""
    excluded = (name for name, field in type(llm).model_fields.items() if field.exclude and name != "callback_manager")
    in_use = ((name, getattr(llm, name, None)) for name in excluded)
    return [name for name, value in in_use if value not in DEFAULTS and type(value) is not RecentArms]


def warn_of(role: str, note: dict[str, Any]) -> None:
    """Say what a loaded object lacks."""
    if note.get("left_out"):
        logger.warning(
            "%s was saved without %s: keys come from the environment if its class reads them, set the rest again",
            role,
            ", ".join(note["left_out"]),
        )


def dump_router(router: Any) -> Any:
    """A folder as text; a router in memory as a mark that cannot be loaded."""
    return fspath(router) if isinstance(router, (str, PathLike)) else {UNSAVED: type(router).__name__}


def check_router(router: Any) -> Any:
    """Refuse that mark.

    Raises:
        ConfigError: If the router was not saved with the LLM.
    """
    if isinstance(router, dict):
        raise ConfigError(
            f"the router was a {router.get(UNSAVED)} in memory, which is not saved with the LLM. Save it with "
            "router.save(folder) and use router=folder, or pass it: HybridRouterLLM.from_dict(data, router=...)"
        )
    return router


def _is_secret(name: str, value: Any) -> bool:
    return bool(value) and _SECRET.search(name) is not None


def _clean(value: Any, path: str, gone: list[str]) -> Any:
    if isinstance(value, dict):
        secrets = {name for name, inner in value.items() if isinstance(name, str) and _is_secret(name, inner)}
        gone += [f"{path}.{name}" for name in sorted(secrets)]
        return {n: _clean(inner, f"{path}.{n}", gone) for n, inner in value.items() if n not in secrets}
    if isinstance(value, (list, tuple)):
        return [_clean(inner, f"{path}.{i}", gone) for i, inner in enumerate(value)]
    if isinstance(value, str) and _LOGIN.search(value):
        gone.append(f"{path} (its login)")
        return _LOGIN.sub("", value)
    return value


def _path(cls: type[LLM]) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _find(path: str | None, class_name: str | None) -> Any:
    if path is not None:
        module = path.partition(":")[0]
        if _IMPORTABLE.fullmatch(module):  # data may not choose what else is imported
            try:
                importlib.import_module(module)
            except ImportError:
                return None
        return next((cls for cls in _subclasses() if _path(cls) == path), None)
    return next((cls for cls in _subclasses() if class_name and cls.class_name() == class_name), None)


def _subclasses() -> Iterator[type[LLM]]:
    classes = LLM.__subclasses__()
    for cls in classes:
        yield cls
        classes += cls.__subclasses__()
