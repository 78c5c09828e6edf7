"""Threads of our own for what is scored off the event loop.

The loop's default pool belongs to the user: it may be full of work that waits for a decision.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

__all__ = ["threads"]

MOST = 32  # a callable in the place of a router may wait for something
_pools: dict[int, ThreadPoolExecutor] = {}  # by process: threads do not outlive a fork


def threads() -> ThreadPoolExecutor:
    """The pool of this process; its threads are made when they are needed."""
    pool = _pools.get(os.getpid())
    if pool is None:
        pool = _pools.setdefault(os.getpid(), ThreadPoolExecutor(MOST, thread_name_prefix="hybrid-router"))
    return pool
