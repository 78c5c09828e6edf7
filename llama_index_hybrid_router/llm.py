"""HybridRouterLLM: two LLMs that look like one."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata, MessageRole
from llama_index.core.bridge.pydantic import BaseModel, field_serializer
from llama_index.core.llms import LLM
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool
from typing_extensions import Self

from hybrid_router_core.errors import ConfigError

from . import _serialize
from ._base import RoutingLLM, calls_functions
from ._delegate import delegating
from ._request import Request, Signature
from ._structured import HybridStructuredLLM
from ._tagging import KEY, untagged

__all__ = ["HybridRouterLLM"]

PREPARE = Signature(FunctionCallingLLM._prepare_chat_with_tools)


class HybridRouterLLM(RoutingLLM):
    """An LLM that hands each call to the small or to the large one, by the user's question.

    >>> from llama_index.core.llms import MockLLM
    >>> llm = HybridRouterLLM(small=MockLLM(max_tokens=1), large=MockLLM(max_tokens=2), router=lambda question: 0.9)
    >>> llm.complete("What is 2 + 2?").additional_kwargs["hybrid_router"]["model"]
    'small'

    One call can be fixed with ``hybrid_router={"model": "small"}``, ``{"threshold": 0.7}`` or ``{"query": "..."}``
    among its keyword arguments; all calls in a block with LlamaIndex's ``instrument_tags({"hybrid_router": {...}})``.

    Args:
        small: The cheap LLM; any LlamaIndex LLM.
        large: The expensive one.
        router: A `HybridRouter`, the folder of a saved one, or a callable from the question to a score in [0, 1].
        threshold: Small iff score >= threshold; None takes the router's own (0.5 for a callable).
        context_window: The window this LLM reports. ``"min"``: the smaller one, so that every prompt fits both.
            ``"large"``: the large model's; calls too long for the small model go to the large one.
        is_function_calling: Whether this LLM reports that it calls functions: ``"all"`` if both do, ``"any"`` if one
            does. Calls with tools go to a model that does.
        on_router_error: ``"large"``: if the router fails, the large model answers. ``"raise"``: the error is raised.
        fallback: If the small model raises before its first token, the large one answers.
        track_questions: Read the question from the spans of the enclosing query or chat engine, where the call itself
            shows only a rendered prompt. Puts one span handler on LlamaIndex's root dispatcher.
        events: `HybridRoutingEvent`: ``"full"``, ``"no_query"`` (without the question) or ``"off"``.
    """

    chat = delegating(FunctionCallingLLM.chat)
    achat = delegating(FunctionCallingLLM.achat)
    stream_chat = delegating(FunctionCallingLLM.stream_chat)
    astream_chat = delegating(FunctionCallingLLM.astream_chat)
    complete = delegating(FunctionCallingLLM.complete)
    acomplete = delegating(FunctionCallingLLM.acomplete)
    stream_complete = delegating(FunctionCallingLLM.stream_complete)
    astream_complete = delegating(FunctionCallingLLM.astream_complete)
    predict = delegating(FunctionCallingLLM.predict)
    apredict = delegating(FunctionCallingLLM.apredict)
    stream = delegating(FunctionCallingLLM.stream)
    astream = delegating(FunctionCallingLLM.astream)
    structured_predict = delegating(FunctionCallingLLM.structured_predict)
    astructured_predict = delegating(FunctionCallingLLM.astructured_predict)
    stream_structured_predict = delegating(FunctionCallingLLM.stream_structured_predict)
    astream_structured_predict = delegating(FunctionCallingLLM.astream_structured_predict)
    chat_with_tools = delegating(FunctionCallingLLM.chat_with_tools)
    achat_with_tools = delegating(FunctionCallingLLM.achat_with_tools)
    stream_chat_with_tools = delegating(FunctionCallingLLM.stream_chat_with_tools)
    astream_chat_with_tools = delegating(FunctionCallingLLM.astream_chat_with_tools)
    predict_and_call = delegating(FunctionCallingLLM.predict_and_call)
    apredict_and_call = delegating(FunctionCallingLLM.apredict_and_call)
    convert_chat_messages = delegating(FunctionCallingLLM.convert_chat_messages)

    def __init__(self, **data: Any) -> None:
        _serialize.warn_of("the router LLM", data.pop(_serialize.NOTE, {}))
        for role in ("small", "large"):
            if role in data:
                data[role] = _serialize.load_child(role, data[role])
        for name in ("messages_to_prompt", "completion_to_prompt"):
            if data.get(name) not in _serialize.DEFAULTS:
                raise ConfigError(f"{name} has no effect on a router; set it on the small and on the large LLM")
        _serialize.check_router(data.get("router"))
        super().__init__(**data)
        self._begin()

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized data."""
        return "HybridRouterLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """What both models can do, as the settings say."""
        if self._fixed is not None:
            return self._child(self._fixed).metadata
        small, large = self.small.metadata, self.large.metadata
        window, room = large.context_window, large.context_window - large.num_output
        if self.context_window == "min":  # the room left for the prompt must fit both, whichever is tighter
            window, room = min(window, small.context_window), min(room, small.context_window - small.num_output)
        calls = all if self.is_function_calling == "all" else any
        return LLMMetadata(
            context_window=window,
            num_output=window - room,
            is_chat_model=small.is_chat_model or large.is_chat_model,
            is_function_calling_model=calls(calls_functions(child) for child in (self.small, self.large)),
            model_name=f"hybrid({small.model_name}|{large.model_name})",
            system_role=large.system_role if small.system_role == large.system_role else MessageRole.SYSTEM,
        )

    def as_structured_llm(self, output_cls: type[BaseModel], **kwargs: Any) -> HybridStructuredLLM:
        """The router with a fixed output class, still routed on the question."""
        return HybridStructuredLLM(llm=self, output_cls=output_cls, **kwargs)

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """Read the tool calls with the model that made them, which the response's record names."""
        model, response = untagged(response)
        able = [child for child in (self.large, self.small) if calls_functions(child)]
        maker = {"small": self.small, "large": self.large}.get(model or "", able[0] if able else None)
        if isinstance(maker, FunctionCallingLLM):
            return maker.get_tool_calls_from_response(response, error_on_no_tool_call=error_on_no_tool_call, **kwargs)
        if error_on_no_tool_call:
            raise ValueError("Expected at least one tool call, but the model that answered calls no functions.")
        return []

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        given = {
            "user_msg": user_msg,
            "chat_history": chat_history,
            "verbose": verbose,
            "allow_parallel_tool_calls": allow_parallel_tool_calls,
            "tool_required": tool_required,
            **kwargs,
        }
        plan = self._plan(Request(PREPARE, (tools,), given))
        child: Any = self._child(plan.decision)  # calls functions: the plan saw to it
        args, given = plan.request.arguments()
        # the chat that follows must go to the same model
        return {**child._prepare_chat_with_tools_compat(*args, **given), KEY: plan.decision}

    @field_serializer("small", "large")
    def _dump_child(self, child: LLM) -> dict[str, Any]:
        return _serialize.dump_child(child)

    @field_serializer("router")
    def _dump_router(self, router: Any) -> Any:
        return _serialize.dump_router(router)

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """Plain data without secrets; `from_dict` takes ``small=``, ``large=`` and ``router=`` in their place."""
        return {**super().to_dict(**kwargs), _serialize.NOTE: {"left_out": _serialize.left_out(self)}}

    def __getstate__(self) -> dict[str, Any]:
        for name in ("small", "large", "router"):
            try:
                pickle.dumps(getattr(self, name))
            except Exception as error:  # noqa: PERF203  # whatever it raises; the base class would drop the field
                raise ConfigError(
                    f"{name} cannot be pickled ({error}); a router is pickled best as the folder it was saved in"
                ) from error
        return super().__getstate__()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state["__dict__"])  # type: ignore[misc]  # the base class would swallow its errors

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with a decider of its own, so that a new router or threshold counts."""
        new = super().model_copy(update=update, deep=deep)
        new._begin()
        return new

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        new = super().__deepcopy__(memo)
        new._begin()
        return new

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            if name in ("small", "large"):  # their own fields hold keys
                yield name, f"{type(value).__name__}({value.metadata.model_name})"
            elif name in RoutingLLM.__annotations__ and value != RoutingLLM.model_fields[str(name)].default:
                yield name, value
