"""Writes calls from forks of this process: a kill then costs milliseconds, and not the start of an interpreter.

A line of stdin with an address and the path of a log starts a fork, whose number is a line of stdout. The fork notes
each call in its log after it was put: its run, and the time.
"""

import os
import random
import signal
import sys
import time

from hybrid_router_core.traffic import Call, Store, Writer

signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def write_until_killed(address, log):
    notes = os.open(log, os.O_WRONLY | os.O_CREAT)
    writer = Writer(Store(address))
    rng = random.Random(os.getpid())
    number = 0
    while True:
        for _ in range(rng.randrange(1, 10)):
            run, now = f"{os.getpid()}-{number}", time.monotonic()
            writer.put(Call(time=time.time(), run=run, routed="small", answered="small", reason="score"))
            os.write(notes, f"{run} {now}\n".encode())
            number += 1
        time.sleep(rng.random() / 50)


for line in sys.stdin:
    address, log = line.split()
    child = os.fork()
    if child == 0:
        write_until_killed(address, log)
    print(child, flush=True)  # noqa: T201
os._exit(0)
