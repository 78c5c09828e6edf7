"""What of a user's message the user wrote: agents, memories and compactors speak in the user's name too."""

from __future__ import annotations

import functools
import re

__all__ = ["is_summary", "written"]

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
    r"\A\s*(?:\[\s*(?:system|automated|automatic)\b[^\]\n]{0,40}\]|(?:system|automated|automatic)[ -]reminder\s*:)",
    re.IGNORECASE,
)
_ENVELOPE = re.compile(r"\A\s*<(user_query|user_message|user-request|user_input|task)>(.*)</\1>\s*\Z", re.DOTALL)
_TALK = "conversation|chat|dialog(?:ue)?|discussion|session"
_SO_FAR = r"(?:\ history)?(?:\ (?:so\ far|to\ date|until\ now|up\ to\ (?:now|this\ point)|above|with\ the\ user))?"
_SUMMARY = re.compile(
    rf"""\A[\s#*_\[(]*(?:
    (?:(?:here\ is|here's|this\ is|below\ is|the\ following\ is)\ )?
      (?:an?\ |the\ )?(?:(?:brief|short|concise|running|rolling|detailed)\ )?summary\ of[ ]
      (?:(?:the|our|this)\ )?(?:(?:previous|earlier|prior|past)\ )?(?:{_TALK}){_SO_FAR}[\s*_)\]]*(?::|\n|\.\s)
    | (?:(?:previous|earlier|prior|past)\ )?(?:{_TALK})\ summary(?:\ so\ far)?[\s*_)\]]*(?::|\n)
    | summary\ (?:so\ far|to\ date)\s*:
    | (?:this\ session\ is\ being|the\ conversation\ is)\ continued\ from\ a\ previous\ conversation
    | (?:previous|prior|earlier)\ (?:{_TALK})\s*:\s*\n
    | zusammenfassung\ (?:des|der|unseres|unserer)\ (?:bisherigen\ )?
      (?:gesprächs|unterhaltung|konversation|chats|dialogs|gesprächsverlaufs)[^.?!\n]{{0,30}}:
    | resumen\ de\ (?:la|nuestra)\ (?:conversación|conversacion|charla)[^.?!\n]{{0,30}}:
    | résumé\ de\ (?:la|notre)\ (?:conversation|discussion)[^.?!\n]{{0,30}}:
    | riassunto\ della\ (?:nostra\ )?conversazione[^.?!\n]{{0,30}}:
    | resumo\ da\ (?:nossa\ )?conversa[^.?!\n]{{0,30}}:
    | (?:краткое\ )?(?:содержание|резюме)\ (?:\w+\ )?(?:разговора|диалога|беседы)[^.?!\n]{{0,30}}:
    | (?:以下|下面|这|這)?(?:是|為|为)?(?:之前|此前|目前)?(?:的)?(?:对话|對話|会话|聊天)
      (?:历史|歷史|记录|紀錄)?的?(?:摘要|总结|總結)[：:]
    | (?:これまで|ここまで|以前)の(?:会話|やりとり|やり取り)の(?:要約|まとめ|概要)[：:]
    )\s*\S""",
    re.IGNORECASE | re.VERBOSE,
)
_HEAD = 400  # characters within which a message says that it is a summary
_CACHED = 4_000
_NESTED = 4


def is_summary(text: str) -> bool:
    """Whether a message says at its beginning that it sums up what was said before."""
    return _SUMMARY.match(text[:_HEAD]) is not None


def written(text: str) -> str:
    """The text without what was put into it; empty if the user wrote none of it."""
    if "<" not in text and len(text) > _CACHED:  # what is long is not kept in memory
        return _written(text[:_HEAD]) and text
    return _written(text) if len(text) <= _CACHED else _written.__wrapped__(text)


@functools.lru_cache(maxsize=512)  # the earlier turns of a conversation come with each of its calls
def _written(text: str) -> str:
    for _ in range(_NESTED):
        before = text
        if "<" in text:
            text = _outside_blocks(text)
            envelope = _ENVELOPE.match(text)
            if envelope is not None:
                text = envelope[2]
        if _LINE.match(text) or is_summary(text):
            return ""
        if text == before:
            break
    return text


def _outside_blocks(text: str) -> str:
    """Without the blocks, which end with their tag; what was cut off and has no end counts at the beginning alone."""
    kept: list[str] = []
    place = 0
    open_ended: set[str] = set()
    search = 0
    while (begin := (_ANYWHERE.search if search else _first)(text, search)) is not None:
        name = begin[1].lower()
        end = None
        if name not in open_ended:
            end = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(text, begin.end())
        if end is None:
            open_ended.add(name)
            if not search and name in _INJECTED and not text[: begin.start()].strip():
                return ""
            search = begin.end()
            continue
        kept.append(text[place : begin.start()])
        place = search = end.end()
    return text if not place else "\n".join(part for part in (*kept, text[place:]) if part.strip()).strip()


def _first(text: str, place: int) -> re.Match[str] | None:
    return _START.match(text, place) or _ANYWHERE.search(text, place)
