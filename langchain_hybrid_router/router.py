"""RunnableHybridRouter: a chat model that is two, and chooses for each call which of them answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from langchain_core.callbacks import CallbackManagerForLLMRun, Callbacks
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult, LLMResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import merge_configs
from langchain_core.runnables.utils import ConfigurableFieldSpec, get_unique_config_specs
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from hybrid_router_core import ConfigError, RoutingDecision
from hybrid_router_core.decider import Decider, OnRouterError, RouterLike
from hybrid_router_core.decision import ModelName

from . import _prompt_guard as _prompt_guard  # registers itself
from ._call import Call, Routes
from ._capabilities import beyond_small
from ._delegate import Config, Delegating, Kwargs
from ._generate import agenerate, generate
from ._messages import last_question, messages_of
from ._models import bare_model, bind_tools, checked_model, common_profile, profile_of, with_structured_output
from ._question import MODEL_KEY, THRESHOLD_KEY, QueryFrom, Question, Sticky, question_from, stuck
from ._selectors import assigner, selector
from ._structured import StructuredRouter

__all__ = ["RunnableHybridRouter"]

# Fields of every chat model that act inside its own run; the router opens none.
NOT_OURS = ("cache", "rate_limiter", "disable_streaming", "output_version", "custom_get_token_ids", "verbose")


class RunnableHybridRouter(Delegating, BaseChatModel):
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
        ``model.stream(...)``, and ``stream_events`` in all versions. A fallback happens before the first chunk only.

    Async:
        ``await model.ainvoke(...)``, ``astream``, ``abatch``: concurrent calls are scored together, off the event loop.

    Tool calling:
        ``model.bind_tools(tools)`` binds to both models; if small cannot, all calls go to large.

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
        query_from: From the messages to the text to score, or None for large; by default the last message that a human
            wrote.
        on_router_error: ``"large"``: if the router fails, the large model answers. ``"raise"``: the error reaches you.
        fallback: Whether the large model answers when the small one raises.
        sticky: True keeps a conversation on the model that wrote its first answer; ``"up"`` keeps it on large once
            large has answered. Known from the records in the messages, so pass the answers back as they came.
        kwargs: ``tags``, ``metadata``, ``callbacks`` and ``name``, as of any chat model.

    Raises:
        ConfigError: If a value is not allowed, or belongs on the two models.
        ArtifactError: If a folder holds no sound router.
        NotFittedError: If the router has not been trained.
        MissingExtraError: If a model is a string and ``langchain`` is not installed.
    """

    small: Any
    large: Any
    router: Any = Field(exclude=True)
    threshold: float | None = None
    query_from: Callable[[list[BaseMessage]], str | None] | None = Field(default=None, exclude=True)
    on_router_error: OnRouterError = "large"
    fallback: bool = False
    sticky: Sticky = False

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    _decisions: Decider = PrivateAttr()
    _routes: Routes = PrivateAttr()
    _pinned: RoutingDecision | None = PrivateAttr(default=None)

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
        **kwargs: Any,
    ) -> None:
        for name, value in kwargs.items():
            if name not in type(self).model_fields:
                allowed = ", ".join(sorted(set(type(self).model_fields) - set(NOT_OURS)))
                raise ConfigError(f"unknown argument {name!r}; allowed: {allowed}")
            default = type(self).model_fields[name].get_default(call_default_factory=True)
            if name in NOT_OURS and value != default:
                raise ConfigError(f"{name}={value!r} has no effect on a router; set it on small and on large")
        if sticky not in (False, True, "up"):
            raise ConfigError(f"sticky is {sticky!r}; allowed: False, True, 'up'")
        if query_from is not None and not callable(query_from):
            raise ConfigError(
                f"query_from is a {type(query_from).__name__}; allowed: a callable that takes the messages"
            )
        decider = Decider(router, threshold=threshold, on_router_error=on_router_error)
        fields: dict[str, Any] = {
            "small": checked_model("small", small),
            "large": checked_model("large", large),
            "router": decider.router,  # loaded once, also for the copies that configurable_fields makes
            "threshold": threshold,
            "query_from": query_from,
            "on_router_error": on_router_error,
            "fallback": fallback,
            "sticky": sticky,
        }
        super().__init__(**fields, **kwargs)
        self._decisions = decider
        self._routes = Routes(self.small, self.large)
        if self.profile is None:
            self.profile = cast("Any", common_profile(profile_of(self.small), profile_of(self.large)))

    def as_selector(self, key: str) -> Runnable[dict[str, Any], dict[str, Any]]:
        """Decide on the raw text under a key: dict in, ``{"key": "small" or "large", "input": the dict}`` out.

        ``router.as_selector("question") | RouterRunnable({"small": prompt | small, "large": other_prompt | large})``
        """
        return selector(self._decision, self._adecision, key)

    def assign_route(self, key: str) -> Runnable[dict[str, Any], dict[str, Any]]:
        """Decide on the raw text under a key: dict in, the same with ``route``, "small" or "large", out."""
        return assigner(self._decision, self._adecision, key)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools to both models, each in its own format; if small cannot bind them, all calls go to large."""
        if tool_choice is not None:
            kwargs["tool_choice"] = tool_choice
        bound = self.model_copy()
        bound._routes = self._routes_with("tools", lambda side, model: bind_tools(side, model, tools, **kwargs))
        return bound.bind()

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Each model by its own method; if small has none, all calls go to large."""
        routes = self._routes_with(
            "structured output",
            lambda side, model: with_structured_output(side, model, schema, include_raw=include_raw, **kwargs),
        )
        return StructuredRouter(self, routes)

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

    def get_token_ids(self, text: str) -> list[int]:
        """As the large model counts."""
        model = bare_model(self.large)
        return super().get_token_ids(text) if model is None else model.get_token_ids(text)

    def get_num_tokens(self, text: str) -> int:
        """As the large model counts."""
        model = bare_model(self.large)
        return super().get_num_tokens(text) if model is None else model.get_num_tokens(text)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> int:
        """As the large model counts."""
        model = bare_model(self.large)
        count = super().get_num_tokens_from_messages if model is None else model.get_num_tokens_from_messages
        return count(messages, *args, **kwargs)

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """The overrides per call, and what the two models have."""
        own = [
            ConfigurableFieldSpec(MODEL_KEY, ModelName | None, "Hybrid router: model", "Goes before all rules."),
            ConfigurableFieldSpec(THRESHOLD_KEY, float | None, "Hybrid router: threshold", "Small iff score >= this."),
        ]
        return get_unique_config_specs(
            [*super().config_specs, *own, *self.small.config_specs, *self.large.config_specs]
        )

    @property
    def _decider(self) -> Decider:
        return self._decisions

    @property
    def _llm_type(self) -> str:
        return "hybrid-router"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        models = {"small": bare_model(self.small), "large": bare_model(self.large)}
        return {side: model and model._identifying_params for side, model in models.items()}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        model = bare_model(self.large)
        return super()._get_ls_params(stop, **kwargs) if model is None else model._get_ls_params(stop, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # For models that wrap this one by its private methods. They have opened a run, so ours would count twice.
        config = RunnableConfig(callbacks=[]) if run_manager else None
        message = self.invoke(messages, config, stop=stop, **kwargs)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _ask(self, model_input: Any, config: RunnableConfig, kwargs: Kwargs) -> RoutingDecision | Question:
        return self._rules(self._routes, model_input, config, kwargs)

    def _call(self, decision: RoutingDecision, config: RunnableConfig) -> Call:
        return self._call_to(self._routes, decision, config)

    def _rules(
        self, routes: Routes, model_input: Any, config: RunnableConfig, kwargs: Kwargs
    ) -> RoutingDecision | Question:
        """The order of the rules: the caller's choice, what small can do, the conversation, the score."""
        messages = messages_of(model_input)
        overrides = config.get("configurable", {})
        fixed = self._pinned
        if fixed is None and overrides.get(MODEL_KEY) is not None:
            fixed = self._decider.decide(None, model=overrides[MODEL_KEY])
        if fixed is not None and fixed.reason == "override":
            if fixed.model == "small" and routes.small is None:
                raise ConfigError(f"{MODEL_KEY} is 'small', which has no {routes.missing}; allowed here: 'large'")
            return fixed
        if routes.small is None:
            return RoutingDecision("large", reason="capability", detail=routes.missing)
        beyond = beyond_small(messages, profile_of(self.small), with_tools=bool(kwargs.get("tools")))
        fixed = beyond or fixed or stuck(self.sticky, messages)
        if fixed is not None:
            return fixed
        raises = self.on_router_error == "raise"
        return question_from(self.query_from or last_question, messages, overrides.get(THRESHOLD_KEY), raises=raises)

    def _call_to(self, routes: Routes, decision: RoutingDecision, config: RunnableConfig) -> Call:
        metadata = {key: value for key, value in (self.metadata or {}).items() if key != "lc_versions"}
        if self.tags or metadata or self.callbacks:  # of a run that the router does not open: the chosen model's
            own = RunnableConfig(tags=self.tags or [], metadata=metadata, callbacks=self.callbacks)
            config = merge_configs(own, config)
        return Call(routes, decision, config, self.fallback)

    def _routes_with(self, what: str, make: Callable[[str, Any], Any]) -> Routes:
        """Both models made over from the bare ones, so that tools bound before are replaced as on any chat model."""
        try:
            small = make("small", self.small)
        except NotImplementedError:
            return Routes(None, make("large", self.large), what)
        return Routes(small, make("large", self.large))

    def _pin(self, decision: RoutingDecision) -> RunnableHybridRouter:
        """A copy that stays with a decision, but for what small cannot do."""
        pinned = self.model_copy()
        pinned._pinned = decision
        # What holds for the one model that will answer, not for both.
        pinned.profile = cast("Any", profile_of(getattr(self, decision.model)) or None)
        return pinned

    def _decision(self, value: Any, config: Config) -> RoutingDecision:
        return self._decide(value, config, {}).decision

    async def _adecision(self, value: Any, config: Config) -> RoutingDecision:
        return (await self._adecide(value, config, {})).decision


def _given(kwargs: Kwargs, **named: Any) -> Kwargs:
    # A None would override what is bound to a model.
    return {**kwargs, **{name: value for name, value in named.items() if value is not None}}
