"""How well conversations are read: follow-ups, bare ones, new topics, thanks, and what it costs.

A turn of TREC CAsT is right if it gets the decision of its assessors' stand-alone rewrite, at the threshold that sends
half of the rewrites to small. The weights that read it are trained without its topic (five folds). Baselines are the
last turn alone (what was scored before conversations were read), and the previous turn put before it.

With --data, other conversations of the same form (id, messages, resolved) are read with the weights of the wheel; with
--follow-ups, other phrases (a JSON object with "bare" and "thanks").

Run: python benchmarks/bench_conversations.py [--data FILE ...] [--follow-ups FILE] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import DATA, PAIRS, data_file, machine, mmlu, pair, random_split
from numpy.typing import NDArray
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
import train_conversation as training

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.conversation import read_turns
from hybrid_router_core.conversation.weights import Weights, shipped_weights

FloatArray = NDArray[np.float64]
FOLDS, QUESTIONS = 5, 300
LATER = (["ok", "continue"], ["continue", "ok", "go on"])


class Scorer:
    """A trained router that remembers the scores of texts, for many readings of the same conversations."""

    def __init__(self, name: str, data: RoutingDataset, train: int) -> None:
        rows, rest = random_split(data, train, seed=0)
        self.name, self.router = name, HybridRouter().fit(data.take(rows))
        self.questions = _distinct([data.queries[row] for row in rest.tolist()])[:QUESTIONS]
        self._known: dict[str, float] = {}

    def __call__(self, texts: list[str]) -> FloatArray:
        """The scores, shape (n,)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self.router.score(new).tolist(), strict=True))
        return np.array([self._known[text] for text in texts])

    def of(self, turns: Sequence[str], weights: Weights) -> float:
        """The score of the last turn."""
        reading = read_turns(turns, weights)
        return reading.score(self(list(reading.texts)).tolist())


def _distinct(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def agreement(scores: FloatArray, right: FloatArray, threshold: float) -> float:
    """Share of the decisions that are right."""
    return float(((scores >= threshold) == (right >= threshold)).mean())


def cast(scorer: Scorer, talks: Sequence[Any], weights_of: Callable[[str], Weights]) -> dict[str, dict[str, float]]:
    """Each way of reading beside the others."""
    right = scorer([talk.resolved for talk in talks])
    ways = {
        "last turn": scorer([talk.turns[-1] for talk in talks]),
        "previous + last": scorer(["\n".join(talk.turns[-2:]) for talk in talks]),
        "ours": np.array([scorer.of(talk.turns, weights_of(talk.topic)) for talk in talks]),
    }
    threshold = float(np.median(right))
    return {
        way: {
            "agreement": agreement(scores, right, threshold),
            "spearman": float(spearmanr(scores, right).statistic),
        }
        for way, scores in ways.items()
    }


def follow_ups(scorer: Scorer, weights: Weights, bare: Sequence[str], thanks: Sequence[str]) -> dict[str, float]:
    """Agreement with the decision of the question that is meant, half of the questions to small."""
    questions = scorer.questions
    own = scorer(questions)
    threshold = float(np.median(own))

    def after(endings: Sequence[Sequence[str]]) -> float:
        found = [
            agreement(np.array([scorer.of([question, *ending], weights) for question in questions]), own, threshold)
            for ending in endings
        ]
        return float(np.mean(found))

    others = questions[1:] + questions[:1]
    new = np.array([scorer.of([other, question], weights) for other, question in zip(others, questions, strict=True)])
    grateful = [scorer.of([question, phrase], weights) >= threshold for question in questions for phrase in thanks]
    return {
        "bare, last turn": float(np.mean([agreement(scorer([p] * len(own)), own, threshold) for p in bare])),
        "bare": after([[phrase] for phrase in bare]),
        "two turns later": after([LATER[0]]),
        "three turns later": after([LATER[1]]),
        "new question": agreement(new, own, threshold),
        "thanks to small, last turn": float((scorer(list(thanks)) >= threshold).mean()),
        "thanks to small": float(np.mean(grateful)),
    }


def added_time(router: HybridRouter, talks: Sequence[Any], messages: int = 20) -> dict[str, float]:
    """Milliseconds a decision, p50, of conversations of so many messages; each is played turn by turn, as chats are."""
    alone, together = [], []
    answer = "The answer to that is somewhat longer than the question. " * 5
    long = [talk.turns[-messages // 2 :] for talk in talks if len(talk.turns) >= messages // 2]
    for turns in long:
        chat: list[dict[str, str]] = []
        for turn in turns:
            chat += [{"role": "user", "content": turn}]
            started = time.perf_counter()
            router.route(messages=chat)
            between = time.perf_counter()
            router.route(turn)
            if len(chat) == messages - 1:
                together.append(between - started)
                alone.append(time.perf_counter() - between)
            chat += [{"role": "assistant", "content": answer}]
    return {
        "last turn": float(np.median(alone) * 1e3),
        "conversation": float(np.median(together) * 1e3),
        "added": float(np.median(np.array(together) - alone) * 1e3),
        "conversations": len(long),
    }


def folds(talks: Sequence[Any], scorers: list[Scorer]) -> tuple[Callable[[str], Weights], Weights]:
    """The weights for a topic, trained without it and without follow_ups.json; and those of one fold for phrases."""
    topics = sorted({talk.topic for talk in talks})
    fold = dict(zip(topics, np.random.default_rng(0).permutation(len(topics)) % FOLDS, strict=True))
    phrases, questions = training.written_phrases(), training.questions_of(DATA)
    held_out = {question for scorer in scorers for question in scorer.questions}
    questions = [question for question in questions if question not in held_out]
    made = [
        training.trained([t for t in talks if fold[t.topic] != k], phrases, questions, scorers) for k in range(FOLDS)
    ]
    return lambda topic: made[fold[topic]], made[0]


def unseen_phrases(talks: Sequence[Any]) -> dict[str, float]:
    """How a fifth of the written phrases, thirty languages, is read by a gate that was trained without it."""
    phrases, questions = training.written_phrases(), training.questions_of(DATA)
    held = np.random.default_rng(1).permutation(len(phrases)) % FOLDS == 0
    gate = training._gate(talks, [p for p, out in zip(phrases, held, strict=True) if not out], questions)
    unseen = [phrase for phrase, out in zip(phrases, held, strict=True) if out]
    logits = [gate.logits(phrase.text) for phrase in unseen]
    kinds = np.array([gate.kind(each)[0] for each in logits])
    right = np.array([phrase.kind for phrase in unseen])
    fault, found = np.array([phrase.fault for phrase in unseen]), np.array([each[-1] > 0 for each in logits])
    return {
        "phrases": len(unseen),
        "says nothing, read so": float((kinds == right)[right == "goes_on"].mean()),
        "thanks, read so": float((kinds == right)[right == "thanks"].mean()),
        "asks something, taken for thanks or for nothing": float(
            np.isin(kinds, ("goes_on", "thanks"))[np.isin(right, ("alone", "refers"))].mean()
        ),
        "complaint, found": float(found[fault].mean()),
        "no complaint, taken for one": float(found[~fault].mean()),
    }


def main() -> None:
    """Print the tables; with --json their figures last, in one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--follow-ups", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    print(machine())
    listed = json.loads((given.follow_ups or data_file("follow_ups.json")).read_text(encoding="utf-8"))
    scorers = [Scorer("nine-model pair", pair(*PAIRS[0]), 4500), Scorer("MMLU", mmlu(), 4000)]
    shared = training.talks(data_file("conversations_cast.jsonl.gz"))
    if given.data or given.follow_ups:
        print("weights: those of the wheel")
        weights_of, of_phrases = (lambda _: shipped_weights()), shipped_weights()
    else:
        print(f"weights: {FOLDS} folds by topic, trained without follow_ups.json and the questions below")
        weights_of, of_phrases = folds(shared, scorers)
    figures: dict[str, Any] = {"unseen phrases": unseen_phrases(shared)}
    print("\nphrases that the gate was not trained on, a fifth of those in thirty languages")
    for measure, value in figures["unseen phrases"].items():
        print(f"  {measure:<48} {value:.3g}")
    for path in given.data or [None]:
        talks = shared if path is None else training.talks(path)
        name = "CAsT" if path is None else path.name
        for scorer in scorers:
            print(f"\n{name}, router trained on {scorer.name}: {len(talks):,} turns, {QUESTIONS} questions")
            turns = cast(scorer, talks, weights_of)
            for way, found in turns.items():
                print(f"  {way:<18} agreement {found['agreement']:.3f}   Spearman {found['spearman']:.3f}")
            phrases = follow_ups(scorer, of_phrases, listed["bare"][:20], listed["thanks"])
            other = follow_ups(scorer, of_phrases, listed["bare"][20:] or listed["bare"], listed["thanks"])
            phrases["bare, other languages"] = other["bare"]
            for measure, value in phrases.items():
                print(f"  {measure:<28} {value:.3f}")
            figures[f"{name} / {scorer.name}"] = {**turns, **phrases}
    figures["milliseconds"] = added_time(scorers[0].router, shared)
    print(
        "\np50 of {conversations} conversations of 20 messages: last turn {last turn:.3f} ms, conversation "
        "{conversation:.3f} ms, added {added:.3f} ms".format(**figures["milliseconds"])
    )
    if given.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
