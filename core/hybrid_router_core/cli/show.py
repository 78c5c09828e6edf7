"""Figures as lines of text."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan

from hybrid_router_core.calibration import Calibration
from hybrid_router_core.evaluation import Interval, Report

__all__ = ["calibration_lines", "report_lines"]

_PERCENT = 100.0
# Measure, its words, its unit (None is a plain number).
_AT_THRESHOLD = (
    ("cost_advantage", "to small (cost advantage)", "%"),
    ("quality_drop", "quality drop against all-large", None),
    ("relative_quality_drop", "the same, relative", " %"),
    ("pgr", "gap recovered (PGR)", None),
    ("saved_cost", "cost saved", "%"),
)
_OVERALL = (
    ("apgr", "APGR (0.5 is random)", None),
    ("cpt_50", "to large for half the gap (CPT 50 %)", "%"),
    ("cpt_80", "to large for 80 % of it (CPT 80 %)", "%"),
    ("auroc", "AUROC", None),
    ("ece", "calibration error of the scores", None),
)


def calibration_lines(calibration: Calibration, before: float | None = None) -> list[str]:
    """What was asked for and what the threshold does on the calibration rows; below it, what that rests on.

    Args:
        calibration: The record.
        before: The threshold until now, where that is of interest.
    """
    relative, was = calibration.relative_quality_drop_bound, "" if before is None else f" (was {before:.4f})"
    value = f"{calibration.target_value:g}" if relative is None else f"{relative:g}%"
    text = (
        f"threshold {calibration.threshold:.4f}{was} for {calibration.target} {value}: "
        f"on {calibration.n:,} rows "
        f"{calibration.cost_advantage:.1%} to small, quality drop {calibration.quality_drop:.4f}"
    )
    if calibration.confidence is not None:
        bound = f"{calibration.quality_drop_bound:.4f}" if relative is None else f"{relative:g}% of all-large's quality"
        text += f", at most {bound} with confidence {calibration.confidence:.0%}"
    lines = [text]
    if calibration.n_groups is not None:
        lines.append(
            f"  holds for {calibration.n_groups} new groups, as many as were seen, by a bootstrap-t over groups; "
            f"{calibration.assumes}"
        )
    if calibration.cross_fitted:
        queries = calibration.n_queries or calibration.n
        lines.append(
            f"  {calibration.cross_fitted:,} of the {queries:,} queries were trained on, and scored by routers that "
            "had not seen their groups"
        )
    if calibration.strangers is not None:
        others = "not trained on " if calibration.cross_fitted else ""
        lines.append(f"  the guard sends {calibration.strangers:.1%} of the queries {others}to large as strangers")
    return lines


def report_lines(report: Report) -> Iterable[str]:
    """The measures with their intervals."""
    across = "" if report.outcomes.across is None else f" for other groups than these {len(report.group_rows())}"
    yield f"at threshold {report.threshold:.4f}, with {report.confidence:.0%} intervals{across}"
    yield from _measures(report, _AT_THRESHOLD)
    if report.strangers is not None:
        yield f"  {'unlike the calibration, so to large':<38}{_PERCENT * report.strangers:7.1f} %"
    yield "over all thresholds"
    yield from _measures(report, _OVERALL)


def _measures(report: Report, rows: Iterable[tuple[str, str, str | None]]) -> Iterable[str]:
    for name, words, unit in rows:
        if name in report.measures:
            yield f"  {words:<38}{_interval(report.measures[name], unit)}"


def _interval(interval: Interval, unit: str | None) -> str:
    if isnan(interval.value):
        return f"{'undefined':>9}"
    if unit is None:
        return f"{interval.value:9.4f}    [{interval.low:.4f}, {interval.high:.4f}]"
    factor = _PERCENT if unit == "%" else 1.0  # a relative drop is in per cent already
    value, low, high = (factor * number for number in (interval.value, interval.low, interval.high))
    return f"{value:7.1f} %    [{low:.1f}, {high:.1f}]"
