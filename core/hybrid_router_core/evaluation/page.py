"""The report as one self-contained HTML page: no script, no link, pictures as inline SVG."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

import numpy as np

from hybrid_router_core.drawing import Formatter, cell, panel, settings, short, table

from . import pictures
from .figures import Figures
from .wording import BASELINES, MEASURES, against_random

__all__ = ["write_page"]


def write_page(report: Figures, path: Path) -> Path:
    """Write the page in UTF-8, and the folder it goes to if that is missing; returns the path."""
    text = _Page(report).render()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "replace"))  # a lone surrogate in a group name becomes "?"
    return path


class _Page:
    def __init__(self, report: Figures) -> None:
        self.report = report
        self.at = report.measures
        self.small, self.large = float(np.mean(report.outcomes.small)), float(np.mean(report.outcomes.large))
        self.text = Formatter(max(abs(self.small), abs(self.large)))

    def render(self) -> str:
        template = files("hybrid_router_core.drawing").joinpath("page.html").read_text("utf-8")
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
        n = len(self.report.outcomes.scores)
        across = self.report.outcomes.across
        over = "" if across is None else f" over {len(self.report.group_rows())} groups, for other groups"
        held_out = f"{n:,} held-out {'query' if n == 1 else 'queries'}"
        return f"{held_out}{labels} · intervals of {self.level} by bootstrap{over}"

    def verdict(self) -> str:
        drop = self.at["quality_drop"].value
        relative = self.text.percent(abs(self.at["relative_quality_drop"].value))
        change = f"{'a loss' if drop > 0 else 'a gain'} of {self.text.quality(abs(drop))}" if drop else "no loss"
        return (
            f"At its threshold of {self.report.threshold:.3f} the router sends <b>{self.show('cost_advantage')}</b> of "
            f"the queries to small, for <b>{change} in mean quality</b> against sending all to large "
            f"({relative}, PGR {self.show('pgr')}); {against_random(self.at['apgr'], self.large - self.small)}."
            f"{self.guarded()}"
        )

    def guarded(self) -> str:
        share = self.report.strangers
        if share is None:
            return ""
        return (
            f" Its guard sends {self.text.share(share)} to large whatever the score, as unlike the calibration queries."
        )

    def notes(self) -> str:
        notes = []
        seen, n = self.report.seen_in_training, len(self.report.outcomes.scores)
        if seen:
            notes.append(
                f"<b>{seen:,} of the {n:,} queries were trained on.</b> The figures flatter the router; "
                "evaluate on a part of the data that fit has not seen."
            )
        if self.large < self.small or np.isnan(self.report.apgr):
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
        but_guarded = ", but for the guard’s" if self.report.strangers else ""
        found = [
            self.picture(
                "Scores",
                pictures.scores,
                f"Histogram of the scores; {self.show('cost_advantage')} of the queries go to small, at or above the "
                f"threshold of {self.report.threshold:.3f}.",
                f"Each bar counts queries; those right of the line go to small{but_guarded}. "
                "A wide spread leaves room to choose.",
            ),
            self.picture(
                "Reliability of the scores",
                pictures.reliability,
                f"Mean label over mean score in ten bins of the score; calibration error {self.show('ece')}.",
                "Dots on the dashed line: a score means what it says. The top row counts the queries per bin.",
            ),
        ]
        if self.report.margin_curve is not None and self.report.margin_curve.size:
            best = self.report.margin_curve[0][pictures.best_margin(self.report.margin_curve)]
            found.append(
                self.picture(
                    "The search for t*",
                    pictures.t_star,
                    f"How well the labels tell queries apart at each margin; best at t* = {best:.4g}.",
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
            qualities = map(self.text.quality, (row.large - row.routed, row.routed, row.small, row.large))
            rest = "".join(map(cell, qualities))
            rows.append(f'<tr><th scope="row">{short(row.group)}</th>{cell(f"{row.n:,}")}{share}{rest}</tr>')
        head = ["Group", "Queries", "To small", "Drop", "Routed", "All small", "All large"]
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
