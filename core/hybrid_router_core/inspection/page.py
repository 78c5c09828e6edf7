"""An inspection as one self-contained HTML page, in the clothes of the router's report."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path

from hybrid_router_core.drawing import Formatter, cell, panel, settings, table

from .figures import Figures
from .pictures import PICTURES, as_svg
from .verdict import places, verdict_on

__all__ = ["write_data_page"]


def write_data_page(of: Figures, path: Path) -> Path:
    """Write the page in UTF-8, and the folder it goes to if that is missing; returns the path."""
    template = files("hybrid_router_core.drawing").joinpath("page.html").read_text("utf-8")
    head = template.partition("<body>")[0].replace("Router report", "Data for a router")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{head}<body>\n<main>\n{_body(of)}\n</main>\n</body>\n</html>\n", encoding="utf-8")
    return path


def _body(of: Figures) -> str:
    text = Formatter(max(abs(of.mean_small), abs(of.mean_large)))
    verdict = verdict_on(of)
    sampled = "" if of.sampled == of.rows else f" · most figures from a random sample of {of.sampled:,}"
    answer = f"<b>{verdict.answer.capitalize()}</b>: {escape(verdict.headline)}."
    said = f"Anything to gain by routing this pair? {answer}"
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
    tiles = (
        ("Gap, small \u2212 large", text.quality(of.gap["mean"]), _span(text, of)),
        ("Small at least as good", text.share(of.wins + of.ties), f"{text.share(of.ties)} are ties"),
        ("Oracle to small", text.share(of.oracle["cost_advantage_at_no_drop"]), "at no loss in mean quality"),
        ("Oracle\u2019s headroom", text.quality(of.oracle["headroom"]), "over the better model alone"),
    )
    shown = "\n".join(
        f'<div class="tile"><span>{name}</span><b>{value}</b><span>{more}</span></div>' for name, value, more in tiles
    )
    pictures = "\n".join(
        panel(title, f"<figure>\n{as_svg(draw, of, caption)}\n<figcaption>{caption}</figcaption></figure>")
        for title, (draw, caption) in PICTURES.items()
    )
    return "\n".join(
        [
            f'<header>\n<h1>Data for a router</h1>\n<p class="about">{of.rows:,} rows{sampled}</p>',
            f'<p class="verdict">{said}</p>\n</header>',
            f'<section class="tiles" aria-label="Main figures">\n{shown}\n</section>',
            f'<section class="card">\n<h2>Why</h2>\n<ul>{reasons}</ul>\n</section>',
            f'<div class="row hero">\n{pictures}\n</div>',
            _findings(of, text),
            _labels(of, text),
            panel("Figures", settings(_figures(of))),
        ]
    )


def _span(text: Formatter, of: Figures) -> str:
    return f"{text.quality(of.gap['low'])} to {text.quality(of.gap['high'])}"


def _findings(of: Figures, text: Formatter) -> str:
    if not of.findings:
        return panel("Worth a look", '<p class="note">Nothing suspicious was found.</p>')
    rows = [
        f'<tr><th scope="row">{escape(finding.what)}</th>{cell(f"{finding.count:,}")}{cell(text.share(finding.share))}'
        f"{cell(places(finding).removeprefix(': '))}</tr>"
        for finding in of.findings
    ]
    return panel("Worth a look", table(["What", "Number", "Share", "Where"], rows), scroll="scroll")


def _labels(of: Figures, text: Formatter) -> str:
    rows = [
        f'<tr><th scope="row">{mode}</th>{cell(text.ratio(balance.mean))}{cell(text.share(balance.small))}</tr>'
        for mode, balance in of.labels.items()
    ]
    return panel("Labels", table(["Mode", "Mean", "At 0.5 or above"], rows), f"t* = {of.margin:.4g}")


def _figures(of: Figures) -> dict[str, object]:
    return {
        "mean quality": {"small": of.mean_small, "large": of.mean_large},
        "samples of a query": {side: f"{low} to {high}" for side, (low, high) in of.samples.items()},
        "small": {"wins": of.wins, "ties": of.ties, "loses": of.losses},
        "gap": of.gap,
        "gap, quantile": {f"{share:g}": value for share, value in of.gap_quantiles.items()},
        "oracle": of.oracle,
        "learning curve": "none" if of.curve is None else str(of.curve),
    }
