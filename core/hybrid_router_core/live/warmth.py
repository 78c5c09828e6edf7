"""Which beginnings of prompts the provider of each arm has in its cache, as far as this process has sent them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b

from hybrid_router_core.routing import ModelName

from .capacity import estimate_tokens

__all__ = ["LEAST_CACHED", "Prefix", "Warmth", "prefix_of"]

# Tokens from which a prompt is cached: OpenAI (developers.openai.com/api/docs/guides/prompt-caching), Gemini, and most
# models of Anthropic (docs.claude.com, "Prompt caching": Haiku 4.5 and Opus 4.5 from 4,096, some from 512).
LEAST_CACHED = 1024
TOKENS_PER_PART = 4  # what a message has beside its text: its role and the marks around it
MOST_KEPT = 16_384  # beginnings an arm, about 3 MB; a call leaves one or two new ones
DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prompt as the beginnings that end with each of its parts, without its texts.

    Attributes:
        digests: Of each beginning, the shortest first; the same in every process.
        tokens: Of each beginning, about and rather too many.
    """

    digests: tuple[bytes, ...] = ()
    tokens: tuple[int, ...] = ()

    @property
    def whole(self) -> int:
        """Tokens of the prompt."""
        return self.tokens[-1] if self.tokens else 0


def prefix_of(parts: Iterable[str]) -> Prefix:
    """A prompt's prefix, in one pass over its texts.

    Args:
        parts: What is sent, in the order of the provider's cache: tools, system text, then each message's text.
    """
    digests, tokens, digest, total = [], [], b"", 0
    for text in parts:
        # Chained, so that a beginning's digest says where each of its parts ends
        digest = blake2b(text.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES, key=digest).digest()
        total += estimate_tokens(text) + TOKENS_PER_PART
        digests.append(digest)
        tokens.append(total)
    return Prefix(tuple(digests), tuple(tokens))


class Warmth:
    """Remembers what was sent to each arm and when; thread-safe, and holds digests alone.

    Of a prompt it keeps the whole and the beginnings of one and of two parts: a conversation that goes on finds all
    that was sent, a new one the tools and the system prompt that it shares with others.

    Args:
        lifetime: Seconds from the last use, above 0.
        clock: Seconds; for tests.
    """

    def __init__(self, lifetime: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lifetime, self._clock = lifetime, clock
        self._lock = threading.Lock()
        # Of each beginning: when it was used last, and whether it was ever a whole prompt
        self._kept: dict[ModelName, OrderedDict[bytes, tuple[float, bool]]] = {
            "small": OrderedDict(),
            "large": OrderedDict(),
        }

    def tokens(self, arm: ModelName, prefix: Prefix) -> int:
        """Tokens of the longest beginning that is warm on an arm; 0 or from `LEAST_CACHED`."""
        return self.longest(arm, prefix)[0]

    def longest(self, arm: ModelName, prefix: Prefix) -> tuple[int, bool]:
        """The same, and whether that was a whole prompt: the conversation goes on, and not just its system prompt."""
        kept, oldest = self._kept[arm], self._clock() - self._lifetime
        if not kept:
            return 0, False
        for digest, tokens in zip(reversed(prefix.digests), reversed(prefix.tokens), strict=True):
            if tokens < LEAST_CACHED:
                break
            used, whole = kept.get(digest, (oldest, False))
            if used > oldest:
                return tokens, whole
        return 0, False

    def sent(self, arm: ModelName, prefix: Prefix) -> None:
        """The arm has read a prompt just now."""
        if prefix.whole < LEAST_CACHED:
            return
        kept, now = self._kept[arm], self._clock()
        with self._lock:
            for end in (0, 1, -1) if len(prefix.digests) > 1 else (0,):
                if prefix.tokens[end] >= LEAST_CACHED:
                    digest = prefix.digests[end]
                    whole = digest == prefix.digests[-1] or kept.get(digest, (now, False))[1]
                    kept[digest] = now, whole
                    kept.move_to_end(digest)
            while kept and (len(kept) > MOST_KEPT or next(iter(kept.values()))[0] <= now - self._lifetime):
                kept.popitem(last=False)
