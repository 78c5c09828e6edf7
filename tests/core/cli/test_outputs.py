"""What a command writes is never what it reads."""

import json
import os
import shutil
from pathlib import Path

import pytest

from hybrid_router_core import ConfigError
from hybrid_router_core.cli.outputs import refuse_same_file
from tests.core.cli.running import failed


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.jsonl").write_text("a\n")
    Path("folder/inner").mkdir(parents=True)
    Path("folder/router.json").write_text("{}\n")
    return tmp_path


def spelled(how):
    """Another name of a.jsonl."""
    name = Path(f"{how}.jsonl")
    if how == "symlink":
        name.symlink_to("a.jsonl")
    elif how == "hardlink":
        os.link("a.jsonl", name)
    elif how == "chain":
        Path("one").symlink_to("a.jsonl")
        name.symlink_to("one")
    elif how == "relative":
        return Path("folder/../a.jsonl")
    elif how == "absolute":
        return Path("a.jsonl").absolute()
    elif how == "through a linked folder":
        Path("there").symlink_to(".")
        return Path("there/a.jsonl")
    else:
        return Path("a.jsonl")
    return name


@pytest.mark.parametrize(
    "how", ["same", "symlink", "hardlink", "chain", "relative", "absolute", "through a linked folder"]
)
def test_one_file_by_two_names(here, how):
    other = spelled(how)
    for output, given in ((other, "a.jsonl"), ("a.jsonl", other)):
        with pytest.raises(ConfigError, match="would be written over the input"):
            refuse_same_file(output, [None, "none.jsonl", given])


@pytest.mark.parametrize(
    ("output", "given"),
    [
        ("b.jsonl", "b.jsonl.partial"),
        ("b.jsonl", "b.jsonl.sqlite"),
        ("b.jsonl", "b.failed.jsonl"),
        ("folder/x.json", "folder"),
        ("folder/router.json", "folder"),
        ("folder/inner/x.json", "folder"),
        ("folder", "folder/inner/x.jsonl"),
        ("x.jsonl", "."),
    ],
)
def test_files_beside_the_output_and_folders(here, output, given):
    for path in (Path(given), Path(output)):
        if not path.exists() and path.name != "x.json":
            path.touch()
    with pytest.raises(ConfigError, match="would be written over the input"):
        refuse_same_file(output, [given])


def test_a_file_that_a_folder_links_to(here):
    shutil.move("folder/router.json", "b.json")
    Path("folder/router.json").symlink_to("../b.json")
    with pytest.raises(ConfigError, match=r"b\.json: would be written over the input folder"):
        refuse_same_file("b.json", ["folder"])


@pytest.mark.parametrize("output", ["b.jsonl", "a.json", "new/a.jsonl", "../a.jsonl", "folder", "new", "/dev/null"])
def test_others_may_be_written(here, output):
    refuse_same_file(output, ["a.jsonl", None, "none.jsonl", "/dev/null", "-"])
    refuse_same_file(output, [])


def test_no_command_writes_over_what_it_reads(here):
    """Whatever --overwrite says, and through a link; the files stay as they are."""
    row = {"query": "a", "answers": ["4"], "small": {"responses": [{"text": "4"}]}, "large": {"responses": ["5"]}}
    Path("a.jsonl").write_text(json.dumps(row) + "\n")
    Path("c.yaml").write_text("seed: 1\n")
    for suffix in ("json", "jsonl", "html", "png"):
        Path(f"to_a.{suffix}").symlink_to("a.jsonl")
    os.link("a.jsonl", "b.jsonl")
    Path("router").mkdir()
    Path("router/router.json").symlink_to("../a.jsonl")
    before = Path("a.jsonl").read_bytes()
    for arguments in (
        ["label", "a.jsonl", "--metric", "contains", "--out", "b.jsonl"],
        ["import", "a.jsonl", "--from", "table", "--out", "b.jsonl"],
        ["import", "b.jsonl", "--from", "llmrouter", "--llm-data", "a.jsonl", "--out", "to_a.jsonl"],
        ["inspect", "a.jsonl", "--html", "to_a.html"],
        ["inspect", "a.jsonl", "--picture", "to_a.png"],
        ["evaluate", "router", "b.jsonl", "--report", "to_a.html"],
        ["evaluate", "router", "b.jsonl", "--report", "router/new.html"],
        ["train", "a.jsonl", "--out", "new", "--report", "to_a.html"],
        ["train", "a.jsonl", "--config", "c.yaml", "--out", "new", "--report", "c.yaml"],
        ["train", "router/router.json", "--out", "router"],
        ["infer", "router", "-i", "a.jsonl", "-o", "to_a.json"],
        ["infer", "router", "--query", "a", "-o", "router/x.json"],
        ["infer", "new", "--query", "a", "--config", "c.yaml", "-o", "c.yaml", "--output-format", "jsonl"],
    ):
        assert "would be written over the input" in failed(*arguments, "--overwrite"), arguments
        assert Path("a.jsonl").read_bytes() == before
        assert Path("c.yaml").read_text() == "seed: 1\n"
    models = ["--small", "http://127.0.0.1:1/v1#s", "--large", "http://127.0.0.1:1/v1#l"]
    assert "would be written over" in failed("collect", "-i", "a.jsonl", *models, "-o", "b.jsonl")
    assert sorted(path.name for path in here.iterdir() if "new" in path.name or "partial" in path.name) == []
