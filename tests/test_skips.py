"""The rule of ``tests/conftest.py``: a test that is skipped in CI fails the run, unless its reason is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester, monkeypatch):
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())

    def run(ci, **modules):
        monkeypatch.setenv("CI", ci)
        pytester.makepyfile(**modules)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio")

    return run


@pytest.mark.parametrize(
    ("ci", "reason", "code"),
    [
        ("true", "no data folder beside the project", 0),
        ("true", "no GPU", 0),
        ("true", "torch is not installed", 1),
        ("", "torch is not installed", 0),
    ],
)
def test_a_skip_fails_the_run_in_ci_only_and_only_without_a_reason(run, ci, reason, code):
    result = run(ci, test_it=f"import pytest\ndef test_one():\n    pytest.skip({reason!r})\n")
    assert result.ret == code
    assert (f"test_one: Skipped: {reason}" in result.stdout.str()) == bool(code)


def test_a_module_that_is_skipped_counts_too(run):
    skipped = "import pytest\npytest.skip('nothing here', allow_module_level=True)\n"
    assert run("true", test_it=skipped, test_two="def test_two():\n    pass\n").ret == 1


def test_a_run_without_skips_passes_and_a_failure_still_fails(run):
    passing = "import pytest\ndef test_one():\n    pass\n@pytest.mark.xfail\ndef test_two():\n    assert False\n"
    assert run("true", test_it=passing).ret == 0
    assert run("true", test_it="def test_one():\n    assert False\n").ret == 1
