"""What the pictures share: the parts of matplotlib (an extra), colours, lettering and the way into a page."""

from __future__ import annotations

import io
import re
from html import escape
from typing import Any

from hybrid_router_core.errors import MissingExtraError

try:
    from matplotlib import style
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import MaxNLocator, PercentFormatter
except ImportError as error:
    raise MissingExtraError("matplotlib", "report") from error

__all__ = [
    "COLOURS",
    "INK",
    "LARGE",
    "MUTED",
    "SMALL",
    "Axes",
    "ConstrainedLayoutEngine",
    "Figure",
    "MaxNLocator",
    "NotebookFigure",
    "PercentFormatter",
    "house_style",
    "to_svg",
]

COLOURS = {"ink": "#1d2733", "muted": "#5f6c7b", "faint": "#d9dfe6", "small": "#0f7c90", "large": "#c8590c"}
"""Role -> colour on white. Teal and orange differ in lightness and hue for every kind of colour vision. The page turns
each into a CSS variable of the role's name, so no other colour may be drawn."""
INK, MUTED, FAINT, SMALL, LARGE = COLOURS.values()

STYLE: dict[str, Any] = {
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.labelsize": 11,
    "figure.titlesize": 13,
    "figure.titleweight": "bold",
    "font.size": 11,
    "grid.color": FAINT,
    "legend.fontsize": 10,
    "legend.labelcolor": INK,
    "svg.fonttype": "none",  # text stays text: smaller, selectable, in the reader's font
    "svg.hashsalt": "hybrid-llm-router",  # the same report gives the same bytes
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
}


class NotebookFigure(Figure):
    """A figure that notebooks show even if pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def house_style() -> Any:
    """A context in which figures are made and drawn: whatever the user's style, the colours keep their meaning."""
    return style.context(["default", STYLE])


def to_svg(figure: Figure, name: str, label: str) -> str:
    """A figure as an SVG element for a page, without links; colours become CSS variables.

    Args:
        figure: What to draw; its background is left out.
        name: Of the picture; makes its ids differ from those of the other pictures on the page.
        label: What a reader who cannot see it is told.
    """
    file = io.StringIO()
    figure.patch.set_visible(False)
    for axes in figure.axes:
        axes.patch.set_visible(False)
    figure.savefig(file, format="svg", metadata={"Date": None})
    svg = file.getvalue()
    view = re.search(r'viewBox="([^"]+)"', svg)
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body).replace("url(#", f"url(#{name}-")
    body = body.replace('xlink:href="#', f'href="#{name}-')
    body = re.sub(r"\n\s*\n+|\n +", "\n", body)
    for role, colour in COLOURS.items():
        body = body.replace(colour, f"var(--{role})")
    return f'<svg viewBox="{view[1] if view else ""}" role="img" aria-label="{escape(label)}">{body.strip()}'
