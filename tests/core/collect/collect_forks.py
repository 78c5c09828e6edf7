"""Runs the command in forks of this process: a kill then costs milliseconds, and not the start of an interpreter.

A line of JSON on stdin starts one; its number and then how it ended are lines on stdout.
"""

import json
import os
import resource
import sys

import aiohttp  # noqa: F401  what the command loads on its way, loaded once
import tenacity  # noqa: F401

from hybrid_router_core.cli.app import app

for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if child == 0:
        stderr = os.open(order["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(stderr, 2)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        if order["bytes"]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["bytes"], resource.RLIM_INFINITY))
        try:
            app(order["arguments"], prog_name="hybrid-router")
        except SystemExit as ended:
            os._exit(ended.code or 0)
        os._exit(99)
    print(child, flush=True)  # noqa: T201
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201
os._exit(0)
