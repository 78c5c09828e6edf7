"""Run by check_wheel.sh inside the environment that holds nothing but the bare wheel."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGES = {"hybrid_router_core", "langchain_hybrid_router", "llama_index_hybrid_router"}
HEAVY = ("torch", "sklearn", "matplotlib", "pandas", "langchain_core", "llama_index", "sqlalchemy")
ROUTE = f"""
import sys
from hybrid_router_core import HybridRouter
router = HybridRouter.load(sys.argv[1])
print(router.route("What is 3 + 4?").model)
chat = [dict(role="user", content=text) for text in ("What is 9 + 4?", "What about 3 + 4?", "ok, continue")]
assert router.route(messages=chat).reason == "score"
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, f"routing loaded {{loaded}}"
"""


def check_contents(wheel: str) -> None:
    """The wheel holds its three packages, their types and licences, and nothing else at the top."""
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert top == PACKAGES, f"top-level packages are {top}, expected {PACKAGES}"
    for package in PACKAGES:
        assert f"{package}/py.typed" in names, f"{package} has no py.typed"
    for needed in ("LICENSE", "NOTICE"):
        assert any(name.endswith(f"licenses/{needed}") for name in names), f"{needed} is not in the wheel"


def check_routing() -> None:
    """A router can be trained, saved, and loaded and used by a new process that loads nothing heavy."""
    from hybrid_router_core import HybridRouter, RoutingDataset

    rows = [
        {"query": f"What is {a} + {b}?", "small_quality": float(a < 5), "large_quality": 1.0}
        for a in range(10)
        for b in range(10)
    ]
    with tempfile.TemporaryDirectory() as folder:
        HybridRouter(mode="deterministic").fit(RoutingDataset.from_records(rows)).save(folder)
        run = subprocess.run([sys.executable, "-c", ROUTE, folder], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "small", run.stdout


def check_missing_extra(package: str, extra: str) -> None:
    """Without its framework an adapter says which command installs it."""
    if importlib.util.find_spec(package.replace("_hybrid_router", "_core")):
        return
    try:
        __import__(package)
    except ImportError as error:
        assert f"pip install 'hybrid-llm-router[{extra}]'" in str(error), error
    else:
        raise AssertionError(f"{package} imported without its framework")


if __name__ == "__main__":
    assert not Path("core").exists(), "run outside the repository"
    check_contents(sys.argv[1])
    check_routing()
    check_missing_extra("langchain_hybrid_router", "langchain")
    check_missing_extra("llama_index_hybrid_router", "llama-index")
    print("wheel: contents, bare import, routing and missing extras as they should be")
