"""What the tests of a writer share."""

import time

from hybrid_router_core.traffic import Store


def until(true, seconds=10):
    """Wait for it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def runs(address):
    """Of all calls in a store."""
    with Store.open(address) as store:
        return [row.run for row in store.calls()]
