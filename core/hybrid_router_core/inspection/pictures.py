"""The pictures of an inspection: the gap, what the oracle gains, the search for t*, and the learning curve."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from hybrid_router_core.drawing.canvas import (
    INK,
    LARGE,
    MUTED,
    SMALL,
    Axes,
    ConstrainedLayoutEngine,
    Figure,
    MaxNLocator,
    NotebookFigure,
    PercentFormatter,
    house_style,
    to_svg,
)
from hybrid_router_core.evaluation.pictures import MARK, add_legend, curve_points, t_star

from .figures import Figures

__all__ = ["PICTURES", "Draw", "as_svg", "overview"]

Draw: TypeAlias = Callable[[Axes, Figures], None]
BINS = 41


def gap(axes: Axes, of: Figures) -> None:
    """How many queries have which gap, by the better model."""
    values = of.small - of.large
    reach = float(np.abs(values).max()) or 1.0
    edges = np.linspace(-reach, reach, BINS + 1) * (1 + 1 / BINS)  # an odd number: ties stand in the middle
    width = float(edges[1] - edges[0])
    counts, _ = np.histogram(values, edges)
    sides = np.arange(BINS) - BINS // 2
    for side, colour, name in (
        (sides < 0, LARGE, f"large better {of.losses:.0%}"),
        (sides == 0, MUTED, f"about equal (ties {of.ties:.0%})"),
        (sides > 0, SMALL, f"small better {of.wins:.0%}"),
    ):
        axes.bar(edges[:-1][side], counts[side], width * 0.88, align="edge", color=colour, label=name)
    axes.axvline(of.gap["mean"], color=INK, linewidth=1.2, label=f"mean {of.gap['mean']:+.3f}")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))  # signed labels are wide
    axes.set(xlabel="quality gap: small \u2212 large", ylabel="queries")
    add_legend(axes, columns=2, order=[1, 2, 3, 0])  # handles of lines come before those of bars


def oracle(axes: Axes, of: Figures) -> None:
    """Mean quality over the share to small: of a router that knows every gap, and of one that knows nothing."""
    curve = of.oracle_curve
    small, large = float(curve.quality[0]), float(curve.quality[-1])
    axes.plot(*curve_points(curve), color=INK, linewidth=2, label="oracle")
    axes.plot([0, 1], [large, small], color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, label="random")
    axes.plot([0], [large], marker="s", color=LARGE, label="all large", **MARK)
    axes.plot([1], [small], marker="o", color=SMALL, label="all small", **MARK)
    free = of.oracle["cost_advantage_at_no_drop"] or 0.0
    axes.plot([free], [large], marker="D", color=INK, label=f"{free:.0%} to small at no loss", **MARK)
    axes.set(xlim=(0, 1), xlabel="cost advantage: share to small (%)", ylabel="mean quality per query")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))
    add_legend(axes, columns=2, order=[0, 1, 4, 2, 3])


def margin(axes: Axes, of: Figures) -> None:
    """The objective of the search for t* over the margin."""
    if of.margin_curve.shape[1] == 1:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "the only margin is 0: small never scores lower", color=MUTED, ha="center", va="center")
        return
    t_star(axes, of)


def learning(axes: Axes, of: Figures) -> None:
    """What routers reach that were trained on more and more rows, with the band over the repeats."""
    curve = of.curve
    if curve is None:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no learning curve", color=MUTED, ha="center", va="center")
        return
    axes.axhline(curve.random, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, label="random")
    axes.fill_between(curve.sizes, curve.low, curve.high, color=INK, alpha=0.14, linewidth=0)
    axes.plot(curve.sizes, curve.values.T, color=INK, linewidth=0.6, alpha=0.35)
    name = f"{curve.scorer} router, 95% band"
    axes.plot(curve.sizes, curve.mean, color=INK, linewidth=2, marker="o", markersize=4, label=name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(curve.sizes, [f"{size:,}" for size in curve.sizes.tolist()])
    axes.minorticks_off()
    what = "APGR" if curve.measure == "apgr" else "share of the oracle's gain"
    axes.set(xlabel="training rows", ylabel=f"{what} on rows not seen")
    add_legend(axes, columns=2, order=[1, 0])


PICTURES: dict[str, tuple[Draw, str]] = {
    "Quality gap": (gap, "Bars left of the middle are queries that large answers better; a tall middle means ties."),
    "What routing can gain at most": (
        oracle,
        "The oracle knows the gap of every query. No router gets above its line; random routing runs along the dashes.",
    ),
    "The search for t*": (
        margin,
        "The margin t* at the peak makes the labels tell queries apart best; 0 is no relaxation.",
    ),
    "Learning curve": (
        learning,
        "Thin lines are single splits. A band above the dashes: routing works. A line that still climbs: collect more.",
    ),
}


def overview(of: Figures) -> Figure:
    """All pictures in one figure."""
    with house_style():
        figure = NotebookFigure(figsize=(11.5, 9.0), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1))
        parts = [part for row in figure.subfigures(2, 2, squeeze=False) for part in row]
        for part, (title, (draw, _)) in zip(parts, PICTURES.items(), strict=True):
            part.suptitle(title, x=0.02, ha="left")
            draw(part.subplots(), of)
    return figure


def as_svg(draw: Draw, of: Figures, label: str) -> str:
    """One picture as an SVG element for a page."""
    with house_style():
        figure = Figure(figsize=(4.5, 3.4), layout="constrained")
        draw(figure.subplots(), of)
        return to_svg(figure, getattr(draw, "__name__", "picture"), label)
