"""HybridRouterLLM: two LLMs that look like one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata, MessageRole
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool

from ._base import RoutingLLM
from ._delegate import delegating
from ._request import Request, Signature
from ._structured import HybridStructuredLLM
from ._tagging import KEY, untagged

__all__ = ["HybridRouterLLM"]

PREPARE = Signature(FunctionCallingLLM._prepare_chat_with_tools)


class HybridRouterLLM(RoutingLLM):
    """An LLM that hands each call to the small or to the large one, by the user's question.

    A chat is read as a conversation: a turn such as "yes, do it" is as hard as the question that it goes on with, and
    after a complaint about the answer the large one is asked.

    >>> from llama_index.core.llms import MockLLM
    >>> llm = HybridRouterLLM(small=MockLLM(max_tokens=1), large=MockLLM(max_tokens=2), router=lambda question: 0.9)
    >>> llm.complete("What is 2 + 2?").additional_kwargs["hybrid_router"]["model"]
    'small'

    One call can be fixed with ``hybrid_router={"model": "small"}``, ``{"threshold": 0.7}`` or ``{"query": "..."}``
    among its keyword arguments; all calls in a block with LlamaIndex's ``instrument_tags({"hybrid_router": {...}})``.

    Args:
        small: The cheap LLM; any LlamaIndex LLM.
        large: The expensive one.
        router: A `HybridRouter`, the folder of a saved one, or a callable from the question to a score in [0, 1], sync
            or async. A router's last 128 decisions are kept until it is trained anew; a callable is asked each time.
            Of a conversation a callable gets the last turn, or the one that it goes on with.
        threshold: Small iff score >= threshold; None takes the router's own (0.5 for a callable).
        context_window: The window this LLM reports. ``"min"``: the smaller one, so that every prompt fits both.
            ``"large"``: the large model's. In both cases a call that is too long for the small one goes to the large.
        is_function_calling: Whether this LLM reports that it calls functions: ``"all"`` if both do, ``"any"`` if one
            does. Calls with tools go to a model that does.
        on_router_error: ``"large"``: if the router fails, the large model answers. ``"raise"``: the error is raised.
        fallback: If the small model raises before its first token, the large one answers; if it keeps failing, it is
            left alone for a while. Tools that ``predict_and_call`` runs are never run twice.
        track_questions: Read the question from the spans of the enclosing query or chat engine, where the call itself
            shows only a rendered prompt. Puts one span handler on LlamaIndex's root dispatcher.
        no_query: Which model takes calls without a question of a user, such as those of extractors and of keyword and
            property-graph indexes.
        query_from: Where the question is, if not where it is looked for: the name or names of the template variable
            that holds it, tried before the known ones (query_str, question, query, message, user_query,
            user_question, user_input, input); or a callable from the messages to the text to score, or None.
        sticky: Whether a conversation stays with a model: False decides each call; True stays with the first one that
            answered; ``"up"`` never leaves the large one again; ``"follow_up"`` stays while the user goes on, and
            decides a new topic anew. A conversation is known by what the user said in it, and by its memory where the
            spans show one (see `track_questions`). The agents of a workflow stay each for itself.
        arms: Where it is remembered who answered: an object with ``get(key)`` and ``put(key, arm)``; None keeps the
            last 10,000 turns of this process. It is not saved with the LLM.
        prices: What a token costs on each, as `hybrid_router_core.live.Prices`: the large one goes on where a long
            prompt that it has in its cache makes the small one no saving.
        small_takes: What the small model takes beyond text: ``"image"``, ``"audio"``, ``"video"``, ``"document"``.
            Calls with anything else in them go to the large one.
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

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized data."""
        return "HybridRouterLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """What both models can do, as the settings say; of a model that is down the other one speaks."""
        models, fixed = self._models, self._part.fixed
        if fixed is not None:
            return models[fixed.model].llm.metadata
        small, large = models["small"].facts, models["large"].facts
        known = [metadata for metadata in (small.metadata, large.metadata) if metadata is not None]
        if not known:
            return self.large.metadata  # whose error says why
        calls = all if self.is_function_calling == "all" else any
        decisive = known if self.context_window == "min" else known[-1:]
        # the room left for the prompt must fit both, whichever is tighter
        window = min(each.context_window for each in decisive)
        room = min(each.context_window - each.num_output for each in decisive)
        roles = {each.system_role for each in known}
        return LLMMetadata(
            context_window=window,
            num_output=window - room,
            is_chat_model=any(each.is_chat_model for each in known),
            is_function_calling_model=calls((small.calls_functions, large.calls_functions)),
            model_name=f"hybrid({small.name}|{large.name})",
            system_role=roles.pop() if len(roles) == 1 else MessageRole.SYSTEM,
        )

    def as_structured_llm(self, output_cls: type[BaseModel], **kwargs: Any) -> HybridStructuredLLM:
        """The router with a fixed output class, still routed on the question."""
        return HybridStructuredLLM(llm=self, output_cls=output_cls, **kwargs)

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """Read the tool calls with the model that made them, which the response's record names."""
        model, response = untagged(response)
        able = [model for model in (self._models["large"], self._models["small"]) if model.facts.calls_functions]
        maker = getattr(self, model) if model in ("small", "large") else able[0].llm if able else None
        if isinstance(maker, FunctionCallingLLM):
            calls = maker.get_tool_calls_from_response(response, error_on_no_tool_call=error_on_no_tool_call, **kwargs)
            if self._part.began is not None:
                self._part.began.append(True)
            return calls
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
        request = Request(PREPARE, (tools,), given)
        decision = self._plan(request).decision
        child: Any = self._models[decision.model].llm  # calls functions: the plan saw to it
        args, given = request.arguments()
        # the chat that follows must go to the same model
        return {**child._prepare_chat_with_tools_compat(*args, **given), KEY: decision}
