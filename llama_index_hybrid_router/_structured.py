"""The router with a fixed output class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.types import TokenAsyncGen, TokenGen

from ._question import question_among

if TYPE_CHECKING:
    from .llm import HybridRouterLLM


class HybridStructuredLLM(StructuredLLM):
    """Renders a prompt itself, as its base class does, but tells the router the question that the prompt was about."""

    def predict(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        """See `LLM.predict`."""
        return StructuredLLM.predict(self._asking(prompt, prompt_args), prompt, **prompt_args)

    def stream(self, prompt: BasePromptTemplate, **prompt_args: Any) -> TokenGen:
        """See `LLM.stream`."""
        return StructuredLLM.stream(self._asking(prompt, prompt_args), prompt, **prompt_args)

    async def apredict(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        """See `LLM.apredict`."""
        return await StructuredLLM.apredict(self._asking(prompt, prompt_args), prompt, **prompt_args)

    async def astream(self, prompt: BasePromptTemplate, **prompt_args: Any) -> TokenAsyncGen:
        """See `LLM.astream`."""
        return await StructuredLLM.astream(self._asking(prompt, prompt_args), prompt, **prompt_args)

    def _asking(self, prompt: BasePromptTemplate, prompt_args: dict[str, Any]) -> HybridStructuredLLM:
        question = question_among({**prompt.kwargs, **prompt_args})
        if question is None:
            return self
        return self.model_copy(update={"llm": cast("HybridRouterLLM", self.llm)._asking(question)})
