"""In CI a test that is skipped fails the run, unless its reason is on a short list: what never runs proves nothing."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator

import pytest

ALLOWED = ("no data folder", "no key", "no GPU")  # how a reason may begin
UNEXPLAINED = pytest.StashKey[list[str]]()


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """The permissions of files hold here, as they do for every user but root."""
    if sys.platform != "linux" or os.geteuid() != 0:
        yield
        return
    # capget(2), version 3: a header (version, pid of this thread), and two sets of (effective, permitted, inheritable).
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    before = sets[0]
    sets[0] &= ~(1 << 1 | 1 << 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, sets) == 0
    yield
    sets[0] = before
    assert libc.capset(header, sets) == 0


def pytest_configure(config: pytest.Config) -> None:
    config.stash[UNEXPLAINED] = []
    config.pluginmanager.register(_Skips(config), "skips")


class _Skips:
    def __init__(self, config: pytest.Config) -> None:
        self.found = config.stash[UNEXPLAINED]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not reason.removeprefix("Skipped: ").startswith(ALLOWED):
            self.found.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if os.environ.get("CI") == "true" and session.config.stash[UNEXPLAINED]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash[UNEXPLAINED]
    if os.environ.get("CI") == "true" and found:
        terminalreporter.section("skipped in CI, so the run fails")
        terminalreporter.line(f"Reasons may begin with: {', '.join(ALLOWED)}")
        for line in found:
            terminalreporter.line(line)
