"""Nothing lost, nothing paid twice: real processes, killed at random moments while they talk to a real server."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from collect_server import running

from hybrid_router_core.data import read_responses

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
pytest.importorskip("aiohttp")
pytest.importorskip("tenacity")

FORKS = Path(__file__).with_name("collect_forks.py")
QUERIES, SAMPLES, CONCURRENCY = 200, 5, 4
IN_FLIGHT = 2 * CONCURRENCY
KILLS = 62


class Bench:
    """A server, a folder, and commands in it."""

    def __init__(self, folder, server, zygote):
        self.folder, self.server, self.zygote = folder, server, zygote
        self.out, self.store = folder / "r.jsonl", folder / "r.jsonl.sqlite"
        (folder / "q.txt").write_text("".join(f"question {number}\n" for number in range(QUERIES)))

    def arguments(self, concurrency=CONCURRENCY):
        models = [word for side in ("small", "large") for word in (f"--{side}", f"{self.server.base_url}#{side}")]
        numbers = ["--samples", SAMPLES, "--concurrency", concurrency]
        return ["collect", "-i", self.folder / "q.txt", "-o", self.out, *models, *numbers]

    def start(self, most_bytes=0, concurrency=CONCURRENCY):
        arguments = [str(word) for word in self.arguments(concurrency)]
        order = {"arguments": arguments, "stderr": str(self.folder / "stderr"), "bytes": most_bytes}
        self.zygote.stdin.write(json.dumps(order) + "\n")
        self.zygote.stdin.flush()
        return int(self.zygote.stdout.readline())

    def kill(self, process, how=signal.SIGKILL):
        with suppress(ProcessLookupError):  # it may be done already
            os.kill(process, how)

    def wait(self):
        return int(self.zygote.stdout.readline())

    def said(self):
        return (self.folder / "stderr").read_text().strip().splitlines()

    def answered(self):
        """Answers that the server gave, when it has done with those who are gone."""
        before = None
        while (log := self.server.log()) != before or log["now"]:
            before = log
            time.sleep(0.005)
        return sum(log["answered"].values())

    def saved(self):
        if not self.store.exists():
            return set()
        with closing(sqlite3.connect(self.store)) as store:
            try:
                return set(store.execute("SELECT model, query, sample, text FROM answers"))
            except sqlite3.OperationalError as error:  # killed before its tables were there
                assert "no such table" in str(error)
                return set()

    def check_complete(self):
        rows = list(read_responses(self.out))
        assert [row.query for row in rows] == [f"question {number}" for number in range(QUERIES)]
        for row in rows:
            for side in (row.small, row.large):
                assert len(set(side.texts)) == len(side.texts) == SAMPLES  # the server numbers its answers
        assert len(self.saved()) == 2 * QUERIES * SAMPLES
        assert sorted(path.name for path in self.folder.iterdir()) == ["q.txt", "r.jsonl", "r.jsonl.sqlite", "stderr"]


@contextmanager
def bench(folder, **script):
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-W", "error", str(FORKS)]
    with (
        running(**script) as server,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as zygote,
    ):
        try:
            yield Bench(folder, server, zygote)
        finally:
            zygote.stdin.close()
            zygote.wait(30)


def test_killed_at_random_moments_nothing_is_lost_or_doubled(tmp_path):
    draw = random.Random(5)
    kills, repeated, most_repeated, early = 0, 0, 0, 0
    with bench(tmp_path, latency=0.01, jitter=0.03, busy=0.05, broken=0.05, retry_after=0.02) as it:
        saved, answered = it.saved(), 0
        # The last is left to finish, however many kills the machine's speed allowed until then.
        while len(saved) < 2 * QUERIES * SAMPLES - IN_FLIGHT and kills < KILLS:
            process = it.start()
            if draw.random() < 0.8:  # else at any moment of the start
                asked = sum(it.server.log()["asked"].values())
                while sum(it.server.log()["asked"].values()) == asked:
                    time.sleep(0.005)
            time.sleep(draw.uniform(0.0, 0.1))
            it.kill(process)
            assert it.wait() == -signal.SIGKILL
            kills += 1
            before, saved = saved, it.saved()
            assert saved >= before, "an answer that was saved is gone"
            answered, earlier = it.answered(), answered
            lost = (answered - earlier) - (len(saved) - len(before))
            assert 0 <= lost <= IN_FLIGHT, f"kill {kills}: {lost} answers paid for and not saved"
            early += answered == earlier
            repeated, most_repeated = repeated + lost, max(most_repeated, lost)
        assert kills - early >= 50
        it.start()
        assert it.wait() == 0, it.said()
        it.check_complete()
        log = it.server.log()
        assert it.answered() == 2 * QUERIES * SAMPLES + repeated  # and not one request more
        assert log["most"] <= IN_FLIGHT + CONCURRENCY * 2  # those of a killed client may still be with the server
        assert {"429", "500"} <= set(log["statuses"])
    print(f"{kills} kills ({early} before an answer), {repeated} answers repeated, at most {most_repeated} a kill")  # noqa: T201


def test_killed_while_writing_the_output_is_whole_or_not_there(tmp_path):
    draw = random.Random(6)
    seen = Counter()
    with bench(tmp_path) as it:
        it.start()
        assert it.wait() == 0, it.said()
        for _ in range(12):
            it.out.unlink(missing_ok=True)
            process = it.start()
            time.sleep(draw.uniform(0.01, 0.15))
            it.kill(process)
            it.wait()
            seen[it.out.exists()] += 1
            if it.out.exists():
                assert len(list(read_responses(it.out))) == QUERIES
        it.start()
        assert it.wait() == 0
        assert it.answered() == 2 * QUERIES * SAMPLES
        it.check_complete()


def test_a_full_disk_is_one_line_and_the_next_run_goes_on(tmp_path):
    with bench(tmp_path, latency=0.005) as it:
        it.start(most_bytes=100_000)
        assert it.wait() == 1
        line = it.said()[-1]
        assert line.startswith(
            f"error: {it.store}: the disk is full or broken; free some space and run the same command"
        )
        saved, answered = it.saved(), it.answered()
        assert 0 < len(saved) < 2 * QUERIES * SAMPLES
        assert answered - len(saved) <= IN_FLIGHT
        it.start()
        assert it.wait() == 0, it.said()
        assert it.saved() >= saved
        it.check_complete()
        assert it.answered() - 2 * QUERIES * SAMPLES <= IN_FLIGHT


def test_ctrl_c_waits_for_what_is_paid_for(tmp_path):
    with bench(tmp_path, latency=0.05) as it:
        process = it.start()
        while not it.server.log()["answered"]:
            time.sleep(0.01)
        it.kill(process, signal.SIGINT)
        assert it.wait() == 130
        assert it.said()[-1].startswith("interrupted: ")
        assert len(it.saved()) == it.answered() < 2 * QUERIES * SAMPLES
        it.start(concurrency=32)
        assert it.wait() == 0
        it.check_complete()
        assert it.answered() == 2 * QUERIES * SAMPLES


def test_a_second_ctrl_c_stops_at_once(tmp_path):
    with bench(tmp_path, latency=5.0) as it:
        process = it.start()
        while not it.server.log()["now"]:
            time.sleep(0.01)
        started = time.monotonic()
        it.kill(process, signal.SIGINT)
        while not any("waiting for the requests" in line for line in it.said()):
            time.sleep(0.01)
        it.kill(process, signal.SIGINT)
        assert it.wait() in (1, 130)
        assert time.monotonic() - started < 4
        assert not any("Traceback" in line for line in it.said()), it.said()


def test_the_command_itself_killed_and_run_again(tmp_path):
    with bench(tmp_path, latency=0.01) as it:
        command = [sys.executable, "-m", "hybrid_router_core.cli", *map(str, it.arguments())]
        for _ in range(2):
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
                before = it.server.log()["answered"]
                while it.server.log()["answered"] == before:
                    time.sleep(0.01)
                process.kill()
        saved, answered = it.saved(), it.answered()
        assert answered - len(saved) <= 2 * IN_FLIGHT
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        (tmp_path / "stderr").write_text("")
        it.check_complete()


def test_a_second_run_at_the_same_time_is_refused(tmp_path):
    with bench(tmp_path / "one", latency=0.3) as it:
        process = it.start()
        while not it.server.log()["now"]:
            time.sleep(0.01)
        command = [sys.executable, "-m", "hybrid_router_core.cli", *map(str, it.arguments())]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        it.kill(process)
        it.wait()
        assert ended.returncode == 1
        assert "another collect is working on this output" in ended.stderr.strip().splitlines()[-1]
