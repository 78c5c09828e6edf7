"""What the benchmarks share: the machine's line, the public data, and the baseline recipe."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hybrid_router_core import RoutingDataset
from hybrid_router_core.evaluation import TradeOff
from hybrid_router_core.labels import deterministic_labels

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Rows = NDArray[np.int64]
Split = tuple[Rows, Rows]

DATA = Path(os.environ.get("HYBRID_ROUTER_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
MMLU = "mmlu_mixtral_gpt4.jsonl.gz"
NINE_MODELS = "llmrouter_9models_train.jsonl.gz"
PAIRS = (
    ("llama-3.1-8b-instruct", "llama-3.1-nemotron-51b-instruct"),
    ("mistral-7b-instruct-v0.3", "llama-3.1-nemotron-51b-instruct"),
    ("qwen2.5-7b-instruct", "llama-3.3-nemotron-super-49b-v1"),
    ("codegemma-7b", "llama-3.1-nemotron-51b-instruct"),
    ("llama3-chatqa-1.5-8b", "llama3-chatqa-1.5-70b"),
)


def machine() -> str:
    """One line that says where the figures were measured."""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, numpy {np.__version__}"
    )


def data_file(name: str) -> Path:
    """The path of a data file; ends the program with a hint if it is not there."""
    path = DATA / name
    if not path.is_file():
        raise SystemExit(f"{name} is not in {DATA}; set HYBRID_ROUTER_DATA to the folder that holds it")
    return path


def mmlu() -> RoutingDataset:
    """14,037 MMLU questions, Mixtral-8x7B (small) and GPT-4 (large), right or wrong."""
    return RoutingDataset.read(data_file(MMLU))


def pair(small: str, large: str) -> RoutingDataset:
    """5,608 queries of mixed tasks with the graded quality of two of nine models."""
    return RoutingDataset.read(data_file(NINE_MODELS), small=small, large=large)


def apgr(scores: FloatArray, data: RoutingDataset) -> float:
    """Exact area under PGR over the share to large."""
    return TradeOff(np.asarray(scores, dtype=np.float64), data.mean_small, data.mean_large).apgr()


def random_split(data: RoutingDataset, train: int, seed: int) -> Split:
    """``train`` random rows, and of the rest those whose query is not among them."""
    order = np.random.default_rng(seed).permutation(len(data))
    return _without_seen(data, order[:train], order[train:])


def folds(data: RoutingDataset, seed: int, by: str = "row") -> Iterator[Split]:
    """Five folds of random rows, or of whole groups; a query of the training part is never tested."""
    rng = np.random.default_rng(seed)
    if by == "group":
        names, place = np.unique(np.asarray(data.groups, dtype=str), return_inverse=True)
        fold = (rng.permutation(len(names)) % 5)[place]
    else:
        fold = rng.permutation(len(data)) % 5
    for k in range(5):
        yield _without_seen(data, np.flatnonzero(fold != k), np.flatnonzero(fold == k))


def _without_seen(data: RoutingDataset, train: Rows, test: Rows) -> Split:
    return train, test[~np.isin(data.query_hashes[test], data.query_hashes[train])]


def recipe(vectors: NDArray[np.float32], train: RoutingDataset, seed: int) -> object:
    """LLMRouter's recipe: MLPRegressor (128, 64), 300 iterations, on hard labels."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    labels = deterministic_labels(train.small_quality, train.large_quality)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPRegressor(hidden_layer_sizes=(128, 64), max_iter=300, random_state=seed).fit(vectors, labels)
