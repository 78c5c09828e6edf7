"""The text whose form is read, without what a keyboard adds or leaves out by chance."""

from __future__ import annotations

import re

from hybrid_router_core.embedders import bound_text

__all__ = ["tidy"]

_DOUBLED = re.compile(r"(?<=\S) {2,}(?=\S)")  # not at the start of a line: there spaces are the form of code


def tidy(text: str) -> str:
    r"""Return what `bound_text` keeps, with a capital first, without white space around and doubled spaces inside.

    Capitals throughout, or at the start of every word, are read as if they were none.

    >>> tidy("  what  is\n  this? \n")
    'What is\n  this?'
    """
    text = _DOUBLED.sub(" ", bound_text(text).strip())
    if text.isupper() or text.replace("'", "").istitle():
        text = text.lower()
    return text[:1].upper() + text[1:]
