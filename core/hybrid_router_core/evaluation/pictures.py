"""The pictures of a report, drawn on matplotlib's object-oriented API: no pyplot, no backend, no global state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import numpy as np

from hybrid_router_core._types import FloatArray
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

from .bootstrap import CURVE_GRID
from .figures import Figures
from .metrics import TradeOff, reliability_bins

__all__ = [
    "MARK",
    "Draw",
    "add_legend",
    "as_svg",
    "best_margin",
    "curve_points",
    "overview",
    "reliability",
    "scores",
    "t_star",
    "trade_off",
]


class HasMarginCurve(Protocol):
    """A report, or an inspection."""

    @property
    def margin_curve(self) -> FloatArray | None:
        """Candidates and objective of the search for t*, shape (2, c)."""
        ...


Draw: TypeAlias = Callable[[Axes, Figures], None]

MOST_POINTS = 400
SCORE_BINS = np.linspace(0.0, 1.0, 41)
RELIABILITY_BINS = 10
MARK: dict[str, Any] = {"clip_on": False, "linestyle": "none", "markersize": 8, "zorder": 5}


def overview(report: Figures) -> Figure:
    """The trade-off curve, the score histogram, the reliability diagram and the t* curve in one figure."""
    titles: dict[str, Draw] = {
        "Quality against cost advantage": trade_off,
        "Scores": scores,
        "Reliability of the scores": reliability,
        "The search for t*": t_star,
    }
    with house_style():
        figure = NotebookFigure(figsize=(11.5, 9.0), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1))
        parts = [part for row in figure.subfigures(2, 2, squeeze=False) for part in row]
        for part, (title, draw) in zip(parts, titles.items(), strict=True):
            part.suptitle(title, x=0.02, ha="left")
            draw(part.subplots(), report)
    return figure


def trade_off(axes: Axes, report: Figures) -> None:
    """Mean quality over the share to small, with the bootstrap band, the baselines and the router's operating point."""
    curve, share = report.curve, report.measures["cost_advantage"].value
    small, large = curve.quality[0], curve.quality[-1]
    axes.fill_between(CURVE_GRID, *report.band, color=INK, alpha=0.14, linewidth=0)
    axes.plot([0, 1], [large, small], color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, label="random")
    axes.plot(*curve_points(report.oracle), color=MUTED, linestyle=(0, (1, 1.6)), linewidth=1.6, label="oracle")
    axes.plot(*curve_points(curve), color=INK, linewidth=2, label=f"router, {report.confidence:.0%} band")
    axes.plot([0], [large], marker="s", color=LARGE, label="all large", **MARK)
    axes.plot([1], [small], marker="o", color=SMALL, label="all small", **MARK)
    routed = large - report.measures["quality_drop"].value
    axes.plot([share], [routed], marker="D", color=INK, label="at the threshold", **MARK)
    axes.set(xlim=(0, 1), xlabel="cost advantage: share to small (%)", ylabel="mean quality per query")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))
    add_legend(axes, columns=3, order=[2, 5, 3, 4, 0, 1])


def scores(axes: Axes, report: Figures) -> None:
    """How many queries have which score, by the model that gets them."""
    to_small, values = report.to_small, report.outcomes.scores
    at_large, _ = np.histogram(values[~to_small], SCORE_BINS)
    at_small, _ = np.histogram(values[to_small], SCORE_BINS)
    place, width = SCORE_BINS[:-1], float(SCORE_BINS[1])
    axes.bar(place, at_large, width * 0.88, align="edge", color=LARGE, label="to large")
    axes.bar(place, at_small, width * 0.88, align="edge", bottom=at_large, color=SMALL, label="to small")
    axes.axvline(report.threshold, color=INK, linewidth=1.5, label=f"threshold {report.threshold:.3f}")
    axes.set_ylim(0, 1.05 * (at_large + at_small).max())
    axes.set(xlim=(-0.01, 1.01), xlabel="score (high means small)", ylabel=f"queries per {width:.3f} of score")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    add_legend(axes, columns=3, order=[1, 2, 0])


def reliability(axes: Axes, report: Figures) -> None:
    """Mean label over mean score, per bin of the score; the row above the axes counts the queries."""
    score, label, count = reliability_bins(report.outcomes.scores, report.outcomes.labels, RELIABILITY_BINS)
    axes.plot([0, 1], [0, 1], color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, label="perfect")
    ece = report.measures["ece"].value
    axes.plot(score, label, color=INK, linewidth=1.5, marker="o", markersize=4, label=f"router, ECE {ece:.3f}")
    axes.scatter(score, label, s=20 + 160 * count / count.max(), color=INK, linewidth=0, zorder=3, clip_on=False)
    for place, number in zip(np.floor(score * RELIABILITY_BINS + 1e-9), count, strict=True):
        middle = (min(place, RELIABILITY_BINS - 1) + 0.5) / RELIABILITY_BINS
        axes.text(middle, 1.02, _short(number), fontsize=9, color=MUTED, ha="center", va="bottom")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean score in the bin", ylabel="mean label in the bin")
    axes.set_xticks(np.linspace(0, 1, 6))
    add_legend(axes, columns=2, order=[1, 0], lift=0.07)


def t_star(axes: Axes, report: HasMarginCurve) -> None:
    """The objective of the search for t* over the margin, with t* marked; a sentence if there was no search."""
    if report.margin_curve is None or not report.margin_curve.size:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no search for t* in this router", color=MUTED, ha="center", va="center")
        return
    margins, objective = report.margin_curve
    best = best_margin(report.margin_curve)
    keep = np.unique(np.append(np.linspace(0, len(margins) - 1, min(len(margins), MOST_POINTS)).astype(int), best))
    axes.plot(margins[keep], objective[keep], color=INK, linewidth=2, drawstyle="steps-post", label="objective")
    axes.axvline(margins[best], color=SMALL, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.plot([margins[best]], [objective[best]], marker="o", color=SMALL, label=f"t* = {margins[best]:.4g}", **MARK)
    axes.set(xlabel="margin t (units of quality)", ylabel="mean |difference of labels|")
    axes.set_ylim(bottom=0.0)
    add_legend(axes, columns=2, order=[0, 1])


def best_margin(curve: FloatArray) -> int:
    """Where t* lies in a margin curve; ties go to the smallest margin, as in the search."""
    return int(np.argmax(curve[1] >= curve[1].max() - 1e-12))


def as_svg(draw: Draw, report: Figures, label: str, size: tuple[float, float]) -> str:
    """One picture as an SVG element for a page; 72 pixels are an inch of ``size`` (width, height)."""
    with house_style():
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots(), report)
        return to_svg(figure, draw.__name__, label)


def curve_points(curve: TradeOff) -> tuple[FloatArray, FloatArray]:
    """Share to small and quality; so many queries that no eye tells them apart are thinned out."""
    if len(curve.quality) <= MOST_POINTS:
        return 1.0 - curve.share_to_large, curve.quality
    share = np.linspace(0.0, 1.0, MOST_POINTS + 1)
    return share, curve.quality_at(share)


def add_legend(axes: Axes, columns: int, order: list[int], lift: float = 0.0) -> None:
    """A legend above the axes, where it hides nothing; ``order`` puts the router first."""
    axes.grid(visible=True, axis="y", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=3)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0 + lift),
        ncols=columns,
        frameon=False,
        handlelength=1.6,
        columnspacing=1.2,
    )


def _short(count: float) -> str:
    return f"{count:.0f}" if count < 1000 else f"{count / 1000:.1f}k" if count < 100_000 else f"{count / 1000:.0f}k"
