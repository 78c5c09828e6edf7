"""What is kept of a calibration."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Calibration"]


class Calibration(BaseModel):
    """How a threshold was chosen and what it achieves on the calibration data.

    Attributes:
        target: Which target was asked for.
        target_value: Its value: a share, a PGR, or a drop in units of quality; of a relative limit the share of
            all-large's mean quality.
        confidence: Of the guarantee, over the draw of the calibration data; None where nothing is guaranteed.
        threshold: In [0, 1].
        n: Number of calibration rows.
        n_queries: Number of distinct queries among them, which are the independent draws; None in an older record.
        left_out: Number of further rows that were not used, since their queries were trained on.
        strangers: Share of the queries that were not trained on which the guard sends to large; None without a guard.
        design_effect: By how much the variance of the mean loss grows since queries of one group lose alike; 1 where
            groups do not matter, None without groups.
        smallest_probability: Smallest with which a query could be chosen for these rows, where they are a weighted
            sample: the figures below are of the traffic then, by the weights; None for plain rows.
        cost_advantage: Share of the queries that goes to small.
        quality_drop: Their mean quality at all-large minus that of the routed answers.
        pgr: Performance gap recovered; None unless large is better on average.
        quality_drop_bound: With ``confidence``, the drop on new queries of the same kind is at most this; else None.
        relative_quality_drop_bound: The same of a relative limit, in percent of all-large's mean quality; else None.
        across: "groups" if the bound is about a new draw of as many groups; None if about new queries of the same ones.
        n_groups: How many groups that were; None unless ``across``.
        cross_fitted: How many of ``n_queries`` were trained on, and scored by scorers that had not seen their group.
        assumes: What the bound rests on beyond what `method` proves, or "".
        quality_range: Lowest and highest possible quality that the bound relies on, or None.
        seed: Of the orders in which the queries were tested, or None.
        method: How the threshold was found, with its source.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    target: Literal["cost_advantage", "pgr", "max_quality_drop"]
    target_value: float
    confidence: float | None = Field(default=None, gt=0, lt=1)
    threshold: float = Field(ge=0, le=1)
    n: int = Field(ge=1)
    n_queries: int | None = Field(default=None, ge=1)
    left_out: int = Field(default=0, ge=0)
    strangers: float | None = Field(default=None, ge=0, le=1)
    design_effect: float | None = Field(default=None, ge=1)
    smallest_probability: float | None = Field(default=None, gt=0, le=1)
    cost_advantage: float = Field(ge=0, le=1)
    quality_drop: float
    pgr: float | None = None
    quality_drop_bound: float | None = None
    relative_quality_drop_bound: float | None = None
    across: Literal["groups"] | None = None
    n_groups: int | None = Field(default=None, ge=1)
    cross_fitted: int = Field(default=0, ge=0)
    assumes: str = ""
    quality_range: tuple[float, float] | None = None
    seed: int | None = None
    method: str
