"""Words of a turn: which carry its content, and the runs of them that name what a conversation is about."""

from __future__ import annotations

import functools
import re
from math import log
from pathlib import Path
from typing import NamedTuple

__all__ = ["PRONOUN", "Run", "Said", "is_function_word", "root", "said"]

_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
PRONOUN = re.compile(
    r"\b(?:its?|they|them|theirs?|this|these|those|he|him|his|she|hers?|ones?"
    r"|(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )there(?!\s+(?:is|are|was|were|will|has|have|exist))"
    r"|that(?=\s*(?:[.,;:?!]|$|(?:is|was|has|does|did|can|will|would|be|work|mean|happen)\b)))\b(?!['’])",
    re.IGNORECASE,
)
# Articles, prepositions, pronouns, auxiliaries, and the verbs, nouns and adjectives that questions are made with.
_COMMON = """
    a an the of in on at by for with from to into about as over under after before during through among between
    against and or but nor so yet if then than because while although though however thus hence since unless whether
    until i me my mine we us our you your yours he him his she her hers it its they them their theirs this that
    these those one ones who whom whose which what when where why how is are was were be been being am do does did
    done doing have has had having can could will would shall should may might must not no yes never none neither
    either both all any every each some most more less few many much several other others another same such own only
    just also too very really even still again ever always often usually sometimes already now today here there ok
    okay oh hi hello please thanks thank well great good interesting sorry sure hey lot lots thing things way ways
    kind kinds type types sort example examples tell give show explain describe know learn want like need think mean
    say said see find get got go going make made take use used using work works help let look talk discuss compare
    happen happened become come came keep put try difference differences important best main common popular
    different similar first second last next new old big biggest large long short high low up out down off back time
    times vs etc don't doesn't didn't isn't aren't wasn't won't can't cannot i'd i'm i've it's that's what's who's
    there's let's year years day days people person heard der die das den dem des ein eine einen einem einer und
    oder aber nicht ist sind war waren wird werden wurde hat haben hatte kann können soll sollte was wer wie wo wann
    warum welche welcher welches mit von für auf aus bei nach über unter zu zum zur im am er sie es ich du wir ihr
    man sich auch noch nur mehr sehr gibt gib mir mich bitte erkläre zeig danke gut el la los las un una unos unas
    de del al y o pero no es son era fue ser está están hay que qué quién cómo dónde cuándo cuál cuáles por para con
    sin sobre su sus se le les lo me mi tu más muy también ya puede puedes dime explica gracias le la les un une des
    du de et ou mais ne pas est sont était sera être a ont il elle ils elles on que qui quoi comment où quand
    pourquoi quel quelle quels quelles avec sans sur pour par dans ce cette ces son sa ses plus très il lo gli i uno
    una di e o ma non è sono era essere che chi cosa come dove quando perché quale quali con per su o os as um uma
    do da dos das em no na e ou mas não é são foi ser que quem como onde quando por para com seu sua de het een en
    of maar niet is zijn was waren wordt wat wie hoe waar wanneer waarom welke met van voor op uit bij
"""
_FUNCTION_WORDS = frozenset(_COMMON.split())
_RARE = log(12_000)  # of a word that is not common
_LONGEST = 1_000  # characters of a turn that are read for what it is about


class Run(NamedTuple):
    """Content words that stand together.

    Attributes:
        words: As they were written.
        roots: What they are compared by.
        capitals: How many of them begin with a capital letter.
        rarest: log of the rank in frequency of the rarest of them.
        rarity: The mean of these logs.
    """

    words: tuple[str, ...]
    roots: tuple[str, ...]
    capitals: int
    rarest: float
    rarity: float


class Said(NamedTuple):
    """What a text speaks of.

    Attributes:
        runs: The longest runs of content words with nothing but spaces between them, in order.
        roots: Of all of them.
        refers: Whether it holds a pronoun.
        size: Of all words.
        content: Of those that carry content.
        capitals: How many of the words but the first begin with a capital letter.
    """

    runs: tuple[Run, ...]
    roots: frozenset[str]
    refers: bool
    size: int
    content: int
    capitals: int


def is_function_word(word: str) -> bool:
    """Whether the word says nothing of the topic."""
    return len(word) < 2 or _bare(word) in _FUNCTION_WORDS


def root(word: str) -> str:
    """The word without case, possessive and the commonest plural."""
    word = _bare(word)
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")) else word


def _bare(word: str) -> str:
    return word.lower().replace("’", "'").removesuffix("'s")


def said(text: str) -> Said:
    """What a text speaks of; of a long one, its beginning."""
    return _said(text[:_LONGEST])


@functools.lru_cache(maxsize=512)  # the earlier turns of a conversation come with each of its calls
def _said(text: str) -> Said:
    runs: list[Run] = []
    words: list[str] = []
    count = content = capitals = end = 0
    for match in _WORD.finditer(text):
        word = match.group()
        common = is_function_word(word)
        if words and (common or text[end : match.start()].strip()):
            runs.append(_run(words))
            words = []
        if not common:
            words.append(word)
            content += 1
        capitals += count > 0 and word[0].isupper()
        count += 1
        end = match.end()
    if words:
        runs.append(_run(words))
    roots = frozenset(part for run in runs for part in run.roots)
    return Said(tuple(runs), roots, PRONOUN.search(text) is not None, count, content, capitals)


def _run(words: list[str]) -> Run:
    roots = tuple(map(root, words))
    ranks = _ranks()
    logs = [ranks.get(word.lower()) or ranks.get(part) or _RARE for word, part in zip(words, roots, strict=True)]
    return Run(tuple(words), roots, sum(word[0].isupper() for word in words), max(logs), sum(logs) / len(logs))


@functools.cache
def _ranks() -> dict[str, float]:
    """Log of the rank in frequency of the common English words."""
    words = Path(__file__).with_name("common_words.txt").read_text(encoding="utf-8").split()
    return {word: log(place) for place, word in enumerate(words, 2)}
