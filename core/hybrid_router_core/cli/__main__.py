"""``python -m hybrid_router_core.cli`` is ``hybrid-router``."""

from . import main

main()
