"""What every page and picture shares."""

from .tables import Formatter, cell, panel, settings, short, table

__all__ = ["Formatter", "cell", "panel", "settings", "short", "table"]
