"""Qualities -> what is learned: the quality gap, the three labels of Hybrid LLM, and the search for t*."""

from .builders import TOLERANCE, deterministic_labels, probabilistic_labels, transformed_labels
from .margin import MarginSearch, find_margin, margin_to_train
from .modes import Mode, check_label_settings, labels_of_mode

__all__ = [
    "TOLERANCE",
    "MarginSearch",
    "Mode",
    "check_label_settings",
    "deterministic_labels",
    "find_margin",
    "labels_of_mode",
    "margin_to_train",
    "probabilistic_labels",
    "transformed_labels",
]
