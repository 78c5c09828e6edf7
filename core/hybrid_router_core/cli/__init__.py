"""The command ``hybrid-router``: thin commands over `HybridRouter`."""

__all__ = ["main"]


def main() -> None:
    """Run the command; the commands are imported within, so that Ctrl-C ends that too without a traceback."""
    try:
        from .app import main as run
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    run()
