"""Four processes write one store and are killed at any moment: no row twice, none lost but the last."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from hybrid_router_core.traffic import Store

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

FORKS = Path(__file__).with_name("store_forks.py")
PROCESSES = 4
KILLS = {"sqlite": 50, "postgresql": 16}
LATEST = 2.0  # seconds: the writer needs half of one; here nine processes share what cores there are


@pytest.fixture
def zygote():
    with subprocess.Popen([sys.executable, str(FORKS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        yield it
        it.stdin.close()


def test_kills(address, zygote, tmp_path):
    with Store.open(address):
        pass
    rng, logs, running, killed = random.Random(0), [], {}, {}

    def start():
        log = tmp_path / f"{len(logs)}.log"
        logs.append(log)
        zygote.stdin.write(f"{address} {log}\n")
        zygote.stdin.flush()
        running[int(zygote.stdout.readline())] = log

    def kill(pid):
        os.kill(pid, signal.SIGKILL)
        killed[running.pop(pid)] = time.monotonic()

    for _ in range(PROCESSES):
        start()
    for _ in range(KILLS[address.partition(":")[0].partition("+")[0]]):
        time.sleep(rng.uniform(0.1, 0.6))
        kill(rng.choice(list(running)))
        start()
    time.sleep(2)
    for pid in list(running):
        kill(pid)
    with Store.open(address) as store:
        found = Counter(row.run for row in store.calls())
    put = lost = 0
    for log, end in killed.items():
        for line in log.read_text().splitlines():
            run, moment = line.split()
            put += 1
            if run not in found:
                lost += 1
                assert end - float(moment) < LATEST, (run, end - float(moment))
    assert max(found.values()) == 1
    assert len(found) + lost >= put > 1000  # a call may be written and its note not
    if address.startswith("sqlite"):
        with closing(sqlite3.connect(tmp_path / "traffic.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
