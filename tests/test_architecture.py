"""``docs/architecture.md`` names every room and no path that is not there."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parents[1]
CORE = HERE / "core" / "hybrid_router_core"
PAGE = (HERE / "docs" / "architecture.md").read_text(encoding="utf-8")
TABLE = PAGE[PAGE.index("## To change X, open Y") :]


def test_every_room_stands_on_the_page():
    rooms = {path.parent.name for path in CORE.glob("*/__init__.py")}
    assert rooms
    assert [room for room in sorted(rooms) if not re.search(rf"\b{room}\b", PAGE)] == []


def test_every_path_in_the_table_is_there():
    paths = [
        path for row in TABLE.splitlines() if row.startswith("|") for path in re.findall(r"`([\w./]+[/.]\w*)`", row)
    ]
    assert len(paths) > 20
    assert [path for path in paths if not (CORE / path).exists() and not (HERE / path).exists()] == []
