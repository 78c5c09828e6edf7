"""The decision for one query, and the only comparison of a score with a threshold."""

from .decision import ModelName, RoutingDecision, check_threshold, decide, goes_to_small

__all__ = ["ModelName", "RoutingDecision", "check_threshold", "decide", "goes_to_small"]
