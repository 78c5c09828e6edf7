"""A view of a model is not the model: what ends with it must not end the model."""

from typing import Any

from llama_index.core.bridge.pydantic import Field

from llama_index_hybrid_router import HybridRouterLLM
from tests.llama_index.fakes import FakeLLM


class Client:
    open = True


class Local(FakeLLM):
    """Frees its engine when it is collected."""

    client: Any = Field(default_factory=Client, exclude=True)

    def __del__(self) -> None:
        self.client.open = False


def test_the_models_own_end_is_not_run_after_a_call():
    small = Local(name="small")
    llm = HybridRouterLLM(small=small, large=FakeLLM(name="large"), router=lambda query: 0.9)
    for _ in range(3):
        assert llm.complete("q").text == "small answers"
    assert small.client.open
