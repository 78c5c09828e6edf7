"""The public forms that can be imported, and the way through one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hybrid_router_core.data import nearest
from hybrid_router_core.errors import ConfigError, DataError

from .base import Form, ImportSettings, Tally, records
from .battles import read_arena, read_mt_bench
from .candidates import read_mixinstruct
from .llmrouter import read_llmrouter, with_pair_by_size
from .tables import read_table
from .wide import read_routellm_gsm8k, read_routellm_mmlu, read_routerbench

__all__ = ["FORMS", "import_files"]

_FORMS = (
    Form(
        "routellm-mmlu",
        "RouteLLM's mmlu_*.csv: prompt, and True or False a model",
        "github.com/lm-sys/RouteLLM, routellm/evals/mmlu/responses",
        read_routellm_mmlu,
    ),
    Form(
        "routellm-gsm8k",
        "RouteLLM's gsm8k_responses.csv: the same, with the responses",
        "github.com/lm-sys/RouteLLM, routellm/evals/gsm8k",
        read_routellm_gsm8k,
    ),
    Form(
        "mt-bench",
        "judgements.jsonl of MT-Bench: grades from 1 to 10, a turn a line",
        "github.com/lm-sys/RouteLLM, routellm/evals/mt_bench; github.com/lm-sys/FastChat, llm_judge",
        read_mt_bench,
        frozenset({"questions"}),
    ),
    Form(
        "arena",
        "battles of Chatbot Arena: model_a, model_b and the winner",
        "huggingface.co/datasets/lmsys/chatbot_arena_conversations, lmsys/lmsys-arena-human-preference-55k",
        read_arena,
        frozenset({"split"}),
    ),
    Form(
        "llmrouter",
        "LLMRouter's routing data: query, model_name, performance",
        "github.com/ulab-uiuc/LLMRouter, llmrouter/data/README.md",
        read_llmrouter,
        frozenset({"llm_data"}),
        with_pair_by_size,
    ),
    Form(
        "mixinstruct",
        "MixInstruct: an instruction, and candidates with scores",
        "huggingface.co/datasets/llm-blender/mix-instruct; Jiang et al. 2023, arXiv:2306.02561",
        read_mixinstruct,
        frozenset({"score", "split"}),
    ),
    Form(
        "routerbench",
        "RouterBench as .csv or .parquet: a column a model, and its cost",
        "github.com/withmartian/routerbench; Hu et al. 2024, arXiv:2403.12031",
        read_routerbench,
    ),
    Form(
        "table",
        "a data set of the library datasets on disk, .parquet, .arrow, .csv or .jsonl; see --column",
        "huggingface.co/docs/datasets, Dataset.save_to_disk",
        read_table,
        frozenset({"split", "columns"}),
    ),
)
FORMS = {form.name: form for form in _FORMS}
_FLAGS = {
    "score": "--score",
    "llm_data": "--llm-data",
    "questions": "--questions",
    "split": "--split",
    "columns": "--column",
}


def import_files(
    paths: Sequence[Path], form: str, settings: ImportSettings | None = None, tally: Tally | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of files of one form as records of a data set, one at a time.

    Args:
        paths: Files, or folders where the form allows them.
        form: A name of `FORMS`.
        settings: What the files do not say.
        tally: Is filled with what became of the rows.

    Raises:
        ConfigError: The form is not known, or a setting is not one that it reads.
        DataError: A row is bad: names the file, the line or record, and the column.
    """
    if form not in FORMS:
        raise ConfigError(f"form {form!r} is not known; allowed are {', '.join(FORMS)}{nearest(form, FORMS)}")
    chosen, settings = FORMS[form], settings or ImportSettings()
    for name, flag in _FLAGS.items():
        if getattr(settings, name) and name not in chosen.uses:
            users = ", ".join(known.name for known in _FORMS if name in known.uses)
            raise ConfigError(f"{flag} means nothing in the form {form}; it is for {users}")
    for path in paths:
        if not path.exists():
            raise DataError(f"{path}: no such file")
    if chosen.choose is not None:
        for path in paths:
            settings = chosen.choose(path, settings)
    rows = (row for path in paths for row in chosen.read(path, settings))
    return records(rows, settings, Tally() if tally is None else tally)
