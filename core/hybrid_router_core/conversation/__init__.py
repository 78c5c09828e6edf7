"""Chat messages -> the text to score, and what they hold besides text: one rule for every adapter."""

from .content import kinds_beyond_text
from .query import message_text, query_from_messages

__all__ = ["kinds_beyond_text", "message_text", "query_from_messages"]
