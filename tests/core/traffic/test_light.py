"""Whoever keeps no traffic does not load what keeps it."""

import subprocess
import sys

LOADED = """
import sys
import hybrid_router_core, hybrid_router_core.traffic
assert not {"sqlalchemy", "psycopg", "sqlite3"} & set(sys.modules)
"""


def test_the_room_is_imported_without_a_database():
    subprocess.run([sys.executable, "-c", LOADED], check=True)
