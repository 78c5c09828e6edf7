"""Numbers and tables as HTML text. Everything that comes from a user is escaped here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

__all__ = ["Formatter", "cell", "panel", "settings", "short", "table"]

NONE = "–"
LONGEST_NAME = 80


class Formatter:
    """Numbers at a sensible rounding; NaN and None become a dash.

    Args:
        scale: Typical size of a quality, from which its number of decimals follows: 4 for 0.8, 2 for 80.
    """

    def __init__(self, scale: float) -> None:
        usable = math.isfinite(scale) and scale > 0
        self.decimals = min(8, max(0, 3 - math.floor(math.log10(scale)))) if usable else 4

    def quality(self, value: float | None) -> str:
        """A number in units of quality."""
        return _number(value, f",.{self.decimals}f")

    def ratio(self, value: float | None) -> str:
        """A number without a unit, such as PGR; one that is far from 1 keeps fewer decimals."""
        return _number(value, ".3f" if value is None or abs(value) < 1000 else ".3g")

    def share(self, value: float | None) -> str:
        """A share of 1, in percent."""
        return self.percent(None if value is None else 100.0 * value)

    def percent(self, value: float | None) -> str:
        """A number that is in percent already; small ones keep two decimals."""
        text = _number(value, ".1f" if value is None or abs(value) >= 10 or value == 0 else ".2f")
        return text if text == NONE else f"{text}\u202f%"


def cell(text: str) -> str:
    """A table cell with a number."""
    return f'<td class="n">{text}</td>'


def table(head: Sequence[str], rows: Iterable[str], kind: str = "figures") -> str:
    """A table from ready rows; all columns but the first hold numbers."""
    titles = "".join(f'<th scope="col"{" class=n" if i else ""}>{title}</th>' for i, title in enumerate(head))
    return f'<table class="{kind}">\n<thead><tr>{titles}</tr></thead>\n<tbody>\n{chr(10).join(rows)}\n</tbody></table>'


def panel(title: str, content: str, note: str = "", scroll: str = "") -> str:
    """A titled section; with ``scroll`` (a class) its content scrolls inside it, also by keyboard."""
    if scroll:
        content = f'<div class="{scroll}" tabindex="0" role="region" aria-label="{title}">{content}</div>'
    below = f'\n<p class="note">{note}</p>' if note else ""
    return f'<section class="card">\n<h2>{title}</h2>\n{content}{below}\n</section>'


def short(name: str) -> str:
    """A user's name as cell text, cut with an ellipsis if it is very long; the whole name is its tooltip."""
    if len(name) <= LONGEST_NAME:
        return escape(name)
    return f'<span title="{escape(name)}">{escape(name[: LONGEST_NAME - 1])}…</span>'


def settings(values: Mapping[str, Any]) -> str:
    """A table of names and values; mappings inside are flattened."""
    rows = [f'<tr><th scope="row">{escape(k)}</th><td>{escape(v)}</td></tr>' for k, v in _flat(values, "")]
    return f'<table class="settings"><tbody>\n{chr(10).join(rows)}\n</tbody></table>'


def _flat(values: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, str]]:
    for key, value in values.items():
        name = f"{prefix}{str(key).replace('_', ' ')}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{name}: ")
        else:
            yield name, _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value, ".5g")
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value)) or NONE
    return NONE if value is None or value == {} or value == "" else str(value)


def _number(value: float | None, style: str) -> str:
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "\u2212∞"
    text = format(float(value), style)
    if text.startswith("-") and not text.strip("-0.,"):  # a loss of -0.00001 is not a negative zero
        text = text[1:]
    return text.replace("-", "\u2212")
