"""Where the command begins."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command; all others are imported within, so that Ctrl-C ends that too without a traceback."""
    try:
        from .app import main as run
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    run()
