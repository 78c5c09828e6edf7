"""Groups of common words that say what a query asks for, and the group of each token."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from hybrid_router_core.embedders import StaticEmbedder

__all__ = ["GROUPS", "RANKS", "token_codes"]

# The order and the words are part of the saved format: change them only for a new version of the features.
_WORDS = {
    "what": "what",
    "which": "which",
    "who": "who whom whose",
    "when": "when",
    "where": "where",
    "why": "why",
    "how": "how",
    "amount": "many much often long far old tall",
    "auxiliary": "is are was were do does did can could will would should has have had may might must shall am",
    "produce": (
        "write create generate compose draft design implement rewrite edit translate summarize list give name tell "
        "make provide describe explain discuss compare analyze classify"
    ),
    "solve": (
        "find calculate compute determine solve evaluate simplify prove show derive estimate convert let suppose "
        "assume consider given"
    ),
    "program": "program code function script algorithm class method string array input output return",
    "negation": "not no never none nor cannot without except neither nothing false incorrect wrong least unlikely",
    "quantity": "all every each any some most both either only always everyone several total sum",
    "comparison": "more less than fewer greater larger smaller higher lower better worse same different similar",
    "logic": "if then because therefore since unless although however thus hence while but so whether",
    "time": (
        "year years month months day days week weeks hour hours minute minutes second seconds date century today "
        "yesterday tomorrow time"
    ),
    "number": (
        "zero one two three four five six seven eight nine ten hundred thousand million billion half twice double "
        "third quarter percent dozen"
    ),
    "speaker": "you your yours please me my i we our us",
    "third person": "he she his her him they them their it its",
    "determiner": "the a an this that these those",
    "preposition": "of in on at by for with from to into about as over under after before during through among",
    "mathematics": (
        "equation triangle integer probability product matrix vector angle ratio fraction average mean formula "
        "polynomial prime square root area volume speed variable value graph degree radius"
    ),
}
GROUPS = len(_WORDS) + 1  # group 0 holds every other token
# Ids of the bundled vocabulary are in order of frequency, after some forty characters.
_RANK_STARTS = (43, 150, 500, 1500, 4000, 10_000, 18_000)
RANKS = len(_RANK_STARTS) + 1


@functools.cache
def token_codes() -> NDArray[np.uint8]:
    """Of each token id: group * RANKS + rank, so that one count of the codes gives both."""
    static = StaticEmbedder()
    codes = np.searchsorted(_RANK_STARTS, np.arange(static.vocabulary_size()), side="right")
    for group, words in enumerate(_WORDS.values(), start=1):
        tokens = static.token_ids(words.split())
        whole = tokens.offsets[:-1][np.diff(tokens.offsets) == 1]
        codes[tokens.flat[whole]] += RANKS * group
    if codes.max() >= GROUPS * RANKS:
        raise ValueError("a word stands in two groups")
    return codes.astype(np.uint8)
