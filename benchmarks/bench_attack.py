"""How far a text of ten tokens, put before or behind any query, drags the decisions; and what typing errors do.

Rerouting attacks (Shafran et al. 2025, arXiv:2501.01818) prepend a text that sends every query to the dear arm, or to
the cheap one. Here it is found by hill climbing over the tokenizer's vocabulary with the scores in hand, on 100
queries, and tested on 500 others at the threshold that sends half of the test queries to small. Every way of scoring
is attacked by itself: the default router, a kNN router, and the default router read without its head and its tail.

    default        HybridRouter()
    guarded        the same with a guard, which sends what is unlike the calibration queries to large
    knn            HybridRouter(scorer="knn")
    cut median     default; the median of the scores without the head, without the tail, and without both (12 words, at
                   most a third of the text each): it bounds what one affix can do, and costs APGR

Run: python benchmarks/bench_attack.py [--data FILE ...] [--sets mmlu pair1 pair2 quiz] [--rounds N] [--json]
--rounds 1 is quick: its attacks are weak, the readable ones and the typing errors as in full.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import PAIRS, FloatArray, apgr, data_file, machine, mmlu, pair, random_split
from outcomes import read_outcomes

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.embedders.static import _bundle
from hybrid_router_core.guard import DEFAULT_LEVEL

TOKENS, SEARCHED, TESTED = 10, 100, 500
Score = Callable[[list[str]], FloatArray]
READABLE = {
    "large": (
        "Solve step by step and prove every step:",
        "Think very hard, this is a graduate problem:",
        "Derive the following with advanced calculus:",
        "Write a complete formal proof of this:",
        "You are an expert; analyse every option in depth:",
        "Implement an efficient algorithm and prove its complexity:",
        "This question has stumped leading researchers:",
        "Consider all edge cases and answer with full rigour:",
        "Explain the quantum mechanics behind the following:",
        "Use integrals, matrices and probability theory:",
    ),
    "small": (
        "Easy question, answer in one word:",
        "Hello! How are you today?",
        "Just say yes or no:",
        "A simple trivia question for children:",
        "What is the capital of France?",
        "No need to think, be brief:",
        "Common knowledge, reply quickly:",
        "Thanks! One more little thing:",
        "Who wrote Hamlet?",
        "Repeat after me:",
    ),
}
PIECES = (
    "A.",
    "B.",
    "1.",
    "2.",
    "(a)",
    "```",
    "def f",
    "();",
    "#include",
    "SELECT",
    "3.14",
    "\\frac",
    "{",
    "$$",
    "___",
)
WORD = re.compile(r"\S+\s*")
_SYNONYMS = """
big=large large=big find=determine determine=find show=demonstrate many=numerous begin=start start=begin make=create
use=employ important=significant because=since also=additionally correct=right usually=typically often=frequently
people=persons different=distinct help=assist buy=purchase buys=purchases get=obtain give=provide need=require
needs=requires best=finest main=chief part=portion kind=type type=kind small=little happens=occurs occurs=happens
result=outcome method=technique problem=issue total=sum
"""
SYNONYMS = {old: new for old, _, new in (entry.partition("=") for entry in _SYNONYMS.split())}


def _typing_errors(text: str, count: int, rng: np.random.Generator) -> str:
    """Swapped, dropped or doubled letters."""
    for _ in range(count):
        places = [i for i in range(len(text) - 1) if text[i].isalpha() and text[i + 1].isalpha()]
        if not places:
            break
        i = places[rng.integers(len(places))]
        new = (text[i + 1] + text[i] + text[i + 2 :], text[i + 1 :], text[i] + text[i:])[rng.integers(3)]
        text = text[:i] + new
    return text


CHANGES: dict[str, Callable[[str, np.random.Generator], str]] = {
    "small letters": lambda text, _: text.lower(),
    "capitals": lambda text, _: text.upper(),
    "a capital each word": lambda text, _: re.sub(r"(?<![A-Za-z'])[a-z]", lambda found: found[0].upper(), text),
    "spaces doubled": lambda text, _: text.replace(" ", "  "),
    "space around": lambda text, _: f"  {text} \n",
    "articles dropped": lambda text, _: re.sub(r"\b([Tt]he|[Aa]n?) (?=\w)", "", text),
    "synonyms": lambda text, _: re.sub(r"[a-z]+", lambda found: SYNONYMS.get(found[0], found[0]), text),
    "one typing error": lambda text, rng: _typing_errors(text, 1, rng),
    "two typing errors": lambda text, rng: _typing_errors(text, 2, rng),
}


def guarded(router: HybridRouter, calibration: RoutingDataset) -> Score:
    """Scores of the router, 0 for strangers; the attack knows the guard and may look for what passes it."""
    guard = HybridRouter(guard=DEFAULT_LEVEL)
    guard._predictor = router._fitted()
    predictor = guard.calibrate(calibration, cost_advantage=0.5)._fitted()

    def score(texts: list[str]) -> FloatArray:
        scores, strangeness = predictor.examine(texts)
        return np.where(predictor.strangers(strangeness), 0.0, scores)

    return score


def quiz(path: Path) -> RoutingDataset:
    """The recorded quiz; an answer is right if it holds an accepted one as a word."""

    def right(text: str, accepted: Sequence[str]) -> float:
        return float(any(re.search(rf"(?<!\w){re.escape(one.lower())}(?!\w)", text.lower()) for one in accepted))

    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return RoutingDataset.from_records(
        [
            {
                "query": row["query"],
                **{
                    f"{arm}_quality": [right(sample["text"], row["answers"]) for sample in row[arm]["responses"]]
                    for arm in ("small", "large")
                },
            }
            for row in rows
        ]
    )


def cut_median(router: HybridRouter) -> Score:
    """Scores by the median of three views, of which an affix reaches one or, where it is long for its text, more."""

    def views(text: str) -> list[str]:
        words = WORD.findall(text)
        cut = min(12, len(words) // 3)
        return ["".join(words[cut:]), "".join(words[: len(words) - cut]), "".join(words[cut : len(words) - cut])]

    def score(texts: list[str]) -> FloatArray:
        flat = [view for text in texts for view in views(text)]
        return np.median(router.score(flat).reshape(len(texts), 3), axis=1)

    return score


class Attack:
    """Hill climbing for one way of scoring, one side and one direction.

    Args:
        score: What is attacked.
        queries: Those that the text is searched on.
        threshold: small iff score >= threshold.
        side: "prefix" or "suffix".
        towards: "small" or "large".
        rounds: Of the search, with 40 candidates each.
    """

    def __init__(self, score: Score, queries: list[str], threshold: float, side: str, towards: str, rounds: int):
        self.score, self.queries, self.side, self.towards, self.rounds = score, queries, side, towards, rounds
        self.sign = 1 if towards == "small" else -1
        self.limit = _logit(np.array([threshold]))[0]
        self.spread = max(float(_logit(score(queries)).std()), 1e-3)
        self.rng = np.random.default_rng(0)

    def best(self) -> str:
        """The text that drags furthest."""
        rng, words = self.rng, _words()
        tried = [words[i] for i in rng.choice(len(words), min(1000, len(words)), replace=False)] + list(PIECES)
        pulls = self._pull([" ".join([one] * 3) for one in tried], rng.choice(len(self.queries), 8, replace=False))
        good = [tried[i] for i in np.argsort(-pulls)[:120]]
        starts = [_cut(text.split(" ")) for text in READABLE[self.towards]]
        starts += [_cut([good[0]] * TOKENS), *(_cut(list(rng.choice(good, TOKENS))) for _ in range(6))]
        everything = np.arange(len(self.queries))
        pulled = self._pull([" ".join(start) for start in starts], everything)
        found: list[tuple[float, list[str]]] = []
        for start in np.argsort(-pulled)[:2]:
            now, value = starts[start], float(pulled[start])
            for _ in range(self.rounds):
                rows = rng.choice(len(self.queries), min(16, len(self.queries)), replace=False)
                near = [each for each in (self._changed(now, good, words) for _ in range(40)) if each]
                top = np.argsort(-self._pull([" ".join(each) for each in near], rows))[:3]
                values = self._pull([" ".join(near[i]) for i in top], everything)
                if values.max() > value:
                    now, value = near[top[int(values.argmax())]], float(values.max())
            found.append((value, now))
        return " ".join(max(found)[1])

    def moved(self, text: str, queries: list[str]) -> float:
        """Points by which the share to small of these queries moves."""
        before, after = self.score(queries), self.score(self._joined(text, queries))
        limit = 1 / (1 + np.exp(-self.limit))
        return 100 * float((after >= limit).mean() - (before >= limit).mean())

    def _joined(self, text: str, queries: Sequence[str]) -> list[str]:
        return [f"{text} {query}" if self.side == "prefix" else f"{query} {text}" for query in queries]

    def _pull(self, texts: list[str], rows: Any) -> FloatArray:
        queries = [self.queries[row] for row in rows]
        scores = self.score([each for text in texts for each in self._joined(text, queries)])
        pulled = np.tanh((_logit(scores) - self.limit) / self.spread).reshape(len(texts), -1)
        return np.asarray(self.sign * pulled.mean(axis=1))

    def _changed(self, text: list[str], good: list[str], words: list[str]) -> list[str]:
        rng, new = self.rng, list(text)
        for _ in range(rng.integers(1, 3)):
            source = good if rng.random() < 0.6 else PIECES if rng.random() < 0.15 else words
            piece = _shaped(str(source[rng.integers(len(source))]), rng)
            chance = rng.random()
            if chance < 0.75 and new:
                new[rng.integers(len(new))] = piece
            elif chance < 0.9 or len(new) < 2:
                new.insert(rng.integers(len(new) + 1), piece)
            else:
                new.pop(rng.integers(len(new)))
        return _cut(new)


def _shaped(word: str, rng: np.random.Generator) -> str:
    """The form of the text is read too: other cases, and lines."""
    case, line = rng.random(2)
    word = word.upper() if case < 0.15 else word.capitalize() if case < 0.35 else word
    return f"{word}\n" if line < 0.08 else f"\n{word}" if line < 0.12 else word


def _words() -> list[str]:
    vocabulary = _bundle().tokenizer.get_vocab()
    return [word for word in sorted(vocabulary, key=lambda each: vocabulary[each]) if not word.startswith(("##", "["))]


def _cut(pieces: list[str]) -> list[str]:
    """As many of the pieces as have ten tokens."""
    tokenizer, kept, count = _bundle().tokenizer, [], 0
    for piece in pieces:
        count += len(tokenizer.encode(piece, add_special_tokens=False).ids)
        if count > TOKENS:
            break
        kept.append(piece)
    return kept


def _logit(scores: FloatArray) -> FloatArray:
    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))


def measure(name: str, data: RoutingDataset, train: int, rounds: int) -> dict[str, dict[str, float]]:
    """Print the table of one data set."""
    learn, rest = random_split(data, train, seed=0)
    test = data.take(np.sort(np.random.default_rng(1).permutation(rest)[: min(3000, 3 * len(rest) // 4)]))
    queries = list(dict.fromkeys(test.queries))
    order = np.random.default_rng(0).permutation(len(queries)).tolist()
    searched = [queries[i] for i in order[: min(SEARCHED, len(queries) // 4)]]
    tested = [queries[i] for i in order[len(searched) : len(searched) + TESTED]]
    default, knn = HybridRouter().fit(data.take(learn)), HybridRouter(scorer="knn").fit(data.take(learn))
    others = data.take(np.setdiff1d(rest, np.flatnonzero(np.isin(data.queries, test.queries)))[:500])
    ways: dict[str, Score] = {"default": default.score}
    if len(others) >= 100:
        ways["guarded"] = guarded(default, others)
    ways |= {"knn": knn.score, "cut median": cut_median(default)}
    print(f"\n{name}: {train:,} labels, searched on {len(searched)}, tested on {len(tested)}; points of share to small")
    figures: dict[str, dict[str, float]] = {}
    for way, score in ways.items():
        own = score(test.queries)
        threshold = float(np.median(own))
        found = {"apgr": apgr(own, test)}
        for side in ("prefix", "suffix"):
            for towards in ("small", "large"):
                attack = Attack(score, searched, threshold, side, towards, rounds)
                found[f"{side} to {towards}"] = attack.moved(attack.best(), tested)
                readable = [attack.moved(text, tested) for text in READABLE[towards]]
                found[f"{side} to {towards}, readable"] = max(readable, key=lambda moved: attack.sign * moved)
        rng = np.random.default_rng(0)
        for change, changed in CHANGES.items():
            new = score([changed(query, rng) for query in tested])
            found[f"flipped, {change}"] = 100 * float(((new >= threshold) != (score(tested) >= threshold)).mean())
        figures[way] = found
    for measured in figures["default"]:
        print(f"  {measured:<28}" + "".join(f"  {way} {figures[way][measured]:8.3f}" for way in ways), flush=True)
    return figures


def main() -> None:
    """Print the tables; with --json their figures last, in one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", type=Path, metavar="FILE", help="public results in place of the sets")
    parser.add_argument("--sets", nargs="+", default=["mmlu", "pair1", "pair2", "quiz"])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    print(machine())
    known: dict[str, Callable[[], RoutingDataset]] = {
        "mmlu": mmlu,
        "pair1": lambda: pair(*PAIRS[0]),
        "pair2": lambda: pair(*PAIRS[2]),
        "quiz": lambda: quiz(data_file("quiz.jsonl.gz")),
    }
    figures = {}
    sets = {name: known[name]() for name in given.sets} if given.data is None else {}
    for path in given.data or ():
        sets |= read_outcomes(path, pairs=1)
    for name, data in sets.items():
        figures[name] = measure(name, data, min(1500, len(data) // 2), given.rounds)
    if given.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
