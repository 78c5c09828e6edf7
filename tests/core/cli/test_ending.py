"""How a run ends when its output, its input or its user gives up: one line, an exit code, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid_router_core import HybridRouter
from hybrid_router_core.cli import options
from tests.core.cli.running import done, failed, run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shell and devices")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
HR = f"{sys.executable} -m hybrid_router_core.cli"


@pytest.fixture
def here(router, toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    router.save("router")
    toy.write("data.jsonl")
    Path("q.txt").write_text("a\nb\n")
    return tmp_path


def shell(line):
    """Exit code and stderr of the command itself, whatever follows it in a pipe."""
    result = subprocess.run(
        ["bash", "-c", line.replace("hybrid-router", HR)],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return result.returncode, result.stderr


@FULL
@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "infer router --query a --json",
        "infer router -i q.txt",
        "inspect data.jsonl --no-curve -q",
        "evaluate router data.jsonl -q 2>&1 >/dev/full | grep -v warning >&2; exit ${PIPESTATUS[0]};",
    ],
)
def test_a_full_disk_behind_stdout(here, command):
    code, told = shell(f"hybrid-router {command} >/dev/full")
    assert code == 1
    assert told.splitlines() == [told.strip()], told
    assert "No space left on device" in told


def test_a_closed_stdout_and_a_closed_stderr(here):
    assert shell("hybrid-router infer router --query a >&-") == (
        1, "error: standard output is closed, and the result goes there\n"
    )  # fmt: skip
    assert shell("hybrid-router infer router -i q.txt -o out.jsonl 2>&-")[0] == 0
    assert len(Path("out.jsonl").read_text().splitlines()) == 2


@FULL
def test_a_full_stderr_ends_no_run(here):
    assert shell("hybrid-router infer router -i q.txt -o out.jsonl 2>/dev/full")[0] == 0
    assert Path("out.jsonl").exists()


def test_a_reader_that_has_enough(here):
    Path("many.txt").write_text("a\n" * 30_000)
    assert shell("hybrid-router infer router -i many.txt | head -1; exit ${PIPESTATUS[0]}") == (1, "")


@FULL
@pytest.mark.parametrize("name", ["out.jsonl", "out.json"])
def test_a_full_disk_behind_the_results(here, name):
    Path(f"{name}.partial").symlink_to("/dev/full")
    assert failed("infer", "router", "-i", "q.txt", "-o", name) == (
        f"error: {name}: cannot be written: No space left on device"
    )
    assert not Path(name).exists()


def test_a_link_stays_a_link_and_devices_are_refused(here):
    Path("there").mkdir()
    Path("out.jsonl").symlink_to("there/real.jsonl")
    done("infer", "router", "-i", "q.txt", "-o", "out.jsonl")
    assert Path("out.jsonl").is_symlink()
    assert len(Path("there/real.jsonl").read_text().splitlines()) == 2
    line = failed("infer", "router", "-i", "q.txt", "-o", os.devnull, "--output-format", "jsonl", "--overwrite")
    assert "is a device or a pipe" in line
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("report", [True, False])
def test_a_page_that_cannot_be_written_leaves_the_old_one(here, monkeypatch, report):
    pytest.importorskip("matplotlib")
    from hybrid_router_core.evaluation import Report

    def half(_, path):
        Path(path).write_text("<html")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Report, "to_html", half)
    Path("r.html").write_text("old")
    line = failed("evaluate", "router", "data.jsonl", "--report", "r.html", "--overwrite", "-q")
    assert line == "error: r.html: cannot be written: No space left on device"
    assert Path("r.html").read_text() == "old"
    assert not list(here.glob("*.partial"))


def test_ctrl_c(here, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(HybridRouter, "load", stopped)
    result = run("infer", "router", "--query", "a")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "interrupted\n")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "Permission denied", "router/router.json"), "router/router.json: Permission denied"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (MemoryError(), "there is not enough memory"),
        (EOFError("stream"), "a file ends in its middle"),
        (RecursionError("deep"), "a defect of hybrid-router: RecursionError"),
        (KeyError("a query"), "a defect of hybrid-router: KeyError"),
    ],
)
def test_what_nobody_expected(here, monkeypatch, error, line):
    def broken(*_):
        raise error

    monkeypatch.setattr(HybridRouter, "load", broken)
    told = failed("infer", "router", "--query", "a")
    assert told.startswith(f"error: {line}")
    assert "a query" not in told


def test_a_router_is_never_thrown_away_after_training(here, monkeypatch):
    def broken(*_, **__):
        raise OSError(5, "Input/output error")

    line = failed("train", "data.jsonl", "-o", "new", "--scorer", "knn", "--max-quality-drop", "0.000001")
    assert "The router is saved in new without a calibration" in line
    assert HybridRouter.load("new").calibration is None
    monkeypatch.setattr(HybridRouter, "evaluate", broken)
    failed("train", "data.jsonl", "-o", "other", "--scorer", "knn", "--pgr", "0.5")
    assert HybridRouter.load("other").calibration.target == "pgr"
    save = HybridRouter.save

    def full(self, folder):
        if Path(folder).name == "third":
            raise OSError(28, "No space left on device")
        return save(self, folder)

    monkeypatch.setattr(HybridRouter, "save", full)
    monkeypatch.setenv("TMPDIR", str(here))
    line = failed("train", "data.jsonl", "-o", "third", "--scorer", "knn")
    assert line.startswith("error: third: cannot be written: No space left on device; the router is saved in ")
    HybridRouter.load(line.split(" saved in ")[1].removesuffix(" instead"))
    Path("third").mkdir()
    Path("third/scorer.safetensors.new").touch()
    monkeypatch.setattr(HybridRouter, "save", save)
    done("train", "data.jsonl", "-o", "third", "--scorer", "knn", "--split", 1)


def test_settings_are_checked_before_anything_is_read(here):
    """The data do not exist, and that is not what is told."""
    train, target = ("train", "none.jsonl", "-o", "new"), "--max-quality-drop=0.1"
    for command, wrong in (
        (train, "--cost-advantage=40 --pgr=5 --max-quality-drop=-1 --threshold=7 --hparam=a=b --split=2 --seed=-1"),
        (train, "--scorer=mpl --embedder=statik --tau=nan --margin=-1 --mode=soft --confidence=0.9"),
        (train, "--embedder=sentence-transformers:no/such/model/here"),
        ((*train, target), "--confidence=95 --confidence=1 --quality-range=1,0 --quality-range=0,inf --pgr=0.5"),
        (("calibrate", "none", "none.jsonl"), "--cost-advantage=40 --pgr=nan --max-quality-drop=-1 --confidence=0.9"),
        (("evaluate", "none", "none.jsonl"), "--split=0.5,0.5 --by=group --part=all"),
        (("inspect", "none.jsonl"), "--scorer=mpl --tau=nan --tau=inf --tau=-1 --repeats=1 --seed=-1"),
        (("infer", "none", "--query=a"), "--threshold=7 --temp=nan --max-tokens=0 --timeout=0 --output-format=xml"),
    ):
        for option in wrong.split():
            result = run(*command, option)
            line = result.stderr.splitlines()[-1]
            missing = "sentence-transformers is not installed" in line
            assert result.exit_code == (1 if missing else 2), (command, option, result.output)
            assert "none" not in line, (option, line)
    assert not Path("new").exists()


@pytest.mark.parametrize("out", ["data.jsonl/new", "/proc/new", "x" * 300])
def test_a_place_that_cannot_be_written_is_told_first(here, out):
    line = failed("train", "none.jsonl", "--out", out)
    assert "cannot be written" in line or "too long" in line
    line = failed("evaluate", "router", "none.jsonl", "--report", f"{out}.html")
    assert any(why in line for why in ("cannot be written", "there is no folder", "too long"))


def test_options_that_are_shared_are_written_once():
    assert options.Part.test.value == "test"
