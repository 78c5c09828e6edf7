"""Make the weights by which conversations are read, `core/hybrid_router_core/conversation/weights.safetensors`.

    python scripts/train_conversation.py [--data FOLDER] [--out FILE]

The folder holds conversations_cast.jsonl.gz (TREC CAsT 2019 to 2021: turns with the assessors' stand-alone rewrites),
follow_ups.json, and the public result files that the benchmarks use; conversation_phrases/ beside this script holds
phrases in thirty languages. `trained` is also what benchmarks/bench_conversations.py makes its folds with.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression, Ridge

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.conversation import gate as gates
from hybrid_router_core.conversation import reading, topics, words
from hybrid_router_core.conversation.completion import completions
from hybrid_router_core.conversation.gate import Gate
from hybrid_router_core.conversation.weights import Weights

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "core" / "hybrid_router_core" / "conversation" / "weights.safetensors"
PHRASES = HERE / "conversation_phrases"
SECTIONS = {"go_on": "goes_on", "wrong": "goes_on", "thanks": "thanks", "refers": "refers", "alone": "alone"}
# May answer a question of the assistant's as well as reject what it said
BARE_NO = frozenset(
    {
        *("no", "nope", "nah", "nein", "nee", "non", "não", "nej", "ei", "nie", "ne", "nem", "nu", "нет"),
        *("ні", "لا", "לא", "نه", "नहीं", "hayır", "không", "tidak", "όχι", "না", "不", "いいえ", "아니"),
    }
)
COMBINED = (
    *(("thanks", "goes_on", 15), ("goes_on", "thanks", 15), ("goes_on", "goes_on", 15), ("thanks", "thanks", 60)),
    *(("thanks", "wrong", 10), ("wrong", "thanks", 5), ("wrong", "goes_on", 15), ("goes_on", "wrong", 5)),
    *(("wrong", "alone", 10), ("wrong", "refers", 10), ("thanks", "alone", 10), ("goes_on", "alone", 5)),
)
JOINTS = (", ", ", ", ". ", " ", "! ", " - ")
COMMON_WORDS = 8_000
FAULT_SHIFT = 0.4  # a complaint that is missed costs more than a turn that goes up for nothing
FloatArray = NDArray[np.float64]


class Talk(NamedTuple):
    """A turn of a conversation: the user's turns up to it, and the rewrite that stands alone."""

    topic: str
    turns: list[str]
    resolved: str


class Phrase(NamedTuple):
    """A text, how it stands alone, whether it finds fault, and how much it counts."""

    text: str
    kind: str
    fault: bool
    weight: float = 1.0
    language: str = ""


def talks(path: Path) -> list[Talk]:
    """The rows of a file of conversations."""
    body = path.read_bytes()
    lines = (gzip.decompress(body) if path.suffix == ".gz" else body).decode().splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return [
        Talk(
            str(row["id"]).rsplit("-", 1)[0],
            [str(m["content"]) for m in row["messages"] if m["role"] == "user"],
            row["resolved"],
        )
        for row in rows
    ]


def written_phrases(folder: Path = PHRASES) -> list[Phrase]:
    """The phrases of all languages."""
    found = []
    for path in sorted(folder.glob("*.txt")):
        section = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("# "):
                section = line[2:].strip()
            elif line.strip():
                fault = section == "wrong" and line.strip(" .!?").lower() not in BARE_NO
                found.append(Phrase(line.strip(), SECTIONS[section], fault, language=path.stem))
    return found


def combined(phrases: Sequence[Phrase], seed: int = 0) -> list[Phrase]:
    """Two phrases of a language as one turn: thanks beside a request or a complaint are no goodbye."""
    rng = np.random.default_rng(seed)
    found = []
    for language in sorted({phrase.language for phrase in phrases}):
        own = [phrase for phrase in phrases if phrase.language == language and len(phrase.text) < 40]
        part = {
            "thanks": [phrase.text for phrase in own if phrase.kind == "thanks"],
            "goes_on": [phrase.text for phrase in own if phrase.kind == "goes_on" and not phrase.fault],
            "wrong": [phrase.text for phrase in own if phrase.fault],
            "refers": [phrase.text for phrase in own if phrase.kind == "refers"],
            "alone": [phrase.text for phrase in own if phrase.kind == "alone"],
        }
        for first, second, count in COMBINED:
            kind = second if second in ("alone", "refers") else "thanks" if first == second == "thanks" else "goes_on"
            fault = "wrong" in (first, second)
            for _ in range(count if part[first] and part[second] else 0):
                one, two = (part[name][rng.integers(len(part[name]))] for name in (first, second))
                joint = JOINTS[rng.integers(len(JOINTS))]
                text = one.rstrip(" .!?。！") + joint + (two[:1].lower() + two[1:] if joint != ". " else two)
                found.append(Phrase(text, kind, fault, language=language))
    return found


def bare_topics(phrases: Sequence[Phrase], count: int = 1500, seed: int = 0) -> list[Phrase]:
    """Words and pairs of words as people type them into a search box: they name a topic, and go on with nothing."""
    rng = np.random.default_rng(seed)
    used = {word for phrase in phrases for word in phrase.text.lower().split()}
    path = OUT.with_name("common_words.txt")
    words = [word for word in path.read_text(encoding="utf-8").split()[1500:] if len(word) > 4 and word not in used]
    forms = ("{0}", "{0} {1}", "{0} vs {1}", "explain {0}")
    return [
        Phrase(forms[i % len(forms)].format(*rng.choice(words, 2)), "alone", fault=False, language="en")
        for i in range(count)
    ]


def trained(
    conversations: Sequence[Talk],
    phrases: Sequence[Phrase],
    questions: Sequence[str],
    scorers: Sequence[Callable[[list[str]], FloatArray]],
) -> Weights:
    """The weights that these examples teach.

    Args:
        conversations: With rewrites.
        phrases: Written ones.
        questions: That stand alone.
        scorers: Of trained routers: texts to scores in [0, 1]; how much a completion counts is learned on them.
    """
    gate = _gate(conversations, phrases, questions)
    topic = _topic(conversations)
    mix, history = _mix(conversations, topic, scorers)
    return Weights(gate, topic, mix, history)


def write_common_words(path: Path) -> None:
    """The commonest words of the bundled tokenizer, whose ids are in order of frequency."""
    from hybrid_router_core.embedders.static import _bundle

    vocabulary = _bundle().tokenizer.get_vocab()
    words = [word for word in sorted(vocabulary, key=lambda word: vocabulary[word]) if word.isalpha()]
    path.write_text("\n".join(words[:COMMON_WORDS]) + "\n", encoding="utf-8")


def _gate(conversations: Sequence[Talk], phrases: Sequence[Phrase], questions: Sequence[str]) -> Gate:
    phrases = [*phrases, *combined(phrases), *bare_topics(phrases)]
    examples = [phrase._replace(weight=phrase.weight * (12 if phrase.kind == "thanks" else 4)) for phrase in phrases]
    for talk in conversations:
        last = talk.turns[-1]
        alone = _plain(last) == _plain(talk.resolved) or len(talk.turns) == 1
        examples.append(Phrase(last, "alone" if alone else "refers", fault=False, weight=4.0))
        if not alone:
            examples.append(Phrase(talk.resolved, "alone", fault=False))
    examples += [Phrase(text, "alone", fault=False) for text in questions]
    examples += [_shortened(phrase) for phrase in examples if len(phrase.text) < 60]
    texts = [phrase.text for phrase in examples]
    matrix = gate_matrix(texts)
    sizes = np.array([phrase.weight for phrase in examples])
    kinds = np.array([gates.KINDS.index(phrase.kind) for phrase in examples])  # type: ignore[arg-type]
    faults = np.array([phrase.fault for phrase in examples])
    settings: dict[str, Any] = {"C": 1.0, "max_iter": 300, "tol": 1e-3}
    by_kind = LogisticRegression(**settings).fit(matrix, kinds, sizes)
    by_fault = LogisticRegression(**settings, class_weight={True: 3.0, False: 1.0}).fit(matrix, faults, sizes)
    columns = np.concatenate([by_kind.coef_, by_fault.coef_]).T
    constants = np.concatenate([by_kind.intercept_, by_fault.intercept_ + FAULT_SHIFT])
    grams = columns[: gates.BUCKETS]
    scale = np.abs(grams).max(axis=0) / 127
    dense = np.concatenate([columns[gates.BUCKETS :], constants[None]])
    return Gate(np.round(grams / scale).astype(np.int8), scale.astype(np.float32), dense.astype(np.float32))


def _shortened(phrase: Phrase) -> Phrase:
    """As messengers write it: without capitals and marks at the end."""
    return phrase._replace(text=phrase.text.lower().rstrip(" .!?。！？"), weight=phrase.weight / 2)


def gate_matrix(texts: Sequence[str]) -> Any:
    """What the gate is a linear function of, but for the constant; one sparse row a text."""
    numbers = csr_matrix(np.array([gates.numbers_of(text) for text in texts]))
    both = zip(*map(gates.places_of, texts), strict=True)
    return hstack([_counts(next(both)) + _counts(next(both)), numbers]).tocsr()


def _counts(places: Sequence[NDArray[np.int64]]) -> Any:
    sizes = np.array([len(each) for each in places])
    rows = np.repeat(np.arange(len(places)), sizes)
    values = np.repeat(1 / np.maximum(sizes, 1) ** 0.5, sizes)
    return csr_matrix((values, (rows, np.concatenate(places))), shape=(len(places), gates.BUCKETS))


def _topic(conversations: Sequence[Talk]) -> list[float]:
    rows, hits = [], []
    for talk in conversations:
        said = words.said(talk.turns[-1]).roots
        added = words.said(talk.resolved).roots - said
        for candidate in topics.candidates(talk.turns[-1], talk.turns[:-1]):
            unsaid = [part for part in candidate.run.roots if part not in said]
            rows.append(candidate.numbers)
            hits.append(bool(unsaid) and sum(part in added for part in unsaid) >= len(unsaid) / 2)
    numbers = np.array(rows)
    middle, spread = numbers.mean(axis=0), numbers.std(axis=0) + 1e-9
    model = LogisticRegression(C=0.1, max_iter=500).fit((numbers - middle) / spread, hits)
    slopes = model.coef_[0] / spread
    return [*slopes.tolist(), float(model.intercept_[0] - slopes @ middle)]


def _mix(
    conversations: Sequence[Talk],
    topic: list[float],
    scorers: Sequence[Callable[[list[str]], FloatArray]],
) -> tuple[list[list[float]], list[float]]:
    """How much the completions and the earlier turns count: a ridge on the difference to the rewrite's score."""
    known, unknown = [], []
    for talk in conversations:
        if len(talk.turns) < 2:
            continue
        turn, earlier = talk.turns[-1], talk.turns[:-1]
        found = topics.topics(turn, earlier, topic)
        numbers = reading.mix_numbers(turn, found, len(talk.turns))
        before = reading.history_of(earlier)
        if found:
            known.append((turn, completions(turn, found), before, numbers, talk.resolved))
        unknown.append((turn, (), before, reading.mix_numbers(turn, [], len(talk.turns)), talk.resolved))
    of_known = _shares(known, scorers).reshape(4, -1)
    return of_known.tolist(), _shares(unknown, scorers).tolist()


def _shares(examples: list[Any], scorers: Sequence[Callable[[list[str]], FloatArray]]) -> FloatArray:
    rows, targets = [], []
    for scorer in scorers:
        texts = list({text: None for turn, made, before, _, goal in examples for text in (turn, *made, *before, goal)})
        logits = dict(zip(texts, map(reading._logit, scorer(texts).tolist()), strict=True))
        spread = float(np.std([logits[example[-1]] for example in examples]))
        for turn, made, before, numbers, goal in examples:
            own = logits[turn]
            history = float(np.mean([logits[text] for text in before])) - own
            differences = [*(logits[text] - own for text in made), history]
            rows.append(np.outer(differences, numbers).ravel() / spread)
            targets.append((logits[goal] - own) / spread)
    return np.asarray(Ridge(alpha=60.0 * len(scorers) / 2, fit_intercept=False).fit(np.array(rows), targets).coef_)


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def questions_of(folder: Path) -> list[str]:
    """Queries that stand alone, in several languages, from the public result files."""
    found: list[str] = []
    for name, most in (
        ("llmrouter_9models_train", 3000),
        ("mmlu_mixtral_gpt4", 1500),
        ("mgsm_parallel", 2000),
        ("tool_calls_bfcl", 1000),
        ("quiz", 300),
    ):
        with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        parallel = name == "mgsm_parallel"  # a text a language
        texts = list(dict.fromkeys(text for row in rows for text in (row.values() if parallel else [row["query"]])))
        order = np.random.default_rng(0).permutation(len(texts))[:most]
        found += [texts[place] for place in order.tolist() if isinstance(texts[place], str)]
    return [text for text in found if len(text) <= gates.LONGEST]


def scorers_of(folder: Path) -> list[Callable[[list[str]], FloatArray]]:
    """Routers of unlike data, trained without any conversation."""
    nine = folder / "llmrouter_9models_train.jsonl.gz"
    mmlu = RoutingDataset.read(folder / "mmlu_mixtral_gpt4.jsonl.gz")
    rows = np.random.default_rng(0).permutation(len(mmlu))[:4000]
    sets = [
        RoutingDataset.read(nine, small="llama-3.1-8b-instruct", large="llama-3.1-nemotron-51b-instruct"),
        RoutingDataset.read(nine, small="qwen2.5-7b-instruct", large="llama-3.3-nemotron-super-49b-v1"),
        mmlu.take(rows),
    ]
    return [HybridRouter().fit(data).score for data in sets]


def main() -> None:
    """Make the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    from safetensors.numpy import save_file

    write_common_words(OUT.with_name("common_words.txt"))
    phrases = written_phrases() + listed_phrases(given.data / "follow_ups.json")
    made = trained(
        talks(given.data / "conversations_cast.jsonl.gz"), phrases, questions_of(given.data), scorers_of(given.data)
    )
    save_file(made.arrays(), given.out)
    given.out.chmod(0o644)  # the writer makes it readable for its owner alone
    sys.stdout.write(f"{given.out}: {given.out.stat().st_size:,} bytes\n")


def listed_phrases(path: Path) -> list[Phrase]:
    """The phrases of follow_ups.json."""
    listed = json.loads(path.read_text(encoding="utf-8"))
    fault = ("wrong", "try again", "are you sure")
    bare = [Phrase(text, "goes_on", any(word in text for word in fault)) for text in listed["bare"]]
    return bare + [Phrase(text, "thanks", fault=False) for text in listed["thanks"]]


if __name__ == "__main__":
    main()
