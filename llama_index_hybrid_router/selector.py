"""HybridSelector: the learned choice between two query engines or retrievers."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from llama_index.core.base.base_selector import BaseSelector, SelectorResult, SingleSelection
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.schema import QueryBundle
from llama_index.core.tools import ToolMetadata

from hybrid_router_core import RoutingDecision
from hybrid_router_core.errors import ConfigError
from hybrid_router_core.live import Decider, OnRouterError, RouterLike

from ._override import Override, tagged_override
from .events import announce

__all__ = ["HybridSelector"]


class HybridSelector(BaseSelector):
    """Selects one of exactly two choices by the router's score, without a call of an LLM.

    >>> selector = HybridSelector(lambda query: 0.9, small="summary", large="deep")
    >>> selector.select([ToolMetadata("all documents", "deep"), ToolMetadata("titles", "summary")], "Which files?").ind
    1

    As for the LLM, ``instrument_tags({"hybrid_router": {"model": "large"}})`` around the query fixes the choice, and
    ``{"threshold": 0.7}`` or ``{"query": "..."}`` what it is made by.

    Args:
        router: A `HybridRouter`, the folder of a saved one, or a callable from the query to a score in [0, 1].
        small: The choice for queries that the small model will do for: the index (0 or 1) or the name of the tool.
        large: The other one.
        threshold: Small iff score >= threshold; None takes the router's own (0.5 for a callable).
        on_router_error: ``"large"``: if the router fails, the large choice is taken. ``"raise"``: the error is raised.

    Raises:
        ConfigError: If an argument has a value that is not allowed.
    """

    def __init__(
        self,
        router: RouterLike,
        *,
        small: int | str = 0,
        large: int | str = 1,
        threshold: float | None = None,
        on_router_error: OnRouterError = "large",
    ) -> None:
        for role, choice in (("small", small), ("large", large)):
            if isinstance(choice, bool) or not isinstance(choice, (int, str)) or choice not in (0, 1, str(choice)):
                raise ConfigError(f"{role} is {choice!r}; allowed: the index 0 or 1, or the name of a tool")
        if small == large:
            raise ConfigError(f"small and large are both {small!r}; name two different choices")
        self._decider = Decider(router, threshold=threshold, on_router_error=on_router_error)
        self._small = small
        self._large = large

    def _get_prompts(self) -> PromptDictType:
        return {}

    def _update_prompts(self, prompts_dict: PromptDictType) -> None:
        """There are none."""

    def _select(self, choices: Sequence[ToolMetadata], query: QueryBundle) -> SelectorResult:
        started = perf_counter()
        indices, override = self._indices(choices), self._override(query)
        decision = self._decider.decide(override.query, threshold=override.threshold, model=override.model)
        return self._result(choices, indices, override.query, decision, started)

    async def _aselect(self, choices: Sequence[ToolMetadata], query: QueryBundle) -> SelectorResult:
        started = perf_counter()
        indices, override = self._indices(choices), self._override(query)
        decision = await self._decider.adecide(override.query, threshold=override.threshold, model=override.model)
        return self._result(choices, indices, override.query, decision, started)

    @staticmethod
    def _override(query: QueryBundle) -> Override:
        return (tagged_override() or Override()).asking(query.query_str)

    def _indices(self, choices: Sequence[ToolMetadata]) -> dict[str, int]:
        if len(choices) != 2:
            raise ConfigError(
                f"there are {len(choices)} choices; a HybridSelector selects between exactly 2, one for queries that "
                "the small model will do for and one for the others"
            )
        names = [choice.name for choice in choices]
        indices = {"small": _index(self._small, names), "large": _index(self._large, names)}
        if indices["small"] == indices["large"]:
            raise ConfigError(f"small={self._small!r} and large={self._large!r} are the same choice of {names}")
        return indices

    def _result(
        self,
        choices: Sequence[ToolMetadata],
        indices: dict[str, int],
        query: str | None,
        decision: RoutingDecision,
        started: float,
    ) -> SelectorResult:
        index = indices[decision.model]
        announce(
            decision,
            model_name=choices[index].name or str(index),
            query=query,
            latency_ms=(perf_counter() - started) * 1000,
        )
        return SelectorResult(selections=[SingleSelection(index=index, reason=_reason(decision))])


def _index(choice: int | str, names: list[str | None]) -> int:
    if isinstance(choice, int):
        return choice
    if names.count(choice) != 1:
        raise ConfigError(f"{names.count(choice)} of the choices are named {choice!r}; the names are {names}")
    return names.index(choice)


def _reason(decision: RoutingDecision) -> str:
    if decision.score is None or decision.threshold is None:
        return f"{decision.model}: {decision.reason} {decision.detail}".strip()
    relation = ">=" if decision.model == "small" else "<"
    return f"{decision.model}: score {decision.score:.3f} {relation} threshold {decision.threshold:.3f}"
