"""What of a reply is an answer: one rule for servers, for models of the frameworks and for callables.

A reply without text is no answer: stored as one, it would be measured as a wrong one. Figures that are no figures are
left out; they are never worth a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from hybrid_router_core.data import Response

from .errors import AskError

__all__ = ["EMPTY", "Reply", "answer", "checked", "cut_off", "figure", "item", "reply_of"]

EMPTY = "the answer is empty"  # each reason of a failure of this kind begins so
_TEXT_PARTS = (None, "text", "output_text")
_CUT = ("length", "max_tokens", "max_output_tokens", "model_length")
_FILTERED = ("content_filter", "safety", "blocklist", "prohibited_content", "recitation", "refusal")
_MOST_TOKENS = 2**31  # no answer has more
_LONGEST_FINISH = 64  # characters
_DEEPEST = 4  # lists of parts within parts


@dataclass(frozen=True)
class Reply:
    """What may be found in a reply; each may be anything.

    Attributes:
        content: The text, or a list of parts.
        refusal: The text of a refusal, where it has a place of its own.
        thoughts: What was thought aloud, apart from the content.
        calls: Calls of tools.
        finish: Why the answer ended.
        prompt_tokens: Tokens read.
        completion_tokens: Tokens written.
    """

    content: Any = None
    refusal: Any = None
    thoughts: Any = None
    calls: Any = None
    finish: Any = None
    prompt_tokens: Any = None
    completion_tokens: Any = None


def answer(reply: Reply, seconds: float) -> Response:
    """The answer in a reply.

    Raises:
        AskError: There is none; says why, as far as the reply tells.
    """
    texts: list[str] = []
    refusals: list[str] = []
    _collect_parts(reply.content, texts, refusals)
    _collect_parts(reply.refusal, refusals, refusals)
    prompt, completion = figure(reply.prompt_tokens), figure(reply.completion_tokens)
    response = Response("".join(texts), prompt, completion, seconds, _finish(reply.finish))
    if response.empty and refusals:
        response = replace(response, text="".join(refusals))
    if response.empty:
        raise AskError(f"{EMPTY}: {_why(reply, response)}", paid=response)
    return response


def checked(found: Any) -> Response:
    """A response of the user's own code, with what is no figure left out.

    Raises:
        AskError: It is no response, or an empty one.
    """
    text = found.text if isinstance(found, Response) else found
    if not isinstance(text, str):
        raise AskError(f"the callable returned {type(text).__name__}; text is needed", fatal=True)
    if not isinstance(found, Response):
        found = Response(text)
    clean = Response(
        text,
        figure(found.prompt_tokens),
        figure(found.completion_tokens),
        _amount(found.seconds),
        _finish(found.finish_reason),
        _amount(found.cost),
    )
    if clean.empty:
        raise AskError(f"{EMPTY}: {_why(Reply(finish=clean.finish_reason), clean)}", paid=clean)
    return clean


def reply_of(body: Any) -> Reply | None:
    """What stands in the body of a chat completion; None if it is of another form.

    Where there are several choices it is the first one that has something to say.
    """
    choices = item(body, "choices")
    if not isinstance(choices, (list, tuple)):
        return None
    usage = item(body, "usage")
    replies = [_of_choice(choice, usage) for choice in choices[:16] if not isinstance(choice, str)]
    if len(replies) == 1:
        return replies[0]
    return next((reply for reply in replies if _says(reply)), replies[0] if replies else Reply())


def cut_off(response: Response) -> bool:
    """Whether the length limit ended this answer."""
    return response.finish_reason is not None and response.finish_reason.lower() in _CUT


def figure(value: Any) -> int | None:
    """A number of tokens, or None for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return int(value) if whole and 0 <= value < _MOST_TOKENS else None


def item(value: Any, key: str) -> Any:
    """What a mapping or an object holds under a name; None if it has nothing there."""
    return value.get(key) if isinstance(value, (dict, Mapping)) else getattr(value, key, None)


def _of_choice(choice: Any, usage: Any) -> Reply:
    message = item(choice, "message")
    if message is None:
        message = item(choice, "delta")
    content = message if isinstance(message, str) else item(message, "content")
    return Reply(
        item(choice, "text") if content is None else content,
        item(message, "refusal"),
        item(message, "reasoning_content") or item(message, "reasoning"),
        item(message, "tool_calls") or item(message, "function_call"),
        item(choice, "finish_reason"),
        item(usage, "prompt_tokens"),
        item(usage, "completion_tokens"),
    )


def _says(reply: Reply) -> bool:
    try:
        return bool(answer(reply, 0.0))
    except AskError:
        return False


def _collect_parts(content: Any, texts: list[str], refusals: list[str], depth: int = 0) -> None:
    if isinstance(content, str):
        texts.append(content)
    elif isinstance(content, (list, tuple)) and depth < _DEEPEST:
        for part in content:
            _collect_parts(part, texts, refusals, depth + 1)
    elif isinstance(content, Mapping) and depth < _DEEPEST:
        kind = content.get("type")
        if kind == "refusal":
            _collect_parts(content.get("refusal"), refusals, refusals, depth + 1)
        elif kind is None or (isinstance(kind, str) and kind in _TEXT_PARTS):  # thoughts and calls have other types
            text = content.get("text")
            _collect_parts(text.get("value") if isinstance(text, Mapping) else text, texts, refusals, depth + 1)


def _why(reply: Reply, response: Response) -> str:
    finish = response.finish_reason
    ending = f" (finish_reason {finish})" if finish else ""
    if cut_off(response):
        return f"the length limit ended it before any text{ending}; raise --max-tokens"
    if finish is not None and finish.lower() in _FILTERED:
        return f"the server's filter held it back{ending}"
    if reply.calls:
        return f"the model called a tool in place of answering{ending}"
    if reply.thoughts or "<think>" in response.text:
        return f"the model thought and said nothing{ending}; raise --max-tokens"
    return f"no text came{ending}"


def _finish(value: Any) -> str | None:
    """A word, or None: some servers put an object here."""
    short = isinstance(value, str) and 0 < len(value) <= _LONGEST_FINISH and value.isprintable()
    return str(value) if short else None


def _amount(value: Any) -> float | None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number and 0 <= value < inf else None
