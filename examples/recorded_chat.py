"""A LangChain chat model that replays what a real model said when it was asked the questions of the quiz."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult

from hybrid_router_core.data import Response, Side


class RecordedChatModel(BaseChatModel):
    """Answers a recorded question with its first recorded answer, and with the true token counts of that."""

    model_name: str
    answers: dict[str, Response]

    @classmethod
    def of(cls, answers: dict[str, Side]) -> RecordedChatModel:
        """The model that gave these answers; the keys are the questions."""
        name = next(iter(answers.values())).model or "recorded"
        return cls(model_name=name, answers={question: side.responses[0] for question, side in answers.items()})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        question = str(messages[-1].text)
        if question not in self.answers:
            raise KeyError(f"{self.model_name} was never asked {question!r}; ask one of the recorded questions")
        said = self.answers[question]
        read, written = said.prompt_tokens or 0, said.completion_tokens or 0
        usage = UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
        message = AIMessage(said.text, usage_metadata=usage, response_metadata={"model_name": self.model_name})
        return ChatResult(generations=[ChatGeneration(message=message)])

    @property
    def _llm_type(self) -> str:
        return "recorded"
