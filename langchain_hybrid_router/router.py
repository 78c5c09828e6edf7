"""RunnableHybridRouter: a chat model that is two, and chooses for each call which of them answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import BaseModel

from hybrid_router_core.live import Arms, OnRouterError, Prices, RouterLike, Sticky

from . import _prompt_guard as _prompt_guard  # registers itself
from ._chat_model import RoutedChatModel
from ._generate import agenerate, generate
from ._question import QueryFrom
from ._routes import Structured, Tools
from ._selectors import assigner, selector
from ._structured import StructuredRouter

__all__ = ["RunnableHybridRouter"]


class RunnableHybridRouter(RoutedChatModel):
    """A chat model that sends each call to a small or a large chat model, as a learned router predicts.

    Setup:
        ``pip install 'hybrid-llm-router[langchain]'``, and a router trained with ``hybrid-router train``.

    Instantiate:
        ```python
        from langchain_hybrid_router import RunnableHybridRouter

        model = RunnableHybridRouter(small=ChatOpenAI(...), large=ChatOpenAI(...), router="router/")
        ```

    Invoke:
        ```python
        chain = prompt | model | StrOutputParser()
        model.invoke("What is photosynthesis?", {"configurable": {"hybrid_router_threshold": 0.7}})
        model.invoke("What is photosynthesis?", {"configurable": {"hybrid_router_model": "large"}})
        ```
        The override of the model goes before all rules. Both keys reach every router below the call.

    Stream:
        ``model.stream(...)``, and ``stream_events`` in all versions. A fallback happens before the first token only.

    Async:
        ``await model.ainvoke(...)``, ``astream``, ``abatch``: concurrent calls are scored together, off the event loop.

    Tool calling:
        ``model.bind_tools(tools)`` binds to both models; if one cannot, all calls go to the other.

    Structured output:
        ``model.with_structured_output(Schema)``, each model by its own method.

    Response metadata:
        ``routing_decision(message)`` reads back what ``response_metadata`` and the run's metadata hold under
        ``hybrid_router_model``, ``_score``, ``_threshold``, ``_reason`` and ``_detail``; the run is tagged
        ``hybrid_router:small`` or ``hybrid_router:large``.

    Args:
        small: A chat model, or a string for ``init_chat_model``.
        large: Likewise.
        router: A trained ``HybridRouter``, the folder of a saved one, or a callable from the query to a score in
            [0, 1], high meaning small.
        threshold: Small iff score >= threshold, in [0, 1]; None takes the router's own (0.5 for a callable).
        query_from: From the messages to the text to score, or None for large; by default the
            conversation is read: a turn that stands alone by itself, a follow-up with what it goes on with.
        on_router_error: ``"large"``: if the router fails, the large model answers. ``"raise"``: the error reaches you.
        fallback: Whether the large model answers when the small one raises. Both then stand below one run, and a small
            model that keeps failing is left alone for a while (reason ``"unavailable"``).
        sticky: True keeps a conversation on the model that wrote its first answer; ``"up"`` keeps it on large once
            large has answered; ``"follow_up"`` keeps it on the model of the last answer while the user goes on, and
            decides a new topic anew. Who answered is known from the records in the messages, or by ``thread_id`` or
            ``session_id`` in the config, or else by what the user said so far.
        arms: Where that is remembered beside the messages: an object with ``get(key)`` and ``put(key, arm)``; by
            default in this process, for the last 10,000 conversations and a day. One that fails costs no call.
        prices: ``Prices(small=..., large=...)``: small answers only if it is also cheaper for this call, given which
            part of the prompt each provider still has in its cache (reason ``"price"``).
        kwargs: ``tags``, ``metadata``, ``callbacks`` and ``name``, as of any chat model.

    Each of these may be set later, on the router or by ``model_copy(update=...)``, and is checked again.

    Raises:
        ConfigError: If a value is not allowed, or belongs on the two models.
        ArtifactError: If a folder holds no sound router.
        NotFittedError: If the router has not been trained.
        MissingExtraError: If a model is a string and ``langchain`` is not installed.
    """

    def __init__(
        self,
        *,
        small: BaseChatModel | Runnable[LanguageModelInput, Any] | str,
        large: BaseChatModel | Runnable[LanguageModelInput, Any] | str,
        router: RouterLike,
        threshold: float | None = None,
        query_from: QueryFrom | None = None,
        on_router_error: OnRouterError = "large",
        fallback: bool = False,
        sticky: Sticky = False,
        arms: Arms | None = None,
        prices: Prices | None = None,
        **kwargs: Any,
    ) -> None:
        settings: dict[str, Any] = {
            "small": small,
            "large": large,
            "router": router,
            "threshold": threshold,
            "query_from": query_from,
            "on_router_error": on_router_error,
            "fallback": fallback,
            "sticky": sticky,
            "arms": arms,
            "prices": prices,
        }
        arguments: dict[str, Any] = {"settings": settings, "others": kwargs}
        super().__init__(**arguments)

    def as_selector(self, key: str) -> Runnable[dict[str, Any], dict[str, Any]]:
        """Decide on the raw text under a key: dict in, ``{"key": "small" or "large", "input": the dict}`` out.

        ``router.as_selector("question") | RouterRunnable({"small": prompt | small, "large": other_prompt | large})``
        """
        return selector(self, key)

    def assign_route(self, key: str) -> Runnable[dict[str, Any], dict[str, Any]]:
        """Decide on the raw text under a key: dict in, the same with ``route``, "small" or "large", out."""
        return assigner(self, key)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools to both models, each in its own format; if one cannot bind them, all calls go to the other."""
        if tool_choice is not None:
            kwargs["tool_choice"] = tool_choice
        return self._with(outfit=Tools(list(tools), kwargs)).bind()

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Each model by its own method; if one has none, all calls go to the other."""
        return StructuredRouter(self, Structured(schema, include_raw, kwargs))

    def generate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        **kwargs: Any,
    ) -> LLMResult:
        """As of any chat model; each conversation goes to the model chosen for it."""
        return generate(self, messages, _given(kwargs, stop=stop, callbacks=callbacks))

    async def agenerate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        **kwargs: Any,
    ) -> LLMResult:
        """As `generate`."""
        return await agenerate(self, messages, _given(kwargs, stop=stop, callbacks=callbacks))


def _given(kwargs: dict[str, Any], **named: Any) -> dict[str, Any]:
    # A None would override what is bound to a model.
    return {**kwargs, **{name: value for name, value in named.items() if value is not None}}
