"""What any chat model can be asked besides an answer: token counts, parameters, the private methods of LangChain."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.utils import ConfigurableFieldSpec, get_unique_config_specs

from hybrid_router_core.routing import ModelName

from ._models import bare_model
from ._question import MODEL_KEY, THRESHOLD_KEY
from ._settings import Settings

__all__ = ["RoutedChatModel"]


class RoutedChatModel(Settings):
    """Answers for the large model, or for the one that a decision has been pinned to."""

    def get_token_ids(self, text: str) -> list[int]:
        """As the large model counts."""
        model = self._spokesman()
        return super().get_token_ids(text) if model is None else model.get_token_ids(text)

    def get_num_tokens(self, text: str) -> int:
        """As the large model counts."""
        model = self._spokesman()
        return super().get_num_tokens(text) if model is None else model.get_num_tokens(text)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> int:
        """As the large model counts."""
        model = self._spokesman()
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
    def _llm_type(self) -> str:
        model = self._spokesman() if self._pinned else None
        return "hybrid-router" if model is None else model._llm_type

    @property
    def _identifying_params(self) -> dict[str, Any]:
        models = {"small": bare_model(self.small), "large": bare_model(self.large)}
        return {side: model and model._identifying_params for side, model in models.items()}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        model = self._spokesman()
        return super()._get_ls_params(stop, **kwargs) if model is None else model._get_ls_params(stop, **kwargs)

    def _spokesman(self) -> BaseChatModel | None:
        return bare_model(self.small if self._pinned and self._pinned.model == "small" else self.large)

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
