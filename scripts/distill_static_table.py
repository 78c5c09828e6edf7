"""Distil a sentence transformer with a WordPiece vocabulary to the static token table that the package bundles.

    python scripts/distill_static_table.py --model sentence-transformers/all-MiniLM-L6-v2 --dimensions 240

Each token goes through the transformer alone, as `[CLS] token [SEP]`, and its outputs are averaged; PCA keeps the
strongest directions; each row is weighted down by how common its token is (Zipf's law on its rank, SIF); each
column is stored as int8 with one scale. A text is then the mean of its tokens' rows: no transformer at run time.
This is the method of model2vec (Minish Lab, MIT), written anew for this table. Needs torch and transformers.

The same weights give the same bytes; the last lines name the fingerprint that `embedders/static.py` must hold.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

BUNDLE = Path(__file__).parents[1] / "core" / "hybrid_router_core" / "embedders" / "static_table"
SIF = 3e-3
BATCH_SIZE = 512


def main() -> None:
    """Write `table.safetensors` and `tokenizer.json` to the bundle's folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="sentence-transformers/all-MiniLM-L6-v2", help="name or folder")
    parser.add_argument("--dimensions", type=int, default=240)
    parser.add_argument("--output", type=Path, default=BUNDLE)
    parser.add_argument("--source", default="sentence-transformers/all-MiniLM-L6-v2", help="name noted in the table")
    parser.add_argument("--licence", default="Apache-2.0", help="licence of the source, noted in the table")
    arguments = parser.parse_args()

    torch.set_num_threads(1)  # another split of the sums would round differently
    source_tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    tokens = kept_tokens(source_tokenizer)
    outputs = token_outputs(arguments.model, source_tokenizer, tokens)
    reduced = principal_components(outputs, arguments.dimensions) * zipf_weights(tokens)[:, None]
    values, scale = quantise(reduced)

    about = {"source": arguments.source, "licence": arguments.licence, "dimensions": arguments.dimensions}
    # One entry only: safetensors writes several in a random order.
    metadata = {"about": json.dumps(about, sort_keys=True)}
    files = {
        "table.safetensors": save({"scale": scale, "values": values}, metadata=metadata),
        "tokenizer.json": trimmed_tokenizer(source_tokenizer.backend_tokenizer, tokens),
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        (arguments.output / name).write_bytes(content)
        digest.update(content)
        print(f"{name}: {len(content):,} bytes")
    print(f"fingerprint: sha256:{digest.hexdigest()}")


def kept_tokens(tokenizer: Any) -> list[str]:
    """The vocabulary by id without special and unused tokens, after [UNK], which becomes row 0."""
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    special = set(tokenizer.all_special_tokens)
    words = [token for token, _ in vocabulary if token not in special and not token.startswith("[unused")]
    return [tokenizer.unk_token, *words]


def token_outputs(model_name: str, tokenizer: Any, tokens: list[str]) -> NDArray[np.float64]:
    """The transformer's mean output for each token, read alone."""
    model = AutoModel.from_pretrained(model_name).eval()
    ids = torch.tensor(tokenizer.convert_tokens_to_ids(tokens))
    batches = []
    with torch.inference_mode():
        for batch in ids.split(BATCH_SIZE):
            start = torch.full_like(batch, tokenizer.cls_token_id)
            end = torch.full_like(batch, tokenizer.sep_token_id)
            output = model(input_ids=torch.stack([start, batch, end], dim=1)).last_hidden_state
            batches.append(output.mean(dim=1).numpy().astype(np.float64))
    return np.concatenate(batches)


def principal_components(rows: NDArray[np.float64], dimensions: int) -> NDArray[np.float64]:
    """The rows, centred, along their directions of largest variance, with signs fixed for reproducibility."""
    centred = rows - rows.mean(axis=0)
    directions = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :dimensions]
    largest = np.abs(directions).argmax(axis=0)
    return centred @ (directions * np.sign(directions[largest, np.arange(dimensions)]))


def zipf_weights(tokens: list[str]) -> NDArray[np.float64]:
    """SIF weights a / (a + p), with p from the rank by Zipf's law."""
    probability = np.empty(len(tokens))
    probability[np.argsort([rank_class(token) for token in tokens], kind="stable")] = 1.0 / np.arange(
        1, len(tokens) + 1
    )
    probability /= probability.sum()
    weights = SIF / (SIF + probability)
    weights[0] = 0.0  # the unknown token says nothing
    return weights


def rank_class(token: str) -> int:
    """Order of use: punctuation, then words, which BERT lists common ones first, then the alphabets of the world."""
    if len(token.removeprefix("##")) > 1:
        return 1
    return 0 if token.isascii() and not token.isalnum() else 2


def quantise(table: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Int8 values and one scale a column, so that sums of rows need a single multiplication."""
    scale = np.abs(table).max(axis=0) / 127.0
    return np.rint(table / scale).astype(np.int8), scale.astype(np.float32)


def trimmed_tokenizer(tokenizer: Tokenizer, tokens: list[str]) -> bytes:
    """The tokenizer over the kept tokens: ids are row numbers, no special tokens, truncation or padding."""
    specification = json.loads(tokenizer.to_str())
    specification.update(truncation=None, padding=None, post_processor=None, decoder=None, added_tokens=[])
    specification["model"]["vocab"] = {token: row for row, token in enumerate(tokens)}
    return json.dumps(specification, ensure_ascii=False, separators=(",", ":")).encode()


if __name__ == "__main__":
    main()
