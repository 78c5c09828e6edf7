"""The store of a deployed router's calls: written without waiting, by many processes, and read in figures or rows."""

from .errors import StoreError
from .rows import Call, Event, Label, Labelled, Row, Source, Texts
from .store import Store
from .writer import Writer

__all__ = ["Call", "Event", "Label", "Labelled", "Row", "Source", "Store", "StoreError", "Texts", "Writer"]
