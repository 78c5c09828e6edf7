"""What of a user's message the user wrote: agents, memories and compactors speak in the user's name too."""

from __future__ import annotations

import functools
import re

__all__ = ["SUMMARY", "written"]

# Blocks that coding agents put before, between or after what the user wrote
_INJECTED = (
    *("system-reminder", "system_reminder", "environment_details", "environment_context", "system_notification"),
    *("local-command-stdout", "local-command-stderr", "command-message", "task-notification", "tool_result"),
    *("conversation_summary", "conversation-summary", "user_memories", "function_results"),
)
# Words that a user may write about markup with, so that they count at the beginning alone
_AT_START = (*_INJECTED, "summary", "memory", "memories", "context_summary", "current_state")
_ANYWHERE = re.compile(rf"<({'|'.join(_INJECTED)})\b[^<>]*>", re.IGNORECASE)
_START = re.compile(rf"\s*<({'|'.join(_AT_START)})\b[^<>]*>", re.IGNORECASE)
_LINE = re.compile(
    r"\A\s*\[?(?:system|automated|automatic)[ -]?(?:reminder|message|notification|note|notice|prompt)s?\]?\s*[:\]-]",
    re.IGNORECASE,
)
_ENVELOPE = re.compile(r"\A\s*<(user_query|user_message|user-request|user_input|task)>(.*)</\1>\s*\Z", re.DOTALL)
_TALK = "conversation|chat|discussion|dialog(?:ue)?|session|exchange|interaction|history|messages|thread|transcript"
SUMMARY = re.compile(
    rf"""\A[\s#*_\[(]*(?:
    (?:(?:here\ is|here's|this\ is|below\ is|the\ following\ is)\s+)?
      (?:an?\s+|the\s+)?(?:\w+\s+){{0,2}}summary\s+(?:of|for|from)\s+
      (?:\w+\s+){{0,4}}(?:{_TALK}|turns)\b[^.?!\n]{{0,60}}[:.\n]
    | (?:\w+\s+){{0,2}}(?:{_TALK})\s+summary\b[^.?!\n]{{0,40}}[:\n]
    | summary\ (?:so\ far|to\ date)\s*:
    | (?:this\ session\ is\ being|the\ conversation\ is)\ continued\ from\ a\ previous\ conversation
    | (?:previous|prior|earlier)\ (?:{_TALK})\s*(?:\(|:|\n)
    | zusammenfassung\s+(?:des|der|unseres|unserer|dieser|dieses)\s[^.?!\n]{{0,60}}:
    | resumen\s+(?:de|del)\s[^.?!\n]{{0,20}}(?:conversación|conversacion|charla|chat|diálogo)[^.?!\n]{{0,40}}:
    | résumé\s+de\s[^.?!\n]{{0,20}}(?:conversation|discussion|échange)[^.?!\n]{{0,40}}:
    | riassunto\s+della\s[^.?!\n]{{0,20}}conversazione[^.?!\n]{{0,40}}:
    | resumo\s+d[ae]\s[^.?!\n]{{0,20}}(?:conversa|conversação)[^.?!\n]{{0,40}}:
    | [^\n。：:]{{0,8}}(?:对话|對話|会话|聊天|会話|やりとり)
      [^\n。：:]{{0,8}}(?:摘要|总结|總結|概要|要約|まとめ)[^\n。：:]{{0,8}}[：:\n]
    | (?:краткое\ )?(?:содержание|резюме)\s+(?:\w+\s+)?(?:разговора|диалога|беседы)[^.?!\n]{{0,40}}:
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_HEAD = 400  # characters within which a message says that it is a summary


@functools.lru_cache(maxsize=512)  # the earlier turns of a conversation come with each of its calls
def written(text: str) -> str:
    """The text without what was put into it; empty if the user wrote none of it."""
    if "<" in text:
        text = _outside_blocks(text)
        envelope = _ENVELOPE.match(text)
        if envelope is not None:
            text = envelope[2]
    return "" if _LINE.match(text) or SUMMARY.match(text[:_HEAD]) else text


def _outside_blocks(text: str) -> str:
    kept: list[str] = []
    place = 0
    while (begin := (_ANYWHERE.search if place else _first)(text, place)) is not None:
        end = re.compile(rf"</{begin[1]}\s*>", re.IGNORECASE).search(text, begin.end())
        kept.append(text[place : begin.start()])
        place = len(text) if end is None else end.end()  # what was cut off has no end
    return text if not place else "\n".join(part for part in (*kept, text[place:]) if part.strip()).strip()


def _first(text: str, place: int) -> re.Match[str] | None:
    return _START.match(text, place) or _ANYWHERE.search(text, place)
