"""The small and the large model as the router knows them. What a model says of itself is asked once, and may fail.

A property of a model may be a request to a server (Ollama's `metadata` is), so none is read where a failure would end a
call that the other model can answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import is_
from typing import Any

from llama_index.core.base.llms.types import LLMMetadata
from llama_index.core.callbacks import CallbackManager
from llama_index.core.constants import DEFAULT_NUM_OUTPUTS
from llama_index.core.llms import LLM
from llama_index.core.llms.function_calling import FunctionCallingLLM

from hybrid_router_core.live import Health, Limits

from ._views import Views


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a model.

    Attributes:
        name: For records and logs.
        metadata: What it says of itself; None if it cannot say.
        calls_functions: Whether it can be offered tools; of one that cannot say, its class tells.
        window: Tokens of prompt and answer; None if it is not known.
        num_output: Tokens to leave for its answer, if the call does not ask for a number.
    """

    name: str
    metadata: LLMMetadata | None
    calls_functions: bool
    window: int | None
    num_output: int

    @classmethod
    def of(cls, llm: LLM) -> Facts:
        """Ask the model."""
        tools = isinstance(llm, FunctionCallingLLM)
        try:
            said = llm.metadata
            return cls(
                name=said.model_name,
                metadata=said,
                calls_functions=tools and said.is_function_calling_model,
                window=said.context_window if said.context_window > 0 else None,
                num_output=said.num_output if 0 < said.num_output < said.context_window else DEFAULT_NUM_OUTPUTS,
            )
        except Exception:  # whatever a server or its client may raise, or a model that says nothing
            name = getattr(llm, "model", None)
            return cls(name if isinstance(name, str) else type(llm).__name__, None, tools, None, DEFAULT_NUM_OUTPUTS)

    def limits(self, output: int | None, kinds: frozenset[str] = frozenset()) -> Limits:
        """What the model can take.

        Args:
            output: Tokens that the call asks for; None leaves the model's own.
            kinds: What it takes beyond text.
        """
        own = None if self.window is None or output is not None else self.window - self.num_output
        return Limits(self.window, own, kinds)


class Model:
    """One of the two.

    Attributes:
        llm: The user's own object, which nothing is written into.
        health: Whether it is worth asking.
    """

    def __init__(self, llm: LLM) -> None:
        self.llm = llm
        self.health = Health()
        self._views = Views(type(llm))
        self._settings: list[Any] = []
        self._within: list[LLM] = []
        self._facts: Facts | None = None

    @property
    def facts(self) -> Facts:
        """What is known of it, for as long as its settings are as they were; of one that is down, until it answers."""
        facts, settings = self._facts, list(self.llm.__dict__.values())
        for inner in self._within:
            settings += inner.__dict__.values()
        if facts is None or len(settings) != len(self._settings) or not all(map(is_, settings, self._settings)):
            facts = Facts.of(self.llm)
            self._within = _within(self.llm)  # asking may have set some
            self._settings = [value for llm in (self.llm, *self._within) for value in llm.__dict__.values()]
            self._facts = facts
        return facts

    @property
    def is_known(self) -> bool:
        """Whether it was asked."""
        return self._facts is not None

    @property
    def name(self) -> str:
        """The name for records and logs."""
        return self.facts.name

    @property
    def system_prompt(self) -> str:
        """What it puts before a prompt."""
        return self.llm.system_prompt or ""

    def reporting_to(self, manager: CallbackManager) -> LLM:
        """The model to be called, such that it reports to this manager and to its own."""
        return self._views.of(self.llm, manager)

    def answered(self) -> None:
        """Take note of an answer."""
        self.health.answered()
        if self._facts is not None and self._facts.metadata is None:
            self._facts = None  # it was down and is back


def _within(llm: LLM) -> list[LLM]:
    """The LLMs that it holds, as a router does, and those that they hold."""
    own = [value for value in llm.__dict__.values() if isinstance(value, LLM)]
    return own + [inner for value in own for inner in _within(value)]
