"""Copies of the router that serve one call: one that is settled on a model, one for which something is fixed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.llms import LLM
from llama_index.core.types import PydanticProgramMode
from typing_extensions import Self

from ._asked import Part
from ._override import Override
from ._request import Request
from ._rules import RoutingRules


class CopyingRules(RoutingRules):
    """The rules, with the copies that follow them."""

    def _formats(self, request: Request) -> bool:
        """Whether the router has prompt settings of its own, which its model must not be left to ignore."""
        if request.template is None or self._part.fixed is not None:
            return False
        own = self.system_prompt or self.output_parser or self.query_wrapper_prompt
        return bool(own) or ("structured" in request.name and self.pydantic_program_mode != PydanticProgramMode.DEFAULT)

    def _fronting(self, part: Part, child: LLM) -> Self:
        """A copy that is settled on a model: it renders a prompt or runs tools, and calls that model."""
        update: dict[str, Any] = {"output_parser": self.output_parser or child.output_parser}
        if self.pydantic_program_mode == PydanticProgramMode.DEFAULT:
            update["pydantic_program_mode"] = child.pydantic_program_mode
        return self._variant(part, **update)

    def _asking(self, pinned: Override, question: str | None, witness: Callable[[dict[str, Any]], None]) -> Self:
        """A copy for one call, for which something is fixed, and whose record somebody wants."""
        return self._variant(Part(pinned=pinned, question=question, witness=witness))

    def _variant(self, part: Part, **update: Any) -> Self:
        """A copy for one call, which shares what this one has learned."""
        new = BaseModel.__copy__(self)
        new.__dict__.update(callback_manager=self.callback_manager, **update)
        new._part = part
        return new

    def _extend_messages(self, messages: list[ChatMessage]) -> list[ChatMessage]:
        messages, fixed = super()._extend_messages(messages), self._part.fixed
        return messages if fixed is None else self._models[fixed.model].llm._extend_messages(messages)

    def _extend_prompt(self, formatted_prompt: str) -> str:
        prompt, fixed = super()._extend_prompt(formatted_prompt), self._part.fixed
        return prompt if fixed is None else self._models[fixed.model].llm._extend_prompt(prompt)
