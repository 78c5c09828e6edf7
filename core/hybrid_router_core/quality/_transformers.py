"""Checkpoints of the transformers library: loaded once a process, run in batches without gradients."""

from __future__ import annotations

import functools
import threading
from typing import Any

from hybrid_router_core.errors import ConfigError, MissingExtraError

__all__ = ["chosen_device", "loaded", "positive", "torch_module"]

_loading = threading.Lock()


def torch_module() -> Any:
    """The module torch, or a `MissingExtraError`."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "encoder") from error
    return torch


def loaded(kind: str, model: str, device: str) -> tuple[Any, Any]:
    """Tokenizer and model, ready to be run.

    Args:
        kind: The transformers class of the model, such as "BartForConditionalGeneration".
        model: Name on the hub, or a folder.
        device: As torch names it.

    Raises:
        MissingExtraError: torch or transformers is not there.
        ConfigError: The checkpoint or the device cannot be used.
    """
    with _loading:  # two threads with a first batch each must not both load the model
        return _load(kind, model, device)


@functools.cache
def _load(kind: str, model: str, device: str) -> tuple[Any, Any]:
    """Kept by the process, not by the metric, so that a pickled metric is small and a worker loads once."""
    torch_module()
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError("transformers", "encoder") from error
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(model)
        network = getattr(transformers, kind).from_pretrained(model)
        return tokenizer, network.to(device).eval()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"transformers cannot load {model!r} on {device!r} as {kind} ({reason}). Use the name of a model on the "
            "hub or its folder"
        ) from error


def chosen_device(device: str | None) -> str:
    """The device asked for, else a GPU if there is one."""
    if device is not None:
        return device
    return "cuda" if torch_module().cuda.is_available() else "cpu"


def positive(name: str, value: Any) -> int:
    """A whole number from 1 on, or a ConfigError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name}={value!r}: a whole number from 1 on is needed")
    return value
