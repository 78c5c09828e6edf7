"""LangChain's own tests for chat model integrations, on a router between two fakes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_hybrid_router import RunnableHybridRouter
from tests.langchain.conftest import STANDARD_LEFT_OUT
from tests.langchain.fakes import FakeChat


class RouterOfFakes(RunnableHybridRouter):
    """Hands the parameters that the suites pass to every integration to both models: a router refuses them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            small=FakeChat(model="small-model", **kwargs),
            large=FakeChat(model="large-model", **kwargs),
            router=lambda query: 0.9 if len(query) < 12 else 0.1,
        )


class _Suite:
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return RouterOfFakes

    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        return {"temperature": 0, "max_tokens": 100, "timeout": 60, "stop": [], "max_retries": 2}

    @property
    def model_override_value(self) -> str:
        return "other-model"

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True


def test_what_is_left_out_is_absent_and_still_called_so():
    for suite in (ChatModelUnitTests, ChatModelIntegrationTests):
        assert any(hasattr(suite, name) for name in STANDARD_LEFT_OUT)
    assert all(hasattr(ChatModelUnitTests, n) or hasattr(ChatModelIntegrationTests, n) for n in STANDARD_LEFT_OUT)
    assert not RunnableHybridRouter.is_lc_serializable()
    assert not RouterOfFakes().lc_secrets


class TestUnit(_Suite, ChatModelUnitTests):
    pass


@pytest.mark.usefixtures("media")
class TestIntegration(_Suite, ChatModelIntegrationTests):
    pass


@pytest.fixture
def media(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite downloads an image, a sound and a document; what is in them does not matter to a fake."""

    def get(url: str, **kwargs: Any) -> httpx.Response:
        return httpx.Response(200, content=b"media", request=httpx.Request("GET", url))

    monkeypatch.setattr(httpx, "get", get)
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "none")
