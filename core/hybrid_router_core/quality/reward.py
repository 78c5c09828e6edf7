"""Reward models: any sequence-classification checkpoint that reads a query and a response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hybrid_router_core._types import FloatArray
from hybrid_router_core.errors import ConfigError

from ._transformers import chosen_device, loaded, positive, torch_module
from .base import Direction, Need, References

__all__ = ["RewardModel"]

_FORMS = ("auto", "chat", "pair")


class RewardModel:
    """The number that a sequence-classification model gives to a query with its response.

    A model with one output gives its logit; one with several, the probability of `label`.

    Args:
        model: Name or folder of the checkpoint.
        form: "chat" reads them as a conversation, by the tokenizer's chat template; "pair" as two texts; "auto" is
            "chat" if there is such a template.
        label: Name or number of the output that means good, for a model with several.
        batch_size: Responses at a time.
        max_length: Tokens of query and response together that are read.
        device: As torch names it; None is a GPU if there is one.

    Raises:
        ConfigError: A setting with a value that is not allowed.
    """

    name = "reward_model"
    direction: Direction = "higher"
    needs: frozenset[Need] = frozenset({"model"})
    source = "Ouyang et al. 2022, arXiv:2203.02155, section 3.5; the model's own card"

    def __init__(
        self,
        model: str,
        form: str = "auto",
        label: str | int | None = None,
        batch_size: int = 8,
        max_length: int = 2048,
        device: str | None = None,
    ) -> None:
        if form not in _FORMS:
            raise ConfigError(f"form={form!r}; allowed are {', '.join(_FORMS)}")
        self.model = model
        self.form = form
        self.label = label
        self.batch_size = positive("batch_size", batch_size)
        self.max_length = positive("max_length", max_length)
        self.device = device

    @property
    def range(self) -> tuple[float, float]:
        """Any number, or a probability if there is a label."""
        return (-np.inf, np.inf) if self.label is None else (0.0, 1.0)

    def score(
        self,
        queries: Sequence[str],
        responses: Sequence[str],
        references: References,  # noqa: ARG002
    ) -> FloatArray:
        """One reward a response."""
        torch = torch_module()
        device = chosen_device(self.device)
        tokenizer, network = loaded("AutoModelForSequenceClassification", self.model, device)
        column = self._column(network.config)
        self._set_padding(tokenizer, network)
        scores = np.empty(len(responses))
        order = sorted(range(len(responses)), key=lambda i: len(queries[i]) + len(responses[i]))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            tokens = self._tokens(tokenizer, [queries[i] for i in rows], [responses[i] for i in rows], network.config)
            with torch.inference_mode():
                logits = network(**{name: tensor.to(device) for name, tensor in tokens.items()}).logits.double()
            found = logits[:, 0] if column is None else logits.softmax(dim=1)[:, column]
            scores[rows] = found.cpu().numpy()
        return scores

    def _column(self, config: Any) -> int | None:
        """The output to take; None for the logit of a model with one."""
        if config.num_labels == 1:
            if self.label is not None:
                raise ConfigError(f"label={self.label!r}: {self.model!r} has a single output; leave label out")
            return None
        names = {str(name): int(number) for number, name in config.id2label.items()}
        names |= {str(number): number for number in names.values()}
        column = names.get(str(self.label))
        if column is None:
            raise ConfigError(
                f"label={self.label!r}: {self.model!r} has {config.num_labels} outputs; name the one that means good, "
                f"one of {', '.join(names)}"
            )
        return column

    def _set_padding(self, tokenizer: Any, network: Any) -> None:
        """Decoders come without a padding token, and find the last token of a text by it."""
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        if network.config.pad_token_id is None:
            network.config.pad_token_id = tokenizer.pad_token_id

    def _tokens(self, tokenizer: Any, queries: list[str], responses: list[str], config: Any) -> Any:
        # RoBERTa's config counts two positions more than its tokenizer, which knows better where it says anything.
        most = getattr(config, "max_position_embeddings", None) or self.max_length
        length = min(self.max_length, most, tokenizer.model_max_length)
        how = {"return_tensors": "pt", "padding": True, "truncation": True, "max_length": length}
        templated = getattr(tokenizer, "chat_template", None) is not None
        if self.form == "pair" or (self.form == "auto" and not templated):
            return tokenizer(queries, responses, **how)
        if not templated:
            raise ConfigError(f"form='chat': {self.model!r} has no chat template; use form='pair'")
        chats = [
            [{"role": "user", "content": query}, {"role": "assistant", "content": response}]
            for query, response in zip(queries, responses, strict=True)
        ]
        texts = [tokenizer.apply_chat_template(chat, tokenize=False) for chat in chats]
        return tokenizer(texts, add_special_tokens=False, **how)  # the template has written them

    def __repr__(self) -> str:
        return f"RewardModel(model={self.model!r}, form={self.form!r})"
