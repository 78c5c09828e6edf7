"""Rows on disk -> a checked data set: readers of many forms, streams of any length, and recorded responses."""

from .cells import WORDS
from .checks import check_dataset, check_queries
from .dataset import RoutingDataset
from .hashes import query_hashes
from .joining import joined
from .lines import json_bytes, write_lines
from .pools import PoolRow, read_pool_rows
from .readers import read_rows
from .repeats import Draws
from .response_rows import Response, ResponseRow, Side
from .responses import read_responses
from .rows import MANY_COLUMNS, PAIR_COLUMNS, Unreadable, is_many, nearest
from .streams import in_chunks, read_data_chunks, read_queries, read_query_rows
from .tables import arrow_batches, arrow_modules
from .unnamed import is_unnamed_group

__all__ = [
    "MANY_COLUMNS",
    "PAIR_COLUMNS",
    "WORDS",
    "Draws",
    "PoolRow",
    "Response",
    "ResponseRow",
    "RoutingDataset",
    "Side",
    "Unreadable",
    "arrow_batches",
    "arrow_modules",
    "check_dataset",
    "check_queries",
    "in_chunks",
    "is_many",
    "is_unnamed_group",
    "joined",
    "json_bytes",
    "nearest",
    "query_hashes",
    "read_data_chunks",
    "read_pool_rows",
    "read_queries",
    "read_query_rows",
    "read_responses",
    "read_rows",
    "write_lines",
]
