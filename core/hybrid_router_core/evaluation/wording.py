"""What the page calls the measures, and the sentence it draws from them."""

from __future__ import annotations

import math

from .bootstrap import Interval

__all__ = ["BASELINES", "MEASURES", "against_random"]

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


def against_random(apgr: Interval, gap: float) -> str:
    """Half a sentence: whether the router beats random routing, as far as these data can tell.

    Args:
        apgr: Its APGR.
        gap: Mean quality of large minus that of small.
    """
    figures = f"APGR {apgr.value:.3f} [{apgr.low:.3f}, {apgr.high:.3f}]"
    if gap < 0:
        return "on average small alone is better than large on these data"
    if math.isnan(apgr.value):
        return "both models have the same mean quality on these data"
    if apgr.low > 0.5:
        return f"over all thresholds it is <b>better than random</b> routing ({figures}; random 0.5)"
    verdict = "worse than random routing" if apgr.high < 0.5 else "not distinguishable from random routing"
    return f"over all thresholds it is <b>{verdict}</b> ({figures}; random 0.5)"
