"""Every command with hostile values in every option: one line, exit code 1 or 2, and no input changed."""

import os
from pathlib import Path

import pytest
import typer

from hybrid_router_core.cli.app import app
from hybrid_router_core.evaluation import Report
from tests.core.cli.running import run

COMMAND = typer.main.get_command(app)
OUTPUTS = ("--out", "--output", "--report", "--html", "--picture")
FREE = ("--help", "--overwrite", "--quiet", "--json", "--resume", "--change-settings", "--allow-incomplete")
BAD = {
    "number": ("", "-1", "nan", "1e309", "same"),
    "path": ("", ".", "fifo", "same", "\udcff\n"),
    "text": ("", "same", "\udcff\n"),
}
FILES = {
    "data.jsonl": b'{"query": "a", "small_quality": 1, "large_quality": 0}\n' * 3,
    "r.jsonl": b'{"query": "a", "answers": ["4"], "small": {"responses": [{"text": "4"}]}, "large": {"responses": '
    b'[{"text": "5"}]}}\n',
    "q.txt": b"a\nb\n",
    "c.yaml": b"seed: 1\n",
}
NUMBERS = ("NUMBER", "INTEGER", "SHARE", "DROP", "P", "SECONDS", "MONEY", "N")
PATHS = ("FILE", "FOLDER", "ROUTER", "DATA", "RESPONSES")
BASE = {  # a run that would work, but for the value that is put in
    "collect": {"--queries": "q.txt", "--small": "http://127.0.0.1:9/v1#s", "--large": "http://127.0.0.1:9/v1#l",
                "--out": "out.jsonl", "--attempts": "1", "--samples": "1"},
    "label": {"RESPONSES": "r.jsonl", "--metric": "contains", "--out": "out.jsonl"},
    "import": {"FILES": "data.jsonl", "--from": "table", "--out": "out.jsonl"},
    "train": {"DATA": "data.jsonl", "--out": "new", "--config": "c.yaml", "--scorer": "knn"},
    "calibrate": {"ROUTER_FOLDER": "router", "DATA": "data.jsonl", "--pgr": "0.5"},
    "evaluate": {"ROUTER_FOLDER": "router", "DATA": "data.jsonl"},
    "inspect": {"DATA": "data.jsonl", "--no-curve": None},
    "infer": {"ROUTER_FOLDER": "router", "--input": "q.txt", "--output": "out.jsonl"},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory, trained):
    made = tmp_path_factory.mktemp("hostile")
    trained.save(made / "router")
    os.mkfifo(made / "fifo")
    for name, body in FILES.items():
        (made / name).write_bytes(body)
    return made


def options_of(command):
    for parameter in COMMAND.commands[command].params:
        option = parameter.opts[0]
        if getattr(parameter, "is_flag", False) or option in FREE:
            continue
        meant = str(parameter.metavar)
        kind = "number" if meant in NUMBERS else "path" if meant.startswith(PATHS) else "text"
        for bad in BAD[kind]:
            if bad != "fifo" or option in OUTPUTS:  # as an input it waits for somebody to write to it, as it should
                yield option if option.startswith("-") else parameter.name.upper(), bad


CASES = [(command, option, bad) for command in BASE for option, bad in options_of(command)]


def line_of(command, values):
    words = [command]
    for name, value in values.items():
        words += [name] * name.startswith("--")
        words += [] if value is None else [value]
    return words


@pytest.mark.skipif(os.name != "posix", reason="pipes and undecodable names")
@pytest.mark.parametrize(("command", "option", "bad"), CASES)
def test_hostile_values(folder, monkeypatch, command, option, bad):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(Report, "to_html", lambda self, path: Path(path).touch())  # drawn in other tests
    same = "q.txt" if command == "collect" else next(iter(BASE[command].values()))
    arguments = line_of(command, {**BASE[command], option: same if bad == "same" else bad})
    result = run(*arguments)
    assert result.exit_code in (0, 1, 2), arguments
    assert "Traceback" not in result.output + result.stderr
    assert "defect" not in result.stderr
    if result.exit_code:
        assert result.stderr.splitlines()[-1].startswith(("error: ", "Error: "))
    for name, body in FILES.items():
        assert Path(name).read_bytes() == body
