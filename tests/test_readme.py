"""The code of the README runs as it stands there, in its order, in an empty folder."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
LIBRARIES = {"langchain": "langchain_core", "llama_index": "llama_index.core"}


def dataset(path):
    """Easy and hard questions in the form that the README describes."""
    import json

    rows = [
        {"query": form.format(n), "small_quality": quality, "large_quality": 1.0, "group": f"exam {n % 20}"}
        for n in range(400)
        for quality, forms in ((1.0, ("What is {} + 1?", "Name the number after {}.")), (0.0, ("Prove theorem {}.",)))
        for form in forms
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("readme")
    dataset(path / "dataset.jsonl")
    return path


@pytest.fixture(scope="module")
def names():
    """What the blocks may use: two chat models, a prompt and a parser, as the text around them says."""
    langchain = pytest.importorskip("langchain_core.language_models.fake_chat_models", reason="needs langchain-core")
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate

    return {
        "small_model": langchain.FakeListChatModel(responses=["small"]),
        "large_model": langchain.FakeListChatModel(responses=["large"]),
        "prompt": ChatPromptTemplate.from_messages([("human", "{question}")]),
        "parser": StrOutputParser(),
    }


def test_the_readme_has_code():
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().splitlines()[0][:60])
def test_the_code_of_the_readme_runs(block, names, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    for part, module in LIBRARIES.items():
        if part in block:
            pytest.importorskip(module, reason=f"this block needs {module}")
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - our own text
