"""The report as one self-contained HTML page: no script, no link, pictures as inline SVG."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np

from . import pictures
from .tables import Formatter, cell, panel, settings, short, table

if TYPE_CHECKING:
    from ..evaluation import Interval, Report

__all__ = ["write_page"]

MEASURES = {
    "cost_advantage": ("Cost advantage", "share", "share of the queries that go to small"),
    "saved_cost": ("Cost saved", "share", "of what all-large would cost"),
    "quality_drop": ("Quality drop", "quality", "mean quality of all-large minus that of the routed answers"),
    "relative_quality_drop": ("Quality drop, relative", "percent", "in percent of the mean quality of all-large"),
    "pgr": ("PGR", "ratio", "performance gap recovered: 0 is all-small, 1 is all-large"),
    "apgr": ("APGR", "ratio", "PGR averaged over all shares to large; a random router has 0.5"),
    "apgr_ten_bins": ("APGR, ten bins", "ratio", "the same area in steps of ten percent, as RouteLLM’s code takes it"),
    "cpt_50": ("CPT(50 %)", "share", "smallest share to large that recovers half of the gap"),
    "cpt_80": ("CPT(80 %)", "share", "smallest share to large that recovers 80 % of the gap"),
    "auroc": ("AUROC", "ratio", "chance that a query for which small will do scores above one for which it will not"),
    "ece": ("Calibration error (ECE)", "ratio", "mean distance between score and label, over ten bins of the score"),
}
BASELINES = {"router": "router", "all small": "small", "all large": "large", "random": "plain", "oracle": "plain"}


def write_page(report: Report, path: Path) -> Path:
    """Write the page in UTF-8, and the folder it goes to if that is missing; returns the path."""
    text = _Page(report).render()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "replace"))  # a lone surrogate in a group name becomes "?"
    return path


class _Page:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.at = report.measures
        self.small, self.large = float(np.mean(report.outcomes.small)), float(np.mean(report.outcomes.large))
        self.text = Formatter(max(abs(self.small), abs(self.large)))

    def render(self) -> str:
        template = files(__package__).joinpath("page.html").read_text("utf-8")
        return Template(template).substitute(
            subtitle=self.subtitle(),
            verdict=self.verdict(),
            notes=self.notes(),
            tiles=self.tiles(),
            trade_off=self.trade_off(),
            baselines=self.baselines(),
            pictures=self.pictures(),
            measures=self.measures(),
            groups=self.groups(),
            settings=self.settings(),
        )

    def show(self, measure: str) -> str:
        return self._format(measure)(self.at[measure].value)

    def span(self, measure: str) -> str:
        low, high = self._format(measure)(self.at[measure].low), self._format(measure)(self.at[measure].high)
        return f"{low} to {high}" if low != high else low

    def _format(self, measure: str) -> Callable[[float | None], str]:
        kind = MEASURES.get(measure, ("", "ratio", ""))[1]
        formatter: Callable[[float | None], str] = getattr(self.text, kind)
        return formatter

    @property
    def level(self) -> str:
        return f"{100 * self.report.confidence:g}\u202f%"

    def subtitle(self) -> str:
        mode = self.report.about.get("mode")
        labels = f" · {escape(str(mode))} labels" if mode else ""
        return f"{len(self.report.outcomes.scores):,} held-out queries{labels} · intervals of {self.level} by bootstrap"

    def verdict(self) -> str:
        drop = self.at["quality_drop"].value
        relative = self.text.percent(abs(self.at["relative_quality_drop"].value))
        change = f"{'a loss' if drop >= 0 else 'a gain'} of {self.text.quality(abs(drop))} in mean quality"
        return (
            f"At its threshold of {self.report.threshold:.3f} the router sends <b>{self.show('cost_advantage')}</b> of the "
            f"queries to small, for <b>{change}</b> against sending all to large "
            f"({relative}, PGR {self.show('pgr')}); {_against_random(self.at['apgr'])}."
        )

    def notes(self) -> str:
        notes = []
        seen, n = self.report.seen_in_training, len(self.report.outcomes.scores)
        if seen:
            notes.append(
                f"<b>{seen:,} of the {n:,} queries were trained on.</b> The figures flatter the router; "
                "evaluate on a part of the data that fit has not seen."
            )
        if self.large <= self.small:
            notes.append(
                "<b>Large is not better than small on these data.</b> There is no gap to recover, "
                "so PGR, APGR and CPT do not say what they usually say."
            )
        return "\n".join(f'<p class="box" role="note">{note}</p>' for note in notes)

    def tiles(self) -> str:
        names = {"cost_advantage": "Share to small", "quality_drop": "Quality drop", "pgr": "PGR", "apgr": "APGR"}
        extra = {
            "quality_drop": f"{self.show('relative_quality_drop')} of all-large",
            "cost_advantage": f"threshold {self.report.threshold:.3f}",
            "pgr": "of the gap, at the threshold",
            "apgr": "random router 0.500",
        }
        if "saved_cost" in self.at:
            names["saved_cost"], extra["saved_cost"] = "Cost saved", "of all-large’s cost"
        return "\n".join(
            f'<div class="tile"><span>{name}</span><b>{self.show(measure)}</b>'
            f"<span>{self.span(measure)}</span><span>{extra[measure]}</span></div>"
            for measure, name in names.items()
        )

    def picture(self, title: str, draw: pictures.Draw, label: str, caption: str) -> str:
        wide = draw is pictures.trade_off
        svg = pictures.as_svg(draw, self.report, label, size=(5.4, 3.5) if wide else (4.5, 3.4))
        return panel(title, f"<figure>\n{svg}\n<figcaption>{caption}</figcaption></figure>")

    def trade_off(self) -> str:
        return self.picture(
            "Quality against cost advantage",
            pictures.trade_off,
            f"Line chart of mean quality over the share of queries sent to small, from {self.text.quality(self.large)} "
            f"with all queries at large to {self.text.quality(self.small)} with all at small. "
            f"At the threshold: {self.show('cost_advantage')} to small. APGR {self.show('apgr')}.",
            "The higher the line runs above the dashed one, the less quality each query sent to small costs.",
        )

    def pictures(self) -> str:
        found = [
            self.picture(
                "Scores",
                pictures.scores,
                f"Histogram of the scores; queries at or above the threshold of {self.report.threshold:.3f} go to small, "
                f"{self.show('cost_advantage')} of all.",
                "Each bar counts queries; those right of the line go to small. The wider the spread, the more room to choose.",
            ),
            self.picture(
                "Reliability of the scores",
                pictures.reliability,
                f"Mean label over mean score in ten bins of the score; calibration error {self.show('ece')}.",
                "Dots on the dashed line: a score means what it says. The top row counts the queries per bin.",
            ),
        ]
        if self.report.margin_curve is not None and self.report.margin_curve.size:
            margins, objective = self.report.margin_curve
            best = int(np.argmax(objective >= objective.max() - 1e-12))
            found.append(
                self.picture(
                    "The search for t*",
                    pictures.t_star,
                    f"How well the labels tell queries apart at each margin; best at t* = {margins[best]:.4g}.",
                    "The margin t* at the peak makes the labels tell queries apart best; 0 is no relaxation.",
                )
            )
        return "\n".join(found)

    def baselines(self) -> str:
        rows = []
        for name, row in self.report.baselines().items():
            quality = row.get("quality")
            cells = [
                self.text.share(row.get("cost_advantage")),
                self.text.quality(quality),
                self.text.quality(None if quality is None else self.large - quality),
                self.text.ratio(row.get("apgr")),
                self.text.share(row.get("cpt_50")),
                self.text.share(row.get("cpt_80")),
            ]
            mark = f'<th scope="row" class="name {BASELINES.get(name, "plain")}">{escape(name)}</th>'
            strong = ' class="strong"' if name == "router" else ""
            rows.append(f"<tr{strong}>{mark}{''.join(map(cell, cells))}</tr>")
        head = ["", "To small", "Quality", "Drop", "APGR", "CPT 50", "CPT 80"]
        note = (
            "Random and oracle send the same share to small as the router; the oracle knows both qualities of every "
            "query. CPT 50 and CPT 80: the share to large that recovers 50 and 80 percent of the gap."
        )
        return panel("Beside the baselines", table(head, rows, kind="baselines"), note, scroll="scroll")

    def measures(self) -> str:
        rows = []
        for measure in [name for name in MEASURES if name in self.at] + [n for n in self.at if n not in MEASURES]:
            name, _, what = MEASURES.get(measure, (measure, "", ""))
            term = f'<th scope="row"><div class="term"><span>{escape(name)}</span><span>{what}</span></div></th>'
            rows.append(f"<tr>{term}{cell(self.show(measure))}{cell(self.span(measure))}</tr>")
        return panel("All measures", table(["Measure", "Value", f"{self.level} interval"], rows))

    def groups(self) -> str:
        found = sorted(self.report.group_rows(), key=lambda row: (row.routed - row.large, row.group))
        if not found:
            return ""
        rows = []
        for row in found:
            percent = self.text.share(row.cost_advantage)
            share = f'<td class="n bar" style="--share:{row.cost_advantage:.3f}">{percent}</td>'
            figures = [f"{row.n:,}", *map(self.text.quality, (row.small, row.large, row.routed, row.large - row.routed))]
            rows.append(f'<tr><th scope="row">{short(row.group)}</th>{"".join(map(cell, figures))}{share}</tr>')
        head = ["Group", "Queries", "All small", "All large", "Routed", "Drop", "To small"]
        note = "Mean quality per query at the threshold, largest drop first. In small groups chance weighs much."
        content = table(head, rows, kind="groups")
        return panel(f"Groups ({len(found):,})", content, note, scroll="scroll tall")

    def settings(self) -> str:
        about = dict(self.report.about)
        calibration = about.pop("calibration", None)
        parts = []
        if isinstance(calibration, dict) and calibration:
            parts.append(panel("Calibration of the threshold", settings(calibration)))
        general = {"threshold": self.report.threshold, **{k: v for k, v in about.items() if k != "training"}}
        if about.get("training"):
            general["training"] = about["training"]
        return "\n".join([panel("Settings", settings(general)), *parts])


def _against_random(apgr: Interval) -> str:
    figures = f"APGR {apgr.value:.3f} [{apgr.low:.3f}, {apgr.high:.3f}]"
    if np.isnan(apgr.value):
        return "the models have the same mean quality, so there is no gap to recover (PGR and APGR –)"
    if apgr.low > 0.5:
        return f"over all thresholds it is <b>better than random</b> routing ({figures}; random 0.5)"
    verdict = "worse than random routing" if apgr.high < 0.5 else "not distinguishable from random routing"
    return f"over all thresholds it is <b>{verdict}</b> ({figures}; random 0.5)"
