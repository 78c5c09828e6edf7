"""BARTScore: how likely a BART model finds one text after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError

from ._transformers import chosen_device, loaded, positive, torch_module
from .base import Direction, Need, References

__all__ = ["BartScore"]

_VARIANTS = ("recall", "precision", "f", "faithfulness")


class BartScore:
    """The mean log-likelihood of the tokens of a text y, given a text x: 1/m · Σ_t log p(y_t | y_<t, x).

    That is equation 2 of Yuan et al. 2021 with equal weights. The quality that Ding et al. 2024 (arXiv:2404.14618,
    section 2) route by. The tokens include those that the tokenizer puts around the text, as in the authors' code.

    Args:
        model: Name or folder of a BART checkpoint. The paper's best, facebook/bart-large-cnn trained further on
            ParaBank2, is given out with its code; without it this one is the usual choice.
        variant: "recall", p(reference | response); "precision", p(response | reference); "f", the mean of both (all
            three of the best-fitting reference); or "faithfulness", p(response | query), which needs no reference.
        batch_size: Pairs at a time.
        max_length: Tokens of each text that are read.
        device: As torch names it; None is a GPU if there is one.

    Raises:
        ConfigError: A setting with a value that is not allowed.
    """

    name = "bart_score"
    range = (-np.inf, 0.0)
    direction: Direction = "higher"
    source = "Yuan, Neubig and Liu 2021, BARTScore, arXiv:2106.11520, equation 2"

    def __init__(
        self,
        model: str = "facebook/bart-large-cnn",
        variant: str = "recall",
        batch_size: int = 8,
        max_length: int = 1024,
        device: str | None = None,
    ) -> None:
        if variant not in _VARIANTS:
            raise ConfigError(f"variant={variant!r}; allowed are {', '.join(_VARIANTS)}")
        self.model = model
        self.variant = variant
        self.batch_size = positive("batch_size", batch_size)
        self.max_length = positive("max_length", max_length)
        self.device = device

    @property
    def needs(self) -> frozenset[Need]:
        """A model, and references but for "faithfulness"."""
        return frozenset({"model"} if self.variant == "faithfulness" else {"model", "references"})

    def score(self, queries: Sequence[str], responses: Sequence[str], references: References) -> FloatArray:
        """One mean log-likelihood a response."""
        if self.variant == "faithfulness":
            return self.likelihoods(queries, responses)
        owner = np.array([i for i, accepted in enumerate(references) for _ in accepted], dtype=np.int64)
        wanted = [text for accepted in references for text in accepted]
        given = [responses[i] for i in owner]
        sides = []
        if self.variant != "precision":
            sides.append(self.likelihoods(given, wanted))
        if self.variant != "recall":
            sides.append(self.likelihoods(wanted, given))
        best = np.full(len(responses), -np.inf)
        np.maximum.at(best, owner, np.mean(sides, axis=0))
        return np.where(np.isinf(best), np.nan, best)

    def likelihoods(self, sources: Sequence[str], targets: Sequence[str]) -> FloatArray:
        """The mean log-likelihood of each target, given its source."""
        torch = torch_module()
        device = chosen_device(self.device)
        tokenizer, network = loaded("BartForConditionalGeneration", self.model, device)
        length = min(self.max_length, network.config.max_position_embeddings)
        scores = np.empty(len(sources))
        # Texts of like length together: less padding to be computed.
        order = sorted(range(len(sources)), key=lambda i: (len(targets[i]), len(sources[i])))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            x = self._tokens(tokenizer, [sources[i] for i in rows], length, device)
            y = self._tokens(tokenizer, [targets[i] for i in rows], length, device)
            kept = y["attention_mask"].bool()
            labels = y["input_ids"].masked_fill(~kept, -100)
            with torch.inference_mode():
                logits = network(**x, labels=labels).logits
                losses = torch.nn.functional.cross_entropy(
                    logits.float().transpose(1, 2), labels, ignore_index=-100, reduction="none"
                )
            scores[rows] = (-losses.sum(dim=1) / kept.sum(dim=1)).double().cpu().numpy()
        return scores

    def _tokens(self, tokenizer: Any, texts: list[str], length: int, device: str) -> dict[str, Any]:
        # A tokenizer that adds no tokens of its own would make nothing of an empty text.
        filled = [text if text.strip() else (tokenizer.eos_token or ".") for text in texts]
        found = tokenizer(filled, return_tensors="pt", padding=True, truncation=True, max_length=length)
        return {name: found[name].to(device) for name in ("input_ids", "attention_mask")}

    def __repr__(self) -> str:
        return f"BartScore(model={self.model!r}, variant={self.variant!r})"
