"""Point 12 of the checklist: nothing secret leaves, nothing is lost in silence."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.bridge.pydantic import BaseModel, Field
from llama_index.core.llms import MockLLM
from llama_index.core.types import BaseOutputParser

from llama_index_hybrid_router import HybridRouterLLM, _serialize
from tests.llama_index.fakes import EASY, CountingRouter, FakeLLM, user

openai = pytest.importorskip("llama_index.llms.openai")
openai_like = pytest.importorskip("llama_index.llms.openai_like")
SECRETS = ("sk-secret", "Bearer hush", "user:hunter2")


def score(query: str) -> float:
    return 0.9


def openai_pair() -> dict[str, Any]:
    return {
        "small": openai.OpenAI(
            model="gpt-4o-mini",
            api_key="sk-secret",
            default_headers={"Authorization": "Bearer hush"},
            additional_kwargs={"extra_headers": {"x-api-key": "sk-secret"}, "seed": 7},
            temperature=0.3,
        ),
        "large": openai_like.OpenAILike(
            model="mine", api_key="sk-secret", api_base="http://user:hunter2@localhost:1/v1", max_tokens=99
        ),
    }


@pytest.fixture
def folder(trained_folder: Path) -> Path:
    return trained_folder


def test_no_secret_is_written_or_shown(folder: Path) -> None:
    llm = HybridRouterLLM(**openai_pair(), router=folder)
    shown = (llm.to_json(), json.dumps(llm.to_dict()), str(llm.model_dump()), repr(llm), str(llm), repr([llm]))
    for text in shown:
        assert not [secret for secret in SECRETS if secret in text]
    assert repr(llm) == f"HybridRouterLLM(small='OpenAI(gpt-4o-mini)', large='OpenAILike(mine)', router={folder!r})"


def test_a_round_trip_keeps_all_settings_and_names_what_is_missing(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    settings = {"threshold": 0.7, "context_window": "large", "fallback": True, "events": "off", "system_prompt": "Hi."}
    llm = HybridRouterLLM(**openai_pair(), router=folder, **settings)
    with caplog.at_level(logging.WARNING):
        loaded = HybridRouterLLM.from_json(llm.to_json())
    assert {name: getattr(loaded, name) for name in settings} == settings
    assert (type(loaded.small), type(loaded.large)) == (openai.OpenAI, openai_like.OpenAILike)
    assert (loaded.small.temperature, loaded.small.additional_kwargs) == (0.3, {"seed": 7})
    assert (loaded.large.max_tokens, loaded.large.api_base) == (99, "http://localhost:1/v1")
    assert loaded.small.api_key == "from-the-environment"
    for lost in ("api_key", "default_headers", "additional_kwargs.extra_headers", "api_base (its login)"):
        assert lost in caplog.text
    assert "sk-secret" not in caplog.text
    assert loaded.to_dict() == HybridRouterLLM.from_dict(loaded.to_dict()).to_dict()


def test_a_model_can_be_passed_in_the_place_of_the_saved_one(folder: Path) -> None:
    data = HybridRouterLLM(**openai_pair(), router=folder).to_dict()
    loaded = HybridRouterLLM.from_dict(data, small=MockLLM(), large=MockLLM())
    assert isinstance(loaded.small, MockLLM)


def test_an_unknown_class_is_refused_with_the_remedy(folder: Path) -> None:
    data = HybridRouterLLM(small=MockLLM(), large=MockLLM(), router=folder).to_dict()
    data["small"]["hybrid_router"]["class"] = "os:system"
    with pytest.raises(
        ValueError, match=r"'os:system', is not known here\. Import it .*from_dict\(data, small=\.\.\.\)"
    ):
        HybridRouterLLM.from_dict(data)
    del data["small"]["hybrid_router"]
    data["small"]["class_name"] = "Nothing"
    with pytest.raises(ValueError, match="'Nothing', is not known here"):
        HybridRouterLLM.from_dict(data)


def test_a_class_is_found_again_even_if_it_shares_its_class_name(folder: Path) -> None:
    llm = HybridRouterLLM(small=Quiet(), large=FakeLLM(name="large"), router=folder)
    assert Quiet.class_name() == FakeLLM.class_name()
    assert type(HybridRouterLLM.from_dict(llm.to_dict()).small) is Quiet


def test_a_child_written_by_llama_index_itself_can_be_read(folder: Path) -> None:
    data = {"small": MockLLM(max_tokens=3).to_dict(), "large": MockLLM().to_dict(), "router": str(folder)}
    assert HybridRouterLLM.from_dict(data).small.max_tokens == 3


def test_routers_within_routers_survive(folder: Path) -> None:
    inner = HybridRouterLLM(small=MockLLM(max_tokens=1), large=MockLLM(), router=folder, threshold=0.2)
    loaded = HybridRouterLLM.from_json(HybridRouterLLM(small=inner, large=MockLLM(), router=folder).to_json())
    assert isinstance(loaded.small, HybridRouterLLM)
    assert (loaded.small.threshold, loaded.small.small.max_tokens) == (0.2, 1)


def test_a_router_in_memory_is_not_lost_in_silence() -> None:
    llm = HybridRouterLLM(small=MockLLM(), large=MockLLM(), router=CountingRouter())
    data = json.loads(llm.to_json())
    with pytest.raises(ValueError, match="the router was a CountingRouter in memory, which is not saved"):
        HybridRouterLLM.from_dict(data)
    assert HybridRouterLLM.from_dict(data, router=score).router is score


def test_what_llama_index_never_writes_is_named(caplog: pytest.LogCaptureFixture) -> None:
    class Parser(BaseOutputParser):
        def parse(self, output: str) -> str:
            return output

    parser = Parser()
    child = FakeLLM(name="small", output_parser=parser)
    llm = HybridRouterLLM(small=child, large=FakeLLM(), router=score, output_parser=parser)
    data = llm.to_dict()
    assert data["hybrid_router"] == {"left_out": ["output_parser"]}
    HybridRouterLLM.from_dict(data, router=score)
    assert "small was saved without output_parser" in caplog.text
    assert "the router LLM was saved without output_parser" in caplog.text


def test_a_name_that_only_looks_secret_is_kept() -> None:
    class Child(FakeLLM):
        max_tokens: int = 5
        tokenizer: str = "t"
        headers: dict[str, str] = Field(default_factory=dict)
        session_token: str = ""

    data = _serialize.dump_child(Child())
    assert (data["max_tokens"], data["tokenizer"], data["headers"], data["session_token"]) == (5, "t", {}, "")
    data = _serialize.dump_child(Child(headers={"a": "b"}, session_token="x"))  # noqa: S106
    assert data["hybrid_router"]["left_out"] == ["headers", "session_token"]


class Quiet(FakeLLM):
    """A subclass that forgot to name itself, as many do."""


@pytest.mark.parametrize("form", ["folder", "function", "router"])
def test_pickles_come_back_whole(form: str, folder: Path, trained: Any) -> None:
    router = {"folder": folder, "function": score, "router": trained}[form]
    llm = HybridRouterLLM(**openai_pair(), router=router, threshold=0.0, system_prompt="Hi.")
    loaded = pickle.loads(pickle.dumps(llm))  # noqa: S301
    assert (loaded.threshold, loaded.system_prompt) == (0.0, "Hi.")
    assert loaded.small.api_key == "sk-secret"  # a pickle holds the keys, as that of any LLM does
    fake = HybridRouterLLM(small=FakeLLM(name="small"), large=FakeLLM(name="large"), router=router, threshold=0.0)
    fake.complete(EASY)
    again = pickle.loads(pickle.dumps(fake))  # noqa: S301
    assert str(again.complete(EASY)) == "small answers"


def test_what_cannot_be_pickled_is_said() -> None:
    llm = HybridRouterLLM(small=MockLLM(), large=MockLLM(), router=lambda query: 0.9)
    with pytest.raises(ValueError, match=r"router cannot be pickled .* as the folder it was saved in"):
        pickle.dumps(llm)


def test_a_pickle_whose_folder_is_gone_fails_loudly(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "router"
    moved.mkdir()
    for file in folder.iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    data = pickle.dumps(HybridRouterLLM(small=MockLLM(), large=MockLLM(), router=moved))
    moved.rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="does not exist"):
        pickle.loads(data)  # noqa: S301


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda llm: llm.model_copy(deep=True)])
def test_copies_work_and_are_independent(how: Any, folder: Path) -> None:
    llm = HybridRouterLLM(**openai_pair(), router=folder)
    assert how(llm).small.api_key == "sk-secret"
    fake = HybridRouterLLM(small=FakeLLM(name="small"), large=FakeLLM(name="large"), router=score)
    fake.complete(EASY)
    twin = how(fake)
    twin.threshold = 1.0
    assert (str(twin.complete(EASY)), str(fake.complete(EASY))) == ("large answers", "small answers")


def test_a_copy_with_another_router_asks_that_one() -> None:
    llm = HybridRouterLLM(small=FakeLLM(name="small"), large=FakeLLM(name="large"), router=score)
    llm.complete(EASY)
    other = llm.model_copy(update={"router": lambda query: 0.1})
    assert (str(other.complete(EASY)), str(llm.complete(EASY))) == ("large answers", "small answers")


def test_the_router_and_its_error_policy_are_fixed_once_made() -> None:
    llm = HybridRouterLLM(small=MockLLM(), large=MockLLM(), router=score)
    for name, value in (("router", lambda query: 0.1), ("on_router_error", "raise")):
        with pytest.raises(ValueError, match="frozen"):
            setattr(llm, name, value)


def test_there_is_a_json_schema() -> None:
    schema = HybridRouterLLM.model_json_schema()
    assert schema["properties"]["router"]["type"] == "string"
    assert {"small", "large", "router"} <= set(schema["required"])

    class Holder(BaseModel):
        llm: HybridRouterLLM

    assert Holder.model_json_schema()
    holder = Holder(llm=HybridRouterLLM(small=FakeLLM(), large=FakeLLM(), router=score))
    assert holder.llm.chat([user(EASY)])
    assert json.loads(holder.model_dump_json())["llm"]["router"] == {"unsaved": "function"}
