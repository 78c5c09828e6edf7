"""Public data sets of routing into `dataset.jsonl`: one form each, none of them copied, all of them checked."""

from .base import Form, ImportedRow, ImportSettings, Tally
from .forms import FORMS, import_files
from .llmrouter import is_routing_data, read_routing_data

__all__ = [
    "FORMS",
    "Form",
    "ImportSettings",
    "ImportedRow",
    "Tally",
    "import_files",
    "is_routing_data",
    "read_routing_data",
]
