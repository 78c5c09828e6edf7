"""Chat messages -> what is scored of them, and what they hold besides text: one rule for every adapter."""

from .content import kinds_beyond_text
from .deciding import Judged, decide_reading, no_question
from .human import is_summary, written
from .known import Known
from .query import message_text, query_from_messages
from .reading import VERSION, Reading, read, read_text, read_turns
from .turns import Messages, user_turns, without_answer

__all__ = [
    "VERSION",
    "Judged",
    "Known",
    "Messages",
    "Reading",
    "decide_reading",
    "is_summary",
    "kinds_beyond_text",
    "message_text",
    "no_question",
    "query_from_messages",
    "read",
    "read_text",
    "read_turns",
    "user_turns",
    "without_answer",
    "written",
]
