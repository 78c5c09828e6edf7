"""The demo runs offline, from the repository alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_the_demo_trains_measures_and_routes(tmp_path):
    pytest.importorskip("langchain_core", reason="the demo needs the extra langchain")
    pytest.importorskip("matplotlib", reason="the demo needs the extra report")
    run = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    for mode in ("deterministic", "probabilistic", "transformed"):
        assert f"│ {mode}" in run.stdout
    assert "max_quality_drop=0.1" in run.stdout
    assert "│ small" in run.stdout
    assert "│ large" in run.stdout
    assert json.loads((tmp_path / "router" / "router.json").read_text())["mode"] == "transformed"
    assert "<svg" in (tmp_path / "report.html").read_text()
