"""Makes the golden artifact of the present format, which every later version must load: tests/core/golden/format_N.

Run once per format, at its release; an artifact that is there already is never replaced.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hybrid_router_core import HybridRouter
from hybrid_router_core.artifact import FORMAT_VERSION

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "core"))


def main() -> None:
    """Train on the toy problem of the tests, save, and note the scores."""
    from conftest import toy_records

    from hybrid_router_core import RoutingDataset

    folder = ROOT / "tests" / "core" / "golden" / f"format_{FORMAT_VERSION}"
    if folder.exists():
        raise SystemExit(f"{folder} exists: a released format does not change; raise FORMAT_VERSION instead")
    rows = toy_records()
    rows += [{**row, "query": "continue", "messages": [_user(row["query"]), _user("continue")]} for row in rows]
    train, calibration, test = RoutingDataset.from_records(rows).split((0.5, 0.25, 0.25))
    router = HybridRouter(mode="transformed", seed=1, guard=0.05).fit(train).calibrate(calibration, cost_advantage=0.4)
    router.save(folder)
    queries = [*test.queries[:10], "", "x" * 5000, "¿Cuál es la capital de Francia?", "フランスの首都は?"]
    chats = [[_user(query), _user("ok, continue")] for query in test.queries[:10]]
    chats += [[_user("What is the capital of Norland?"), _user("How old is it?")]]
    expected = {
        "threshold": router.threshold,
        "queries": queries,
        "scores": router.score(queries).tolist(),
        "reasons": [decision.reason for decision in router.route_batch(queries)],
        "conversations": chats,
        "conversation_scores": [float(router.score(messages=chat)[0]) for chat in chats],
    }
    (folder / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
    print(f"{folder}: {sum(path.stat().st_size for path in folder.iterdir())} bytes")


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


if __name__ == "__main__":
    main()
