"""The figures of an inspection in words, and the verdict they lead to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan
from typing import Literal

from hybrid_router_core.evaluation import GROUPED

from .figures import Figures
from .findings import Finding
from .learning_curve import LearningCurve

__all__ = ["LIMITS", "Verdict", "places", "summary", "verdict_on"]

# What the verdict goes by; it repeats them where it uses them.
MIN_ROWS = 100  # with fewer, no interval says anything
MIN_FREE = 0.10  # with less for small, the saving hardly pays for running a second model
MIN_HEADROOM = 0.05  # in deviations of the gap: less is lost in the noise of any score
MOST_CHANCE = 0.05  # that a "yes" comes of data in which the text says nothing
MOST_TIES = 0.90  # beyond, the score hardly tells the models apart, and rows teach little
LIMITS = {
    "min_rows": MIN_ROWS,
    "min_free": MIN_FREE,
    "min_headroom": MIN_HEADROOM,
    "most_chance": MOST_CHANCE,
    "most_ties": MOST_TIES,
}


@dataclass(frozen=True)
class Verdict:
    """Whether routing this pair can gain anything, and why."""

    answer: Literal["yes", "perhaps", "no"]
    headline: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([f"{self.answer}: {self.headline}", *(f"  - {reason}" for reason in self.reasons)])


def verdict_on(of: Figures) -> Verdict:
    """Judge by the limits above."""
    free = of.wins + of.ties
    headroom = of.oracle["headroom"] or 0.0
    repeatable = of.oracle["repeatable_headroom"]
    spread = of.gap["deviation"]
    small_leads = of.gap["low"] >= 0
    best = of.oracle["cost_advantage_at_no_drop"] or 0.0
    better = (
        "large is better" if of.gap["high"] < 0 else "small is at least as good" if small_leads else "neither leads"
    )
    enough = f"below {MIN_FREE:.0%} the saving would hardly pay for a second model"
    reasons = [
        f"on average {better}: gap small - large {_gap(of)}",
        f"small is at least as good on {free:.1%} of the queries ({of.ties:.1%} ties); {enough}",
        f"the oracle sends {best:.1%} to small at no loss, and at its best gains {headroom:.4f} over the better model",
    ]
    if repeatable is None:
        reasons[-1] += "; with one sample a query, some of that is luck"
    else:
        reasons[-1] += f"; chosen by half of the samples, the others still show {max(repeatable, 0.0):.4f}"
    if of.ties > MOST_TIES:
        reasons.append(f"more than {MOST_TIES:.0%} are ties: a finer quality metric or harder queries would teach more")
    useful = headroom if repeatable is None else max(repeatable, 0.0)
    answer: Literal["yes", "perhaps", "no"] = "no"
    if of.rows < MIN_ROWS:
        answer, headline = "perhaps", f"fewer than {MIN_ROWS} rows tell too little; collect some hundred"
    elif of.signal is not None and of.signal.queries < MIN_ROWS:
        answer, headline = "perhaps", f"fewer than {MIN_ROWS} different queries tell too little; collect some hundred"
    elif of.wins + of.losses == 0 or spread == 0:
        headline = "every query has the same gap, so there is nothing to choose; take the cheaper or the better model"
    elif of.signal is None:
        answer, headline = "perhaps", "too few different queries to see whether a router finds what is for small"
    elif small_leads and useful < MIN_HEADROOM * spread:
        headline = "send everything to small; large adds next to nothing"
        reasons.append(f"gains below {MIN_HEADROOM:g} deviations of the gap ({MIN_HEADROOM * spread:.4f}) are noise")
    elif not small_leads and free < MIN_FREE:
        headline = "send everything to large; small is hardly ever good enough"
    elif of.gap["high"] >= 0:
        answer = "yes" if of.signal.over_small <= MOST_CHANCE else "perhaps"
        headline = "a router can raise quality above either model"
        if answer == "perhaps":
            headline = "all to small loses nothing on average, and these rows do not show yet where large does better"
    elif of.signal.p_value <= MOST_CHANCE:
        answer, headline = "yes", "a router finds queries for small"
    else:
        answer = "perhaps"
        headline = "there is room, but on these rows the text of a query does not tell yet which model is good"
    if of.design_effect is not None and of.design_effect >= GROUPED:
        reasons.append(
            f"queries of one group are alike: {of.rows:,} rows tell as much as some {of.rows / of.design_effect:,.0f}; "
            "what is said here holds for queries of these groups, and may not for others"
        )
    return Verdict(answer, headline, (*reasons, *_signal_words(of), *_curve_words(of.curve)))


def _signal_words(of: Figures) -> tuple[str, ...]:
    signal = of.signal
    if signal is None:
        return ()
    alike = "queries that read alike have gaps that are alike"
    chance = f"p = {signal.p_value:.3f} that chance alone does it, {signal.queries:,} queries; at most {MOST_CHANCE:g}"
    words = (f"{alike if signal.p_value <= MOST_CHANCE else 'no sign that ' + alike}: {chance} is a yes",)
    if of.gap["high"] < 0:  # over small alone, large gains in any case
        return words
    shown = "< 0.001" if signal.over_small < 0.001 else f"= {signal.over_small:.3f}"
    return (
        *words,
        f"p {shown} that sending some to large gains nothing over small alone; at most {MOST_CHANCE:g} is a yes",
    )


def _curve_words(curve: LearningCurve | None) -> tuple[str, ...]:
    if curve is None:
        return ()
    name = "APGR" if curve.measure == "apgr" else "share of the oracle's gain"
    found = f"{name} {curve.mean[-1]:.3f} [{curve.low[-1]:.3f}, {curve.high[-1]:.3f}]"
    gain, low, high = curve.gain
    last = f"the last doubling brought {gain:+.3f} [{low:+.3f}, {high:+.3f}]"
    advice = {
        "rising": f"still rising: {last}; twice as many should bring at most as much again",
        "flat": f"flat: {last}; more examples of the same kind would hardly help",
        "unclear": f"rising or flat, these rows cannot tell: {last}",
    }[curve.trend]
    stops = ""
    if curve.available > curve.sizes[-1]:
        stops = f" (the curve stops at {curve.sizes[-1]:,} of {curve.available:,} training rows)"
    return (f"trained on {curve.sizes[-1]:,} rows a router has {found}, random {curve.random:g}", f"{advice}{stops}")


def summary(of: Figures, verdict: Verdict) -> Iterable[str]:
    """The figures and the verdict, line by line."""
    sampled = "" if of.sampled == of.rows else f"; figures with * from a random sample of {of.sampled:,} rows"
    star = " " if of.sampled == of.rows else "*"
    samples = f"samples {_span(*of.samples['small'])} of small and {_span(*of.samples['large'])} of large"
    yield f"{of.rows:,} rows, {samples}{sampled}"
    yield ""
    yield f"  mean quality            small {of.mean_small:.4f}, large {of.mean_large:.4f}"
    yield f"  gap small - large       {_gap(of)}, deviation {of.gap['deviation']:.4f}"
    quantiles = "  ".join(f"{100 * q:g}%: {gap:+.3f}" for q, gap in of.gap_quantiles.items())
    yield f" {star}gap, quantiles          {quantiles}"
    yield f"  small wins, ties, loses {of.wins:.1%}, {of.ties:.1%}, {of.losses:.1%}"
    for mode, balance in of.labels.items():
        margin = f", t* = {of.margin:.4g}" if mode == "transformed" else ""
        yield f" {star}{mode + ' labels':<23} mean {balance.mean:.3f}, {balance.small:.1%} at 0.5 or above{margin}"
    yield (
        f" {star}oracle                  {of.oracle['cost_advantage_at_no_drop']:.1%} to small at no loss, "
        f"{_apgr(of.oracle['apgr'])}"
    )
    yield f"  oracle's headroom       {of.oracle['headroom']:.4f} over the better model alone"
    if of.curve is not None:
        yield f" {star}learning curve          {of.curve}"
    if of.findings:
        yield ""
        yield "worth a look"
        for finding in of.findings:
            yield f"  {finding.count:,} {finding.what}{places(finding)}"
    yield ""
    yield "anything to gain by routing this pair?"
    yield str(verdict)


def _span(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


def places(finding: Finding) -> str:
    """The first rows of a finding, to go behind its words."""
    if not finding.rows:
        return ""
    more = ", ..." if finding.count > len(finding.rows) else ""
    return f": {'row' if finding.count == 1 else 'rows'} {', '.join(f'{row:,}' for row in finding.rows)}{more}"


def _gap(of: Figures) -> str:
    return f"{of.gap['mean']:+.4f} [{of.gap['low']:+.4f}, {of.gap['high']:+.4f}]"


def _apgr(value: float | None) -> str:
    return "APGR undefined: no gap to recover" if value is None or isnan(value) else f"APGR {value:.3f} (random 0.500)"
