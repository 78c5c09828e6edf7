"""A LangChain chat model that replays what a real model said when it was asked the questions of the quiz."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult


class RecordedChatModel(BaseChatModel):
    """Answers a recorded question with the first recorded answer, and with its true token counts."""

    model_name: str
    answers: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, model_name: str, side: str, rows: list[dict[str, Any]]) -> RecordedChatModel:
        """The model that stood on one side ("small" or "large") of the quiz."""
        return cls(model_name=model_name, answers={row["query"]: row[side]["responses"][0] for row in rows})

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
        usage = UsageMetadata(
            input_tokens=said["prompt_tokens"],
            output_tokens=said["completion_tokens"],
            total_tokens=said["prompt_tokens"] + said["completion_tokens"],
        )
        message = AIMessage(said["text"], usage_metadata=usage, response_metadata={"model_name": self.model_name})
        return ChatResult(generations=[ChatGeneration(message=message)])

    @property
    def _llm_type(self) -> str:
        return "recorded"
